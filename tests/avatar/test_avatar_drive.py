"""What moves a personal head, and whether its skin stays where it is meanwhile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from avatar_toy import patterned, plain, view_state

from tracker.avatar.drive import LAYOUT, Driver
from tracker.avatar.show import MeshHead
from tracker.avatar.swim import mesh_way, swimming
from tracker.avatar.types import Avatar
from tracker.head import EXPRESSIONS, Basis, load_head
from tracker.types import Array, Face, FaceState, Image

LIPS, RIGHT_LIDS = (13, 14), (159, 145)


def shape(**values: float) -> Array:
    weights = np.zeros(52, np.float32)
    for name, value in values.items():
        weights[EXPRESSIONS.index(name)] = value
    return weights


def landmarks(expression: Array) -> Array:
    return load_head().layouts[LAYOUT].of(plain().vertices(expression))


def gap(expression: Array, pair: tuple[int, int]) -> float:
    points = landmarks(expression)
    return float(points[pair[0], 1] - points[pair[1], 1])


def test_lips_and_lids_are_as_far_apart_as_the_faces() -> None:
    driver = Driver(plain())
    told = shape(jawOpen=0.1, eyeBlinkRight=0.5, eyeLookDownRight=0.6, mouthSmileLeft=0.4)
    for truth in (
        shape(jawOpen=0.5, eyeBlinkRight=1.0, eyeBlinkLeft=0.3),
        shape(eyeWideRight=0.5, eyeWideLeft=1.0),
        shape(jawOpen=0.2, mouthClose=0.16),
    ):
        driven = driver.expression(told, landmarks(truth))
        for pair in (LIPS, RIGHT_LIDS, (386, 374)):
            assert gap(driven, pair) == pytest.approx(gap(truth, pair), abs=0.002)
        assert driven[EXPRESSIONS.index("mouthSmileLeft")] == pytest.approx(0.4)
        rest = np.delete(driven, EXPRESSIONS.index("mouthClose"))
        assert rest.min() >= 0.0 and driven.min() > -0.14 and driven[EXPRESSIONS.index("jawOpen")] <= 1.0


def test_lips_that_are_told_a_little_apart_are_shut_and_the_mouth_opens_without_a_jump() -> None:
    driver, told = Driver(plain()), shape(jawOpen=0.05, mouthLowerDownLeft=0.2)
    points = landmarks(shape())
    pairs = ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402))
    gaps = []
    for apart in np.arange(0.0, 0.02, 0.0005):
        lips = points.copy()
        for up, low in pairs:
            lips[low] = lips[up] - np.array([0.0, apart, 0.0], np.float32)
        driven = driver.expression(told, lips)
        gaps.append(float(np.mean([gap(driven, pair) for pair in pairs])))
    assert max(gaps[:8]) < 0.001 and gaps[-1] == pytest.approx(0.0195, abs=1e-4)
    assert np.diff(gaps).min() > -0.0005 and np.diff(gaps).max() < 0.002


def test_a_mouth_opens_with_lip_and_jaw_so_that_the_chin_does_not_swing_too_far() -> None:
    wide = landmarks(shape(jawOpen=0.5))
    driven = Driver(plain()).expression(shape(), wide)
    drop = landmarks(shape())[152, 1] - landmarks(driven)[152, 1]
    assert 0.6 < drop / (landmarks(shape())[152, 1] - wide[152, 1]) < 0.85


def test_what_fits_already_is_left_alone() -> None:
    told = shape(jawOpen=0.3, eyeBlinkLeft=0.4, mouthFunnel=0.2)
    assert np.allclose(Driver(plain()).expression(told, landmarks(told)), told, atol=1e-4)


def test_eyes_shut_where_one_blink_of_the_model_would_leave_them_ajar() -> None:
    wide = replace(plain(), neutral=plain().neutral + 0.4 * load_head().expression[EXPRESSIONS.index("eyeWideRight")])
    driver = Driver(wide)
    points = landmarks(shape())
    points[[159, 158, 160]] = points[[145, 153, 144]]
    driven = driver.expression(shape(eyeBlinkRight=0.7), points)
    after = load_head().layouts[LAYOUT].of(wide.vertices(driven))
    assert abs(float(np.mean(after[[159, 158, 160], 1] - after[[145, 153, 144], 1]))) < 1e-4


def test_a_driven_face_keeps_its_pose() -> None:
    face = Face(view_state(20.0, 5.0, 100, shape(jawOpen=0.4)), Basis(load_head()))
    driven = Driver(plain()).state(face)
    assert driven.rotation is face.state.rotation and driven.scale == face.state.scale


def test_skin_that_rests_does_not_move_and_skin_that_moves_goes_with_the_mesh() -> None:
    opened = shape(jawOpen=0.5)
    found = swimming(MeshHead(patterned()), [opened], 160)
    assert found.rests_px is not None and found.rests_px < 0.1
    assert found.way_px is not None and found.way_px > 1.0
    assert found.beside_px is not None and found.beside_px < 0.5
    rest = view_state(0.0, 0.0, 160)
    way, shown = mesh_way(patterned(), rest, view_state(0.0, 0.0, 160, opened), 160)
    assert way[shown][:, 1].max() > 3.0 and np.abs(mesh_way(patterned(), rest, rest, 160)[0][shown]).max() < 1e-3


class _Sliding(MeshHead):
    """Draws texture that slides over the face with every expression."""

    def __init__(self, avatar: Avatar) -> None:
        super().__init__(avatar)

    def draw(
        self, state: FaceState, size: tuple[int, int], lighting: Array | None = None, tinted: bool = False
    ) -> tuple[Image, Array]:
        picture, cover = super().draw(state, size, lighting, tinted)
        return np.roll(picture, 2 if state.expression.any() else 0, axis=1), cover


def test_swimming_texture_is_found() -> None:
    found = swimming(_Sliding(patterned()), [shape(jawOpen=0.5)], 160)
    assert found.rests_px is not None and found.rests_px > 1.5
