"""A crop that is carried with the face's pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tracker.detection.align import GRID, anchor_at, carry, common_motion, motion_between
from tracker.detection.crop import CROP, apply, compose, scale_of, similarity
from tracker.detection.normalizer import ASTRAY, KEEP_SHIFT, lead
from tracker.stability.signals import Picture

CENTRE = (332.0, 312.0)
"""Of the face in the photograph, scaled to 640 pixels."""


@pytest.fixture(scope="module")
def photo() -> Picture:
    return Picture.read()


def around(x: float = 0.0, y: float = 0.0, zoom: float = 1.0, turn_deg: float = 0.0) -> np.ndarray:
    """(3, 3): turned and zoomed about the face, then shifted."""
    c, s = zoom * np.cos(np.radians(turn_deg)), zoom * np.sin(np.radians(turn_deg))
    cx, cy = CENTRE
    return np.array([[c, -s, cx - c * cx + s * cy + x], [s, c, cy - s * cx - c * cy + y], [0.0, 0.0, 1.0]])


def off(found: np.ndarray, truth: np.ndarray) -> float:
    """Largest distance inside the face, in crop pixels."""
    inside = np.array([[30.0, 20.0], [82.0, 20.0], [56.0, 90.0]])
    return float(np.abs(apply(found, inside) - apply(truth, inside)).max() / scale_of(truth))


CROP_AT = similarity(CENTRE, 285.0, 0.0, CROP)


@pytest.mark.parametrize("noise", [0.0, 5.0])
@pytest.mark.parametrize(
    "way", [(0.0, 0.0), (0.4, -0.3), (6.0, 2.0), (14.0, -9.0), (0.0, 0.0, 1.03, 0.0), (2.0, 1.0, 0.98, 3.0)]
)
def test_known_motion_is_found_to_a_part_of_a_pixel(photo: Picture, way: tuple[float, ...], noise: float) -> None:
    anchor = anchor_at(photo.filmed(np.eye(3), noise, 0), CROP_AT, 0.0)
    motion = around(*way)
    after = carry(anchor, photo.filmed(motion, noise, 1), 1 / 30)
    assert after is not None
    assert off(compose(motion_between(anchor, after), CROP_AT), compose(motion[:2], CROP_AT)) < 0.15


def test_a_face_that_comes_and_goes_is_where_it_was(photo: Picture) -> None:
    """Hundred frames of motion leave no drift behind: it is the same picture that is looked for."""
    anchor = anchor_at(photo.filmed(np.eye(3), 2.0, 0), CROP_AT, 0.0)
    first = anchor
    for number in range(1, 101):
        way = around(20.0 * np.sin(number / 8.0), 8.0 * np.sin(number / 5.0), 1.0 + 0.05 * np.sin(number / 11.0))
        after = carry(anchor, photo.filmed(way, 2.0, number), number / 30)
        assert after is not None
        anchor = after
    assert off(compose(motion_between(first, anchor), CROP_AT), compose(way[:2], CROP_AT)) < 0.12


def test_more_light_is_not_motion(photo: Picture) -> None:
    anchor = anchor_at(photo.image, CROP_AT, 0.0)
    brighter = cv2.convertScaleAbs(photo.image, alpha=0.7, beta=30.0)
    after = carry(anchor, np.asarray(brighter, np.uint8), 1 / 30)
    assert after is not None
    assert off(motion_between(anchor, after), np.eye(2, 3)) < 0.1  # pixels of the frame: 0.04 of the crop


def test_a_moving_mouth_does_not_carry_the_head(photo: Picture) -> None:
    anchor = anchor_at(photo.image, CROP_AT, 0.0)
    talking = photo.image.copy()
    talking[352:430, 262:402] = photo.image[340:418, 262:402]  # lips and chin 12 pixels lower
    after = carry(anchor, talking, 1 / 30)
    assert after is not None
    assert off(compose(motion_between(anchor, after), CROP_AT), CROP_AT) < 0.1


def test_a_hidden_or_another_face_says_nothing(photo: Picture) -> None:
    anchor = anchor_at(photo.image, CROP_AT, 0.0)
    random = np.random.default_rng(0)
    other = cv2.GaussianBlur(random.integers(0, 255, photo.image.shape).astype(np.uint8), (0, 0), 4)
    assert carry(anchor, np.asarray(other, np.uint8), 1 / 30) is None
    assert carry(anchor, np.zeros_like(photo.image), 1 / 30) is None


def test_a_repeated_time_stamp_is_no_division_by_nothing(photo: Picture) -> None:
    anchor = anchor_at(photo.image, CROP_AT, 1.0)
    after = carry(anchor, photo.image, 1.0)
    assert after is not None and np.isfinite(after.velocity).all()


def test_the_motion_that_most_agree_on() -> None:
    random = np.random.default_rng(0)
    truth = similarity((60.0, 50.0), CROP * 1.04, 0.05, CROP)
    end = apply(truth, GRID) + random.normal(0, 0.03, GRID.shape)
    end[:9] += 6.0  # a third goes elsewhere
    motion, share = common_motion(GRID, end, np.ones(len(GRID), bool))
    assert off(motion, truth) < 0.1
    assert share == pytest.approx(1 - 9 / len(GRID), abs=0.07)
    assert common_motion(GRID, end, np.zeros(len(GRID), bool))[1] == 0.0


def test_a_carried_crop_is_drawn_back_gently_and_given_up_when_far() -> None:
    kept = similarity((100.0, 100.0), 200.0, 0.0, CROP)
    near, apart, far = (similarity((100.0 + 200.0 * s, 100.0), 200.0, 0.0, CROP) for s in (0.01, 0.04, 0.3))
    np.testing.assert_array_equal(lead(near, kept), kept)
    step = (lead(apart, kept) - kept)[0, 2]
    assert 0.0 < step < 0.2 * (apart - kept)[0, 2]
    np.testing.assert_array_equal(lead(far, kept), far)
    for _ in range(200):
        kept = lead(apart, kept)
    assert abs((apart - kept)[0, 2]) == pytest.approx(200.0 * KEEP_SHIFT, rel=0.05)
    assert ASTRAY > 1.0
