"""What happens before a camera must not move a head that does not move: the shipped networks and the default filter."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from tracker import FaceTracker, Frame, Stabilizer
from tracker.stability.signals import Picture
from tracker.stability.talking import opened
from tracker.types import Image

COUNT, BEGINS, ENDS = 36, 14, 29
Change = Callable[[Image, int], Image]


@pytest.fixture(scope="module")
def photo() -> Picture:
    return Picture.read(width=400)


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker(engine="onnx")


def angles(photo: Picture, tracker: FaceTracker, change: Change) -> np.ndarray:
    """(frames, 3) degrees, of a still photograph; changed from BEGINS to ENDS."""
    tracker.reset()
    stabilizer, out = Stabilizer(), []
    for i in range(COUNT):
        image = photo.image
        if BEGINS <= i < ENDS:
            image = change(image, i - BEGINS)
        result = stabilizer.apply(tracker.step(Frame(image, i / 30, i)))
        pose = result.faces[0].pose
        out.append((pose.yaw_deg, pose.pitch_deg, pose.roll_deg))
    return np.array(out)


def most_moved(way: np.ndarray) -> float:
    return float(np.abs(way[BEGINS:] - way[BEGINS - 5 : BEGINS].mean(0)).max())


def test_sudden_light_leaves_the_pose(photo: Picture, tracker: FaceTracker) -> None:
    def lamp(image: Image, i: int) -> Image:
        return np.asarray(cv2.convertScaleAbs(image, alpha=0.6, beta=10.0), np.uint8)

    assert most_moved(angles(photo, tracker, lamp)) < 1.5


def test_a_hand_before_the_mouth_leaves_the_pose(photo: Picture, tracker: FaceTracker) -> None:
    tracker.reset()
    face = tracker.step(Frame(photo.image, 0.0)).faces[0]
    mouth, size = face.landmarks_px("ibug68")[48:68].mean(0), face.size_px

    def hand(image: Image, i: int) -> Image:
        """Comes from the right, covers the mouth and the chin, goes again."""
        x = float(mouth[0]) + size * max(0.0, 1.0 - i / 5, (i - 9) / 5)
        covered = image.copy()
        at = (round(x), round(float(mouth[1]) + 0.1 * size))
        cv2.ellipse(covered, at, (round(0.3 * size), round(0.2 * size)), 10, 0, 360, (186, 140, 120), -1)
        return covered

    assert most_moved(angles(photo, tracker, hand)) < 5.0


def test_a_jaw_that_opens_does_not_nod_the_head(photo: Picture, tracker: FaceTracker) -> None:
    tracker.reset()
    face = tracker.step(Frame(photo.image, 0.0)).faces[0]

    def talks(image: Image, i: int) -> Image:
        return opened(image, face, 0.25 - 0.25 * math.cos(i))

    assert most_moved(angles(photo, tracker, talks)) < 0.5


def test_a_second_face_that_passes_leaves_the_pose(photo: Picture, tracker: FaceTracker) -> None:
    tracker.reset()
    face = tracker.step(Frame(photo.image, 0.0)).faces[0]
    x0, y0, x1, y1 = (round(v) for v in face.bbox)
    other = cv2.resize(photo.image[y0:y1, x0:x1], None, fx=0.5, fy=0.5)[:, ::-1]
    high, wide = other.shape[:2]

    def passes(image: Image, i: int) -> Image:
        """A smaller face goes by below the chin."""
        shown = image.copy()
        x = round((image.shape[1] - wide) * i / (ENDS - BEGINS))
        y = min(y1 + 10, image.shape[0] - high)
        shown[y : y + high, x : x + wide] = other
        return shown

    assert most_moved(angles(photo, tracker, passes)) < 1.5


def test_a_face_is_carried_from_the_frame_after_it_was_found(photo: Picture, tracker: FaceTracker) -> None:
    tracker.reset()
    first, second = (tracker.step(Frame(photo.image, i / 30, i)).faces[0] for i in range(2))
    assert first.carried is None
    assert second.carried is not None
    np.testing.assert_allclose(second.carried, np.eye(2, 4), atol=0.05)
