"""The pose carried along with the face's own pixels, and drawn to what the network says.

Pixels say to a few hundredths how the face moved in the picture since the last frame (`Face.carried`), but not where it
is; the network says where it is, but wavers. So the pose moves with the pixels at once, and approaches the network's
word slowly while the pixels rest, faster while they move: a 1 euro filter whose speed is measured on the picture. A
jaw that opens moves no pixel of the forehead, so it cannot nod the head.
"""

from __future__ import annotations

import numpy as np

from .one_euro import smoothing
from .parts import POSE, Parts, Point, Vector, units

_REST = np.array([0.5, 0.5, 0.8, 0.8, 0.8, 0.8, 0.1])
"""Hz: cutoff of each number of the pose while the pixels rest."""
_OPEN = np.array([5.0, 5.0, 2.5, 2.5, 2.5, 2.5, 0.6])
"""Hz per face size a second."""
_ASTRAY = 0.3
"""Hz per squared usual size of a difference beyond three of them."""
_USUAL = 0.003, 0.015
"""Face sizes: least and most that a difference may usually be."""
_SPEED_HZ = 4.0
_GAINED, _LOST = 0.5, 0.1
"""Share of the trust in pixels that a frame with, or without, a motion adds or takes."""


class CarriedPose:
    """`step` gives the measured point with its pose carried; without a motion, the pose as it was measured."""

    def __init__(self, first: Point, parts: Parts) -> None:
        self._parts = parts
        self._pose = first
        self.speed = 0.0
        self.trust = 0.0
        self._age = 0.0
        self._usual = np.full(7, 0.01)

    def step(self, measured: Point, dt: float, motion: Vector | None) -> Point:
        """`motion` (2, 3): the similarity of the face's pixels since the last step, where there is one."""
        unit = units(measured, self._parts)[POSE]
        if motion is None:
            self.trust *= 1.0 - _LOST
        else:
            self.trust += _GAINED * (1.0 - self.trust)
            moved = self._pose.carried(motion)
            way = (moved.minus(self._pose)[POSE] / unit)[[2, 3, 4, 5]]
            self.speed += float(smoothing(_SPEED_HZ, dt)) * (float(np.sqrt(way @ way)) / dt - self.speed)
            self._pose = moved
        difference = measured.minus(self._pose)[POSE]
        size = np.abs(difference) / unit
        astray = np.maximum(size / self._usual - 3.0, 0.0)
        self._usual += float(smoothing(0.3, dt)) * (np.minimum(size, 3 * self._usual) - self._usual)
        self._usual = np.clip(self._usual, *_USUAL)
        cutoff = _REST + _OPEN * self.speed + _ASTRAY * astray**2
        self._age += dt
        settled = 1.0 - np.maximum(smoothing(cutoff, dt), dt / self._age)  # at first a mean of all there is
        gain = 1.0 - self.trust * settled
        step = np.zeros(self._parts.size)
        step[POSE] = gain * difference
        self._pose = self._pose.plus(step)
        values = measured.values.copy()
        values[POSE] = self._pose.values[POSE]
        return Point(self._pose.rotation, values)
