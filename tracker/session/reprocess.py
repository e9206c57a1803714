"""A session run again, into a table beside the original: `frames_<pass>.parquet`.

Its raw values through another filter or through the smoother, which looks ahead, too; or, where a tracker is given, its
clean video through that and then through the filter. The same filter with the same settings gives the same numbers to
the bit, where the recording began with the tracking (a window's filter has seen frames before its button was pressed)
and its recorder dropped nothing that was tracked. The same model does so on the CPU, where the video is lossless, too.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
import pyarrow as pa

from ..errors import OutputError, SettingsError, SourceError
from ..pipeline import Filtering, Tracker
from ..settings import Filter
from ..temporal import OFFLINE, STABILIZERS, Stabilizer
from ..temporal.smoother import in_order
from ..types import Face, Frame, Image, Tracked, TrackResult
from .about import SESSION, now_utc, version_of, write_json
from .columns import Row, batch_of, rows_of
from .reason import reason_of
from .replay import Session
from .table import write_parquet

_ROWS = 256
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NONE = np.zeros((1, 1, 3), np.uint8)
_READ = 0.9
"""Of the work, where the method needs all frames at once."""

Step = tuple[Row, TrackResult | None]
"""What stays of a frame as it was recorded, and what was measured in it (None: nobody ever looked at it)."""


def reprocess(
    session: Session,
    settings: Filter,
    name: str | None = None,
    *,
    tracker: Tracker | None = None,
    overwrite: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Write the pass `name` (the method's own name where there is none) and note it in session.json; returns its table.

    `settings.method` is one of STABILIZERS or of OFFLINE. With `tracker` the clean video is tracked again. `progress`
    is called with the share that is done, 0..1. Raises SettingsError for a method or a name that cannot be, ModelError
    where the model that recorded is not installed, SourceError where the table lacks a column or there is no video,
    OutputError where the pass is there already or cannot be written.
    """
    name = name or settings.method
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"A pass cannot be called {name!r}; use letters, digits, - and _, for example {'calm-2'!r}."
        )
    if settings.method not in {*STABILIZERS, *OFFLINE}:
        known = ", ".join(sorted({*STABILIZERS, *OFFLINE}))
        raise SettingsError(f"There is no filter {settings.method!r}; choose one of {known}.")
    stabilizer = None if settings.method in OFFLINE else Stabilizer(settings.method, settings)
    target = session.folder / f"frames_{name}.parquet"
    if target.exists() and not overwrite:
        raise OutputError(f"{target} is already there; choose another --name, or replace it with --overwrite.")
    made: dict[str, Any] = {"filter": msgspec.to_builtins(settings)}
    steps = _recorded(session)
    if tracker is not None:
        made.update(engine=getattr(tracker, "engine_name", None), model=getattr(tracker, "model_info", None))
        steps = _tracked(session, tracker)
    tell, total = progress or (lambda share: None), len(session.frames)
    begin = 0.0
    if stabilizer is None:  # all of it is read before the first row is there
        begin, steps = _READ, _told(steps, lambda done: tell(_READ * done / max(total, 1)))
    try:
        write_parquet(_batches(_filtered(steps, stabilizer, settings), total, tell, begin), target)
        _note(session.folder, name, made)
    except (OSError, pa.ArrowException) as error:
        raise OutputError(f"{target} cannot be written ({reason_of(error)}); free some space and try again.") from error
    return target


def _told(steps: Iterable[Step], tell: Callable[[int], None]) -> Iterator[Step]:
    for done, step in enumerate(steps, 1):
        yield step
        if done % 16 == 0:
            tell(done)


def _batches(
    frames: Iterable[list[Row]], total: int, progress: Callable[[float], None], begin: float
) -> Iterator[pa.RecordBatch]:
    rows: list[Row] = []
    for done, some in enumerate(frames, 1):
        rows += some
        if len(rows) >= _ROWS:
            yield batch_of(rows)
            rows = []
        if done % 16 == 0:
            progress(begin + (1.0 - begin) * min(done / max(total, 1), 1.0))
    if rows:
        yield batch_of(rows)
    progress(1.0)


def _filtered(steps: Iterable[Step], stabilizer: Filtering | None, settings: Filter) -> Iterator[list[Row]]:
    """The rows of one frame after the other; without a stabilizer, smoothed all at once."""
    apply: Callable[[TrackResult], TrackResult]
    if stabilizer is not None:
        apply = stabilizer.apply
    else:
        steps = [(kept, None if raw is None else _unpictured(raw)) for kept, raw in steps]
        apply = in_order(OFFLINE[settings.method]([raw for _, raw in steps if raw is not None], settings))
    for kept, raw in steps:
        if raw is None:
            yield [kept]
            continue
        begun = time.perf_counter()
        stable = apply(raw)
        took = {"filter": time.perf_counter() - begun}
        yield [{**row, **kept} for row in rows_of(Tracked(raw, replace(stable, timings=took)))]


def _unpictured(result: TrackResult) -> TrackResult:
    """Without its picture, of which there would be too many."""
    return replace(result, frame=Frame(_NONE, result.frame.time, result.frame.index))


def _recorded(session: Session) -> Iterator[Step]:
    """What was measured then, in the table's order."""
    raw = session.showing("raw")
    index, state = session.column("frame_index"), session.column("state")
    starts = np.flatnonzero(np.diff(index, prepend=np.nan) != 0)
    for start, end in zip(starts, [*starts[1:], len(index)], strict=True):
        kept = _original(session, int(start), ("video_index", "result_s"))
        if state[start] in ("dropped", "unmeasured"):  # no filter ever saw these
            yield {**kept, "state": str(state[start])}, None
            continue
        faces = [face for row in range(int(start), int(end)) if (face := _face(raw, row)) is not None]
        before = _original(session, int(start), ("dropped_before", "step_s"))
        timings = {"step": before["step_s"]} if "step_s" in before else {}
        frame = Frame(_NONE, kept["time_s"], kept["frame_index"])
        yield kept, TrackResult(frame, tuple(faces), timings, before.get("dropped_before", 0))


def _tracked(session: Session, tracker: Tracker) -> Iterator[Step]:
    """What `tracker` finds in the clean video; frames without a picture count as dropped."""
    tracker.reset()
    pictures = _pictures(session)
    last: int | None = None
    for row in np.unique(session.column("frame_index"), return_index=True)[1]:
        kept = _original(session, int(row), ("video_index",))
        if "video_index" not in kept:
            yield {**kept, "state": "dropped"}, None
            continue
        picture = next(pictures, None)
        if picture is None:
            raise SourceError(f"{session.video} ends before its table does; `stillpoint repair` makes them agree.")
        frame = Frame(picture, kept["time_s"], kept["frame_index"])
        begun = time.perf_counter()
        raw = tracker.step(frame)
        dropped = 0 if last is None else frame.index - last - 1
        last = frame.index
        yield kept, replace(raw, timings={**raw.timings, "step": time.perf_counter() - begun}, dropped=dropped)


def _pictures(session: Session) -> Iterator[Image]:
    """Of the clean video, in order, in the size that was recorded."""
    if session.video is None or "video_index" not in session.names:
        raise SourceError(f"{session.folder} has no clean video (video.mkv); only its filter can be run again.")
    width, height = session.size
    try:
        with av.open(str(session.video)) as container:
            for picture in container.decode(video=0):
                image = picture.to_ndarray(format="rgb24")
                cut = image[: height or None, : width or None]  # without what the encoder had to add
                yield np.ascontiguousarray(cut, dtype=np.uint8)
    except av.error.FFmpegError as error:
        raise SourceError(f"{session.video} cannot be read ({reason_of(error)}); restore it from a copy.") from error


def _face(raw: Session, row: int) -> Face | None:
    face = raw.face(row)
    if face is None and raw.column("state")[row] == "tracked":
        raise SourceError(f"Row {row} of {raw.folder} is said to be tracked but has no raw values; restore the table.")
    return face


def _original(session: Session, row: int, names: Iterable[str]) -> Row:
    """What of a frame stays as it was recorded, where it has a value; `row` is its first."""
    kept: Row = {"frame_index": int(session.column("frame_index")[row])}
    kept["time_s"] = float(session.column("time_s")[row])
    for name in names:
        value = session.column(name)[row] if name in session.names else np.nan
        if np.isfinite(value):
            kept[name] = float(value) if name.endswith("_s") else int(value)
    return kept


def _note(folder: Path, name: str, made: dict[str, Any]) -> None:
    """Write down in session.json what the pass was made with."""
    path = folder / SESSION
    about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    made = {**made, "made_utc": now_utc(), "version": version_of("stillpoint")}
    write_json(path, {**about, "passes": {**about.get("passes", {}), name: made}})
