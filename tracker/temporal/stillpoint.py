"""Stillpoint's own filter: still when the head is still, there when it moves.

Pose: carried with the face's own pixels where the tracker could measure how they moved (`carried`), then glided: a
filter of constant velocity whose liveliness is told by the speed of the pixels (`glide`), so a head at rest is calmed
and a fast one is seen where it is. The network's own deviation says how much more or less to trust this frame than
usual. Expression and residual: low passes (`shape`). Identity: a mean over the person, weighted by that trust.
"""

from __future__ import annotations

import math

import numpy as np

from ..settings import Filter
from ..types import LandmarkBasis
from .carried import CarriedPose
from .glide import Glide
from .leash import Leash, within
from .noise import Doubt, NoiseMeter
from .one_euro import smoothing
from .parts import CENTRE, POSE, Parts, Point, units
from .shape import ShapeFilter
from .turns import Vector

_REST, _DASH = 0.004, 9.0
"""Acceleration that is expected, face sizes/s^2: of a head at rest, and per the cube of its speed (s)."""
_DRIFT = np.array([0.9, 0.9, 0.6, 0.6, 0.6, 0.6, 0.6])
"""The same per speed (1/s): parallax tells of turns from and to the camera late enough."""
_SPEED_HZ, _UNTOLD_HZ = 5.0, 38.0
"""Cutoff of that speed; and what of it is only noise where no pixels carry the pose, per deviation of the noise."""
_TOGETHER = 0.45
"""A number of the pose that rests while others move is taken for moving by so much."""
_BRISK_S = 1.0
"""Seconds in which briskness dies away: a head that turns back does not rest where it turns."""
_SIZES, _PIXELS, _UNTOLD = 0.001, 0.1, 0.8
"""Noise that is expected of a pose that pixels carry, in face sizes and in pixels; where they do not, in deviations of
the measured noise. So far a landmark may be off unseen, too."""
_ROOM = 1.6
"""Leashes by which the estimate may be off the pose that its measurements were carried to."""
_DOUBTFUL = 1.5
"""Beyond so many times the usual doubt, expression follows the network slower."""


class StillpointFilter:
    """The "default" method."""

    def __init__(self, first: Point, parts: Parts, settings: Filter, basis: LandmarkBasis) -> None:
        self.estimate = first
        self._parts = parts
        self._doubt = Doubt()
        self._carried = CarriedPose(first)
        self._leash = Leash(first)
        self._glide = Glide()
        self._shape = ShapeFilter(first, parts, settings, basis)
        self._weight = 0.0
        self._brisk = np.zeros(7)
        self._meter = NoiseMeter(7)
        self._velocity = np.zeros(7)
        self.configure(settings)

    @property
    def velocity(self) -> Vector:
        """(7,) of the pose, a second."""
        return self._glide.velocity

    def configure(self, settings: Filter) -> None:
        self._calm, self._identity_s = settings.still.calm, settings.still.identity_s
        self._shape.configure(settings)

    def step(self, measured: Point, dt: float, noise: float, carried: Vector | None = None) -> Point:
        """`noise`: the network's mean standard deviation of a landmark, in face sizes."""
        unit = units(self.estimate)
        doubt = self._doubt.of(noise, dt)
        trust = self._carried.trust if carried is not None else 0.0
        leash = self._leash.length(measured, dt, noise, unit, trust)
        pose = self._carried.step(measured, dt, carried, unit, leash, doubt).pose
        self._meter.add(pose, dt, unit)
        untold = (1.0 - self._carried.trust) * self._meter.deviation
        noises = self._calm * doubt * (_SIZES + _PIXELS / float(unit[CENTRE][0]) + _UNTOLD * untold)
        before = self.estimate.pose
        moved = before.plus(self._glide.step(pose.minus(before), dt, self._lively(dt, untold), noises))
        moved = within(moved, pose, unit, _ROOM * leash)
        values = self.estimate.values.copy()
        values[POSE] = moved.values
        values[self._shape.part] = self._shape.step(measured, dt, 1.0 / max(doubt / _DOUBTFUL, 1.0) ** 2)
        values[self._parts.identity] += self._pool(dt, doubt) * (measured.values - values)[self._parts.identity]
        self.estimate = Point(moved.rotation, values)
        return self.estimate

    def _lively(self, dt: float, untold: Vector) -> Vector:
        """(7,) the acceleration that is expected."""
        self._velocity = self._velocity + smoothing(_SPEED_HZ, dt) * (self._meter.stride / dt - self._velocity)
        speed = np.maximum(np.abs(self._velocity) - _UNTOLD_HZ * untold, 0.0)
        most = math.sqrt(speed @ speed)
        speed[CENTRE] = math.hypot(*speed[CENTRE].tolist())
        self._brisk = np.maximum(np.maximum(speed, _TOGETHER * most), math.exp(-dt / _BRISK_S) * self._brisk)
        return np.asarray(_REST + (_DRIFT + _DASH * self._brisk * self._brisk) * self._brisk)

    def _pool(self, dt: float, doubt: float) -> float:
        """The newest frame's share of the mean; seconds count, not frames."""
        weight = dt / doubt**2
        if self._weight == 0.0:
            self._weight = weight  # of the very first frame, which had no dt
        self._weight = self._weight * math.exp(-dt / self._identity_s) + weight
        return weight / self._weight
