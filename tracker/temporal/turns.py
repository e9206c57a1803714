"""Rotations and turns. A matrix of nine numbers is quicker handled as Python's floats than as an array."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


def exp_rotation(turn: Vector) -> Vector:
    """(3,) radians -> (3, 3), Rodrigues' formula."""
    x, y, z = turn.tolist()
    angle2 = x * x + y * y + z * z
    if angle2 < 1e-12:
        a, b = 1.0 - angle2 / 6.0, 0.5 - angle2 / 24.0
    else:
        angle = math.sqrt(angle2)
        a, b = math.sin(angle) / angle, (1.0 - math.cos(angle)) / angle2
    return np.array(
        (
            (1 - b * (y * y + z * z), b * x * y - a * z, b * x * z + a * y),
            (b * x * y + a * z, 1 - b * (x * x + z * z), b * y * z - a * x),
            (b * x * z - a * y, b * y * z + a * x, 1 - b * (x * x + y * y)),
        )
    )


def log_rotation(rotation: Vector) -> Vector:
    """(3, 3) -> (3,) radians, the shortest turn, at most pi long; right up to half a turn."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    x, y, z = 0.5 * (zy - yz), 0.5 * (xz - zx), 0.5 * (yx - xy)
    sine = math.sqrt(x * x + y * y + z * z)
    cosine = 0.5 * (xx + yy + zz - 1.0)
    if cosine > -0.99:
        share = math.atan2(sine, cosine) / sine if sine > 1e-9 else 1.0
        return np.array((x * share, y * share, z * share))
    # Near half a turn the skew part vanishes; the axis is in the symmetric part, its sign in what is left.
    outer = 0.5 * (rotation + rotation.T) + np.eye(3) * -cosine
    column = outer[:, int(np.argmax(np.diag(outer)))]
    column = column / np.sqrt(column @ column)
    forward = float(column @ (x, y, z)) >= 0.0
    return np.asarray(column * (math.atan2(sine, cosine) * (1.0 if forward else -1.0)))


def orthonormal(matrix: Vector) -> Vector:
    """The rotation (3, 3) of a matrix that has drifted by rounding (Gram-Schmidt on its rows)."""
    (ax, ay, az), (bx, by, bz) = matrix[:2].tolist()
    size = math.sqrt(ax * ax + ay * ay + az * az)
    ax, ay, az = ax / size, ay / size, az / size
    along = ax * bx + ay * by + az * bz
    bx, by, bz = bx - along * ax, by - along * ay, bz - along * az
    size = math.sqrt(bx * bx + by * by + bz * bz)
    bx, by, bz = bx / size, by / size, bz / size
    return np.array(((ax, ay, az), (bx, by, bz), (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)))
