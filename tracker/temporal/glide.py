"""Constant velocity in the steady state: a filter whose gains follow at once from how lively the motion is.

A Kalman filter of constant velocity keeps a covariance only to find its gains. Where noise and liveliness are told
anew with every frame, they are known in closed form: with the tracking index L = acceleration * dt^2 / noise,

    r = (4 + L - sqrt(8 L + L^2)) / 4,   gain of position a = 1 - r^2,   of velocity b = 2 (2 - a) - 4 sqrt(1 - a)

(Kalata, IEEE TAES 20(2), 1984). Nothing has to be found out about a motion by being surprised by it, so a head that
begins to move is not left behind and then caught up with in a jerk. At first there is nothing to be calm about: the
n-th step counts at least a n-th, so a face that is found while it moves is not left behind either.
"""

from __future__ import annotations

import math

import numpy as np

from .turns import Vector

_DIES_S = 0.3
"""Seconds in which a velocity dies away."""

_MOST = 30.0
"""Of the index: the gain is 0.99 there."""


class Glide:
    """Of one pose; `velocity` (7,) a second."""

    def __init__(self) -> None:
        self.velocity = np.zeros(7)
        self._steps = 0

    def step(self, difference: Vector, dt: float, acceleration: Vector, noise: Vector | float) -> Vector:
        """`difference` (7,): measured minus estimate. Returns by how much the estimate moves in these `dt` seconds.

        `acceleration` (7,), a second and second, and `noise`: standard deviations, in one unit.
        """
        index = np.minimum(acceleration * (dt * dt / noise), _MOST)
        self._steps += 1
        r = np.minimum(0.25 * (4.0 + index - np.sqrt(index * (8.0 + index))), 1.0 - 1.0 / self._steps)
        gain = 1.0 - r * r
        faster = np.minimum(2.0 + 2.0 * r * r - 4.0 * r, 1.0)
        foreseen = dt * self.velocity
        surprise = difference - foreseen
        self.velocity = math.exp(-dt / _DIES_S) * self.velocity + (faster / dt) * surprise
        return np.asarray(foreseen + gain * surprise)
