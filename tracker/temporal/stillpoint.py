"""Stillpoint's own filter: still when the head is still, there when it moves.

Pose: carried with the face's own pixels where the tracker could measure how they moved (`carried`), then three
constant-velocity Kalman filters run side by side (resting, drifting, moving: the interacting multiple
model of Blom and Bar-Shalom, IEEE TAC 33(8), 1988). How well each one foresees the measurements, its normalised
squared surprise, decides within a frame or two which is believed, so the process noise follows the motion. The
measurement noise is learnt from the measurements themselves: the third difference of a head's motion is next to
nothing, so what is left of it is noise; the network's own deviation then says how much more or less to trust this
frame than usual. Expression and residual: 1 euro filters. Identity: a mean over the person, weighted by that trust.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..settings import Filter
from .carried import CarriedPose
from .kalman import Covariance
from .noise import NoiseMeter
from .one_euro import LowPass, tuning
from .parts import POSE, Parts, Point, Vector, units

_GROUPS = np.array([0, 1, 2, 3, 3, 4, 5])
"""Which numbers of the pose move together: each turn alone (talking must not nod the head), the centre's two."""
_MODES = 3
_PROCESS = np.array([0.004, 0.1, 5.0])[:, None] ** 2
"""White acceleration's density of resting, drifting, moving, in (face sizes)^2/s^3."""
_TAU = np.array([0.08, 0.5, 2.0])
"""Seconds in which a velocity dies away in each mode."""
_CALMER = 1.5
"""How much more noise is expected of a pose that pixels carry: what is left of it moves slowly."""
_MOST = 0.001
"""Face sizes: the most noise that a pose which pixels carry can have. A head that shakes too fast for its differences
to tell motion from noise must not be taken for a noisy one that rests."""
_BRISK = 1.0
"""Face sizes a second of the pixels at which half of that is given up."""
_DWELL = 4.0
"""Seconds that a mode lasts on average."""


class MotionModes:
    """The interacting filters. `offset` and `velocity` (3, 7) of each mode from the common estimate."""

    def __init__(self, noise: Vector, unit: Vector) -> None:
        shape = (_MODES, noise.size)
        self.offset, self.velocity = np.zeros(shape), np.zeros(shape)
        self._covariance = Covariance(np.tile(noise, (_MODES, 1)), np.zeros(shape), np.tile(unit**2, (_MODES, 1)))
        self._belief = np.full((_MODES, _GROUPS.max() + 1), 1.0 / _MODES)

    def step(self, difference: Vector, dt: float, noise: Vector, unit: Vector) -> Vector:
        """`difference` (7,): measured minus the common estimate. Returns by how much the estimate moves."""
        expected = self._mix(dt)
        keep = np.exp(-dt / _TAU)[:, None]
        self.offset += dt * self.velocity
        self.velocity *= keep
        self._covariance = self._covariance.predict(dt, _PROCESS * unit**2, keep)
        surprise = difference - self.offset
        self._judge(surprise, noise, unit, expected)
        gain_x, gain_v = self._covariance.gains(noise)
        self.offset += gain_x * surprise
        self.velocity += gain_v * surprise
        self._covariance = self._covariance.update(gain_x, gain_v)
        moved = np.asarray((self._belief[:, _GROUPS] * self.offset).sum(0))
        self.offset -= moved
        return moved

    def _mix(self, dt: float) -> npt.NDArray[np.float64]:
        """Let the modes exchange what they know; returns the belief in each before the measurement."""
        stay = math.exp(-dt / _DWELL)
        change = np.full((_MODES, _MODES), (1.0 - stay) / (_MODES - 1))
        np.fill_diagonal(change, stay)
        joint = change[:, :, None] * self._belief[:, None, :]  # (from, to, group)
        expected = joint.sum(0)
        share = (joint / expected)[:, :, _GROUPS].transpose(1, 0, 2)  # (to, from, number)
        x, v = (share * self.offset).sum(1), (share * self.velocity).sum(1)
        dx, dv = self.offset - x[:, None], self.velocity - v[:, None]  # (to, from, number)
        c = self._covariance
        self._covariance = Covariance(
            (share * (c.xx + dx * dx)).sum(1), (share * (c.xv + dx * dv)).sum(1), (share * (c.vv + dv * dv)).sum(1)
        )
        self.offset, self.velocity = x, v
        return np.asarray(expected)

    def _judge(self, surprise: Vector, noise: Vector, unit: Vector, expected: npt.NDArray[np.float64]) -> None:
        """Bayes: belief in each mode from how likely its surprise was, per group."""
        spread = self._covariance.xx + noise
        evidence = -0.5 * (surprise**2 / spread + np.log(spread / unit**2))
        total = np.zeros_like(expected)
        np.add.at(total.T, _GROUPS, evidence.T)
        belief = expected * np.exp(total - total.max(0))
        self._belief = np.maximum(belief / belief.sum(0), 1e-6)
        self._belief /= self._belief.sum(0)


class StillpointFilter:
    """The "default" method."""

    def __init__(self, first: Point, parts: Parts, settings: Filter) -> None:
        self.estimate = first
        self._parts = parts
        self._meter = NoiseMeter(parts)
        unit = units(first, parts)[POSE]
        self._modes = MotionModes((self._meter.deviation[POSE] * unit) ** 2, unit)
        self._carried = CarriedPose(first, parts)
        self._lowpass = LowPass(parts.size)
        self._weight = 0.0
        self.configure(settings)

    def configure(self, settings: Filter) -> None:
        self._calm, self._identity_s = settings.still.calm, settings.still.identity_s
        self._tuning = tuning(self._parts, settings)

    def step(self, measured: Point, dt: float, noise: float, carried: Vector | None = None) -> Point:
        """`noise`: the network's mean standard deviation of a landmark, in face sizes."""
        measured = self._carried.step(measured, dt, carried)
        unit = units(self.estimate, self._parts)
        doubt = self._meter.doubt(noise, dt)
        self._meter.add(measured, dt, unit)
        difference = measured.minus(self.estimate)
        move = self._lowpass.gain(difference, dt, unit, self._tuning) * difference
        calm = self._calm * (1.0 + _CALMER * self._carried.trust / (1.0 + self._carried.speed / _BRISK))
        most = _MOST + (1.0 - self._carried.trust)
        variance = (calm * doubt * np.minimum(self._meter.deviation[POSE], most) * unit[POSE]) ** 2
        move[POSE] = self._modes.step(difference[POSE], dt, variance, unit[POSE])
        move[self._parts.identity] = self._pool(dt, doubt) * difference[self._parts.identity]
        self.estimate = self.estimate.plus(move)
        return self.estimate

    def _pool(self, dt: float, doubt: float) -> float:
        """The newest frame's share of the mean; seconds count, not frames."""
        weight = dt / doubt**2
        if self._weight == 0.0:
            self._weight = weight  # of the very first frame, which had no dt
        self._weight = self._weight * math.exp(-dt / self._identity_s) + weight
        return weight / self._weight
