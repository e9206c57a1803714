"""The frames of a source over all its openings: one clock and one count, whatever each opening starts with."""

from __future__ import annotations

import time
from dataclasses import replace

from ..types import Frame


class Joined:
    """Puts frames on the clock of the first opening: a device that comes back starts its own at 0 again."""

    def __init__(self) -> None:
        self.came: float | None = None
        """The monotonic time of the newest frame's coming; None before the first."""
        self._time, self._index = 0.0, -1
        self._shift, self._skip = 0.0, 0

    def join(self, frame: Frame, first: bool) -> Frame:
        """The frame as it is passed on; `first` of an opening goes on where the last opening ended."""
        now = time.monotonic()
        if first and self.came is not None:
            self._shift = self._time + max(now - self.came, 1e-3) - frame.time
            self._skip = self._index + 1 - frame.index
        if self._shift or self._skip:
            frame = replace(frame, time=frame.time + self._shift, index=frame.index + self._skip)
        self._time, self._index, self.came = frame.time, frame.index, now
        return frame
