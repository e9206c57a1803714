"""Crops: similarities from crop pixels to frame pixels, and the one function that samples them.

An affine (2, 3) maps a crop's pixels to the frame's, both with the first pixel's centre at (0.5, 0.5). Training
samples with this same function, so that what the network learned is what it sees.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from ..types import Array, Image

Affine = npt.NDArray[np.float64]

CROP = 112
"""Side of the landmark network's input, pixels."""
ROI = 144
"""Side of the region that the normalizer sees and, while training, cuts from."""
VIEW = 48
"""Side of the normalizer's own input: the region, averaged over 3 x 3 pixels."""
ROI_SIDE = 1.5
"""Side of the region over the longer side of the face's 68-point box."""
CROP_SHARE = 0.78
"""Side of the crop over the region's, where the normalizer says nothing."""
_ROOM = 6
"""Pixels of the shrunk frame that are kept round a crop for the next one."""


def similarity(centre: npt.ArrayLike, side: float, roll: float, size: int) -> Affine:
    """The affine (2, 3) of a square crop: centre (2,) and side in frame pixels, roll in radians (clockwise)."""
    scale, (cx, cy) = side / size, np.asarray(centre, dtype=np.float64)
    a, b = scale * np.cos(roll), scale * np.sin(roll)
    half = size / 2
    return np.array([[a, -b, cx - a * half + b * half], [b, a, cy - b * half - a * half]])


def apply(affine: Affine, points: npt.NDArray[np.floating]) -> Array:
    """Crop pixels (..., 2) -> frame pixels."""
    return np.asarray(points @ affine[:, :2].T + affine[:, 2], dtype=np.float32)


def invert(affine: Affine) -> Affine:
    """Frame -> crop."""
    (a, b, x), (c, d, y) = affine.tolist()  # plain numbers: NumPy's solver takes ten times as long over four
    size = a * d - b * c
    a, b, c, d = d / size, -b / size, -c / size, a / size
    return np.array([[a, b, -(a * x + b * y)], [c, d, -(c * x + d * y)]])


def compose(outer: Affine, inner: Affine) -> Affine:
    """outer after inner."""
    return np.concatenate([outer[:, :2] @ inner[:, :2], (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]], axis=1)


def scale_of(affine: Affine) -> float:
    """Frame pixels per crop pixel."""
    return math.hypot(affine[0, 0], affine[1, 0])


def roll_of(affine: Affine) -> float:
    """Roll of the crop in the frame, radians, clockwise."""
    return math.atan2(affine[1, 0], affine[0, 0])


class Shrunk:
    """A frame that keeps the part of it that was shrunk last: the crops of one face lie in nearly the same place, and
    shrinking costs as much as cutting. For one thread."""

    __slots__ = ("_factor", "_kept", "_place", "image")

    def __init__(self, image: Image) -> None:
        self.image = image
        self._factor, self._place = 0, (0, 0, 0, 0)
        self._kept = image

    def part(self, factor: int, x0: int, y0: int, x1: int, y1: int) -> tuple[Image, int, int]:
        """The frame from (x0, y0), multiples of `factor`, to (x1, y1) at least, shrunk; and where it begins."""
        left, top, right, bottom = self._place
        if factor != self._factor or x0 < left or y0 < top or x1 > right or y1 > bottom:
            height, width = self.image.shape[:2]
            left, top = max(x0 - _ROOM * factor, 0), max(y0 - _ROOM * factor, 0)
            right = left + (min(x1 + _ROOM * factor, width) - left) // factor * factor
            bottom = top + (min(y1 + _ROOM * factor, height) - top) // factor * factor
            self._kept = shrunk(self.image, factor, left, top, right, bottom)
            self._factor, self._place = factor, (left, top, right, bottom)
        return self._kept, left, top


def shrunk(image: Image, factor: int, x0: int, y0: int, x1: int, y1: int) -> Image:
    """Part of a frame, each block of factor x factor pixels averaged."""
    part = image[y0:y1, x0:x1]
    if factor == 1:
        return part
    to = ((x1 - x0) // factor, (y1 - y0) // factor)
    return np.asarray(cv2.resize(part, to, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def sample(image: Image | Shrunk, affine: Affine, size: int, border: int = cv2.BORDER_CONSTANT) -> Image:
    """Cut the crop (size, size, 3) uint8 out of a frame; black outside it.

    A crop that covers more than two frame pixels per pixel is cut from its area-averaged neighbourhood, so that
    large faces do not alias.
    """
    factor = _factor(affine)
    if factor > 1:
        image, affine = _reduced(image, affine, size, factor)
    elif isinstance(image, Shrunk):
        image = image.image
    return _cut(image, affine, size, border)


def sample_grey(image: Image | Shrunk, affine: Affine, size: int) -> Image:
    """The same crop in grey (size, size): only its neighbourhood is turned grey, and one channel is cut in half the
    time of three."""
    part, moved = _reduced(image, affine, size, _factor(affine))
    return _cut(np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8), moved, size, cv2.BORDER_CONSTANT)


def _factor(affine: Affine) -> int:
    """By what the frame is shrunk before such a crop is cut."""
    scale = scale_of(affine)
    return 2 ** int(math.log2(scale)) if scale > 2.0 else 1


def _cut(image: Image, affine: Affine, size: int, border: int) -> Image:
    # OpenCV counts a pixel's centre as whole numbers.
    shift = affine[:, :2] @ (0.5, 0.5) + affine[:, 2] - 0.5
    matrix = np.concatenate([affine[:, :2], shift[:, None]], axis=1)
    out = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border)
    return np.asarray(out, dtype=np.uint8)


def _around(row: list[float], size: int, factor: int) -> tuple[int, int]:
    """Where a crop begins and ends along one axis of the frame, in whole steps of `factor` and one more."""
    a, b, shift = row
    low, high = shift + size * (min(a, 0.0) + min(b, 0.0)), shift + size * (max(a, 0.0) + max(b, 0.0))
    return math.floor(low / factor) * factor - factor, math.ceil(high / factor) * factor + factor


def _reduced(image: Image | Shrunk, affine: Affine, size: int, factor: int) -> tuple[Image, Affine]:
    """The crop's neighbourhood shrunk by a whole factor, and the affine into it."""
    whole = image.image if isinstance(image, Shrunk) else image
    height, width = whole.shape[:2]
    (x0, x1), (y0, y1) = (_around(row, size, factor) for row in affine.tolist())
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if x1 - x0 < factor or y1 - y0 < factor:
        return whole, affine
    x1, y1 = x0 + (x1 - x0) // factor * factor, y0 + (y1 - y0) // factor * factor
    if isinstance(image, Shrunk):
        small, x0, y0 = image.part(factor, x0, y0, x1, y1)
    else:
        small = shrunk(whole, factor, x0, y0, x1, y1)
    moved = np.concatenate([affine[:, :2], (affine[:, 2] - (x0, y0))[:, None]], axis=1) / factor
    return small, moved
