"""`stillpoint record`: what the window's button does, without a window."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..capture import CaptureThread
from ..capture.message import name_of
from ..capture.source import kind_of
from ..errors import OutputError, SettingsError, SourceError
from ..pipeline import Pipeline
from ..session.about import recording_facts
from ..session.book import LiveMarkers
from ..session.label_set import automatic, thresholds
from ..session.record import Recorder
from ..session.room import folder_bytes
from ..temporal import Stabilizer
from .asked import Teller, at_hand, chosen, stop_signals
from .track import report

_EVERY_S = 0.25
_LATE_S = 2.0
"""A live source that sends nothing any more is not waited for longer than this beyond --duration."""


def record(
    source: str,
    *,
    out: Path,
    realtime: Annotated[bool, Parameter(negative="")] = False,
    loop: Annotated[bool, Parameter(negative="")] = False,
    duration: float | None = None,
    filter: str | None = None,
    engine: str | None = None,
    max_faces: int | None = None,
    annotated: Annotated[bool | None, Parameter(negative="")] = None,
    lossless: Annotated[bool | None, Parameter(negative="")] = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Record SOURCE into a session's folder: the clean video, a row for every captured frame, and session.json.

    It ends with the source, after --duration, or at Ctrl-C or SIGTERM; every way the session is complete.

    Parameters
    ----------
    source:
        A camera's index or name, a video file, a folder of images, a URL, or "demo".
    out:
        The folder; it is made where there is none.
    realtime:
        Play a recording at its own pace, as if it were a camera; frames that come too fast are dropped and counted.
    loop:
        Repeat a recording.
    duration:
        End after so many seconds of the source's clock.
    filter:
        none, one_euro, kalman or default; else what the settings say.
    engine:
        auto, onnx, torch or torch:cuda; else what the settings say.
    max_faces:
        How many faces are followed at most; else what the settings say.
    annotated:
        Write a video with the overlay too; else what the settings say (record.overlay).
    lossless:
        Keep every bit of every picture, at about 15 times the size: `reprocess --model` then gives the same numbers.
    overwrite:
        Replace the session that the folder holds.
    """
    from ..detection.follow import FaceTracker

    kind_of(source)
    if duration is not None and not duration > 0:
        raise SettingsError(f"A recording of {duration:g} s cannot be made; --duration wants seconds above 0.")
    settings = chosen(filter, engine, max_faces)
    stabilizer = Stabilizer(settings.filter.method, settings.filter)
    at_hand(source, settings.capture, overwrite)
    console = Console()
    teller, wanted = Teller(console), settings.record
    tracker = FaceTracker.configured(settings.detection)
    duration = duration or wanted.stop_after_s or None
    recorder = Recorder(
        out, annotated=wanted.overlay if annotated is None else annotated, clean=True,
        lossless=wanted.lossless if lossless is None else lossless, filter=settings.filter,
        model=tracker.model_info, about=recording_facts(settings, tracker), overwrite=overwrite, limit_s=duration,
        on_message=teller.tell,
    )  # fmt: skip
    recorder.markers = LiveMarkers(out, automatic(settings.annotate), at=thresholds(settings.annotate))
    capture = CaptureThread(source, settings.capture, realtime=realtime, loop=loop, on_message=teller.hear)
    pipeline = Pipeline(capture, tracker, stabilizer, [recorder], on_message=teller.tell)
    with stop_signals() as stop:
        pipeline.start()
        try:
            _watch(pipeline, recorder, stop, duration, console)
        finally:
            pipeline.stop(timeout=None)
    if recorder.problem is not None:
        raise OutputError(recorder.problem)
    if recorder.summary is None:
        raise SourceError(f"{name_of(source)} gave no picture. {capture.message.text}")
    report(console, out, recorder.summary)
    if recorder.late:
        teller.tell(f"{recorder.late} of the dropped frames were lost because the encoder or the disk was too slow.")
    if recorder.ended is not None:
        raise OutputError(recorder.ended)
    if capture.message.state == "failed":
        raise SourceError(capture.message.text)


def _watch(
    pipeline: Pipeline, recorder: Recorder, stop: threading.Event, duration: float | None, console: Console
) -> None:
    """Wait for whatever ends the recording, and show how it does."""
    late: float | None = None
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while pipeline.running and recorder in pipeline.sinks and not recorder.full.is_set():
            if stop.wait(_EVERY_S):
                return
            live.update(_state(recorder), refresh=True)
            if duration is None or pipeline.info is None or not pipeline.info.live:
                continue
            if late is None and recorder.frames:
                late = time.monotonic() + duration + _LATE_S
            elif late is not None and time.monotonic() > late:
                return


def _state(recorder: Recorder) -> Text:
    minutes, seconds = divmod(recorder.seconds, 60)
    size = folder_bytes(recorder.out) / 2**20
    free = shutil.disk_usage(recorder.out).free / 2**30
    dropped = f", {recorder.dropped} dropped" if recorder.dropped else ""
    line = f"{int(minutes):02}:{seconds:04.1f}  {recorder.frames} frames{dropped}  {size:.1f} MiB, {free:.1f} GiB free"
    return Text.assemble((" REC ", "bold white on red"), "  ", line, "  Ctrl-C ends it")
