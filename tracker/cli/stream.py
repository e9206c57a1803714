"""`stillpoint stream`: track a source and send it to other programs, without a window."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.live import Live
from rich.table import Table

from ..capture import CaptureThread, kind_of
from ..errors import SettingsError, SourceError
from ..pipeline import Pipeline
from ..stream import StreamSink, open_stream
from ..temporal import Stabilizer
from .asked import Teller, at_hand, chosen

_EVERY_S = 0.5


def stream(
    source: str,
    *,
    to: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    allow_remote: Annotated[bool, Parameter(negative="")] = False,
    mirror: bool | None = None,
    recentre: Annotated[bool, Parameter(negative="")] = False,
    loop: Annotated[bool, Parameter(negative="")] = False,
    duration: float | None = None,
    filter: str | None = None,
    engine: str | None = None,
    max_faces: int | None = None,
) -> None:
    """Track SOURCE at its own pace and send what was found, until the source ends or Ctrl-C.

    Parameters
    ----------
    source:
        A camera's index or name, a video file, a folder of images, a URL, or "demo".
    to:
        Targets, PROTOCOL[:HOST][:PORT]: opentrack, openseeface, vmc, livelink, ifacialmocap, phone, osc, websocket,
        vtubestudio, lsl, virtualcam; else what the settings say. Without a host this computer, without a port the
        protocol's own.
    allow_remote:
        Send to other computers too.
    mirror:
        An avatar that moves as a mirror does; else what the settings say.
    recentre:
        Take the first face's pose as straight ahead.
    loop:
        Repeat a recording.
    duration:
        Stop after so many seconds.
    filter:
        none, one_euro, kalman or default; else what the settings say.
    engine:
        auto, onnx, torch or torch:cuda; else what the settings say.
    max_faces:
        How many faces are followed at most; else what the settings say.
    """
    from ..detection.follow import FaceTracker

    kind_of(source)
    if duration is not None and not duration > 0:
        raise SettingsError(f"Nothing can be sent in {duration:g} s; --duration wants seconds above 0.")
    settings = chosen(filter, engine, max_faces)
    targets = to or settings.stream.to.split()
    if not targets:
        raise SettingsError("There is nowhere to send to; name a target, for example --to vmc.")
    how = settings.stream
    if mirror is not None:
        how = msgspec.structs.replace(how, mirror=mirror)
    sinks = {target: open_stream(target, how, allow_remote=allow_remote) for target in targets}
    if recentre:
        for sink in sinks.values():
            sink.recentre()
    stabilizer = Stabilizer(settings.filter.method, settings.filter)
    at_hand(source, settings.capture)
    tracker = FaceTracker.configured(settings.detection)
    console = Console()
    teller = Teller(console)
    capture = CaptureThread(source, settings.capture, realtime=True, loop=loop, on_message=teller.hear)
    pipeline = Pipeline(capture, tracker, stabilizer, list(sinks.values()), on_message=teller.tell)
    _run(pipeline, sinks, duration, console)


def _run(pipeline: Pipeline, sinks: dict[str, StreamSink], duration: float | None, console: Console) -> None:
    begun = time.monotonic()
    pipeline.start()
    try:
        with Live(console=console, transient=True, auto_refresh=False) as live:
            while pipeline.running and (duration is None or time.monotonic() - begun < duration):
                time.sleep(_EVERY_S if duration is None else min(_EVERY_S, duration))
                live.update(sent_table(sinks, time.monotonic() - begun), refresh=True)
    except KeyboardInterrupt:
        console.print("Stopped.")
    finally:
        pipeline.stop()
    told = pipeline.capture.message
    if told.state == "failed":
        raise SourceError(told.text)
    counters = pipeline.counters
    console.print(sent_table(sinks, time.monotonic() - begun))
    console.print(f"{counters.tracked} frames tracked, {counters.found} with a face.", markup=False)


def sent_table(sinks: dict[str, StreamSink], seconds: float) -> Table:
    """One row a target: what it was sent so far."""
    table = Table("to", "packets", "a second", "KiB", "left out by the limit", "errors", "last error")
    for target, sink in sinks.items():
        sent = sink.sent
        row: Sequence[object] = (
            target, sent.packets, f"{sent.packets / max(seconds, 1e-6):.1f}", f"{sent.bytes / 1024:.1f}", sent.skipped,
            sent.errors, sent.problem or "-",
        )  # fmt: skip
        table.add_row(*map(str, row))
    return table
