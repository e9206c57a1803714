"""Where results go: the protocol of a sink, the queue before it, and what happens when that is full."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Literal, Protocol

from .capture import SourceInfo
from .errors import StillpointError
from .types import Tracked

log = logging.getLogger(__name__)

Drop = Literal["oldest", "never"]
WhenFull = Literal["wait", "drop oldest", "drop newest"]

BUDGET_BYTES = 256 << 20
"""Pictures that wait for one sink on a live source take no more memory than this."""


class Sink(Protocol):
    """Where results go. All three calls come from one thread of the sink's own; one that raises is closed and removed.

    `drop` "oldest": only the newest matters (a window); "never": every frame matters (a recording).
    """

    @property
    def drop(self) -> Drop: ...
    def open(self, info: SourceInfo) -> None: ...
    def write(self, tracked: Tracked) -> None: ...
    def close(self) -> None: ...


def queue_policy(live: bool, drop: Drop, lossless: bool, frame_bytes: int) -> tuple[int, WhenFull]:
    """How many results may wait for a sink, and what happens to the next one: the place where back-pressure is decided.

    A recording (`live` False) waits for sinks that want every frame, and `lossless` for all of them. A live source
    waits for nobody: a window gets the newest, a recording gets a long queue and counts what did not fit.
    """
    if not live and (drop == "never" or lossless):
        return 8, "wait"
    if drop == "oldest":
        return 1, "drop oldest"
    return min(max(BUDGET_BYTES // max(frame_bytes, 1), 8), 120), "drop newest"


class SinkWorker:
    """One sink, its queue and its thread."""

    def __init__(self, sink: Sink, info: SourceInfo, lossless: bool, failed: Callable[[SinkWorker, Exception], None]):
        self.sink = sink
        self.dropped = 0
        self._info, self._lossless, self._failed = info, lossless, failed
        self._changed = threading.Condition()
        self._waiting: deque[Tracked] = deque()
        self._finishing = False
        self._over = False
        self._thread = threading.Thread(target=self._run, name=f"stillpoint-{self.name}", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        return type(self.sink).__name__

    def put(self, tracked: Tracked) -> None:
        size, full = queue_policy(self._info.live, self.sink.drop, self._lossless, tracked.raw.frame.image.nbytes)
        with self._changed:
            if full == "wait":
                self._changed.wait_for(lambda: len(self._waiting) < size or self._over or self._finishing)
            if self._over or self._finishing:
                return
            if len(self._waiting) >= size:
                self.dropped += 1
                if full == "drop newest":
                    return
                self._waiting.popleft()
            self._waiting.append(tracked)
            self._changed.notify_all()

    def finish(self) -> None:
        """No more frames; those that wait are still written where the sink wants every one."""
        with self._changed:
            self._finishing = True
            if self.sink.drop == "oldest" and not self._lossless:
                self._waiting.clear()
            self._changed.notify_all()

    def join(self, timeout: float | None) -> bool:
        """False where the sink is not through after `timeout` seconds."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        failure = self._guarded(lambda: self.sink.open(self._info))
        while failure is None and (tracked := self._next()) is not None:
            failure = self._guarded(lambda tracked=tracked: self.sink.write(tracked))  # type: ignore[misc]
        with self._changed:
            self._over = True
            self._waiting.clear()
            self._changed.notify_all()
        late = self._guarded(self.sink.close)
        if failure is not None or late is not None:
            self._failed(self, failure or late or Exception())

    def _next(self) -> Tracked | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._finishing)
            tracked = self._waiting.popleft() if self._waiting else None
            self._changed.notify_all()
            return tracked

    def _guarded(self, call: Callable[[], None]) -> Exception | None:
        try:
            call()
        except Exception as error:
            if not isinstance(error, StillpointError):
                log.exception("sink %s failed", self.name)
            return error
        return None
