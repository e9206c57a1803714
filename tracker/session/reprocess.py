"""A session's raw values through another filter, into a table beside the original: `frames_<pass>.parquet`.

The same filter with the same settings gives the same numbers to the bit, where the recording began with the tracking
(a window's filter has seen frames before its button was pressed) and its recorder dropped nothing that was tracked.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from ..errors import OutputError, SettingsError, SourceError
from ..settings import Filter
from ..temporal import Stabilizer
from ..types import Face, Frame, Tracked, TrackResult
from .about import now_utc, version_of, write_json
from .columns import Row, batch_of, rows_of
from .reason import reason_of
from .replay import SESSION, Session
from .table import write_parquet

_ROWS = 256
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KEPT = ("dropped_before", "step_s")
"""Of the original, which another filter does not change."""
_NONE = np.zeros((1, 1, 3), np.uint8)


def reprocess(
    session: Session,
    settings: Filter,
    name: str | None = None,
    *,
    overwrite: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Write the pass `name` (the method's own name where there is none) and note it in session.json; returns its table.

    `progress` is called with the share that is done, 0..1. Raises SettingsError for a method or a name that cannot be,
    ModelError where the model that recorded the session is not installed, SourceError where the table lacks a column,
    OutputError where the pass is there already or cannot be written.
    """
    name = name or settings.method
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"A pass cannot be called {name!r}; use letters, digits, - and _, for example {'calm-2'!r}."
        )
    stabilizer = Stabilizer(settings.method, settings)
    target = session.folder / f"frames_{name}.parquet"
    if target.exists() and not overwrite:
        raise OutputError(f"{target} is already there; choose another --name, or replace it with --overwrite.")
    try:
        write_parquet(_batches(session, stabilizer, progress or (lambda share: None)), target)
        _note(session.folder, name, settings)
    except (OSError, pa.ArrowException) as error:
        raise OutputError(f"{target} cannot be written ({reason_of(error)}); free some space and try again.") from error
    return target


def _batches(session: Session, stabilizer: Stabilizer, progress: Callable[[float], None]) -> Iterator[pa.RecordBatch]:
    rows: list[Row] = []
    done = 0
    for some in _frames(session, stabilizer):
        rows += some
        done += len(some)
        if len(rows) >= _ROWS:
            yield batch_of(rows)
            rows = []
            progress(done / session.rows)
    if rows:
        yield batch_of(rows)
    progress(1.0)


def _frames(session: Session, stabilizer: Stabilizer) -> Iterator[list[Row]]:
    """The rows of one frame after the other, in the table's order."""
    raw = session.showing("raw")
    index, state = session.column("frame_index"), session.column("state")
    starts = np.flatnonzero(np.diff(index, prepend=np.nan) != 0)
    for start, end in zip(starts, [*starts[1:], len(index)], strict=True):
        rows = range(int(start), int(end))
        kept = [_original(session, row) for row in rows]
        if state[start] in ("dropped", "unmeasured"):  # no filter ever saw these
            yield kept
            continue
        faces = [face for row in rows if (face := _face(raw, row)) is not None]
        frame = Frame(_NONE, float(session.column("time_s")[start]), int(index[start]))
        result = TrackResult(frame, tuple(faces))
        begun = time.perf_counter()
        stable = stabilizer.apply(result)
        took = {"filter": time.perf_counter() - begun}
        new = rows_of(Tracked(result, replace(stable, timings=took)))
        yield [{**row, **{k: v for k, v in old.items() if k != "state"}} for row, old in zip(new, kept, strict=True)]


def _face(raw: Session, row: int) -> Face | None:
    face = raw.face(row)
    if face is None and raw.column("state")[row] == "tracked":
        raise SourceError(f"Row {row} of {raw.folder} is said to be tracked but has no raw values; restore the table.")
    return face


def _original(session: Session, row: int) -> Row:
    """What of a row stays as it was recorded."""
    kept: Row = {"frame_index": int(session.column("frame_index")[row]), "time_s": session.column("time_s")[row]}
    kept["state"] = session.column("state")[row]
    for name in (*_KEPT, "video_index"):
        value = session.column(name)[row] if name in session.names else np.nan
        if np.isfinite(value):
            kept[name] = float(value) if name == "step_s" else int(value)
    return kept


def _note(folder: Path, name: str, settings: Filter) -> None:
    """Write down in session.json what the pass was made with."""
    path = folder / SESSION
    about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    made = {"filter": msgspec.to_builtins(settings), "made_utc": now_utc(), "version": version_of("stillpoint")}
    write_json(path, {**about, "passes": {**about.get("passes", {}), name: made}})
