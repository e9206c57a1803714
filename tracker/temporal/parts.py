"""A face's state as a point on a manifold: a rotation and a vector, with differences in the tangent space.

Filters only ever subtract two points and move a point by a difference, so a rotation is never averaged as
numbers and the step from 180 to -180 degrees does not exist for them. A difference is one vector (n,):

    rotation (3)  turn in the head frame, radians:  b = a Exp(difference)
    centre (2)    pixels             scale (1)   natural logarithm      nearness (1)   1/m
    expression, residual, spread, identity       as in `FaceState`
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..types import SKIN_M, FaceState
from .turns import Vector, exp_rotation, log_rotation, orthonormal

FACE_M = 0.15
"""The length of a face, metres: `scale * FACE_M` is its size in pixels."""

ROTATION = slice(0, 3)
CENTRE = slice(3, 5)
SCALE = 5
NEARNESS = 6
POSE = slice(0, 7)


@dataclass(frozen=True, slots=True)
class Parts:
    """Where each part lies in a difference of `size` numbers; the pose always is the first seven."""

    expression: slice
    residual: slice
    spread: slice
    identity: slice
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """`rotation` (3, 3) and `values` (n,), whose first three are unused and zero."""

    rotation: Vector
    values: Vector

    def minus(self, other: Point) -> Vector:
        """The difference (n,) that moves `other` to this point."""
        difference = self.values - other.values
        difference[ROTATION] = log_rotation(other.rotation.T @ self.rotation)
        return difference

    def plus(self, difference: Vector) -> Point:
        """This point moved by `difference` (n,)."""
        values = self.values + difference
        values[ROTATION] = 0.0
        return Point(self.rotation @ exp_rotation(difference[ROTATION]), values)  # a day's rounding is 1e-9

    @property
    def pose(self) -> Point:
        """The pose alone: its seven numbers."""
        return Point(self.rotation, self.values[POSE])

    def carried(self, motion: Vector) -> Point:
        """This point after the face's pixels moved by `motion` (2, 3), or with its turn (2, 4): see `Face.carried`."""
        (a, _, right, *aside), (b, _, down, *up) = motion.tolist()
        scale = math.hypot(a, b)
        c, s = a / scale, b / scale
        values = self.values.copy()
        x, y = values[CENTRE].tolist()
        rotation = np.array(((c, -s, 0.0), (s, c, 0.0), (0.0, 0.0, 1.0))) @ self.rotation
        if aside:
            deep = SKIN_M * math.exp(values[SCALE])
            right, down = right + deep * aside[0], down + deep * up[0]
            rotation = exp_rotation(np.array((-up[0] / scale, aside[0] / scale, 0.0))) @ rotation
        values[CENTRE] = a * x - b * y + right, b * x + a * y + down
        values[SCALE] += math.log(scale)
        return Point(rotation, values)


@lru_cache(maxsize=16)
def _parts(expression: int, residual: int, spread: int, identity: int) -> Parts:
    a = 7 + expression
    b = a + residual
    c = b + spread
    d = c + identity
    return Parts(slice(7, a), slice(a, b), slice(b, c), slice(c, d), size=d)


def parts_of(state: FaceState) -> Parts:
    """Where the parts of this state lie."""
    return _parts(state.expression.size, state.residual.size, state.spread.size, state.identity.size)


def point_of(state: FaceState) -> Point:
    """A state -> a point. Raises ValueError for one that is not finite, or whose scale has no logarithm."""
    x, y = state.centre.tolist()
    if not state.scale > 0.0:
        raise ValueError(f"A face's scale is above zero, found {state.scale}.")
    head = (0.0, 0.0, 0.0, x, y, math.log(state.scale), state.nearness)
    values = np.concatenate((head, state.expression, state.residual, state.spread, state.identity))
    rotation = state.rotation.astype(np.float64)
    if not math.isfinite(float(values @ values) + float(rotation.sum())):
        raise ValueError("A face's state has a number in it that is not finite.")
    return Point(orthonormal(rotation), values)


def state_of(point: Point, like: FaceState) -> FaceState:
    """A point -> a state with the camera of `like`."""
    parts, values = parts_of(like), point.values.astype(np.float32)
    return FaceState(
        rotation=point.rotation.astype(np.float32),
        centre=values[CENTRE],
        scale=math.exp(point.values[SCALE]),
        nearness=float(point.values[NEARNESS]),
        camera=like.camera,
        identity=values[parts.identity],
        expression=values[parts.expression],
        residual=values[parts.residual],
        spread=values[parts.spread],
    )


_UNITS = np.array([2.5, 2.5, 2.5, 1.0, 1.0, 3.0, 60.0])


def units(point: Point) -> Vector:
    """(7,) how much of each number of the pose moves the landmarks by about one face size.

    The common currency of the pose: with levers of 60 mm, 50 mm and (50 mm)**2 on a face of 150 mm.
    """
    result = _UNITS.copy()
    result[CENTRE] = math.exp(point.values[SCALE]) * FACE_M
    return result


def all_units(point: Point, parts: Parts) -> Vector:
    """(n,) the same for the pose, and 1 for every coefficient: about its whole range."""
    result = np.ones(parts.size)
    result[POSE] = units(point)
    return result
