"""How a head turned, read from the parallax of its pixels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tracker import FaceTracker, Frame
from tracker.detection.align import Anchor, anchor_at, carry, with_relief
from tracker.detection.crop import CROP, similarity
from tracker.detection.normalizer import plain_crop
from tracker.detection.regions import region_of_face
from tracker.detection.relief import laid_over, relief_of
from tracker.head.model import EXPRESSIONS
from tracker.stability.nodding import AXES, Axis, filmed, turned
from tracker.stability.signals import Picture, sensed
from tracker.stability.talking import opened, pulled
from tracker.types import Face, Image

STEPS = 6


@pytest.fixture(scope="module")
def photo() -> Picture:
    return Picture.read(width=400)


@pytest.fixture(scope="module")
def face(photo: Picture) -> Face:
    return FaceTracker(engine="onnx").step(Frame(photo.image, 0.0)).faces[0]


def anchored(image: Image, face: Face) -> Anchor:
    return with_relief(anchor_at(image, plain_crop(region_of_face(face)), 0.0), image, face)


def told(photo: Picture, face: Face, images: list[Image], noise: float = 2.0) -> np.ndarray:
    """(2,) degrees to the right and up, in all."""
    anchor, found = anchored(photo.image, face), np.zeros(2)
    for number, image in enumerate(images, 1):
        after = carry(anchor, sensed(image.astype(np.float32), noise, number), number / 30)
        assert after is not None and after.moved is not None and after.moved.shape == (2, 4)
        found += np.degrees(after.moved[:, 3]) * (-1.0, 1.0)
        anchor = with_relief(after, image, face)
    return found


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("angle", [-4.0, 4.0])
def test_a_turn_is_told_by_parallax_alone(photo: Picture, face: Face, axis: Axis, angle: float) -> None:
    states = [turned(face.state, angle * (i + 1) / STEPS, axis) for i in range(STEPS)]
    right, up = told(photo, face, [filmed(photo.image, face, state) for state in states])
    along, across = (up, right) if axis == "pitch" else (right, up)
    assert 0.7 < along / angle < 1.4
    assert abs(across) < 0.8


def test_a_jaw_that_opens_turns_nothing(photo: Picture, face: Face) -> None:
    assert np.abs(told(photo, face, [opened(photo.image, face, 0.1 * i) for i in range(1, 7)])).max() < 0.3


@pytest.mark.parametrize(
    "names", [("browInnerUp", "browOuterUpLeft", "browOuterUpRight"), ("browDownLeft", "browDownRight")]
)
def test_brows_turn_nothing(photo: Picture, face: Face, names: tuple[str, ...]) -> None:
    """They move a part of the face as a turn would, and the rest as none would."""

    def moved(share: float) -> Image:
        expression = face.state.expression.copy()
        expression[[EXPRESSIONS.index(name) for name in names]] += share
        before, after = (
            f.landmarks_px("dense")[::3] for f in (face, face.with_state(replace(face.state, expression=expression)))
        )
        height, width = photo.image.shape[:2]
        shift = pulled(after, after - before, 0.02 * face.size_px, (0, 0, width, height))
        y, x = np.mgrid[:height, :width].astype(np.float32)
        x, y = x - shift[..., 0], y - shift[..., 1]
        return np.asarray(cv2.remap(photo.image, x, y, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE), np.uint8)

    assert np.abs(told(photo, face, [moved(0.2 * i) for i in (1, 3, 5)])).max() < 0.05


def test_a_shift_turns_nothing(photo: Picture, face: Face) -> None:
    motion = np.eye(3)
    motion[:2, 2] = 7.3, -4.6
    assert np.abs(told(photo, face, [photo.filmed(motion, 0.0, 1)])).max() < 0.4


def test_a_picture_lies_over_itself(photo: Picture, face: Face) -> None:
    anchor = anchored(photo.image, face)
    assert anchor.relief is not None
    laid = laid_over(anchor.relief, anchor.patch, 1.0, 0.0, 0.0)
    assert abs(laid.a - 1.0) + abs(laid.b) + abs(laid.turn) + laid.apart + np.abs(laid.pulls).max() < 1e-2


def test_what_fields_pull_at_cancels_out(photo: Picture, face: Face) -> None:
    """The turn is where all together would have it, whatever each would."""
    anchor = anchored(photo.image, face)
    assert anchor.relief is not None
    noise = np.random.default_rng(0).normal(0.0, 6.0, anchor.patch.shape)
    loud = np.clip(anchor.patch + noise, 0, 255).astype(np.uint8)
    pulls = laid_over(anchor.relief, loud, 1.0, 0.0, 0.0).pulls
    assert pulls.shape == (72,)
    assert np.abs(pulls.reshape(2, 36).sum(1)).max() < 0.01 * np.abs(pulls).sum()


def test_before_a_hand_nothing_is_told_of_a_turn(photo: Picture, face: Face) -> None:
    """What lies before the face has not its depths."""
    x, y = face.landmarks_px()[30]
    size = face.size_px
    hidden = photo.image.copy()
    cv2.ellipse(
        hidden,
        (round(x - 0.3 * size), round(y)),
        (round(0.3 * size), round(0.6 * size)),
        0,
        0,
        360,
        (180, 140, 120),
        -1,
    )
    after = carry(anchored(photo.image, face), hidden, 1 / 30)
    assert after is None or (
        after.moved is not None and (after.moved.shape == (2, 3) or abs(after.moved[:, 3]).max() < 2e-3)
    )


def test_a_face_that_is_not_in_the_picture_has_no_relief(photo: Picture, face: Face) -> None:
    away = face.with_state(replace(face.state, centre=face.state.centre + 1000.0))
    lies = similarity((100.0, 100.0), 100.0, 0.0, CROP)
    assert relief_of(np.zeros((CROP, CROP), np.uint8), lies, away) is None
    assert carry(with_relief(anchor_at(photo.image, lies, 0.0), photo.image, away), photo.image, 1 / 30) is not None


def test_a_relief_that_no_longer_fits_is_given_up(photo: Picture, face: Face) -> None:
    """Where the head turned far, another one is taken."""
    anchor = replace(anchored(photo.image, face), turn=0.5 + 0.0j)
    after = carry(anchor, photo.image, 1 / 30)
    assert after is None or after.relief is None or abs(after.turn) < 0.2
