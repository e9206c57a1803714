"""How fast a head turns by the parallax of its pixels, and how far that is to be believed.

Where the head turns, all of the face says so; lids that squeeze and brows that move only look like a turn, and each
part of the face like another one. So the fields of the face are asked by how much they would have the turn otherwise,
and the sum of the squared changes of that is the turn's variance: the sandwich of the least squares, clustered by
fields, which trusts no model of the noise (Liang and Zeger, Biometrika 73(1), 1986).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..types import Array

_SPIN_HZ, _NOISE_HZ = 15.0, 4.0
"""Cutoffs of the turning speed, and of its variance."""
_SURE = 3.0
"""Deviations that the speed must be to be believed half."""
_LEAST = 0.015
"""Radians a second: slower it is not believed either."""


@dataclass(frozen=True, slots=True, eq=False)
class Spin:
    """Radians a second, x + y i as seen in the picture: the `latest` and its low-passed `mean`. By how much each field
    would have the mean otherwise, `parts` (72,), to the right and then down; the mean's `variance` by that; and what
    the parts were made of, the latest `pulls` (72,), radians."""

    latest: complex = 0.0
    mean: complex = 0.0
    parts: Array | None = None
    variance: float = 0.0
    pulls: Array | None = None

    def then(self, turn: complex, pulls: Array, dt: float) -> Spin:
        """`dt` > 0 seconds and a turn later."""
        latest, share = turn / dt, _share(_SPIN_HZ, dt)
        change = pulls if self.pulls is None else pulls - self.pulls
        parts = (share / dt) * change
        if self.parts is not None:
            parts += (1.0 - share) * self.parts
        variance = self.variance + _share(_NOISE_HZ, dt) * (float(parts @ parts) - self.variance)
        return Spin(latest, self.mean + share * (latest - self.mean), parts, variance, pulls)

    @property
    def belief(self) -> float:
        """0..1."""
        size = abs(self.mean) ** 6
        return size / (size + (_LEAST**2 + _SURE**2 * self.variance) ** 3)


STILL = Spin()
"""Nothing is known of a turn yet."""


def _share(hertz: float, dt: float) -> float:
    """Of the newest value in a low pass."""
    turn = 2.0 * math.pi * hertz * dt
    return turn / (1.0 + turn)
