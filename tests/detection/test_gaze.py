"""Where the eyes look to the side, by drawn eyes whose irises lie where they are put."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker.detection.crop import Shrunk
from tracker.detection.gaze import (
    HEIGHT,
    INPUTS,
    SIDE,
    GazeReader,
    cut_eyes,
    eye_crops,
    eye_inputs,
    load_gaze,
    save_gaze,
    trusted,
)
from tracker.errors import ModelError
from tracker.head import EXPRESSIONS
from tracker.types import Camera, FaceState, rotation_from_angles

OUT_LEFT, IN_LEFT, OUT_RIGHT, IN_RIGHT = (
    EXPRESSIONS.index(f"eyeLook{way}{side}") for side in ("Left", "Right") for way in ("Out", "In")
)


def state(yaw: float = 0.0, **shapes: float) -> FaceState:
    expression = np.zeros(52, np.float32)
    for name, value in shapes.items():
        expression[EXPRESSIONS.index(name)] = value
    nothing = np.zeros(40, np.float32)
    return FaceState(
        rotation_from_angles(yaw), np.array([160, 120], np.float32), 1500.0, 0.8, Camera(400, 160, 120), nothing,
        expression, np.zeros(32, np.float32), np.zeros(8, np.float32),
    )  # fmt: skip


def drawn(aside: float, width: float = 40.0, blur: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A picture (240, 320, 3) of two eyes that look `aside` of half an eye to the image's right; the corners (4, 2)."""
    image = np.full((240, 320, 3), (205, 160, 140), np.uint8)
    corners = []
    for middle in (205.0, 115.0):  # the subject's left eye lies to the image's right
        centre, axes = (int(16 * middle), 16 * 120), (int(8 * width), int(3.2 * width))
        white, iris = np.zeros((240, 320), np.uint8), np.zeros((240, 320), np.uint8)
        cv2.ellipse(white, centre, axes, 0, 0, 360, 255, -1, cv2.LINE_AA, 4)
        at = (int(16 * (middle + aside * width / 2)), 16 * 120)
        cv2.circle(iris, at, int(16 * 0.19 * width), 255, -1, cv2.LINE_AA, 4)
        image[white > 0] = (235, 235, 235)
        image[(white > 0) & (iris > 0)] = (60, 40, 30)
        corners += [(middle - width / 2, 120.0), (middle + width / 2, 120.0)]
    return cv2.GaussianBlur(image, (0, 0), blur), np.array(corners, np.float32)


def look(reader: GazeReader, aside: float, width: float = 40.0) -> tuple[float, float]:
    """Outward looks of the left and of the right eye."""
    image, corners = drawn(aside, width)
    shapes = reader.read(image, state(), corners).expression
    return float(shapes[OUT_LEFT] - shapes[IN_LEFT]), float(shapes[OUT_RIGHT] - shapes[IN_RIGHT])


@pytest.mark.parametrize("width", [16.0, 40.0])
def test_eyes_that_look_aside_are_read_so_on_both_sides(width: float) -> None:
    reader = load_gaze()
    left = [look(reader, aside, width)[0] for aside in (-0.4, 0.0, 0.4)]
    right = [look(reader, aside, width)[1] for aside in (-0.4, 0.0, 0.4)]
    assert left[0] < left[1] - 0.1 < left[2] - 0.2  # to the image's right: the subject's left eye looks outward
    assert right[0] > right[1] + 0.1 > right[2] + 0.2


def test_a_mirrored_picture_gives_the_mirrored_look() -> None:
    reader = load_gaze()
    image, corners = drawn(0.3)
    mirrored = np.ascontiguousarray(image[:, ::-1])
    there = corners[[3, 2, 1, 0]] * (-1, 1) + (320, 0)
    one, other = (
        reader.read(picture, state(), where.astype(np.float32)).expression
        for picture, where in ((image, corners), (mirrored, there))
    )
    assert one[[OUT_LEFT, IN_LEFT]] == pytest.approx(other[[OUT_RIGHT, IN_RIGHT]], abs=0.03)
    assert one[[OUT_RIGHT, IN_RIGHT]] == pytest.approx(other[[OUT_LEFT, IN_LEFT]], abs=0.03)


def test_only_sideways_looks_change_and_none_in_profile_or_of_eyes_too_small() -> None:
    reader = load_gaze()
    image, corners = drawn(0.4)
    before = state(eyeBlinkLeft=0.3, eyeLookUpRight=0.2, eyeLookInLeft=0.5)
    after = reader.read(image, before, corners)
    moved = np.flatnonzero(after.expression != before.expression)
    assert set(moved) <= {OUT_LEFT, IN_LEFT, OUT_RIGHT, IN_RIGHT}
    assert before.expression[IN_LEFT] == 0.5
    assert 0 <= after.expression.min() <= after.expression.max() <= 1
    assert reader.read(image, state(yaw=75.0), corners).expression.max() == 0.0
    assert reader.read(image, before, corners * 0 + 100) is before
    assert trusted(state(30.0)) == 1.0
    assert 0.0 < trusted(state(52.0)) < 1.0


@pytest.mark.parametrize(("width", "shrunk"), [(12.0, False), (30.0, False), (150.0, False), (150.0, True)])
def test_eyes_are_cut_where_they_lie(width: float, shrunk: bool) -> None:
    """Of a picture whose grey is the place itself, a crop's grey is where its pixels lie."""
    image = np.repeat((np.arange(320) * 0.75)[None], 240, 0).astype(np.uint8)[..., None].repeat(3, 2)
    x = np.array([180, 180 + width, 140 - width, 140], np.float32)
    crops = eye_crops(np.stack([x, np.full(4, 120, np.float32)], 1))
    assert crops is not None
    for crop, eye in zip(crops, cut_eyes(Shrunk(image) if shrunk else image, crops), strict=True):
        assert eye.shape == (HEIGHT, SIDE)
        places = crop[0, 0] * (np.arange(SIDE) + 0.5) + crop[0, 2] - 0.5
        inside = (places > 4) & (places < 315)
        assert np.abs(eye[HEIGHT // 2][inside] - 0.75 * places[inside]).max() < 2.5


def test_eyes_beyond_the_frame_are_no_error() -> None:
    image, corners = drawn(0.0)
    for far in (1000.0, -1000.0):
        shapes = load_gaze().read(image, state(), corners + np.float32(far)).expression
        assert np.isfinite(shapes).all()
    crops = eye_crops(corners + 1000)
    assert crops is not None
    assert np.isfinite(eye_inputs(cut_eyes(image, crops), state())).all()


def test_a_reader_comes_back_as_it_was_written_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    reader = load_gaze()
    save_gaze(reader, tmp_path / "a.npz")
    again = load_gaze(tmp_path / "a.npz")
    assert all(np.array_equal(a, b) for a, b in zip(reader.weights, again.weights, strict=True))
    wrong = replace(reader, weights=(reader.weights[0][:-1], *reader.weights[1:]))
    save_gaze(wrong, tmp_path / "b.npz")
    with pytest.raises(ModelError, match=f"{INPUTS} were wanted"):
        load_gaze(tmp_path / "b.npz")
    (tmp_path / "c.npz").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="missing or damaged"):
        load_gaze(tmp_path / "c.npz")
