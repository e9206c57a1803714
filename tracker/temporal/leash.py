"""How far a filtered pose may lie from what the network says of the very frame: the bound on lag.

A filter that judges motion by its own history can be wrong about it: pixels that blur say nothing, and a fast head
looks like a noisy one. So whatever a filter believes, its pose is kept within some of the network's own deviations
of its word; the faster the head goes by that word, the fewer.
"""

from __future__ import annotations

import math

import numpy as np

from .one_euro import smoothing
from .parts import CENTRE, Point
from .turns import Vector

_LENGTH = np.array([6.0, 6.0, 2.9, 1.6, 1.6, 2.9, 12.0])
"""Deviations of a landmark that each number of a resting pose may be off: turns out of the picture's plane are told
worst, and talking nods them; the place in the picture is told best."""
_SPEED = 0.3
"""Face sizes a second at which half of that is allowed."""
_SPEED_HZ = 3.0
_CARRIED = 0.25
"""Of that, what pixels which carry the pose give back: they know better than the network where it goes."""
_SLACK = 0.2
"""Share of its length within which a leash pulls at nothing."""
_LEAST_NOISE = 0.004


class Leash:
    """Of one face; `length` is to be called once a frame."""

    def __init__(self, first: Point) -> None:
        self._told = first.values[CENTRE]
        self._speed = 0.0

    def length(self, told: Point, dt: float, noise: float, unit: Vector, trust: float) -> Vector:
        """(7,) in face sizes; `noise` is the network's mean standard deviation of a landmark, `unit` (7,) the pose's,
        `trust` 0..1 how far the face's pixels carry the pose."""
        x, y = ((told.values[CENTRE] - self._told) / unit[CENTRE]).tolist()
        self._told = told.values[CENTRE]
        self._speed += smoothing(_SPEED_HZ, dt) * (math.hypot(x, y) / dt - self._speed)
        return np.asarray(_LENGTH * max(noise, _LEAST_NOISE) / (1.0 + (1.0 - _CARRIED * trust) * self._speed / _SPEED))


def within(pose: Point, told: Point, unit: Vector, length: Vector, pull: float = 1.0) -> Point:
    """The pose, each of its numbers drawn to within `length` (7,) face sizes of what was told.

    The pull grows with the distance, and `pull` 0..1 is the share of it that is made at once: a leash that jerks
    shakes what it holds.
    """
    away = pose.minus(told)
    share = np.abs(away) / (length * unit)
    if (share <= _SLACK).all():
        return pose
    return told.plus(away * (1.0 - pull + pull / np.sqrt(1.0 + share * share)))
