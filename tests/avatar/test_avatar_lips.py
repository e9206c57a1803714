"""Lips on a head, whatever mouth its photograph shows; and which of a picture's texels are worth reading."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from avatar_toy import view_state

from tracker.avatar.atlas import Texels, texels
from tracker.avatar.fit import Seen
from tracker.avatar.lighting import WHITE
from tracker.avatar.lips import lips_where_seen, shut, without_teeth
from tracker.avatar.texture import Sample, skin_of, without_stains, without_worse_halves
from tracker.head import EXPRESSIONS, load_head
from tracker.types import Array, FaceState

SIZE_PX = 256
UPPER, LOWER = np.array([(13, 14), (82, 87), (312, 317), (81, 178), (311, 402)]).T
LIP_COLOUR, SKIN, TEETH = (170.0, 90, 90), (190.0, 140, 115), (215.0, 205, 190)


@pytest.fixture(scope="module")
def grid() -> Texels:
    return texels(256)


def seen_with(state: FaceState, vertices: Array) -> Seen:
    """The landmarks of these vertices as a picture shows them."""
    rows = load_head().layouts["mediapipe478"]
    at = np.asarray(state.project(rows.of(vertices)), dtype=np.float32)
    return Seen(state, rows.index, rows.weight, at, np.ones(len(at), np.float32))


def open_mouth(by: float) -> Array:
    """The mean head with a jaw that hangs."""
    head = load_head()
    return np.asarray(head.mean + by * head.expression[EXPRESSIONS.index("jawOpen")], dtype=np.float32)


def gap(points: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(points[UPPER] - points[LOWER], axis=1))


def sample(grid: Texels, colour: np.ndarray, weight: float = 0.8) -> Sample:
    whole = np.full(len(grid.flat), weight, np.float32)
    normal = np.tile(np.array([[0.0, 0, -1]], np.float32), (len(whole), 1))
    return Sample(colour.astype(np.float32), whole, normal, np.ones_like(whole))


def test_a_head_at_rest_shows_no_teeth() -> None:
    rows, mean = load_head().layouts["mediapipe478"], load_head().mean
    before, after = rows.of(mean), rows.of(shut(mean))
    assert (before[UPPER, 1] - before[LOWER, 1]).mean() > 0.0003
    assert (after[UPPER, 1] - after[LOWER, 1]).max() < 0.0001
    far = np.linalg.norm(mean - before[13], axis=1) > 0.06
    assert np.abs(shut(mean) - mean)[far].max() < 1e-4


def test_lips_are_read_where_the_landmarks_have_them_and_not_where_the_fit_has() -> None:
    state, head = view_state(20.0, 5.0, SIZE_PX), load_head()
    seen = seen_with(state, open_mouth(0.5))
    fitted = open_mouth(0.2)
    rows = head.layouts["mediapipe478"]
    before, after = (
        np.linalg.norm(state.project(rows.of(v)) - seen.at, axis=1)[np.concatenate([UPPER, LOWER])]
        for v in (fitted, lips_where_seen(fitted, state, seen))
    )
    assert before.max() > 2.0
    assert after.max() < 0.5 * before.max() and after.mean() < 0.3 * before.mean()
    moved = np.abs(lips_where_seen(fitted, state, seen) - fitted)
    assert moved[fitted[:, 1] > 0].max() < 1e-4  # the eyes stay


def test_lips_that_touch_are_told_apart_and_are_read_as_touching() -> None:
    state = view_state(0.0, 0.0, SIZE_PX)
    ajar = open_mouth(0.06)
    seen = seen_with(state, ajar)
    told = gap(seen.at) / state.scale
    assert 0.0005 < told.mean() < 0.0035
    rows = load_head().layouts["mediapipe478"]
    read = gap(state.project(rows.of(lips_where_seen(ajar, state, seen)))) / state.scale
    assert read.mean() < 0.5 * told.mean()


def test_teeth_are_no_colour_of_lips_that_are_apart(grid: Texels) -> None:
    head = load_head()
    lip = (head.region[head.tri[grid.triangle]] == 3).any(1)
    inner = lip & (np.arange(len(lip)) % 4 == 0)
    colour = np.where(lip[:, None], np.array(LIP_COLOUR), np.array(SKIN))
    colour[inner] = TEETH
    shown = sample(grid, colour)
    state = view_state(0.0, 0.0, SIZE_PX)
    apart = without_teeth(shown, seen_with(state, open_mouth(0.5)), grid)
    assert apart.weight[inner].max() < 0.1
    assert np.array_equal(apart.weight[~inner], shown.weight[~inner])
    together = without_teeth(shown, seen_with(state, open_mouth(0.0)), grid)
    assert np.array_equal(together.weight, shown.weight)  # a white lip is painted, or chapped


def test_of_a_turned_head_the_far_side_is_left_to_its_mirror_image(grid: Texels) -> None:
    place = grid.points(load_head().mean)
    shown = sample(grid, np.zeros((len(place), 3)))
    worse = replace(shown, weight=np.where(place[:, 0] > 0, 0.8, 0.1).astype(np.float32))
    kept = without_worse_halves(worse, grid).weight
    cheek = (np.abs(place[:, 0]) > 0.03) & (place[:, 2] > -0.05) & (np.abs(place[:, 1]) < 0.04)
    assert kept[cheek & (place[:, 0] < 0)].max() < 0.02
    assert np.allclose(kept[cheek & (place[:, 0] > 0)], 0.8)
    assert np.allclose(without_worse_halves(shown, grid).weight[cheek], 0.8)


def test_a_shirt_seen_aslant_does_not_stain_the_neck_but_hair_and_plain_collars_stay(grid: Texels) -> None:
    place = grid.points(load_head().mean)
    low = (place[:, 1] < -0.14) & (place[:, 2] > -0.1)
    hair = (low & (place[:, 0] > 0.02)).astype(np.float32)
    plain = low & (np.abs(place[:, 0]) < 0.02)
    colour = np.where(low[:, None], np.array([240.0, 240, 240]), np.array([60.0, 50, 46]))
    shown = sample(grid, colour)
    shown = replace(shown, weight=np.where(low & ~plain, 0.15, 0.8).astype(np.float32))
    kept = without_stains(shown, WHITE, hair, grid).weight
    assert kept[low & ~plain & (hair == 0)].max() < 0.01
    assert np.array_equal(kept[plain | (hair == 1)], shown.weight[plain | (hair == 1)])
    assert np.array_equal(kept[skin_of(grid)], shown.weight[skin_of(grid)])
    bare = replace(shown, colour=np.tile(np.array([[60, 50, 46]], np.float32), (len(colour), 1)))
    assert np.array_equal(without_stains(bare, WHITE, hair, grid).weight, shown.weight)
