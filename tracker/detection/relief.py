"""How a head turned from or to the camera, read from the parallax of its face's pixels.

A nose lies nearer to the camera than cheeks and temples, so a head that nods or shakes moves the one against the
others. The face's picture is laid over a later one by a similarity and by a shift along each pixel's depth, which the
head model tells: a step of Gauss and Newton on the pixels themselves, with Huber's bound on those that do not fit
(inverse compositional: Baker and Matthews, IJCV 56(3), 2004). Eyes and what speech moves are left out.

Points of pictures are complex numbers here, x + y i: a similarity is a product and a sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..types import SKIN_M, Array, Face, Image
from .crop import CROP, Affine, invert, scale_of

_LEFT, _RIGHT, _TOP, _BOTTOM = 14, 98, 8, 68
"""Crop pixels that may take part: from below the brows to the nose."""
_EVERY = 2
"""Every other pixel of a row says nearly as much as all of them."""
_LAYOUT, _SOME = "mediapipe478", slice(0, 468, 6)
"""Of its points: enough for the depth between them."""
_STEP, _NEAR = 8, 3.0
"""Crop pixels: depth is worked out this far apart, as that of the points about so near."""
_EYES = slice(36, 42), slice(42, 48)
_MARGIN, _BROW = 4, 3.0
"""Crop pixels: what is so near to the face's outline may be something else, and what is so near above the lip goes with
it; the outline runs so far below the brows: raised, they would pass for a nod."""
_MOST = 2.0
"""Mean differences of grey beyond which a pixel counts no more."""
_LEAST = 0.3
"""Share of the pixels that are taken to be within it at least."""
_FEW = 400.0
"""With fewer pixels than this nothing is told."""
_STIFF = 1e-3
_DOWN, _ROWS, _ACROSS, _COLUMNS = 6, 10, 6, 7
"""Fields down, the rows of each, fields across, the columns of each."""
_TURN = slice(4, 6)


def _places() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """(36, 70) rows and columns of the pixels, field by field."""
    y, x = np.mgrid[_TOP:_BOTTOM, _LEFT:_RIGHT:_EVERY]
    split = (part.reshape(_DOWN, _ROWS, _ACROSS, _COLUMNS).swapaxes(1, 2) for part in (y, x))
    rows, columns = (part.reshape(_DOWN * _ACROSS, _ROWS * _COLUMNS) for part in split)
    return rows, columns


_AT = _places()
_Y, _X = (part.astype(np.float32) + np.float32(0.5) for part in _AT)
_BLANK = np.ones(_X.size, np.float32)
_ALL = np.ones(_X.shape[1], np.float32)
_WHICH = np.zeros((_BOTTOM, _RIGHT), np.intp)
"""Of a pixel: its place among those."""
_WHICH[_AT] = np.arange(_X.size).reshape(_X.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """A picture (CROP, CROP) of a face with the depth of its pixels.

    grey (n,); place (4, n) its x, y, 1 and depth beyond the skin's usual one (`SKIN_M`), crop pixels; weight (n,),
    their sum 1; answer (8, n) takes differences of grey to the motion and light that explain them, and explained
    (72, 8) that to what each field's own part of the turn would be if it did so wholly.
    """

    grey: Array
    place: Array
    weight: Array
    answer: Array
    explained: Array

    def depth(self, points: npt.NDArray[np.floating]) -> Array:
        """(N,) of points (N, 2) of the crop."""
        column = (points[:, 0].astype(np.intp) - _LEFT) // _EVERY * _EVERY + _LEFT
        return np.asarray(self.place[3][_WHICH[points[:, 1].astype(np.intp), column]])


def relief_of(patch: Image, lies: Affine, face: Face) -> Relief | None:
    """Of a picture that `lies` so in the frame, where it shows this face; None where too little of it is seen."""
    inverse, state = invert(lies), face.state
    weight = _seen(face.landmarks_px("ibug68") @ inverse[:, :2].T + inverse[:, 2]).ravel()
    total = float(weight.sum())
    if total * _EVERY < _FEW:
        return None
    metre = state.scale / scale_of(lies)
    z = (face.landmarks_head(_LAYOUT)[_SOME] @ state.rotation[2] + SKIN_M) * metre
    depth = _between(face.landmarks_px(_LAYOUT)[_SOME] @ inverse[:, :2].T + inverse[:, 2], z)
    grey = patch.astype(np.float32)
    dx, dy = (cv2.Scharr(grey, cv2.CV_32F, 1 - i, i, scale=1 / 32)[_AT] for i in (0, 1))
    x, y = _X - CROP / 2, _Y - CROP / 2
    grey = grey[_AT].ravel()
    rows = (dx * x + dy * y, dy * x - dx * y, dx, dy, dx * depth, dy * depth)
    ways = np.stack([*(row.ravel() for row in rows), _BLANK, grey - 128.0])  # light and contrast may change, too
    heavy = ways * weight
    square = (heavy @ ways.T).astype(np.float64)
    square[np.diag_indices(8)] += _STIFF
    answer = (np.linalg.inv(square) @ heavy).astype(np.float32)
    explained = np.stack([_by_field(answer[_TURN] * way) for way in ways], axis=-1)
    return Relief(grey, np.stack([_X.ravel(), _Y.ravel(), _BLANK, depth.ravel()]), weight / total, answer, explained)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """Where a picture lies in another: p -> `a` p + `b`; the pixels by which each moves before that per pixel of its
    depth, for the head's `turn`; by how many levels the two differed where they were said to lie (`apart`); and by how
    much each field of the picture would have the turn otherwise, `pulls` (72,), to the right and then down."""

    a: complex
    b: complex
    turn: complex
    apart: float
    pulls: Array


def laid_over(relief: Relief, patch: Image, a: complex, b: complex, turn: complex) -> Laid:
    """The relief laid over `patch`; what is given says about where."""
    tilt = a * turn
    way = np.array(((a.real, -a.imag, b.real - 0.5, tilt.real), (a.imag, a.real, b.imag - 0.5, tilt.imag)), np.float32)
    x, y = (way @ relief.place).reshape(2, *_X.shape)
    seen = cv2.remap(patch.astype(np.float32), x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
    away = seen.ravel() - relief.grey
    size = np.abs(away)
    mean = float(size @ relief.weight)
    most = _MOST * mean
    within = max(float((size < most) @ relief.weight), _LEAST)
    bound = np.clip(away, -most, most) / np.float32(within)
    found = relief.answer @ bound
    pulls = _by_field(relief.answer[_TURN] * bound) - relief.explained @ found
    zoom, roll, right, down, turn_x, turn_y = found[:6].tolist()
    change = complex(zoom, roll)
    b += a * (change * complex(CROP / 2, CROP / 2) - complex(right, down))
    return Laid(a * (1.0 - change), b, turn - complex(turn_x, turn_y), mean, pulls)


def _by_field(values: Array) -> Array:
    """(72,) the sums over each field of values (2, n)."""
    return np.asarray(values.reshape(-1, _ALL.size) @ _ALL)


def _between(at: npt.NDArray[np.floating], z: npt.NDArray[np.floating]) -> Array:
    """(h, w): the depth of every pixel from that of points (N, 2)."""
    x, y = (np.arange(low, high + _STEP, _STEP) + 0.5 for low, high in ((_LEFT, _RIGHT), (_TOP, _BOTTOM)))
    away = ((x[:, None] - at[:, 0]) ** 2)[None] + ((y[:, None] - at[:, 1]) ** 2)[:, None]
    near = 1.0 / (away + _NEAR**2) ** 2
    coarse = ((near @ z) / near.sum(-1)).astype(np.float32)
    return np.asarray(cv2.remap(coarse, (_X - _X[0, 0]) / _STEP, (_Y - _Y[0, 0]) / _STEP, cv2.INTER_LINEAR), np.float32)


def _seen(at: npt.NDArray[np.floating]) -> Array:
    """(h, w) 0 or 1: skin that only the head moves; `at` (68, 2) crop pixels."""
    mask = np.zeros((CROP, CROP), np.uint8)
    outline = np.concatenate([at[1:16], at[26:16:-1] + np.array((0.0, _BROW))])
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
    mask = cv2.erode(mask, np.ones((2 * _MARGIN - 1, 2 * _MARGIN - 1), np.uint8))
    for eye in _EYES:
        (x, y), wide = at[eye].mean(0).tolist(), float(np.linalg.norm(at[eye][0] - at[eye][3]))
        cv2.ellipse(mask, (round(x), round(y)), (round(0.45 * wide), round(0.35 * wide)), 0, 0, 360, 0, -1)
    mask[max(round(float(at[31:36, 1].max())) - _MARGIN, 0) :] = 0
    return np.asarray(mask[_AT], np.float32)
