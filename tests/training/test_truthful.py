"""Deviations, blinks, gaze, shapes and the sheets of the worst, against values that are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from tracker import FaceTracker
from tracker.capture.demo import DemoSource
from tracker.detection.weights import load_weights
from tracker.errors import ModelError
from tracker.head import Basis, load_head
from tracker.training import blendshapes, blinks, reliability
from tracker.training.packs import SLICES, TOTAL, Rows
from tracker.training.worst import Scored, write_worst
from tracker.types import Face


def claims(claimed: float, count: int = 400) -> reliability.Expected:
    """Errors of a round Gaussian whose deviation is 1 to 3 percent, of which `claimed` times that is expected."""
    random = np.random.default_rng(1)
    std = random.uniform(0.01, 0.03, (count, 68))
    error = np.linalg.norm(random.normal(size=(count, 68, 2)), axis=-1) * std
    error[::7, 30] = np.nan
    return reliability.Expected(
        error, np.where(np.isfinite(error), claimed * std, np.nan), random.uniform(-90, 90, count)
    )


@pytest.mark.parametrize("claimed", [1.0, 0.5, 1.6])
def test_the_factor_makes_deviations_true(claimed: float) -> None:
    e = claims(claimed)
    assert reliability.figures(e)["mean_square_ratio"] == pytest.approx(1 / claimed**2, rel=0.02)
    assert reliability.factor(e) == pytest.approx(1 / claimed, rel=0.02)
    right = replace(e, std=e.std * reliability.factor(e))
    told = reliability.figures(right)
    assert told["mean_square_ratio"] == pytest.approx(1.0, rel=0.02)
    assert told["within_50"] == pytest.approx(0.5, abs=0.01)
    assert told["within_95"] == pytest.approx(0.95, abs=0.01)


def test_gross_label_errors_do_not_widen_every_deviation() -> None:
    e = claims(1.0)
    error = e.error.copy()
    error[:2] = np.where(np.isfinite(error[:2]), 0.9, np.nan)  # two faces whose labels are of others
    assert reliability.factor(replace(e, error=error)) < 1.25
    assert reliability.figures(replace(e, error=error))["mean_square_ratio"] > 5


def test_the_plot_is_drawn_by_yaw_and_part(tmp_path: Path) -> None:
    told = reliability.write(tmp_path, {"set": claims(0.8)})
    curves = told["set"]["curves"]
    assert set(curves) == {*reliability.YAWS, *reliability.PARTS}
    assert all(p["found"] == pytest.approx(p["expected"] / 0.8, rel=0.12) for c in curves.values() for p in c)
    assert cv2.imread(str(tmp_path / "reliability.png")) is not None
    assert json.loads((tmp_path / "reliability.json").read_text())["set"]["factor"] == pytest.approx(1.25, rel=0.02)


def test_factors_beside_the_weights_scale_the_deviations(tmp_path: Path) -> None:
    field = load_weights().field
    plain = Basis(load_head(), replace(field, scales={}))
    scaled = Basis(load_head(), replace(field, scales={"merl68": 1.5}))
    state = FaceTracker(engine="onnx").detect(next(iter(DemoSource(seed=2, frames=1))).image)[0].state
    np.testing.assert_allclose(scaled.std(state, "merl68"), 1.5 * plain.std(state, "merl68"), rtol=1e-4)
    np.testing.assert_allclose(scaled.std(state, "ibug68"), plain.std(state, "ibug68"), rtol=1e-6)
    (tmp_path / "model.json").write_text('{"format": 1}')
    reliability.store_factors(tmp_path, {"merl68": 1.51239})
    assert json.loads((tmp_path / "model.json").read_text()) == {"format": 1, "std_scale": {"merl68": 1.5124}}
    with pytest.raises(ModelError, match="cannot be changed"):
        reliability.store_factors(tmp_path / "gone", {})


def lids(shut_at: list[int], length: int = 120, depth: float = 0.8) -> np.ndarray:
    frames = np.arange(length)[:, None]
    return depth * np.exp(-(((frames - np.array(shut_at)) / 2.0) ** 2)).sum(1)


def test_blinks_are_matched_and_their_lag_is_found() -> None:
    theirs = lids([20, 50, 90])
    exact = blinks.timing(theirs, theirs)
    assert (exact["both"], exact["only_ours"], exact["only_peer"], exact["lag"]) == (3, 0, 0, 0)
    late = blinks.timing(np.roll(theirs, 2), theirs)
    assert (late["both"], late["median_offset"], late["lag"], late["within_one_frame"]) == (3, 2.0, 2, 0.0)
    assert (exact["starts_within_one_frame"], late["starts_within_one_frame"]) == (1.0, 0.0)
    missed = blinks.timing(lids([20, 90, 110]), theirs)
    assert (missed["both"], missed["only_ours"], missed["only_peer"]) == (2, 1, 1)


def test_a_shut_eye_that_wavers_shut_when_it_did() -> None:
    theirs, mine = np.zeros(60), np.zeros(60)
    theirs[20:32], mine[20:32] = 0.8, np.linspace(0.5, 0.6, 12)
    told = blinks.timing(mine, theirs)
    assert (told["both"], told["within_one_frame"], told["starts_within_one_frame"]) == (1, 0.0, 1.0)


def test_eyes_that_hardly_move_do_not_blink() -> None:
    faint = blinks.timing(lids([20, 50, 90], depth=0.06), lids([20, 50, 90]))
    assert (faint["both"], faint["only_peer"]) == (0, 3)
    nothing = np.full(40, np.nan)
    assert blinks.timing(nothing, lids([20], 40))["both"] == 0


def test_the_iris_is_placed_between_corners_and_lids() -> None:
    mesh = np.zeros((1, 478, 2))
    for a, b, upper, lower, iris in blendshapes.EYES.values():
        mesh[0, a], mesh[0, b], mesh[0, upper], mesh[0, lower] = (0, 0), (20, 0), (10, -3), (10, 3)
        mesh[0, iris] = (14, 1)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    np.testing.assert_allclose(blendshapes.iris_places(mesh @ turn.T * 3 + 7), [[0.2, 0.05, 0.2, 0.05]], atol=1e-9)


@pytest.fixture(scope="module")
def read() -> tuple[FaceTracker, Rows, list[Face]]:
    """Six frames of the demo with the tracker's own points as labels, those of the last frame moved."""
    tracker = FaceTracker(engine="onnx")
    images = [frame.image for frame in DemoSource(seed=3, frames=6)]
    faces = [tracker.detect(image)[0] for image in images]
    n = len(faces)
    points, weights = np.zeros((n, TOTAL, 2), np.float32), np.zeros((n, TOTAL), np.float32)
    for name in ("merl68", "mediapipe478"):
        points[:, SLICES[name]] = np.stack([face.landmarks_px(name) for face in faces])
        weights[:, SLICES[name]] = 1.0
    points[-1] += 9.0
    rows = Rows(
        images=images,
        points=points,
        weights=weights,
        depth=np.full((n, 68), np.nan, np.float32),
        rotation=np.stack([face.state.rotation for face in faces]),
        box=np.array([face.bbox for face in faces], np.float32),
        blend=np.stack([face.state.expression for face in faces]),
        yaw=np.array([face.pose.yaw_deg for face in faces], np.float32),
        pack=np.full(n, "fairface"),
        name=np.array([f"frame{i}" for i in range(n)]),
        held_out=np.ones(n, bool),
        merl_test=np.zeros(n, bool),
        visibility=np.full((n, 68), -1, np.int8),
        angles=np.full((n, 3), np.nan, np.float32),
    )
    return tracker, rows, faces


def test_the_worst_come_first_on_their_sheet(read: tuple[FaceTracker, Rows, list[Face]], tmp_path: Path) -> None:
    _, rows, faces = read
    error = np.array([0.0, 0, 0, 0, 0, 0.07])
    told = write_worst(tmp_path, [Scored("demo, merl68", rows, faces, "merl68", "merl68", error)])["demo, merl68"]
    assert told[0]["name"] == "frame5"
    assert told[0]["shift"] == pytest.approx(100 * 9 * 2**0.5 / faces[5].size_px, rel=0.01)
    assert told[1]["parts"] == dict.fromkeys(reliability.PARTS, 0.0)
    sheet = cv2.imread(str(tmp_path / "demo_merl68.png"))
    assert sheet.shape == (216, 2000, 3)
    assert sheet[:200, :1200].std() > 10


def test_shapes_agree_with_themselves_and_with_the_mirror(read: tuple[FaceTracker, Rows, list[Face]]) -> None:
    tracker, rows, faces = read
    assert blendshapes.agreement(faces, rows)["mean_difference"] < 1e-6
    assert blendshapes.gaze(faces[:5] * 2, rows.take(np.arange(5).repeat(2)))["aside_difference"] < 5e-3
    assert blendshapes.mirrored(tracker, rows.take(np.arange(2)), faces[:2])["mean_difference"] < 0.05
