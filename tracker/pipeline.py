"""Source -> tracker -> stabilizer -> sinks: the threads, the queues between them, the clock and the counters.

Capture has its own threads (`capture.thread`), tracking and filtering share one, and every sink has one. What happens
where a queue is full is decided in one place, `sinks.queue_policy`. No sink can slow tracking on a live source, reach
into the tracker with its errors, or keep another sink waiting.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from .capture import CaptureThread, Message, Source, SourceInfo
from .counters import Counters, Latencies, Latency
from .errors import SourceError, StillpointError
from .settings import Capture
from .sinks import Sink, SinkWorker
from .types import Frame, Tracked, TrackResult

__all__ = ["Counters", "Filtering", "Latencies", "Latency", "Pipeline", "Sink", "Tracker"]

log = logging.getLogger(__name__)

_POLL_S = 0.2
_TOLD_FAILURES = 3


class Tracker(Protocol):
    """`FaceTracker`, or anything that follows faces from frame to frame."""

    def step(self, frame: Frame) -> TrackResult: ...
    def reset(self) -> None: ...


class Filtering(Protocol):
    """`Stabilizer`, or anything that turns a result into one of the same type."""

    def apply(self, result: TrackResult) -> TrackResult: ...
    def reset(self) -> None: ...


class Pipeline:
    """Runs a source through a tracker, a stabilizer and sinks: once, either `start` ... `stop`, or `run`.

    `source` is anything that `CaptureThread` takes, or a CaptureThread that was not started (whose own messages go
    where it was told). `on_message` gets sentences for people, from any of the threads.
    """

    def __init__(
        self,
        source: CaptureThread | str | int | Path | Source | Callable[[], Source],
        tracker: Tracker,
        stabilizer: Filtering,
        sinks: Iterable[Sink] = (),
        *,
        settings: Capture | None = None,
        on_message: Callable[[str], None] | None = None,
    ) -> None:
        self.latencies = Latencies()
        self._on_message = on_message
        ours = None if isinstance(source, CaptureThread) else CaptureThread(source, settings, on_message=self._heard)
        self.capture: CaptureThread = ours or source  # type: ignore[assignment]
        self._tracker, self._stabilizer = tracker, stabilizer
        self._lock = threading.Lock()  # guards the lists of sinks and the counters
        self._pending: list[Sink] = list(sinks)
        self._workers: list[SinkWorker] = []
        self._gone: dict[str, int] = {}
        self._counters = Counters()
        self._failures: list[Exception] = []
        self._lossless = False
        self._stopping = threading.Event()
        self._done = threading.Event()
        self._last_index: int | None = None
        self._thread = threading.Thread(target=self._track, name="stillpoint-tracking", daemon=True)

    # --- control

    def start(self) -> None:
        """Begin; returns at once. Trouble is told to `on_message` and counted."""
        self._tracker.reset()
        self._stabilizer.reset()
        self.capture.start()
        self._thread.start()

    def stop(self, timeout: float | None = 10.0) -> None:
        """End it: capture first, then what was tracked goes to the sinks, then they are closed. `timeout` per part."""
        self._stopping.set()
        self.capture.stop()
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            worker.finish()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        with self._lock:
            workers = list(self._workers)  # one may have come while the last frame was on its way
        for worker in workers:
            if not worker.join(timeout):
                self._say(f"{worker.name} did not finish within {timeout:g} s and is left behind.")

    def run(self, progress: Callable[[int, int | None], None] | None = None) -> Counters:
        """Track a whole source and return the counters; `progress` gets frames done and frames in all, a few times a
        second. Nothing of a recording is dropped, and it goes as fast as the slowest stage.

        Raises SourceError where the source cannot be read, what the tracker raised, and what a sink raised.
        """
        self._lossless = True
        self.start()
        try:
            while not self._done.wait(_POLL_S):
                if progress is not None:
                    progress(self.counters.tracked, self._total())
        finally:
            self.stop(timeout=None)
        if progress is not None:
            progress(self.counters.tracked, self._total())
        if self._failures:
            raise self._failures[0]
        if self.capture.message.state == "failed":
            raise SourceError(self.capture.message.text)
        return self.counters

    def add_sink(self, sink: Sink) -> None:
        """From the next frame on."""
        with self._lock:
            self._pending.append(sink)

    def remove_sink(self, sink: Sink, timeout: float | None = 10.0) -> None:
        """Write what waits, close it, and wait for that, `timeout` seconds at most. Unknown sinks are ignored."""
        with self._lock:
            self._pending = [other for other in self._pending if other is not sink]
            workers = [worker for worker in self._workers if worker.sink is sink]
        for worker in workers:
            worker.finish()
            worker.join(timeout)
            self._forget(worker)

    def set_stabilizer(self, stabilizer: Filtering) -> None:
        """Another filter from the next frame on."""
        self._stabilizer = stabilizer

    # --- what can be asked at any time

    @property
    def info(self) -> SourceInfo | None:
        """Of the open source; None before there is one."""
        return self.capture.info

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """Those that are still served."""
        with self._lock:
            return (*(worker.sink for worker in self._workers), *self._pending)

    @property
    def counters(self) -> Counters:
        captured = self.capture.counters
        with self._lock:
            dropped = dict(self._gone)
            for worker in self._workers:
                dropped[worker.name] = dropped.get(worker.name, 0) + worker.dropped
            return replace(self._counters, captured=captured.captured, dropped=captured.dropped, sink_dropped=dropped)

    # --- the tracking thread

    def _track(self) -> None:
        try:
            while not self._stopping.is_set() and not self.capture.ended:
                frame = self.capture.get(_POLL_S)
                if frame is not None and not self._stopping.is_set():
                    self._one(frame)
                    if self._lossless and self._failures:
                        break  # headless: what is lost now would be found too late
        finally:
            with self._lock:
                workers = list(self._workers)
            for worker in workers:
                worker.finish()
            self._done.set()

    def _one(self, frame: Frame) -> None:
        came = self.capture.came
        tracked = self._results(frame)
        self._open_pending()
        with self._lock:
            count = self._counters
            found = count.found + bool(tracked.raw.faces)
            self._counters = replace(count, tracked=count.tracked + 1, found=found)
            workers = list(self._workers)
        timings = {**tracked.raw.timings, **tracked.stable.timings}
        info = self.capture.info
        if info is not None and info.live:
            # From when the source gave it: the clock in its time stamp is the source's own, and may run unevenly.
            timings["capture_to_result"] = time.monotonic() - came
            tracked = replace(tracked, done=frame.time + timings["capture_to_result"])
        self.latencies.add(timings)
        for worker in workers:
            worker.put(tracked)

    def _results(self, frame: Frame) -> Tracked:
        dropped = 0 if self._last_index is None else max(frame.index - self._last_index - 1, 0)
        self._last_index = frame.index
        begun = time.perf_counter()
        try:
            raw = self._tracker.step(frame)
        except Exception as error:
            self._tracking_failed(error)
            raw = TrackResult(frame, ())
        stepped = time.perf_counter()
        raw = replace(raw, timings={**raw.timings, "step": stepped - begun}, dropped=dropped)
        try:
            stable = self._stabilizer.apply(raw)
        except Exception as error:
            self._tracking_failed(error)
            stable = raw
        return Tracked(raw, replace(stable, timings={**raw.timings, "filter": time.perf_counter() - stepped}))

    def _tracking_failed(self, error: Exception) -> None:
        with self._lock:
            self._counters = replace(self._counters, errors=self._counters.errors + 1)
            self._failures.append(error)
            del self._failures[_TOLD_FAILURES:]
            told = self._counters.errors <= _TOLD_FAILURES
        if told:
            log.error("tracking failed", exc_info=error)
            self._say(f"Tracking failed on a frame ({type(error).__name__}: {error}).")

    def _open_pending(self) -> None:
        info = self.capture.info
        with self._lock:
            if info is not None and self._pending:
                self._workers += [SinkWorker(sink, info, self._lossless, self._sink_failed) for sink in self._pending]
                self._pending = []

    def _sink_failed(self, worker: SinkWorker, error: Exception) -> None:
        with self._lock:
            self._counters = replace(self._counters, errors=self._counters.errors + 1)
            self._failures.append(error)
            del self._failures[_TOLD_FAILURES:]
        self._forget(worker)
        known = isinstance(error, StillpointError)
        self._say(str(error) if known else f"{worker.name} failed and was removed ({type(error).__name__}: {error}).")

    def _forget(self, worker: SinkWorker) -> None:
        with self._lock:
            if worker in self._workers:
                self._workers.remove(worker)
                self._gone[worker.name] = self._gone.get(worker.name, 0) + worker.dropped

    def _total(self) -> int | None:
        info = self.capture.info
        return info.frames if info is not None else None

    def _heard(self, message: Message) -> None:
        self._say(message.text)

    def _say(self, text: str) -> None:
        if self._on_message is not None:
            self._on_message(text)
