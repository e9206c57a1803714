"""How noisy the measurements are, learnt from the measurements."""

from __future__ import annotations

import math

import numpy as np

from ..types import Face, FaceState
from .parts import POSE, Point, point_of
from .turns import Vector

_FIRST = 0.003
_LEARN_S = 1.5
_TRUST_S = 2.0
_MEAN_OF_THIRD = math.sqrt(20.0) * math.sqrt(2.0 / math.pi)
"""E|third difference| of white noise of deviation 1: the difference's own is sqrt(1 + 9 + 9 + 1)."""


class NoiseMeter:
    """`deviation` (`size`,): the standard deviation of the measurement noise, in units (`parts.units`).

    The third difference of a head's motion is next to nothing at camera rates, so what is left of it is noise.
    """

    def __init__(self, size: int) -> None:
        self.deviation = np.full(size, _FIRST)
        self.stride = np.zeros(size)
        self._most = np.full(size, 0.3)
        self._most[POSE] = 0.03
        self._last: Point | None = None
        self._before = [self.stride] * 2
        self._times = [math.inf] * 2
        self._seen = 0

    def add(self, measured: Point, dt: float, unit: Vector) -> None:
        """`stride` becomes how far it came since the last one, in units."""
        if self._last is not None:
            one, other = self._before
            self.stride = measured.minus(self._last) / unit
            even = max(dt, *self._times) <= 1.5 * min(dt, *self._times)  # the difference formula wants that
            if even:
                self._learn(np.abs(self.stride - 2.0 * other + one), dt)
            self._before, self._times = [other, self.stride], [self._times[1], dt]
        self._last = measured

    def _learn(self, third: Vector, dt: float) -> None:
        self._seen += 1
        sample = np.minimum(third / _MEAN_OF_THIRD, 3.0 * self.deviation)  # a jolt counts as three deviations
        share = max(1.0 / (self._seen + 5), dt / _LEARN_S)
        self.deviation = np.minimum(np.maximum(self.deviation + share * (sample - self.deviation), 2e-5), self._most)


class Doubt:
    """Of one face, frame after frame."""

    def __init__(self) -> None:
        self._usual = 0.0

    def of(self, noise: float, dt: float) -> float:
        """How much noisier this frame is than usual by the network's word (`noise`, any unit): 0.5..4."""
        self._usual += (noise - self._usual) * (1.0 if self._usual == 0.0 else 1.0 - math.exp(-dt / _TRUST_S))
        return min(max(noise / max(self._usual, 1e-9), 0.5), 4.0)


def measured_point(state: FaceState) -> Point | None:
    """None for a state that is not finite."""
    try:
        return point_of(state)
    except (ValueError, ZeroDivisionError):
        return None


def measured_noise(face: Face) -> float:
    """The mean standard deviation of the 68 landmarks, as the network says it, in face sizes."""
    std = face.std_px("ibug68")
    mean = float(std.sum()) / (std.size * face.size_px)
    return mean if math.isfinite(mean) and mean > 0.0 else 0.02
