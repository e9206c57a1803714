"""The network's code: what each of its numbers means, and how they become a FaceState.

The landmark network says CODE numbers of a crop. They describe the face in the crop's own view: a camera that
looks straight at the head, `centre` and `scale` in crop pixels. The crop's affine carries them into the frame.
"""

from __future__ import annotations

import math

import numpy as np

from ..types import Array, Camera, FaceState
from .crop import CROP, Affine, apply, roll_of, scale_of

RESIDUALS = 32
SPREADS = 8

ROTATION = slice(0, 6)
CENTRE = slice(6, 8)
SCALE = slice(8, 9)
NEARNESS = slice(9, 10)
PRESENCE = slice(10, 11)
SPREAD = slice(11, 11 + SPREADS)
IDENTITY = slice(SPREAD.stop, SPREAD.stop + 40)
EXPRESSION = slice(IDENTITY.stop, IDENTITY.stop + 52)
RESIDUAL = slice(EXPRESSION.stop, EXPRESSION.stop + RESIDUALS)
CODE = RESIDUAL.stop

SCALE_0 = 690.0
"""Crop pixels per metre of an ordinary face in an ordinary crop."""
NEARNESS_0 = 0.8
"""1/m: an ordinary photograph is taken from 1.25 m."""
LIMIT = 3.0
"""Identity and residual stay within three standard deviations."""


def decode(code: Array, affine: Affine, camera: Camera) -> FaceState:
    """CODE numbers of a crop (CODE,) and the crop's affine -> the face in the frame.

    The rotation is the 6D representation of Zhou et al. (arXiv:1812.07035), Gram-Schmidt of two columns.
    """
    # Plain numbers: for three of them NumPy takes five times as long.
    ax, ay, az, bx, by, bz = (float(v) for v in code[:6].tolist())
    size = max(math.sqrt(ax * ax + ay * ay + az * az), 1e-8)
    ax, ay, az = ax / size, ay / size, az / size
    along = ax * bx + ay * by + az * bz
    bx, by, bz = bx - along * ax, by - along * ay, bz - along * az
    size = max(math.sqrt(bx * bx + by * by + bz * bz), 1e-8)
    bx, by, bz = bx / size, by / size, bz / size
    cx, cy, cz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    roll = roll_of(affine)
    c, s = math.cos(roll), math.sin(roll)
    rotation = [
        [c * ax - s * ay, c * bx - s * by, c * cx - s * cy],
        [s * ax + c * ay, s * bx + c * by, s * cx + c * cy],
        [az, bz, cz],
    ]
    centre = CROP / 2 * (1 + code[CENTRE].astype(np.float64))
    return FaceState(
        rotation=np.array(rotation, dtype=np.float32),
        centre=apply(affine, centre),
        scale=scale_of(affine) * SCALE_0 * math.exp(min(max(float(code[8]), -2.0), 2.0)),
        nearness=NEARNESS_0 * math.exp(math.tanh(float(code[9]))),
        camera=camera,
        identity=np.asarray(LIMIT * np.tanh(code[IDENTITY] / LIMIT), dtype=np.float32),
        expression=np.asarray(np.clip(code[EXPRESSION], 0.0, 1.0), dtype=np.float32),
        residual=np.asarray(LIMIT * np.tanh(code[RESIDUAL] / LIMIT), dtype=np.float32),
        spread=np.asarray(code[SPREAD], dtype=np.float32),
    )


def presence(code: Array) -> float:
    """0..1: how sure the network is that the crop holds a well-framed face."""
    return 1.0 / (1.0 + math.exp(-min(max(float(code[10]), -30.0), 30.0)))
