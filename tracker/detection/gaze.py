"""Where the eyes look to the side, read from their own pixels.

In the network's crop an eye is ten pixels wide: what it says of a sideways look follows the turn of the head rather
than the irises. Here each eye is cut out of the frame between its corners, the right one mirrored, and a small
network says how far it looks to the subject's left, as eyeLookOut and eyeLookIn of the two sides. Looks up and down
go with the lids, and stay as the landmark network has them. Learnt by `stillpoint train-gaze`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from .. import assets
from ..errors import ModelError
from ..head import EXPRESSIONS
from ..types import Array, FaceState, Image
from .crop import Affine, Shrunk

FILE = assets.ROOT / "models" / "gaze.npz"
SIDE, HEIGHT = 28, 14
"""Pixels of an eye's picture, which is as wide as `SHARE` eyes."""
SHARE = 1.3
INPUTS = SIDE * HEIGHT + 3
FADES = (45.0, 60.0)
"""Degrees of yaw from which the far eye is seen too little, and beyond which the landmark network's word stands."""
EYES = [42, 45, 36, 39]
"""Of 68 points, the image-left and the image-right corner of the subject's left and of the right eye."""
_OUT = (EXPRESSIONS.index("eyeLookOutLeft"), EXPRESSIONS.index("eyeLookOutRight"))
_IN = (EXPRESSIONS.index("eyeLookInLeft"), EXPRESSIONS.index("eyeLookInRight"))
_TOGETHER = 0.35
"""How much of an eye's look is told by the other's, since both mostly look at one thing: less trembling, no more error
(rows and clips, of 0 to 0.5)."""
_SMALLEST = 3.0
"""Pixels of an eye's width below which nothing can be seen."""


@dataclass(frozen=True, slots=True, eq=False)
class GazeReader:
    """Three layers: INPUTS -> hidden -> hidden -> 1, rectified between."""

    weights: tuple[Array, Array, Array]
    biases: tuple[Array, Array, Array]

    def aside(self, inputs: Array) -> Array:
        """(n, INPUTS) of `eye_inputs` -> (n,) how far each eye looks outward, 1 as far as it can, inward below 0."""
        (w0, w1, w2), (b0, b1, b2) = self.weights, self.biases
        hidden = np.maximum(inputs @ w0 + b0, 0.0)
        hidden = np.maximum(hidden @ w1 + b1, 0.0)
        return np.asarray((hidden @ w2 + b2)[:, 0], dtype=np.float32)

    def read(self, image: Image | Shrunk, state: FaceState, corners: Array) -> FaceState:
        """The state with its sideways look as the eyes show it in the frame (H, W, 3); `corners` (4, 2) px: `EYES`
        as they lie there."""
        trust = trusted(state)
        crops = eye_crops(corners) if trust > 0.0 else None
        if crops is None:
            return state
        shapes = state.expression.copy()
        found = self.aside(eye_inputs(cut_eyes(image, crops), state)).tolist()
        for eye, (own, other) in enumerate((found, found[::-1])):
            value = (1.0 - _TOGETHER) * own - _TOGETHER * other
            was = float(shapes[_OUT[eye]] - shapes[_IN[eye]])
            now = trust * min(max(value, -1.0), 1.0) + (1.0 - trust) * was
            shapes[_OUT[eye]], shapes[_IN[eye]] = max(now, 0.0), max(-now, 0.0)
        return replace(state, expression=shapes)


def trusted(state: FaceState) -> float:
    """0..1: how far the eyes' own pixels are believed at a head's yaw."""
    yaw = math.degrees(math.asin(min(abs(float(state.rotation[0, 2])), 1.0)))
    return min(max((FADES[1] - yaw) / (FADES[1] - FADES[0]), 0.0), 1.0)


def eye_crops(corners: Array) -> list[Affine] | None:
    """Crops (SIDE x HEIGHT px -> frame px) of the left and the right eye; None where one is too small.

    `corners` (4, 2) px: `EYES`."""
    points, crops = corners.tolist(), []
    for (ax, ay), (bx, by) in (points[:2], points[2:]):
        dx, dy = bx - ax, by - ay
        if not math.hypot(dx, dy) > _SMALLEST:
            return None
        a, b = SHARE * dx / SIDE, SHARE * dy / SIDE
        x = (ax + bx - a * SIDE + b * HEIGHT) / 2
        y = (ay + by - b * SIDE - a * HEIGHT) / 2
        crops.append(np.array([[a, -b, x], [b, a, y]]))
    return crops


def cut_eyes(image: Image | Shrunk, crops: list[Affine]) -> list[Image]:
    """Both eyes in grey, (HEIGHT, SIDE) each: `crop.sample_grey` for two crops that are no squares and lie side by
    side, at half its time."""
    whole = image.image if isinstance(image, Shrunk) else image
    height, width = whole.shape[:2]
    rows = [crop.tolist() for crop in crops]
    scale = max(math.hypot(row[0][0], row[1][0]) for row in rows)
    factor = 2 ** int(math.log2(scale)) if scale > 2.0 else 1
    reach = 0.5 * math.hypot(SIDE, HEIGHT) * scale + 2 * factor
    middles = [(a * SIDE / 2 + b * HEIGHT / 2 + x, c * SIDE / 2 + d * HEIGHT / 2 + y) for (a, b, x), (c, d, y) in rows]
    xs, ys = zip(*middles, strict=True)
    x0, y0 = max(int(min(xs) - reach), 0), max(int(min(ys) - reach), 0)
    across, down = (min(int(max(xs) + reach), width) - x0) // factor, (min(int(max(ys) + reach), height) - y0) // factor
    if across < 1 or down < 1:
        return [np.zeros((HEIGHT, SIDE), np.uint8) for _ in rows]
    part = cv2.cvtColor(whole[y0 : y0 + down * factor, x0 : x0 + across * factor], cv2.COLOR_RGB2GRAY)
    if factor > 1:
        part = cv2.resize(part, (across, down), interpolation=cv2.INTER_AREA)
    out = []
    for (a, b, x), (c, d, y) in rows:
        # OpenCV counts a pixel's centre as whole numbers.
        shift = ((a + b) / 2 + x - x0) / factor - 0.5, ((c + d) / 2 + y - y0) / factor - 0.5
        matrix = np.array([[a / factor, b / factor, shift[0]], [c / factor, d / factor, shift[1]]])
        eye = cv2.warpAffine(part, matrix, (SIDE, HEIGHT), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        out.append(np.asarray(eye, dtype=np.uint8))
    return out


def eye_inputs(eyes: list[Image], state: FaceState) -> Array:
    """(2, INPUTS): both eyes' pixels without their brightness and contrast, the right eye's mirrored, and how the head
    is turned."""
    out = np.empty((2, INPUTS), np.float32)
    pixels = out[:, :-3]
    pixels[0], pixels[1] = eyes[0].reshape(-1), eyes[1][:, ::-1].reshape(-1)
    pixels -= pixels.sum(1, keepdims=True) / pixels.shape[1]
    spread = np.einsum("ij,ij->i", pixels, pixels).tolist()
    for k, value in enumerate(spread):
        pixels[k] *= 1.0 / (math.sqrt(value / pixels.shape[1]) + 4.0)
    (_, roll, x), (_, _, y), _ = state.rotation.tolist()
    out[0, -3:], out[1, -3:] = (x, y, roll), (-x, y, -roll)
    return out


@lru_cache(maxsize=2)
def load_gaze(file: Path | None = None) -> GazeReader:
    """The reader that ships. Raises ModelError where its file is missing or damaged."""
    file = file or FILE
    try:
        with np.load(file) as data:
            weights = tuple(data[f"w{i}"].astype(np.float32) for i in range(3))
            biases = tuple(data[f"b{i}"].astype(np.float32) for i in range(3))
    except (ValueError, KeyError, OSError) as error:
        raise ModelError(
            f"What reads the gaze, {file}, is missing or damaged ({error}); restore assets/models."
        ) from error
    if weights[0].shape[0] != INPUTS or weights[2].shape[1] != 1:
        raise ModelError(
            f"What reads the gaze, {file}, takes {weights[0].shape[0]} numbers, {INPUTS} were wanted; "
            "restore assets/models, or train it again with `stillpoint train-gaze`."
        )
    return GazeReader((weights[0], weights[1], weights[2]), (biases[0], biases[1], biases[2]))


def save_gaze(reader: GazeReader, file: Path) -> None:
    """Write a reader as `load_gaze` reads it, in 16 bits."""
    file.parent.mkdir(parents=True, exist_ok=True)
    (w0, w1, w2), (b0, b1, b2) = reader.weights, reader.biases
    half = np.float16
    np.savez_compressed(
        file,
        w0=w0.astype(half), w1=w1.astype(half), w2=w2.astype(half),
        b0=b0.astype(half), b1=b1.astype(half), b2=b2.astype(half),
    )  # fmt: skip
