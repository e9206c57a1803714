"""Where a picture comes to lie on a canvas: similarities, masks, pasting, and what is left to be seen of each mark."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..types import Image
from .locator_data import IGNORE, Marks

Affine = npt.NDArray[np.float64]
Random = np.random.Generator

SMALLEST, LARGEST = 10.5, 220.0
"""Sides of the faces to learn, pixels of the network's input; smaller ones are neither learned nor punished."""


def turned(random: Random, share: float = 0.8) -> float:
    """A turn in radians: mostly small, every fourth anything up to a little over 90 degrees."""
    if random.random() > share:
        return 0.0
    if random.random() < 0.25:
        return float(random.uniform(-1.75, 1.75))
    return float(np.clip(random.normal(0, np.radians(24)), -np.pi / 3, np.pi / 3))


def placing(source: npt.ArrayLike, target: npt.ArrayLike, scale: float, turn: float, random: Random) -> Affine:
    """The similarity that takes `source` to `target`, mirrored half of the time."""
    flip = -1.0 if random.random() < 0.5 else 1.0
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[c * flip, -s], [s * flip, c]])
    shift = np.asarray(target, float) - linear @ np.asarray(source, float)
    return np.concatenate([linear, shift[:, None]], 1)


def warp(image: Image, affine: Affine, size: tuple[int, int], border: int) -> Image:
    """Sample the picture under an affine (picture -> canvas), area-averaged first where it shrinks much."""
    scale = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    if scale < 0.6:
        small = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
        factor = np.array([image.shape[1] / small[0], image.shape[0] / small[1]])
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
        affine = np.concatenate([affine[:, :2] * factor, affine[:, 2:]], 1)
    # OpenCV counts a pixel's centre as whole numbers.
    shift = affine[:, :2] @ (0.5, 0.5) + affine[:, 2] - 0.5
    matrix = np.concatenate([affine[:, :2], shift[:, None]], 1)
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border), np.uint8)


def mask_of(shape: tuple[int, ...], mark: Marks, random: Random) -> Image:
    """How much of a crop is pasted, (h, w) uint8: all of it, or an ellipse or a rounded block about the face."""
    h, w = shape[:2]
    mask = np.zeros((h, w), np.uint8)
    style = random.choice(["all", "ellipse", "block"], p=[0.35, 0.45, 0.2])
    if style == "all":
        mask[:] = 255
        return mask
    x, y, side, roll = (float(v) for v in mark[:4])
    axes = np.array([random.uniform(0.62, 0.95), random.uniform(0.72, 1.1)]) * side
    middle = (x + 0.12 * side * np.sin(roll), y - 0.12 * side * np.cos(roll))  # a head reaches above its brows
    if style == "ellipse":
        cv2.ellipse(mask, (middle, tuple(2 * axes), np.degrees(roll)), 255, -1)
    else:
        corners = cv2.boxPoints((middle, tuple(1.8 * axes), float(np.degrees(roll))))
        cv2.fillConvexPoly(mask, corners.astype(np.int32), 255)
    feather = random.uniform(0.0, 0.09) * side
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), feather), np.uint8) if feather > 0.7 else mask


def paste(canvas: Image, owner: npt.NDArray[np.int16], image: Image, mask: Image, affine: Affine, who: int) -> None:
    """Paste into `canvas`, and write `who` into `owner` where the paste covers."""
    h, w = image.shape[:2]
    corners = np.array([[0, 0], [w, 0], [0, h], [w, h]]) @ affine[:, :2].T + affine[:, 2]
    x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int), (canvas.shape[1], canvas.shape[0]))
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    local = affine.copy()
    local[:, 2] -= (x0, y0)
    size = (int(x1 - x0), int(y1 - y0))
    patch = warp(image, local, size, cv2.BORDER_REPLICATE)
    alpha = warp(mask, local, size, cv2.BORDER_CONSTANT).astype(np.float32)[..., None] / 255
    part = canvas[y0:y1, x0:x1]
    part[:] = (part + alpha * (patch.astype(np.float32) - part) + 0.5).astype(np.uint8)
    owner[y0:y1, x0:x1][alpha[..., 0] > 0.5] = who


def uncovered(marks: Marks, owners: npt.NDArray[np.int_], owner: npt.NDArray[np.int16]) -> Marks:
    """Marks whose face still shows; those that show in part become IGNORE."""
    kept = []
    for mark, who in zip(marks, owners, strict=True):
        disc = np.zeros(owner.shape, np.uint8)
        cv2.circle(disc, (int(mark[0]), int(mark[1])), max(int(mark[2] / 2), 1), 1, -1)
        share = float((disc.astype(bool) & (owner == who)).sum()) / max(np.pi / 4 * float(mark[2]) ** 2, 1.0)
        if share > 0.12:
            mark = mark.copy()
            mark[5] = mark[5] if share > 0.55 else IGNORE
            kept.append(mark)
    return of_size(np.array(kept, np.float32).reshape(-1, 6))


def share_inside(marks: Marks, box: tuple[float, float, float, float]) -> npt.NDArray[np.float32]:
    """The share of each mark's square that lies inside a box (x0, y0, x1, y1)."""
    half = marks[:, 2] / 2
    w = np.minimum(marks[:, 0] + half, box[2]) - np.maximum(marks[:, 0] - half, box[0])
    h = np.minimum(marks[:, 1] + half, box[3]) - np.maximum(marks[:, 1] - half, box[1])
    return np.asarray(np.maximum(w, 0) * np.maximum(h, 0) / np.maximum(marks[:, 2] ** 2, 1e-6), np.float32)


def on_canvas(moved: Marks, size: tuple[int, int]) -> Marks:
    """The marks of a whole picture that lie on the canvas; those that reach far over its edge become IGNORE."""
    share = share_inside(moved, (0, 0, *size))
    moved[:, 5] = np.where(share > 0.6, moved[:, 5], IGNORE)
    return of_size(moved[share > 0.05])


def of_size(marks: Marks) -> Marks:
    marks[:, 5] = np.where(marks[:, 2] >= SMALLEST, marks[:, 5], IGNORE)
    return marks
