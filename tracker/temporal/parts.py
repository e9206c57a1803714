"""A face's state as a point on a manifold: a rotation and a vector, with differences in the tangent space.

Filters only ever subtract two points and move a point by a difference, so a rotation is never averaged as
numbers and the step from 180 to -180 degrees does not exist for them. A difference is one vector (n,):

    rotation (3)  turn in the head frame, radians:  b = a Exp(difference)
    centre (2)    pixels             scale (1)   natural logarithm      nearness (1)   1/m
    expression, residual, spread, identity       as in `FaceState`
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..types import FaceState

Vector = npt.NDArray[np.float64]

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
        return Point(orthonormal(self.rotation @ exp_rotation(difference[ROTATION])), values)

    def carried(self, motion: Vector) -> Point:
        """This point after the picture moved by a similarity `motion` (2, 3), pixels to pixels."""
        a, b = float(motion[0, 0]), float(motion[1, 0])
        scale = np.hypot(a, b)
        turn = np.array([[a / scale, -b / scale, 0.0], [b / scale, a / scale, 0.0], [0.0, 0.0, 1.0]])
        values = self.values.copy()
        values[CENTRE] = motion[:, :2] @ values[CENTRE] + motion[:, 2]
        values[SCALE] += np.log(scale)
        return Point(orthonormal(turn @ self.rotation), values)


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
    """A finite state (see `is_finite`) -> a point."""
    head = (0.0, 0.0, 0.0, float(state.centre[0]), float(state.centre[1]), np.log(state.scale), state.nearness)
    values = np.concatenate((head, state.expression, state.residual, state.spread, state.identity))
    return Point(orthonormal(np.asarray(state.rotation, dtype=np.float64)), values)


def state_of(point: Point, like: FaceState) -> FaceState:
    """A point -> a state with the camera of `like`."""
    parts, values = parts_of(like), point.values.astype(np.float32)
    return replace(
        like,
        rotation=np.ascontiguousarray(point.rotation, dtype=np.float32),
        centre=values[CENTRE],
        scale=float(np.exp(point.values[SCALE])),
        nearness=float(point.values[NEARNESS]),
        expression=values[parts.expression],
        residual=values[parts.residual],
        spread=values[parts.spread],
        identity=values[parts.identity],
    )


def is_finite(state: FaceState) -> bool:
    """No NaN or infinity anywhere, and a scale that has a logarithm."""
    arrays = (state.rotation, state.centre, state.identity, state.expression, state.residual, state.spread)
    numbers = state.scale > 0 and bool(np.isfinite(state.scale) and np.isfinite(state.nearness))
    return numbers and all(bool(np.isfinite(array).all()) for array in arrays)


def units(point: Point, parts: Parts) -> Vector:
    """(n,) how much of each number moves the landmarks by about one face size, or is its whole range.

    The common currency of the pose: with levers of 60 mm, 50 mm and (50 mm)**2 on a face of 150 mm.
    """
    size = np.exp(point.values[SCALE]) * FACE_M
    result = np.ones(parts.size)
    result[:7] = (2.5, 2.5, 2.5, size, size, 3.0, 60.0)
    return result


def exp_rotation(turn: Vector) -> Vector:
    """(3,) radians -> (3, 3), Rodrigues' formula."""
    x, y, z = (float(v) for v in turn)
    angle2 = x * x + y * y + z * z
    if angle2 < 1e-12:
        a, b = 1.0 - angle2 / 6.0, 0.5 - angle2 / 24.0
    else:
        angle = np.sqrt(angle2)
        a, b = np.sin(angle) / angle, (1.0 - np.cos(angle)) / angle2
    return np.array(
        [
            [1 - b * (y * y + z * z), b * x * y - a * z, b * x * z + a * y],
            [b * x * y + a * z, 1 - b * (x * x + z * z), b * y * z - a * x],
            [b * x * z - a * y, b * y * z + a * x, 1 - b * (x * x + y * y)],
        ]
    )


def log_rotation(rotation: Vector) -> Vector:
    """(3, 3) -> (3,) radians, the shortest turn, at most pi long; right up to half a turn."""
    axis = 0.5 * np.array(
        [rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]]
    )
    sine = float(np.sqrt(axis @ axis))
    cosine = 0.5 * (float(rotation[0, 0] + rotation[1, 1] + rotation[2, 2]) - 1.0)
    if cosine > -0.99:
        return axis * (np.arctan2(sine, cosine) / sine) if sine > 1e-9 else axis
    # Near half a turn the skew part vanishes; the axis is in the symmetric part, its sign in what is left.
    outer = 0.5 * (rotation + rotation.T) + np.eye(3) * -cosine
    column = outer[:, int(np.argmax(np.diag(outer)))]
    column = column / np.sqrt(column @ column)
    return np.asarray(column * (np.arctan2(sine, cosine) * (-1.0 if float(axis @ column) < 0 else 1.0)))


def orthonormal(matrix: Vector) -> Vector:
    """The rotation (3, 3) of a matrix that has drifted by rounding (Gram-Schmidt on its rows)."""
    a, b = matrix[0], matrix[1]
    a = a / np.sqrt(a @ a)
    b = b - a * (a @ b)
    b = b / np.sqrt(b @ b)
    c = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    return np.array((a, b, c))
