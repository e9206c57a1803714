"""Regions, boxes and finds: where a face may be, and whether what was read there can be one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import SourceError
from ..types import Array, Face, FaceState, Frame, Image
from .crop import ROI, ROI_SIDE, Affine, apply, invert, similarity
from .locator import Find

Box = tuple[float, float, float, float]


def check_image(image: Any) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise SourceError(f"An RGB picture (H, W, 3) of uint8 was wanted, found {found}; convert it first.")
    if image.size == 0:
        raise SourceError(f"The picture is empty: found {image.shape}, wanted at least one pixel.")


def check_frame(frame: Any) -> None:
    if not isinstance(frame, Frame):
        raise SourceError(f"A Frame(image, time) was wanted, found {type(frame).__name__}; `detect` takes a still.")
    check_image(frame.image)


def check_box(box: Sequence[float]) -> Box:
    try:
        x0, y0, x1, y1 = (float(v) for v in box)
    except (TypeError, ValueError) as error:
        raise SourceError(f"Boxes are (x0, y0, x1, y1), one a face; found {box!r} for one.") from error
    if not (np.isfinite([x0, y0, x1, y1]).all() and x1 > x0 and y1 > y0):
        raise SourceError(f"A box (x0, y0, x1, y1) with x1 > x0 and y1 > y0 was wanted, found {tuple(box)}.")
    return x0, y0, x1, y1


def region_of_square(cx: float, cy: float, side: float, roll: float = 0.0) -> Affine:
    """The region round a face whose 68 points span `side` pixels."""
    return similarity((cx, cy), max(side, 1.0) * ROI_SIDE, roll, ROI)


def region_of_box(box: Box, roll: float = 0.0) -> Affine:
    """The region round a box (x0, y0, x1, y1) that is tight round a face's 68 points."""
    x0, y0, x1, y1 = box
    return region_of_square((x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0), roll)


def region_of_find(find: Find) -> Affine:
    """The region of what the locator found, upright in its roll."""
    return region_of_box(find.box, find.roll)


def upright_roll(state: FaceState) -> float:
    """In-plane angle of the head's up axis, radians, clockwise in the image."""
    x, y = float(state.rotation[0, 1]), float(state.rotation[1, 1])
    return float(np.arctan2(x, -y)) if np.hypot(x, y) > 0.2 else 0.0


def square_of_face(face: Face) -> tuple[Array, float, float]:
    """Centre (2,), side (pixels) and roll (radians) of the square that is tight round the face's own points, upright
    in the face's roll."""
    roll = upright_roll(face.state)
    frame = similarity((0.0, 0.0), 1.0, roll, 1)
    upright = apply(invert(frame), face.landmarks_px("ibug68"))
    low, high = upright.min(0), upright.max(0)
    return apply(frame, (low + high) / 2), float((high - low).max()), roll


def region_of_face(face: Face, shift: Array | None = None) -> Affine:
    """The square round the face's own points, upright in the face's roll, moved by `shift` (2,) pixels."""
    centre, side, roll = square_of_face(face)
    if shift is not None:
        centre = centre + shift
    return region_of_square(float(centre[0]), float(centre[1]), side, roll)


def believable(face: Face, presence: float, std: float) -> bool:
    """Present enough, and sure enough of its landmarks."""
    return face.presence >= presence and unsure(face) <= std


def unsure(face: Face) -> float:
    """The landmarks' mean standard deviation, of the face's size."""
    return float(face.std_px("ibug68").mean()) / max(face.size_px, 1e-6)


def plausible(face: Face, image: Image) -> bool:
    """Not shrunk to nothing, not grown beyond the frame, its middle not far outside."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = face.bbox
    side = max(x1 - x0, y1 - y0)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    inside = -0.3 * side < cx < width + 0.3 * side and -0.3 * side < cy < height + 0.3 * side
    return bool(np.isfinite(side) and 8 < side < 3 * max(width, height) and inside)


def same_face(one: Face, other: Face) -> bool:
    """Two readings of one face: their boxes' middles are nearer than half a side."""
    a, b = np.array(one.bbox), np.array(other.bbox)
    gap = float(np.linalg.norm((a[:2] + a[2:]) / 2 - (b[:2] + b[2:]) / 2))
    return gap < 0.5 * min(one.size_px, other.size_px)


def covers(face: Face, find: Find) -> bool:
    """Whether a find is (near to) a face that is already known."""
    a, b = np.array(face.bbox), np.array(find.box)
    gap = float(np.linalg.norm((a[:2] + a[2:]) / 2 - (b[:2] + b[2:]) / 2))
    return gap < 0.6 * max(face.size_px, float(b[2] - b[0]))
