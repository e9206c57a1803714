"""A tracker for the tests of the lab: its faces come from each frame's known motion, with a known error."""

from __future__ import annotations

import numpy as np
from synthetic import make_face, make_state, noisy

from tracker.types import Frame, TrackResult


class KnownTracker:
    """`late`: frames behind the truth; `px`: noise; frames whose index is in `lost` have no face."""

    def __init__(self, late: int = 0, px: float = 0.0, lost: frozenset[int] = frozenset()) -> None:
        self._late, self._px, self._lost = late, px, lost
        self.reset()

    def reset(self) -> None:
        self._seen: list[float] = []
        self._random = np.random.default_rng(0)

    def step(self, frame: Frame) -> TrackResult:
        self._seen.append(0.0 if frame.motion is None else float(frame.motion[0, 2]))
        if frame.index in self._lost:
            return TrackResult(frame, ())
        x = self._seen[max(len(self._seen) - 1 - self._late, 0)]
        return TrackResult(frame, (make_face(noisy(make_state((320.0 + x, 240.0)), self._random, self._px)),))
