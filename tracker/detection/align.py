"""Carries a crop along with the face's own pixels, to a few hundredths of a pixel.

What the landmark network says wavers by a pixel while the face wanders through its crop; in a crop that moves with the
face's pixels it says the same in every frame. So the face's motion since an earlier frame is measured on the pixels
themselves: the pyramidal tracker of Lucas and Kanade (Bouguet 2001) on a grid inside the face, and the similarity that
most of the grid agrees on, so that eyes that blink, or a hand, do not drag it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ..types import Image
from .crop import CROP, Affine, Shrunk, compose, invert, sample_grey, scale_of

AGREE = 0.6
"""Crop pixels: a point of the grid further from the common motion counts as disagreeing."""
MOST = 0.6
"""Share of the grid that must agree; below it nothing was measured."""
FRESH = 0.85
"""Below this share the face looks different by now, and a new picture of it is taken."""
_COAST_S = 0.2
_WINDOW = (13, 13)
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 8, 0.02)


def _grid() -> npt.NDArray[np.float32]:
    """(n, 2) crop pixels on forehead, eyes and nose: the part of a face that speech does not move."""
    y, x = np.mgrid[-4:1, -3:4] * 10.0
    inside = (x / 34.0) ** 2 + ((y + 12.0) / 34.0) ** 2 <= 1.0
    return np.stack([x[inside] + CROP / 2, y[inside] + CROP / 2], axis=1).astype(np.float32)


GRID = _grid()


@dataclass(frozen=True, slots=True, eq=False)
class Anchor:
    """A picture of the face, `patch` (CROP, CROP) uint8, where it `lies` in the latest frame (patch px -> frame px),
    that frame's `time`, and its `velocity` there (2,), frame px per second."""

    patch: Image
    lies: Affine
    time: float
    velocity: npt.NDArray[np.float64]


def anchor_at(image: Image | Shrunk, crop: Affine, time: float) -> Anchor:
    """A new picture of the face."""
    return Anchor(_patch(image, crop), crop, time, np.zeros(2))


def carry(anchor: Anchor, image: Image | Shrunk, time: float) -> Anchor | None:
    """The anchor where it lies in a later frame; None where the pixels do not say."""
    dt = time - anchor.time
    guess = anchor.lies.copy()
    if 0.0 < dt < _COAST_S:
        guess[:, 2] += anchor.velocity * dt
    patch = _patch(image, guess)
    start = GRID - 0.5  # OpenCV counts a pixel's centre as whole numbers
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        anchor.patch, patch, start[:, None], None, winSize=_WINDOW, maxLevel=2, criteria=_STOP
    )
    motion, share = common_motion(GRID, found[:, 0] + np.float32(0.5), status[:, 0] > 0)
    if share < MOST or not 0.8 < scale_of(motion) < 1.25:
        return None
    lies = compose(guess, motion)
    middle = np.array([CROP / 2, CROP / 2, 1.0])
    velocity = (lies @ middle - anchor.lies @ middle) / dt if dt > 0.0 else anchor.velocity
    if share < FRESH:
        return Anchor(_patch(image, lies), lies, time, velocity)
    return replace(anchor, lies=lies, time=time, velocity=velocity)


def motion_between(before: Anchor, after: Anchor) -> Affine:
    """From pixels of the frame of `before` to pixels of the frame of `after`, at the face."""
    return compose(after.lies, invert(before.lies))


def common_motion(
    start: npt.NDArray[np.floating], end: npt.NDArray[np.floating], found: npt.NDArray[np.bool_]
) -> tuple[Affine, float]:
    """The similarity (2, 3) that takes most points (n, 2) from `start` to `end`, and the share of all that agree.

    Least squares, again and again with Cauchy's weights 1 / (1 + (distance / scale)^2), from the median shift.
    """
    # Points as complex numbers: a similarity is a product and a sum.
    a, b = (p[found].astype(np.float64) @ (1.0, 1.0j) for p in (start, end))
    if len(a) < 4:
        return np.eye(2, 3), 0.0
    away = np.abs(b - a - _middle((b - a).real) - 1.0j * _middle((b - a).imag))
    for _ in range(3):
        weight = 1.0 / (1.0 + (away / max(1.5 * _middle(away), 0.02)) ** 2)
        weight /= weight.sum()
        p, to = a - weight @ a, weight @ b
        heavy = weight * p.conj()
        turn = (heavy @ (b - to)) / (heavy @ p)
        shift = to - turn * (weight @ a)
        away = np.abs(turn * a + shift - b)
    motion = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
    return motion, float((away < AGREE).sum() / len(start))


def _middle(values: npt.NDArray[np.float64]) -> float:
    """The upper median; np.median takes four times as long over so few."""
    return float(np.sort(values)[len(values) // 2])


def _patch(image: Image | Shrunk, crop: Affine) -> Image:
    """Grey, with mean and contrast made the same, so that light may change."""
    grey = sample_grey(image, crop, CROP)
    mean, spread = (float(v[0, 0]) for v in cv2.meanStdDev(grey))
    gain = 45.0 / max(spread, 4.0)
    return np.asarray(cv2.convertScaleAbs(grey, alpha=gain, beta=128.0 - gain * mean), np.uint8)
