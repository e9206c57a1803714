"""The 1 euro filter (Casiez, Roussel, Vogel, CHI 2012) on every number of a face's state.

A low pass whose cutoff rises with speed: still things sit still, fast ones do not lag. Speeds of the pose are in
face sizes per second (`parts.units`), so a face of 40 pixels is filtered like one of 400.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ..head.model import EXPRESSIONS
from ..settings import Filter, OneEuro
from ..types import LandmarkBasis
from .parts import NEARNESS, POSE, Parts, Point, all_units, units
from .turns import Vector

QUICK = tuple(
    i
    for i, name in enumerate(EXPRESSIONS)
    if name.startswith(("eyeBlink", "eyeSquint", "eyeWide", "jaw", "mouthClose"))
)
"""The eyelids, and the jaw with what goes with it."""


Cutoff = TypeVar("Cutoff", float, Vector)


def smoothing(cutoff: Cutoff, dt: float) -> Cutoff:
    """The gain in 0..1 of a first-order low pass of `cutoff` Hz over `dt` seconds."""
    turn = (2.0 * np.pi * dt) * cutoff
    return turn / (1.0 + turn)


@dataclass(frozen=True, slots=True, eq=False)
class Tuning:
    """Per number (n,): `min_cutoff` Hz, `beta` Hz per unit/s, `d_cutoff` Hz."""

    min_cutoff: Vector
    beta: Vector
    d_cutoff: Vector


_RESIDUAL = OneEuro(min_cutoff=1.0, beta=2.0, d_cutoff=2.0)


def tuning(parts: Parts, settings: Filter, residual: OneEuro = _RESIDUAL) -> Tuning:
    """The constants of each part. Eyelids and jaw are the fastest: a blink is over in five frames."""
    table = np.empty((3, parts.size))

    def put(where: slice | list[int], values: OneEuro) -> None:
        table[:, where] = np.array([[values.min_cutoff], [values.beta], [values.d_cutoff]])

    put(POSE, settings.one_euro)
    put(slice(NEARNESS, NEARNESS + 1), OneEuro(min_cutoff=0.3, beta=settings.one_euro.beta, d_cutoff=1.0))
    put(parts.expression, settings.expression)
    start, count = parts.expression.start, parts.expression.stop - parts.expression.start
    put([start + i for i in QUICK if i < count], settings.eyelids)
    put(parts.residual, residual)
    put(parts.spread, OneEuro(min_cutoff=3.0, beta=0.0, d_cutoff=1.0))
    put(parts.identity, OneEuro(min_cutoff=0.1, beta=0.0, d_cutoff=1.0))
    return Tuning(*table)


class LowPass:
    """One 1 euro filter per number, all at once; `speed` (n,) is kept in units per second."""

    def __init__(self, size: int) -> None:
        self.speed = np.zeros(size)

    def gain(self, difference: Vector, dt: float, unit: Vector | float, constants: Tuning) -> Vector:
        """(n,) the share of `difference` (measured minus estimate) by which the estimate moves."""
        self.speed += smoothing(constants.d_cutoff, dt) * (difference / (unit * dt) - self.speed)
        return smoothing(constants.min_cutoff + constants.beta * np.abs(self.speed), dt)


class OneEuroFilter:
    """The "one_euro" method: one face's 1 euro filters."""

    def __init__(self, first: Point, parts: Parts, settings: Filter, basis: LandmarkBasis) -> None:
        self.estimate = first
        self._parts = parts
        self._lowpass = LowPass(parts.size)
        self.configure(settings)

    @property
    def velocity(self) -> Vector:
        """(7,) of the pose, a second."""
        return self._lowpass.speed[POSE] * units(self.estimate)

    def configure(self, settings: Filter) -> None:
        self._tuning = tuning(self._parts, settings)

    def step(self, measured: Point, dt: float, noise: float, carried: Vector | None = None) -> Point:
        """The estimate `dt` seconds on; the 1 euro filter does not use `noise`."""
        difference = measured.minus(self.estimate)
        gain = self._lowpass.gain(difference, dt, all_units(self.estimate, self._parts), self._tuning)
        self.estimate = self.estimate.plus(gain * difference)
        return self.estimate
