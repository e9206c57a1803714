"""What every live stream shares: its counters, its limit to the rate, the neutral pose, and errors that stay here."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..capture import SourceInfo
from ..errors import StillpointError
from ..settings import Stream
from ..sinks import Drop
from ..types import Tracked
from .performance import Moment, Neutral, moment, neutral_of

log = logging.getLogger(__name__)

_EARLY_S = 0.005


@dataclass(frozen=True, slots=True)
class Sent:
    """What a stream has done: packets and bytes sent, frames left out by the limit, errors, and the last of them."""

    packets: int = 0
    bytes: int = 0
    skipped: int = 0
    errors: int = 0
    problem: str = ""


class Pace:
    """Lets at most `rate` a second through, by the frames' own times; 0 lets all through."""

    def __init__(self, rate: float) -> None:
        self._period = 1.0 / rate if rate > 0 else 0.0
        self._due: float | None = None

    def __call__(self, time: float) -> bool:
        due, period = self._due, self._period
        if due is None or time < due - 2.0 * period or period == 0.0:  # the first, or a clock that was set back
            self._due = time + period
            return True
        if time < due - min(0.25 * period, _EARLY_S):  # frames do not come to the millisecond
            return False
        self._due = max(due, time - period) + period
        return True


class StreamSink:
    """A sink that sends; a protocol adds `open`, `_send` and `close`.

    Nothing that fails after construction is raised: errors are counted, and a new one is logged. `now` is the wall
    clock, Unix seconds. Any thread may read `sent` and call `recentre`.
    """

    drop: Drop = "oldest"

    def __init__(self, settings: Stream | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.settings = settings or Stream()
        self._now = now
        self._pace = Pace(self.settings.rate)
        self._lock = threading.Lock()
        self._counts = Sent()
        self._neutral: Neutral | None = None
        self._recentre = False

    @property
    def sent(self) -> Sent:
        with self._lock:
            return self._counts

    @property
    def neutral(self) -> Neutral | None:
        """The pose that counts as straight ahead; None: the camera's own axes."""
        with self._lock:
            return self._neutral

    @neutral.setter
    def neutral(self, pose: Neutral | None) -> None:
        with self._lock:
            self._neutral, self._recentre = pose, False

    def recentre(self) -> None:
        """The pose of the next face becomes straight ahead."""
        with self._lock:
            self._recentre = True

    def open(self, info: SourceInfo) -> None: ...

    def write(self, tracked: Tracked) -> None:
        try:
            self._send(moment(tracked, self._now(), self._centre(tracked), self.settings))
        except Exception as error:  # the tracker must not stop for what a protocol cannot say
            self.failed(error)

    def close(self) -> None: ...

    def count(self, packets: int = 0, bytes: int = 0, skipped: int = 0) -> None:
        with self._lock:
            was = self._counts
            self._counts = replace(
                was, packets=was.packets + packets, bytes=was.bytes + bytes, skipped=was.skipped + skipped
            )

    def failed(self, error: Exception) -> None:
        problem = str(error) if isinstance(error, StillpointError) else f"{type(error).__name__}: {error}"
        with self._lock:
            new = problem != self._counts.problem
            self._counts = replace(self._counts, errors=self._counts.errors + 1, problem=problem)
        if new:
            log.warning("%s: %s", type(self).__name__, problem)

    def mended(self) -> None:
        """What was wrong is no longer."""
        with self._lock:
            self._counts = replace(self._counts, problem="")

    def _send(self, now: Moment) -> None:
        raise NotImplementedError

    def _allowed(self, now: Moment) -> bool:
        """Whether the limit lets this frame through; counts what it does not."""
        allowed = self._pace(now.time)
        if not allowed:
            self.count(skipped=1)
        return allowed

    def _centre(self, tracked: Tracked) -> Neutral | None:
        with self._lock:
            if self._recentre and tracked.stable.seen:
                self._neutral, self._recentre = neutral_of(tracked.stable.seen[0]), False
            return self._neutral
