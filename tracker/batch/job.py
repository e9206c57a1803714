"""One video and what becomes of it: the function that every worker runs, wherever it is."""

from __future__ import annotations

import json
import logging
import os
import platform
import threading
import time
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..errors import SourceError, StillpointError
from ..pipeline import Pipeline
from ..session.about import SESSION
from ..session.record import Recorder
from ..session.summary import SUMMARY, Summary
from ..settings import Settings
from ..temporal import Stabilizer

log = logging.getLogger(__name__)


class Job(msgspec.Struct, frozen=True):
    """One video and the folder that its session goes into; everything that a worker must know."""

    source: str
    out: str
    settings: Settings = Settings()
    annotated: bool = True
    layout: str = "ibug68"


class Outcome(msgspec.Struct, frozen=True):
    """What became of a job. `kind` and `error` where it failed; `worker` is the process that did it."""

    source: str
    out: str
    status: Literal["done", "already done", "failed"]
    seconds: float = 0.0
    worker: str = ""
    kind: str = ""
    error: str = ""
    summary: Summary | None = None


def track_one(job: Job) -> Outcome:
    """Track one video into its folder. Never raises: what went wrong is in the outcome."""
    begun, out, worker = time.monotonic(), Path(job.out), f"{platform.node()}:{os.getpid()}"

    def outcome(status: Literal["done", "already done", "failed"], **more: Any) -> Outcome:
        return Outcome(job.source, job.out, status, time.monotonic() - begun, worker, **more)

    known = summary_of(out)
    if known is not None:
        return outcome("already done", summary=known)
    try:
        settings = job.settings
        stabilizer = Stabilizer(settings.filter.method, settings.filter)
        tracker = _tracker(settings)
        recorder = Recorder(
            out, annotated=job.annotated, layout=job.layout, filter=settings.filter, model=tracker.model_info,
            overwrite=True,
        )  # fmt: skip
        Pipeline(Path(job.source), tracker, stabilizer, [recorder], settings=settings.capture).run()
        if recorder.summary is None:
            raise SourceError(f"{job.source} gave no picture.")
    except Exception as error:
        if not isinstance(error, StillpointError):
            log.exception("%s failed", job.source)
        if out.is_dir() and not any(out.iterdir()):
            out.rmdir()
        return outcome("failed", kind=type(error).__name__, error=str(error))
    return outcome("done", summary=recorder.summary)


def summary_of(out: Path) -> Summary | None:
    """Of a finished session; None where there is none, or it was cut off."""
    try:
        about = json.loads((out / SESSION).read_text(encoding="utf-8"))
        finished = isinstance(about, dict) and about.get("status") == "complete"
        return msgspec.json.decode((out / SUMMARY).read_bytes(), type=Summary) if finished else None
    except (OSError, ValueError):
        return None


_mine = threading.local()


def _tracker(settings: Settings) -> Any:
    """This thread's tracker; loaded once for all videos with the same settings."""
    from ..detection.follow import FaceTracker

    wanted = settings.detection
    if getattr(_mine, "settings", None) != wanted:
        _mine.tracker = FaceTracker.configured(wanted)
        _mine.settings = wanted
    return _mine.tracker
