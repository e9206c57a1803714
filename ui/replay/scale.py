"""Seconds of a session -> pixels of the timeline: pure arithmetic, so that zooming and panning need no window."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

LEAST_S = 0.2
"""No less than this is ever shown."""
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True, slots=True)
class TimeScale:
    """`seconds` from `first` on lie on `width` pixels that begin at `left`; the session lasts `duration` s."""

    duration: float
    first: float = 0.0
    seconds: float = 0.0
    left: float = 0.0
    width: float = 1.0

    def __post_init__(self) -> None:
        whole = max(self.duration, LEAST_S)
        seconds = whole if self.seconds <= 0 else min(max(self.seconds, LEAST_S), whole)
        object.__setattr__(self, "seconds", seconds)
        object.__setattr__(self, "first", min(max(self.first, 0.0), whole - seconds))
        object.__setattr__(self, "width", max(self.width, 1.0))

    def x(self, time: float) -> float:
        return self.left + (time - self.first) / self.seconds * self.width

    def time(self, x: float) -> float:
        """Also beyond the edges; never before the session or after it."""
        return min(max(self.first + (x - self.left) / self.width * self.seconds, 0.0), self.duration)

    @property
    def last(self) -> float:
        return self.first + self.seconds

    def fitted(self, left: float, width: float) -> TimeScale:
        """The same seconds on other pixels."""
        return replace(self, left=left, width=width)

    def zoomed(self, factor: float, x: float) -> TimeScale:
        """`factor` > 1 shows less; the time under `x` stays there."""
        at = self.first + (x - self.left) / self.width * self.seconds
        seconds = min(max(self.seconds / factor, LEAST_S), max(self.duration, LEAST_S))
        return replace(self, seconds=seconds, first=at - (at - self.first) * seconds / self.seconds)

    def panned(self, pixels: float) -> TimeScale:
        return replace(self, first=self.first - pixels / self.width * self.seconds)

    def showing(self, time: float) -> TimeScale:
        """Turned over like a page where a time is not in sight."""
        if self.first <= time < self.last:
            return self
        return replace(self, first=time - 0.1 * self.seconds if time >= self.last else time - 0.9 * self.seconds)

    def ticks(self, apart: float = 90.0) -> list[tuple[float, str]]:
        """Round times in sight, at least `apart` pixels from one another, and what they are called."""
        wanted = apart / self.width * self.seconds
        step = next((one for one in _STEPS if one >= wanted), _STEPS[-1])
        number = math.ceil(self.first / step - 1e-9)
        found = []
        while (time := number * step) <= self.last - 0.35 * wanted:
            found.append((time, clock(time, step)))
            number += 1
        return found


def clock(time: float, step: float = 0.001) -> str:
    """ "1:02:03.5": with as many decimals as steps of that size need."""
    digits = 0 if step >= 1 else (1 if step >= 0.1 else (2 if step >= 0.01 else 3))
    whole = round(max(time, 0.0) * 10**digits)
    seconds, part = divmod(whole, 10**digits)
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    text = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{text}.{part:0{digits}}" if digits else text
