"""Constant-velocity Kalman filters, one per number of a face's state, all at once.

The mean lives on the manifold of `parts` (an estimate and its velocity in the tangent space); the covariance of
each number is its own 2 x 2. For one number and constant noise this is filterpy's KalmanFilter with
F = [[1, dt], [0, 1]], H = [1, 0] and Q = q [[dt^3/3, dt^2/2], [dt^2/2, dt]] (white noise of acceleration); the
tests compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..settings import Filter
from ..types import LandmarkBasis
from .noise import Doubt, NoiseMeter
from .parts import POSE, Parts, Point, all_units
from .turns import Vector


@dataclass(slots=True, eq=False)
class Covariance:
    """Of position and velocity, per number: `xx`, `xv`, `vv`, each (n,)."""

    xx: Vector
    xv: Vector
    vv: Vector

    def predict(self, dt: float, process: Vector | float, keep: Vector | float = 1.0) -> Covariance:
        """`dt` seconds later: white acceleration of density `process`, velocities shrunk to the share `keep`."""
        xx = self.xx + dt * (2.0 * self.xv + dt * self.vv) + process * (dt**3 / 3.0)
        xv = keep * (self.xv + dt * self.vv) + process * (dt**2 / 2.0)
        return Covariance(xx, xv, keep * keep * self.vv + process * dt)

    def gains(self, noise: Vector) -> tuple[Vector, Vector]:
        """Of position and velocity for a measured position with variance `noise`."""
        spread = self.xx + noise
        return self.xx / spread, self.xv / spread

    def update(self, gain_x: Vector, gain_v: Vector) -> Covariance:
        return Covariance((1.0 - gain_x) * self.xx, (1.0 - gain_x) * self.xv, self.vv - gain_v * self.xv)


class ConstantVelocity:
    """The filter itself: `estimate`, `velocity` (n,) per second in the tangent space, `covariance`.

    `noise` (n,): variance of the first measurement; `fastest` (n,): standard deviation of the unknown velocity.
    """

    def __init__(self, first: Point, noise: Vector, fastest: Vector) -> None:
        self.estimate = first
        self.velocity = np.zeros_like(noise)
        self.covariance = Covariance(noise.copy(), np.zeros_like(noise), fastest**2)

    def predict(self, dt: float, process: Vector) -> None:
        self.estimate = self.estimate.plus(dt * self.velocity)
        self.covariance = self.covariance.predict(dt, process)

    def update(self, surprise: Vector, noise: Vector) -> None:
        """`surprise` (n,): measured minus predicted."""
        gain_x, gain_v = self.covariance.gains(noise)
        self.estimate = self.estimate.plus(gain_x * surprise)
        self.velocity = self.velocity + gain_v * surprise
        self.covariance = self.covariance.update(gain_x, gain_v)


_MEMORY = 0.25
"""Weight of the newest frame in the running mean of the normalised squared surprise."""
_LOUDEST = 36.0
"""One surprise of more than six deviations counts as six: a jolt must not leave the filter open for seconds."""


class KalmanFilter:
    """The "kalman" method: constant velocity with a process noise that follows the surprise.

    The measurement noise is learnt (`NoiseMeter`) and follows the network's own deviation from frame to frame.
    A number whose normalised squared surprise stays above one gets more process noise, one that stays below gets
    less (Bar-Shalom, Li, Kirubarajan 2001, section 11.2).
    """

    def __init__(self, first: Point, parts: Parts, settings: Filter, basis: LandmarkBasis) -> None:
        self._parts = parts
        self._surprise = np.ones(parts.size)
        self.configure(settings)
        self._process = np.sqrt(self._slowest * self._fastest)
        self._meter = NoiseMeter(parts.size)
        self._doubt = Doubt()
        unit = all_units(first, parts)
        self._filter = ConstantVelocity(first, (self._meter.deviation * unit) ** 2, unit)

    @property
    def estimate(self) -> Point:
        return self._filter.estimate

    @property
    def velocity(self) -> Vector:
        """(7,) of the pose, a second."""
        return self._filter.velocity[POSE]

    def configure(self, settings: Filter) -> None:
        """Process noise is a density, unit^2/s^3; the bounds are those of the method's description."""
        parts, scale = self._parts, settings.kalman.process
        low, high = np.full(parts.size, 0.03), np.full(parts.size, 30.0)
        low[POSE] = 0.01
        low[parts.expression], high[parts.expression] = 1.0, 300.0
        low[parts.identity], high[parts.identity] = 1e-4, 1e-2
        self._slowest, self._fastest = scale * low**2, scale * high**2
        self._trust = settings.kalman.measurement

    def step(self, measured: Point, dt: float, noise: float, carried: Vector | None = None) -> Point:
        """`noise`: the network's mean standard deviation of a landmark, in face sizes."""
        filter, unit = self._filter, all_units(self._filter.estimate, self._parts)
        self._meter.add(measured, dt, unit)
        variance = self._trust * (self._doubt.of(noise, dt) * self._meter.deviation * unit) ** 2
        filter.predict(dt, self._process * unit**2)
        surprise = measured.minus(filter.estimate)
        normalised = surprise**2 / (filter.covariance.xx + variance)
        filter.update(surprise, variance)
        self._surprise += _MEMORY * (np.minimum(normalised, _LOUDEST) - self._surprise)
        change = np.clip(self._surprise, 0.7, 2.5)
        self._process = np.clip(self._process * change, self._slowest, self._fastest)
        return filter.estimate
