"""The long look at stills: turned pictures, dark ones, and the way back to the picture's own pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker import FaceTracker
from tracker.detection.crop import apply
from tracker.detection.locator import MULTIPLE, Locator
from tracker.detection.search import BELIEVED, BRIGHT, CELLS, brightened, evidence, search, turned

FACE = (268.0, 244.0, 168.0)
"""Centre and side of the tight square round the face in the photograph, read off by eye."""


def rolled(photo: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The photograph turned clockwise, and where its face's centre has gone."""
    matrix = cv2.getRotationMatrix2D((256.0, 300.0), -degrees, 1.0)
    return cv2.warpAffine(photo, matrix, (512, 600)), matrix @ (FACE[0], FACE[1], 1.0)


@settings(deadline=None, max_examples=30)
@given(st.integers(8, 200), st.integers(8, 200), st.floats(-3.2, 3.2))
def test_the_whole_picture_is_on_the_turned_view(width: int, height: int, turn: float) -> None:
    view, back = turned(np.full((height, width, 3), 200, np.uint8), turn)
    assert view.shape[0] % MULTIPLE == view.shape[1] % MULTIPLE == 0
    middle = apply(back, np.array([view.shape[1] / 2, view.shape[0] / 2]))
    assert middle == pytest.approx([width / 2, height / 2], abs=1e-3)
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
    there = (corners - back[:, 2]) @ np.linalg.inv(back[:, :2]).T
    assert (there > -1e-3).all() and (there < np.array(view.shape[1::-1]) + 1e-3).all()
    assert view.sum() / 600 == pytest.approx(width * height, rel=0.02)


def test_a_point_of_the_view_leads_back_to_the_picture() -> None:
    image = np.zeros((120, 200, 3), np.uint8)
    cv2.circle(image, (150, 40), 7, (255, 255, 255), -1)
    view, back = turned(image, np.radians(60.0))
    ys, xs = np.nonzero(view[..., 0] > 127)
    assert apply(back, np.array([xs.mean() + 0.5, ys.mean() + 0.5])) == pytest.approx([150.5, 40.5], abs=0.3)
    assert xs.mean() < view.shape[1] / 2 + 60 and ys.mean() > view.shape[0] / 2  # right of the middle turns downwards


@pytest.mark.parametrize("degrees", [-90.0, -70.0, 0.0, 45.0, 90.0])
def test_a_rolled_face_is_found_with_its_roll(locator: Locator, photo: np.ndarray, degrees: float) -> None:
    image, centre = rolled(photo, degrees)
    finds = search(locator, image)
    assert all(find.score > BELIEVED for find in finds)
    there = [
        find
        for find in finds
        if np.hypot(*(np.array(find.centre) - centre)) < 0.2 * FACE[2] and abs(np.log(find.side / FACE[2])) < 0.3
    ]
    assert min(abs(np.degrees(find.roll) - degrees) for find in there) < 20


@pytest.mark.parametrize("degrees", [-85.0, 85.0])
def test_a_still_of_a_face_lying_down_is_read(photo: np.ndarray, degrees: float) -> None:
    image, centre = rolled(photo, degrees)
    (face,) = FaceTracker(engine="onnx").detect(image)
    x0, y0, x1, y1 = face.bbox
    assert np.hypot((x0 + x1) / 2 - centre[0], (y0 + y1) / 2 - centre[1]) < 0.2 * FACE[2]


def test_a_dark_still_is_read(photo: np.ndarray) -> None:
    dark = (photo * 0.06).astype(np.uint8)
    (face,) = FaceTracker(engine="onnx").detect(dark)
    assert abs((face.bbox[0] + face.bbox[2]) / 2 - FACE[0]) < 0.2 * FACE[2]


def test_there_is_evidence_for_a_face_and_none_for_clothes(locator: Locator, photo: np.ndarray) -> None:
    centre, side = np.array(FACE[:2], np.float32), FACE[2]
    there = evidence(locator, photo, centre, side, 0.0)
    assert there > 2.0
    assert evidence(locator, (photo * 0.15).astype(np.uint8), centre, side, 0.0) > 1.0
    assert evidence(locator, photo, np.array([300.0, 500.0], np.float32), 120.0, 0.0) < 0.0
    image, turned_centre = rolled(photo, 30.0)
    assert abs(evidence(locator, image, turned_centre.astype(np.float32), side, np.radians(30.0)) - there) < 1.5


def test_only_dark_pictures_are_brightened(photo: np.ndarray) -> None:
    assert brightened(photo) is photo
    lit = brightened((photo * 0.2).astype(np.uint8))
    assert abs(cv2.resize(lit, CELLS, interpolation=cv2.INTER_AREA).max() - BRIGHT) < 20
    lamp = np.zeros((480, 640, 3), np.uint8)
    lamp[200:240, 300:340] = 180
    assert brightened(lamp) is lamp
    black = np.zeros((40, 30, 3), np.uint8)
    assert np.array_equal(brightened(black), black)


def test_noise_and_gradients_hold_no_face() -> None:
    random = np.random.default_rng(1)
    tracker = FaceTracker(engine="onnx")
    noise = random.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    blobs = cv2.resize(random.integers(0, 256, (12, 16, 3), dtype=np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC)
    assert tracker.detect(noise) == tracker.detect(blobs) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3, 2), (20, 2000)])
def test_no_shape_of_picture_is_too_odd(locator: Locator, shape: tuple[int, int]) -> None:
    assert search(locator, np.zeros((*shape, 3), np.uint8)) == []
