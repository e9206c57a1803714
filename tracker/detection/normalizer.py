"""Where the crop is cut: the normalizer's four numbers -> an affine, with hysteresis on a still face."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ..types import Array, Image
from .crop import CROP, CROP_SHARE, ROI, VIEW, Affine, Shrunk, compose, roll_of, sample, scale_of, similarity

SHIFT_REACH = 0.30  # of the region's side
LOG_SCALE_REACH = 0.45
ROLL_REACH = 0.70  # radians

KEEP_SHIFT = 0.02  # of the crop's side
KEEP_SCALE = 0.03
KEEP_ROLL = np.radians(2.0)
DRAW = 0.15
"""Share of the difference by which a carried crop is drawn back each frame."""
ASTRAY = 5.0
"""Times the hysteresis."""


def view_of(region: Image) -> Image:
    """The region (ROI, ROI, 3) averaged down to what the normalizer sees (VIEW, VIEW, 3)."""
    return np.asarray(cv2.resize(region, (VIEW, VIEW), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def crop_of(region: Affine, o: Array) -> Affine:
    """The crop's affine in the frame, from the region's (ROI px -> frame px) and the normalizer's answer (4,)."""
    centre = ROI / 2 + SHIFT_REACH * ROI * np.asarray(o[:2], dtype=np.float64)
    side = CROP_SHARE * float(np.exp(LOG_SCALE_REACH * o[2])) * ROI
    return compose(region, similarity(centre, side, ROLL_REACH * float(o[3]), CROP))


def plain_crop(region: Affine) -> Affine:
    """The crop without a normalizer: the middle of the region."""
    return crop_of(region, np.zeros(4, np.float32))


def look(image: Image | Shrunk, region: Affine) -> Image:
    """What the normalizer sees of a region of the frame."""
    return view_of(sample(image, region, ROI))


def settle(new: Affine, kept: Affine | None) -> Affine:
    """The kept crop while the new one is nearly the same: a still face must not be re-cut every frame."""
    return new if kept is None or apart(new, kept) >= 1.0 else kept


def lead(new: Affine, kept: Affine) -> Affine:
    """The kept crop where it moves with the face by itself; drawn gently to the new one once they differ, and given
    up where they differ much."""
    far = apart(new, kept)
    if far >= ASTRAY:
        return new
    return kept + DRAW * (1.0 - 1.0 / far) * (new - kept) if far > 1.0 else kept


def apart(new: Affine, kept: Affine) -> float:
    """How much two crops differ; 1 is the hysteresis."""
    side = CROP * scale_of(kept)
    shift = math.hypot(*((new - kept) @ (CROP / 2, CROP / 2, 1.0))) / side
    scale = abs(math.log(scale_of(new) / scale_of(kept)))
    roll = abs(math.remainder(roll_of(new) - roll_of(kept), math.tau))
    return max(shift / KEEP_SHIFT, scale / KEEP_SCALE, roll / float(KEEP_ROLL))
