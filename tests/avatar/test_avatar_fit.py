"""Fitting the head model to points whose truth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tracker.avatar.fit import Seen, fit_alone, fit_views, loose_shape
from tracker.avatar.hair import hair_volume
from tracker.avatar.identity import MODEL, Alone, Expected, load_expected, save_expected
from tracker.avatar.membrane import scalp
from tracker.avatar.picture import cut_out, inside
from tracker.avatar.render import rasterise, viewpoint
from tracker.errors import ModelError
from tracker.head import EXPRESSIONS, load_head
from tracker.types import Array, FaceState, rotation_from_angles

RANDOM = np.random.default_rng(4)
IDENTITY = np.concatenate([RANDOM.normal(0, 0.8, 12), np.zeros(28)]).astype(np.float32)


def shape_of(identity: Array, expression: Array) -> Array:
    head = load_head()
    moved = np.tensordot(identity, head.identity, 1) + np.tensordot(expression, head.expression, 1)
    return np.asarray(head.mean + moved, dtype=np.float32)


def seen_at(yaw: float, noise: float = 0.0) -> tuple[Seen, FaceState]:
    """A picture's landmarks of the known face, and the truth; the fit starts from the mean face, 4 degrees off."""
    expression = np.zeros(52, np.float32)
    expression[EXPRESSIONS.index("jawOpen")] = 0.2
    true = replace(viewpoint(yaw, 5, 512), expression=expression, identity=IDENTITY)
    rows = load_head().layouts["mediapipe478"]
    at = true.project(rows.of(shape_of(IDENTITY, expression)))
    at = (at + RANDOM.normal(0, noise, at.shape)).astype(np.float32)
    nearly = expression * np.float32(0.6)
    started = replace(
        true, rotation=rotation_from_angles(yaw + 4, 3, 2), centre=true.centre + 5, scale=true.scale * 1.04,
        identity=np.zeros(40, np.float32), expression=nearly,
    )  # fmt: skip
    return Seen(started, rows.index, rows.weight, at, np.full(len(at), max(noise, 0.3), np.float32)), true


def deviation_mm(identity: Array) -> float:
    head = load_head()
    face = head.region == 0
    off = np.tensordot(identity - IDENTITY, head.identity[:, face], 1)
    return float(1000 * np.sqrt((off**2).sum(-1).mean()))


def test_shape_pose_and_expression_are_found_again() -> None:
    seen, true = zip(*(seen_at(yaw) for yaw in (-30, 0, 30)), strict=True)
    fit = fit_views(seen, expected=MODEL)  # whose mean and deviations these shapes were drawn with
    assert deviation_mm(fit.identity) < 1.2 < deviation_mm(np.zeros(40, np.float32))
    assert fit.misfit < 0.003
    for state, truth in zip(fit.states, true, strict=True):
        turn = np.degrees(np.arccos(np.clip((np.trace(state.rotation.T @ truth.rotation) - 1) / 2, -1, 1)))
        assert turn < 1.0
        assert state.expression[EXPRESSIONS.index("jawOpen")] == pytest.approx(0.2, abs=0.05)
        assert (state.expression >= 0).all() and state.expression[EXPRESSIONS.index("tongueOut")] == 0


def test_more_views_tell_the_shape_better() -> None:
    several = fit_views([seen_at(yaw, noise=1.5)[0] for yaw in (-40, -20, 0, 20, 40)])
    alone = fit_views([seen_at(0, noise=1.5)[0]])
    assert deviation_mm(several.identity) < deviation_mm(alone.identity)


def test_a_picture_that_tells_nothing_gives_the_expected_shape() -> None:
    seen, _ = seen_at(0)
    blind = replace(seen, std=np.full_like(seen.std, 1e4))
    assert np.allclose(fit_views([blind]).identity, load_expected().mean, atol=1e-3)
    other = Expected(np.full(40, 0.3, np.float32), 1.0)
    assert np.allclose(fit_views([blind], expected=other).identity, 0.3, atol=1e-3)
    assert np.allclose(fit_alone(blind, other).identity, 0.3, atol=1e-3)


def test_a_firmer_expectation_is_left_less() -> None:
    seen, _ = seen_at(0, noise=2.0)
    mean = MODEL.mean
    loose, firm = (fit_views([seen], expected=Expected(mean, hold)).identity for hold in (1.0, 50.0))
    assert np.linalg.norm(firm) < 0.8 * np.linalg.norm(loose)


def test_of_a_single_pictures_shape_what_tells_persons_apart_is_kept() -> None:
    seen, _ = seen_at(0)
    mean, zero = np.full(40, 0.2, np.float32), np.zeros(40, np.float32)
    keeps = np.zeros((40, 40), np.float32)
    keeps[0, 0] = 1.0
    expected = Expected(mean, 4.0, Alone(mean, zero, keeps))
    held, loose = fit_views([seen], expected=expected).identity, loose_shape(seen, zero)
    fit = fit_alone(seen, expected)
    assert fit.identity[0] == pytest.approx((held[0] + 0.2 + loose[0]) / 2, abs=1e-5)
    assert np.allclose(fit.identity[1:], (held[1:] + 0.2) / 2, atol=1e-5)
    assert np.linalg.norm(loose) > 1.2 * np.linalg.norm(held)  # hardly anything holds it


def test_the_expected_shape_is_read_as_it_was_written_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "new" / "identity.json"
    mean, telling = RANDOM.normal(0, 0.5, 40).astype(np.float32), RANDOM.normal(0, 0.2, (40, 40)).astype(np.float32)
    save_expected(mean, Alone(-mean, 2 * mean, telling), {"pictures": 3}, file)
    back = load_expected(file)
    assert np.allclose(back.mean, mean, atol=1e-4)
    assert back.alone is not None and np.allclose(back.alone.telling, telling, atol=1e-4)
    assert np.allclose(back.alone.held, -mean, atol=1e-4) and np.allclose(back.alone.loose, 2 * mean, atol=1e-4)
    assert json.loads(file.read_text())["about"] == {"pictures": 3}
    whole = file.read_text()
    for i, text in enumerate(
        (
            "",
            "[]",
            '{"mean": [1, 2]}',
            '{"mean": "x"}',
            whole.replace("telling", "told"),
            whole.replace("[\n  [", "[\n  [1, "),
        )
    ):
        bad = tmp_path / f"bad{i}.json"
        bad.write_text(text)
        with pytest.raises(ModelError, match="restore assets/head"):
            load_expected(bad)
    with pytest.raises(ModelError, match="missing"):
        load_expected(tmp_path / "none.json")


def test_a_known_shape_is_held() -> None:
    fit = fit_views([seen_at(20)[0]], IDENTITY, known=True)
    assert np.allclose(fit.identity, IDENTITY, atol=1e-6)
    assert fit.misfit < 0.003


def test_a_gross_outlier_hardly_moves_the_fit() -> None:
    seen, _ = seen_at(10)
    wrong = seen.at.copy()
    wrong[:40] += 60
    state = fit_views([replace(seen, at=wrong)]).states[0]
    clean = fit_views([seen]).states[0]
    assert np.abs(state.centre - clean.centre).max() < 3


def test_a_cut_out_shows_the_same_points() -> None:
    picture = RANDOM.integers(0, 255, (300, 400, 3), dtype=np.uint8)
    state = replace(viewpoint(10, 0, 200), centre=np.array([210.0, 120.0], np.float32))
    head = load_head()
    cut, moved = cut_out(picture, state, head.mean, 128)
    assert cut.shape == (128, 128, 3)
    before, after = state.project(head.mean), moved.project(head.mean)
    ratio = moved.scale / state.scale
    assert np.allclose((after - after[0]) / ratio, before - before[0], atol=1e-3)
    shown = inside(picture.shape, state, moved, 128)
    top = (np.array([64.0, 0.5]) - moved.centre) / ratio + state.centre
    assert shown[0, 64] == (top[1] > 0.5)
    assert shown[int(after[0, 1]), int(after[0, 0])]


def test_hair_makes_the_scalp_stand_out_as_far_as_the_matte() -> None:
    head = load_head()
    size = 160
    views, by = [], 0.03
    grown = head.mean + by * scalp()[:, None] * head.normals
    for yaw in (-60, 0, 60):
        state = viewpoint(yaw, 0, size)
        matte = rasterise(state.project(grown), grown @ state.rotation[2], head.tri, (size, size)).triangle >= 0
        views.append(((255 * matte).astype(np.uint8), state, head.mean, np.ones((size, size), bool)))
    offset = np.linalg.norm(hair_volume(views, head.mean), axis=1)
    assert offset[scalp() > 0.95].mean() == pytest.approx(by, abs=0.012)
    assert offset[scalp() == 0].max() == 0
