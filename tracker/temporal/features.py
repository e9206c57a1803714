"""Which part of a face's learned residual moves its eyelids, or its lips, and the rest of the face least.

The residual's modes are of the whole face. An eyelid closes in three frames, so what the residual says of it has to
come through at once; what it says of the chin in the same frames is noise.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple, cast

import numpy as np

from ..types import Camera, FaceState, LandmarkBasis
from .parts import Parts
from .turns import Vector


class Feature(NamedTuple):
    """Of the 68 points, `start` to `stop`. With pairs of them, upper and lower lid, it is how far those are apart that
    counts, not where they are: what moves both alike is no blink."""

    start: int
    stop: int
    pairs: tuple[tuple[int, int], ...] = ()


EYELIDS = Feature(36, 48, ((37, 41), (38, 40), (43, 47), (44, 46)))
LIPS = Feature(48, 68)
_NOTHING = 1e-18
"""Square metres: a basis without learned modes moves nothing."""


def moving_only(feature: Feature, rest: float, basis: LandmarkBasis, parts: Parts) -> Vector:
    """(R, R): takes a change of the residual to that part of it which moves `feature` and little else.

    It is the least of |its motion that is left out|^2 + `rest` |motion of the other points that is kept|^2. Any basis
    will do that is linear in the residual.
    """
    sizes = (parts.identity, parts.expression, parts.residual, parts.spread)
    wanted, unwanted = _moved(feature, cast(Hashable, basis), *(part.stop - part.start for part in sizes))
    least = (1e-9 * float(np.trace(wanted + unwanted)) + _NOTHING) * np.eye(len(wanted))
    return np.asarray(np.linalg.solve(wanted + rest * unwanted + least, wanted))


@lru_cache(maxsize=8)
def _moved(
    feature: Feature, basis: Any, identity: int, expression: int, residual: int, spread: int
) -> tuple[Vector, Vector]:
    """(R, R) twice: the products of the modes' motions of the feature, and of the rest of the face."""
    neutral = FaceState(
        rotation=np.eye(3, dtype=np.float32),
        centre=np.zeros(2, np.float32),
        scale=1.0,
        nearness=0.0,
        camera=Camera(1.0, 0.0, 0.0),
        identity=np.zeros(identity, np.float32),
        expression=np.zeros(expression, np.float32),
        residual=np.zeros(residual, np.float32),
        spread=np.zeros(spread, np.float32),
    )
    base = basis.points(neutral, "ibug68")
    modes = [replace(neutral, residual=mode) for mode in np.eye(residual, dtype=np.float32)]
    moved = np.array([basis.points(mode, "ibug68") - base for mode in modes], np.float64).reshape(residual, 68, 3)
    start, stop, pairs = feature
    size = 3 * (stop - start)  # said, because a basis without learned modes leaves nothing to work it out from
    own = moved[:, start:stop].reshape(residual, size)
    if pairs:
        upper, lower = (list(side) for side in zip(*pairs, strict=True))
        own = moved[:, upper, 1] - moved[:, lower, 1]
    rest = np.delete(moved, slice(start, stop), axis=1).reshape(residual, 3 * 68 - size)
    return own @ own.T, rest @ rest.T
