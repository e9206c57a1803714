"""Expression, residual and spread of a face: low passes that are fast where a face is fast.

1 euro filters, most shapes through two of them in a row: what two let through of a trembling is half of what one of
the same lag lets through. Eyelids and jaw go through one, a blink is over in five frames. The residual is slow, but
corrects what lids and lips say, so it goes with them: only that part of it which moves them (`features`).
"""

from __future__ import annotations

import numpy as np

from ..head.model import EXPRESSIONS
from ..settings import Filter, OneEuro
from ..types import LandmarkBasis
from .features import EYELIDS, LIPS, moving_only
from .one_euro import QUICK, LowPass, Tuning, smoothing, tuning
from .parts import Parts, Point
from .turns import Vector

_RESIDUAL = OneEuro(min_cutoff=0.5, beta=0.2, d_cutoff=1.0)
_TWO = 1.25
"""By what the cutoffs of a shape that goes through two low passes are multiplied."""
_BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")
_TALKS = ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLowerDown", "mouthUpperUp")
_LIDS_REST, _LIDS_OPEN = 1.0, 5.0
"""Hz of the residual that moves the lids, per what a lid's speed has beyond the first (1/s)."""
_LIPS_REST, _LIPS_OPEN = 0.3, 1.5
"""The same of the lips, and of the shapes that talk."""
_LIDS_ALONE, _LIPS_ALONE = 0.05, 2.0
"""What a motion of the rest of the face costs in it."""


class ShapeFilter:
    """Of one face. `part`: where its numbers lie in a point."""

    def __init__(self, first: Point, parts: Parts, settings: Filter, basis: LandmarkBasis) -> None:
        self.part = slice(parts.expression.start, parts.spread.stop)
        self._parts = parts
        begin, shapes = self.part.start, parts.expression.stop - parts.expression.start
        self._residual = slice(parts.residual.start - begin, parts.residual.stop - begin)
        self._once = first.values[self.part].copy()
        self._twice = self._once
        self._lowpass = LowPass(self._once.size)
        self._least = np.ones(self._once.size)  # the least gain of the second low pass; 1: there is none
        self._least[[i for i, name in _named(shapes) if i not in QUICK and not name.startswith("eye")]] = 0.0
        self._blinks = [i for i, name in _named(shapes) if name in _BLINKS]
        self._talks = [i for i, name in _named(shapes) if name.startswith(_TALKS)]
        self._lids = moving_only(EYELIDS, _LIDS_ALONE, basis, parts)
        self._lips = moving_only(LIPS, _LIPS_ALONE, basis, parts)
        self.configure(settings)

    def configure(self, settings: Filter) -> None:
        whole, part = tuning(self._parts, settings, _RESIDUAL), self.part
        faster = np.where(self._least > 0.0, 1.0, _TWO)
        self._tuning = Tuning(faster * whole.min_cutoff[part], faster * whole.beta[part], whole.d_cutoff[part] / faster)

    def step(self, measured: Point, dt: float, share: float) -> Vector:
        """The part of the estimate, `dt` seconds on; `share` 0..1 of how far this frame is believed."""
        difference = measured.values[self.part] - self._once
        gain = self._lowpass.gain(difference, dt, 1.0, self._tuning)
        move = gain * difference
        speed = np.abs(self._lowpass.speed)
        for shapes, rest, opened, moving in (
            (self._blinks, _LIDS_REST, _LIDS_OPEN, self._lids),
            (self._talks, _LIPS_REST, _LIPS_OPEN, self._lips),
        ):
            cutoff = opened * (float(speed[shapes].max(initial=0.0)) - rest)
            if cutoff > 0.0:
                wide = np.maximum(smoothing(cutoff, dt) - gain[self._residual], 0.0)
                move[self._residual] += moving @ (wide * difference[self._residual])
        self._once = self._once + share * move
        self._twice = self._twice + np.maximum(gain, self._least) * (self._once - self._twice)
        return self._twice


def _named(shapes: int) -> list[tuple[int, str]]:
    return list(enumerate(EXPRESSIONS[:shapes]))
