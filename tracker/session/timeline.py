"""When each captured frame of a session was, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .replay import Session


@dataclass(frozen=True, eq=False)
class Timeline:
    """What is known of every captured frame: `index`, `time` s from the first, `picture` in the video (-1: none),
    `state` ("tracked", "lost", "dropped", "unmeasured"), and `row`, its first in the table. All (F,)."""

    index: npt.NDArray[np.int64]
    time: npt.NDArray[np.float64]
    picture: npt.NDArray[np.int64]
    state: npt.NDArray[Any]
    row: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.index)

    @property
    def duration(self) -> float:
        """To the end of the last frame, s."""
        return float(self.time[-1] + self.step) if len(self) else 0.0

    @cached_property
    def step(self) -> float:
        """Seconds of a usual frame."""
        return float(np.median(np.diff(self.time))) if len(self) > 1 else 1.0 / 30.0

    def at(self, time: float) -> int:
        """The position of the frame that is shown at a time."""
        return int(np.clip(np.searchsorted(self.time, time + 1e-6, "right") - 1, 0, max(len(self) - 1, 0)))

    def end(self, position: int) -> float:
        """When the frame after this one begins."""
        return float(self.time[position + 1]) if position + 1 < len(self) else self.duration

    @cached_property
    def positions(self) -> npt.NDArray[np.int64]:
        """(P,) which frame each picture of the video belongs to."""
        return np.asarray(np.flatnonzero(self.picture >= 0), np.int64)


def timeline_of(session: Session) -> Timeline:
    """Raises SourceError where the table lacks what every table has."""
    index = session.column("frame_index")
    frames, first = np.unique(index, return_index=True)
    times = session.column("time_s")[first]
    state = session.column("state")[first]
    known = "video_index" in session.names and np.isfinite(session.column("video_index")).any()
    if known:
        picture = np.nan_to_num(session.column("video_index")[first], nan=-1.0).astype(np.int64)
    else:
        shown = state != "dropped"
        picture = np.where(shown, np.cumsum(shown) - 1, -1)
    zero = times[0] if len(times) else 0.0
    return Timeline(frames.astype(np.int64), times - zero, picture.astype(np.int64), state, first.astype(np.int64))
