"""Faces that were lost a moment ago: they are looked for in every frame, and keep their ids when they come back."""

from __future__ import annotations

import math

import numpy as np

from ..types import Face

REMEMBERED_S = 1.0
"""After so long a face that is found is taken for somebody else's."""
REACH, STRAY = 0.6, 1.5
"""Face sizes, and face sizes a second: how far from its last place a lost face may be found."""
SAME_SIZE = 1.6
"""A face does not grow or shrink by more than this factor while it is away."""


class Lost:
    """Each lost face as it was last seen, and when. One instance belongs to one tracker."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Face, float]] = {}

    def __bool__(self) -> bool:
        return bool(self._seen)

    def add(self, face: Face, time: float) -> None:
        """A face was last seen at `time`, seconds."""
        self._seen[face.id] = face, time

    def forget(self, now: float) -> None:
        """Let go of those that have been away for too long; all of them where the clock went back."""
        self._seen = {name: (face, time) for name, (face, time) in self._seen.items() if 0 <= now - time < REMEMBERED_S}

    def take(self, found: Face, now: float) -> int | None:
        """The id of the lost face that a found one is: the nearest within reach and of about its size. It is lost no
        longer. None where it is nobody's."""
        reached = {
            name: _apart(found, face) / (REACH + STRAY * (now - time)) for name, (face, time) in self._seen.items()
        }
        best = min(reached, key=lambda name: reached[name], default=None)
        if best is None or reached[best] >= 1.0:
            return None
        del self._seen[best]
        return best


def _apart(one: Face, other: Face) -> float:
    """Distance of two faces' middles over the larger one's size; infinite where their sizes are not alike."""
    if abs(math.log(one.size_px / other.size_px)) > math.log(SAME_SIZE):
        return math.inf
    a, b = np.array(one.bbox), np.array(other.bbox)
    return float(np.linalg.norm((a[:2] + a[2:]) / 2 - (b[:2] + b[2:]) / 2)) / max(one.size_px, other.size_px)
