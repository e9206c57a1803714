"""Glasses drawn over the eyes of training faces: few of the packs' people wear any, and dark ones hide what the network
leans on most.

A pair is two rounded lenses on the line through the eyes, as wide as the head's turn leaves them, with a rim and a
bridge; the lenses are dark, or clear with a glare.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .packs import SLICES

SHARE = 0.07
"""Of the faces that get a pair."""
Rng = np.random.Generator
_EYES = (slice(36, 42), slice(42, 48))


@dataclass(frozen=True, slots=True)
class Pair:
    """`centres` (2, 2) px of the lenses, half `axes` (2,) px along and across the line of the eyes, its `angle`
    (radians), the exponent `roundness` of |u|^r + |v|^r <= 1, half the `rim`'s width px."""

    centres: npt.NDArray[np.float64]
    axes: npt.NDArray[np.float64]
    angle: float
    roundness: float
    rim: float


def place(points: npt.NDArray[np.float32], rotation: npt.NDArray[np.float32], rng: Rng) -> Pair | None:
    """Where a pair sits on a face with these labels (TOTAL, 2) px and rotation (3, 3); None where they do not say."""
    labels = points[SLICES["tddfa68"]]
    if not np.isfinite(labels).all():
        labels = points[SLICES["aflw2000_68"]]
    turned = float(abs(rotation[0, 0]))
    if not (np.isfinite(labels).all() and np.isfinite(turned)) or turned < 0.25:
        return None  # in profile one lens covers what is seen: the ellipses of `_occlude` do as well
    eyes = np.stack([labels[eye].mean(0) for eye in _EYES]).astype(np.float64)
    line = eyes[1] - eyes[0]
    apart = float(np.linalg.norm(line))
    if apart < 4:
        return None
    angle = float(np.arctan2(line[1], line[0]))
    half = apart * rng.uniform(0.34, 0.47)
    tall = apart / turned * rng.uniform(0.22, 0.42)
    down = np.array([-np.sin(angle), np.cos(angle)]) * tall * rng.uniform(-0.1, 0.3)
    return Pair(
        eyes + down, np.array([half, tall]), angle, float(rng.choice([2.0, 2.6, 4.0])), float(rng.uniform(0, 2))
    )


def wear(image: npt.NDArray[np.uint8], pair: Pair, rng: Rng) -> npt.NDArray[np.uint8]:
    """The picture with the pair in front; colours and opacity are drawn."""
    size = image.shape[0]
    y, x = np.mgrid[0:size, 0:size] + 0.5
    c, s = np.cos(pair.angle), np.sin(pair.angle)
    reach = np.full((size, size), np.inf)
    for cx, cy in pair.centres:
        u, v = c * (x - cx) + s * (y - cy), c * (y - cy) - s * (x - cx)
        value = np.abs(u / pair.axes[0]) ** pair.roundness + np.abs(v / pair.axes[1]) ** pair.roundness
        reach = np.minimum(reach, value ** (1 / pair.roundness))
    edge = float(pair.axes.min())
    inside = np.clip((1 - reach) * edge + 0.5, 0, 1)
    rim = np.clip(pair.rim + 0.5 - np.abs(reach - 1) * edge, 0, 1)
    out = image.astype(np.float32)
    shade = np.full(3, rng.uniform(0, 70)) + rng.uniform(-12, 12, 3)
    if rng.random() < 0.65:
        out += (rng.uniform(0.6, 1.0) * inside)[..., None] * (shade - out)
    if rng.random() < 0.5:
        out += _glare(x, y, pair, rng)[..., None] * inside[..., None] * (rng.uniform(150, 255) - out)
    colour = shade if rng.random() < 0.7 else rng.uniform(0, 255, 3)
    bridge = np.zeros((size, size), np.uint8)
    ends = pair.centres + np.array([[c, s], [-c, -s]]) * pair.axes[0]
    width = max(1, round(2 * pair.rim))
    (x0, y0), (x1, y1) = ends.round().astype(int).tolist()
    cv2.line(bridge, (x0, y0), (x1, y1), 255, width, cv2.LINE_AA)
    out += np.maximum(rim, bridge / 255.0)[..., None] * (colour - out)
    return np.asarray(np.clip(out, 0, 255), dtype=np.uint8)


def _glare(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], pair: Pair, rng: Rng) -> npt.NDArray[np.float64]:
    """Opacity of a bright streak across the lenses."""
    cx, cy = pair.centres[int(rng.integers(2))] + rng.uniform(-0.5, 0.5, 2) * pair.axes
    turn = rng.uniform(0, np.pi)
    off = np.abs((x - cx) * np.cos(turn) + (y - cy) * np.sin(turn))
    return np.asarray(rng.uniform(0.2, 0.9) * np.clip(1.5 - off / max(pair.axes[1] * rng.uniform(0.2, 0.8), 1), 0, 1))
