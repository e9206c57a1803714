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

from ..settings import Filter, OneEuro
from .carried import CarriedPose
from .leash import Leash, within
from .noise import NoiseMeter
from .one_euro import LIDS, LowPass, smoothing, tuning
from .parts import POSE, Parts, Point, units
from .turns import Vector

_GROUPS = np.array([0, 1, 2, 3, 3, 4, 5])
"""Which numbers of the pose move together: each turn alone (talking must not nod the head), the centre's two."""
_MODES = 3
_SAME = np.eye(_MODES)
_OTHERS = 1.0 - _SAME
_PROCESS = np.array([0.004, 0.1, 3.0])[:, None] ** 2
"""White acceleration's density of resting, drifting, moving, in (face sizes)^2/s^3."""
_TAU = np.array([0.08, 0.5, 2.0])[:, None]
"""Seconds in which a velocity dies away in each mode."""
_CALMER = 4.0
"""How much more noise is expected of a pose that pixels carry: what is left of it is the trembling of the picture."""
_START_S = 0.5
"""Seconds until that is so: at first a filter that expects much noise would lag behind a head whose speed it learns."""
_MOST = 0.002
"""Face sizes: the most noise that a pose which pixels carry can have. A head that shakes too fast for its differences
to tell motion from noise must not be taken for a noisy one that rests."""
_BRISK = 0.33
"""Face sizes a second of the pixels at which half of that is given up, and beyond which soon all: a fast head is seen
where it is."""
_BRISK_S = 0.4
"""Seconds in which briskness dies away: a head that turns back does not rest where it turns."""
_ROOM = 1.6
"""Leashes by which the estimate may be off the pose that its measurements were carried to."""
_DWELL = 4.0
"""Seconds that a mode lasts on average."""
_EAGER, _LEAST_BELIEF = 0.4, 0.002
"""How much a frame's evidence counts, since errors of one frame are those of the next, and the least belief in a mode:
who changes his mind gradually does not catch up with a jerk."""
_DOUBTFUL = 1.5
"""Beyond so many times the usual doubt, expression follows the network slower."""
_RESIDUAL = OneEuro(min_cutoff=0.3, beta=0.5, d_cutoff=1.0)
_LIDS_REST, _LIDS_OPEN, _SPEED_OPEN = 1.0, 5.0, 2.0
"""The residual corrects what expression and pose say, so it goes with them: Hz per what a lid's speed has beyond the
first (1/s), and per face size a second of the pixels."""

_ONE_OF = np.eye(6)[_GROUPS]
"""(7, 6): sums the numbers of each group."""
_V, _XX, _VV = 1, 2, 4


class MotionModes:
    """The interacting filters, each one's offset and velocity from the common estimate with their covariance, as one
    array (5, modes, 7) of x, v, xx, xv, vv."""

    def __init__(self, noise: Vector, unit: Vector) -> None:
        self._state = np.zeros((5, _MODES, noise.size))
        self._state[_XX], self._state[_VV] = noise, unit**2
        self._belief = np.full((_MODES, _ONE_OF.shape[1]), 1.0 / _MODES)

    @property
    def velocity(self) -> Vector:
        """(7,) per second, of all modes as far as each is believed."""
        return np.asarray((self._belief[:, _GROUPS] * self._state[_V]).sum(0))

    def step(self, difference: Vector, dt: float, noise: Vector, unit: Vector) -> Vector:
        """`difference` (7,): measured minus the common estimate. Returns by how much the estimate moves."""
        expected = self._mix(dt)
        self._predict(dt, unit)
        x, v, xx, xv, vv = self._state
        surprise, spread = difference - x, xx + noise
        self._judge(surprise, spread, unit, expected)
        gain_x, gain_v = xx / spread, xv / spread
        x += gain_x * surprise
        v += gain_v * surprise
        vv -= gain_v * xv
        xx *= 1.0 - gain_x
        xv *= 1.0 - gain_x
        moved = (self._belief[:, _GROUPS] * x).sum(0)
        x -= moved
        return np.asarray(moved)

    def _mix(self, dt: float) -> npt.NDArray[np.float64]:
        """Let the modes exchange what they know; returns the belief in each before the measurement."""
        stay = math.exp(-dt / _DWELL)
        change = (1.0 - stay) / (_MODES - 1) * _OTHERS + stay * _SAME
        joint = change[:, :, None] * self._belief[:, None, :]  # (from, to, group)
        expected = joint.sum(0)
        share = (joint / expected)[:, :, _GROUPS]  # (from, to, number)
        # A mixture's covariance is the mean second moment less the square of the mean.
        self._add_squares(1.0)
        self._state = (share * self._state[:, :, None, :]).sum(1)
        self._add_squares(-1.0)
        return np.asarray(expected)

    def _add_squares(self, sign: float) -> None:
        """Covariances about the mean -> second moments, or back."""
        x, v, xx, xv, vv = self._state
        signed = sign * x
        xx += signed * x
        xv += signed * v
        vv += sign * v * v

    def _predict(self, dt: float, unit: Vector) -> None:
        x, v, xx, xv, vv = self._state
        keep = np.exp(-dt / _TAU)
        process = (_PROCESS * dt) * unit**2
        x += dt * v
        v *= keep
        later = xv + dt * vv
        xx += dt * (xv + later) + (dt * dt / 3.0) * process
        xv[:] = keep * later + (dt / 2.0) * process
        vv *= keep * keep
        vv += process

    def _judge(self, surprise: Vector, spread: Vector, unit: Vector, expected: npt.NDArray[np.float64]) -> None:
        """Bayes: belief in each mode from how likely its surprise was, per group."""
        evidence = -0.5 * _EAGER * (surprise * surprise / spread + np.log(spread / unit**2))
        total = evidence @ _ONE_OF
        belief = expected * np.exp(total - total.max(0))
        belief = np.maximum(belief / belief.sum(0), _LEAST_BELIEF)
        self._belief = belief / belief.sum(0)


class StillpointFilter:
    """The "default" method."""

    def __init__(self, first: Point, parts: Parts, settings: Filter) -> None:
        self.estimate = first
        self._parts = parts
        self._meter = NoiseMeter(7)
        unit = units(first)
        self._modes = MotionModes((self._meter.deviation * unit) ** 2, unit)
        self._carried = CarriedPose(first)
        self._lowpass = LowPass(parts.size)
        self._leash = Leash(first)
        self._weight = self._brisk = 0.0
        first_shape, shapes = parts.expression.start, parts.expression.stop - parts.expression.start
        self._lids = [first_shape + i for i in LIDS if i < shapes]
        self.configure(settings)

    @property
    def velocity(self) -> Vector:
        """(7,) of the pose, a second."""
        return self._modes.velocity

    def configure(self, settings: Filter) -> None:
        self._calm, self._identity_s = settings.still.calm, settings.still.identity_s
        self._tuning = tuning(self._parts, settings, _RESIDUAL)

    def step(self, measured: Point, dt: float, noise: float, carried: Vector | None = None) -> Point:
        """`noise`: the network's mean standard deviation of a landmark, in face sizes."""
        unit = units(self.estimate)
        doubt = self._meter.doubt(noise, dt)
        trust = self._carried.trust if carried is not None else 0.0
        leash = self._leash.length(measured, dt, noise, unit, trust)
        measured = self._carried.step(measured, dt, carried, unit, leash, doubt)
        self._meter.add(measured.pose, dt, unit)
        difference = measured.minus(self.estimate)
        move = self._shape_gain(difference, dt) * difference / max(doubt / _DOUBTFUL, 1.0) ** 2
        most = _MOST + (1.0 - self._carried.trust)
        variance = (self._expected(dt) * doubt * np.minimum(self._meter.deviation, most) * unit) ** 2
        move[POSE] = self._modes.step(difference[POSE], dt, variance, unit)
        move[self._parts.identity] = self._pool(dt, doubt) * difference[self._parts.identity]
        self.estimate = self.estimate.plus(move)
        held = within(self.estimate.pose, measured.pose, unit, _ROOM * leash)
        if held.rotation is not self.estimate.rotation:
            self.estimate = Point(held.rotation, np.concatenate((held.values, self.estimate.values[POSE.stop :])))
        return self.estimate

    def _expected(self, dt: float) -> float:
        """By what the measured noise is multiplied."""
        self._brisk = max(self._carried.speed, self._brisk * math.exp(-dt / _BRISK_S))
        sure = self._carried.trust * min(self._carried.age / _START_S, 1.0)
        return self._calm * (1.0 + _CALMER * sure * sure) / (1.0 + (self._brisk / _BRISK) ** 3)

    def _shape_gain(self, difference: Vector, dt: float) -> Vector:
        """(n,) of expression and residual."""
        gain = self._lowpass.gain(difference, dt, 1.0, self._tuning)
        speeds = self._lowpass.speed
        lids = max(abs(float(speeds[i])) for i in self._lids) if self._lids else 0.0
        lively = _LIDS_OPEN * max(lids - _LIDS_REST, 0.0) + _SPEED_OPEN * self._carried.speed
        residual = gain[self._parts.residual]
        np.maximum(residual, smoothing(lively, dt), out=residual)
        return gain

    def _pool(self, dt: float, doubt: float) -> float:
        """The newest frame's share of the mean; seconds count, not frames."""
        weight = dt / doubt**2
        if self._weight == 0.0:
            self._weight = weight  # of the very first frame, which had no dt
        self._weight = self._weight * math.exp(-dt / self._identity_s) + weight
        return weight / self._weight
