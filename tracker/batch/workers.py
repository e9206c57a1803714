"""Jobs in worker processes of this machine."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any

from .job import Job, Outcome, track_one

log = logging.getLogger(__name__)

_TRIES = 2
"""How often a video is tried whose worker process dies."""


def run_here(jobs: Sequence[Job], workers: int, each: Callable[[Outcome], None]) -> None:
    """Do the jobs in worker processes; `each` is called here with every outcome as it comes.

    A worker process that dies takes nothing with it: its video is tried once more in a new one.
    """
    waiting: queue.SimpleQueue[tuple[Job, int]] = queue.SimpleQueue()
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    for job in jobs:
        waiting.put((job, 1))
    hands = [_Hand(waiting, outcomes) for _ in range(max(min(workers, len(jobs)), 1))]
    try:
        for _ in jobs:
            each(outcomes.get())
    finally:
        for hand in hands:
            hand.stop()


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Hand:
    """One worker process, and the thread that gives it jobs until there are none."""

    def __init__(self, waiting: queue.SimpleQueue[tuple[Job, int]], outcomes: queue.SimpleQueue[Outcome]) -> None:
        self._waiting, self._outcomes = waiting, outcomes
        self._stopping = threading.Event()
        self._process: Any = None
        self._pipe: Any = None
        self._thread = threading.Thread(target=self._run, name="stillpoint-batch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """At once; what the worker has begun is started clean the next time."""
        self._stopping.set()
        process = self._process
        if process is not None:
            process.terminate()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                job, tries = self._waiting.get_nowait()
                self._one(job, tries)
        except queue.Empty:
            pass
        finally:
            self._let_go()

    def _one(self, job: Job, tries: int) -> None:
        try:
            if self._process is None:
                self._hire()
            self._pipe.send(job)
            self._outcomes.put(self._pipe.recv())
        except (EOFError, OSError) as error:
            code = self._let_go()
            if tries < _TRIES and not self._stopping.is_set():
                log.warning("the worker of %s died (exit code %s)", job.source, code)
                self._waiting.put((job, tries + 1))
                return
            why = f"Its worker process died {tries} times, the last time with exit code {code}."
            self._outcomes.put(Outcome(job.source, job.out, "failed", kind=type(error).__name__, error=why))

    def _hire(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def _let_go(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        self._pipe.close()  # an idle worker leaves when its pipe is closed
        process.join(5.0)
        if process.is_alive():
            process.terminate()
            process.join()
        return int(process.exitcode)


def _serve(pipe: Any) -> None:
    """The worker process: jobs in, outcomes out. One thread for the arithmetic: other cores have their own videos."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever gives the jobs decides
    cv2.setNumThreads(1)
    while True:
        try:
            pipe.send(track_one(pipe.recv()))
        except (EOFError, OSError):
            return
