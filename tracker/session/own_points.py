"""Landmarks that a person added by pointing at the face: their place on the mean head, and where they were all along.

`points.json` holds the queries; `points.parquet` has, for every row of the session's table, `raw_<name>_x`,
`raw_<name>_y` and the same for `stable_`, px, computed from the recorded states: the picture is not looked at again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import ModelError, OutputError, SettingsError, SourceError
from ..head import moving
from ..types import FaceState
from ..whole import whole
from .about import now_utc, write_json
from .arrays import values_of
from .layers import alone, keep_copy, readable
from .reason import reason_of
from .replay import Session, Which
from .rows import Rows

POINTS_FILE, TABLE = "points.json", "points.parquet"
SCHEMA, MAJOR = "stillpoint.points", 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class OwnPoint:
    """`query`: metres on the mean head, head frame. `frame`, `x`, `y`: where the person clicked, px."""

    name: str
    query: tuple[float, float, float]
    frame: int = 0
    x: float = 0.0
    y: float = 0.0
    author: str = ""
    created: str = ""


Points = tuple[OwnPoint, ...]
NO_POINTS: Points = ()


def read_points(folder: Path) -> Points:
    """Of a session's folder; none where it has none. Raises SourceError for a file that is damaged or newer."""
    path = folder / POINTS_FILE
    if not path.is_file():
        return ()
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        major = about["schema_version"]["major"]
        if about["schema"] != SCHEMA or major > MAJOR:
            raise SourceError(f"{path} is of {about['schema']} {major}; {SCHEMA} up to {MAJOR} is read.")
        return tuple(
            OwnPoint(
                str(item["name"]), _query(item["query"]), int(item.get("frame", 0)), float(item.get("x", 0.0)),
                float(item.get("y", 0.0)), str(item.get("author", "")), str(item.get("created", "")),
            ) for item in about["items"]
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SourceError(f"{path} is damaged ({type(error).__name__}: {error}); restore it from a copy.") from error


def changed_points(held: Points, before: Points, after: Points) -> Points:
    """`held` with what was changed from `before` to `after`."""
    new = [one for one in after if one not in before]
    gone = {one.name for one in before} - {one.name for one in after} | {one.name for one in new}
    return (*(one for one in held if one.name not in gone), *new)


def save_points(
    session: Session,
    points: Sequence[OwnPoint],
    progress: Callable[[float], None] | None = None,
    before: Points | None = None,
) -> Points:
    """Write both files for these points; without points there are none. Returns what they hold then.

    With `before`, what the file held when it was last read or saved, what others added or took away meanwhile stays so.
    Of a file that cannot be read a copy stays. Raises SettingsError for a name that is no column's or is there twice,
    ModelError where the model that recorded the session is not installed, OutputError where the folder cannot be
    written.
    """
    names = [one.name for one in points]
    for name in names:
        if not NAME.fullmatch(name) or names.count(name) > 1:
            raise SettingsError(
                f"A landmark cannot be called {name!r}; use letters, digits, - and _, and each name once."
            )
    folder = session.folder
    try:
        while True:
            held, problem = readable(read_points, folder, NO_POINTS)
            kept = before is not None and not problem and (folder / POINTS_FILE).is_file()
            wanted = changed_points(held, before, tuple(points)) if kept and before is not None else tuple(points)
            table = _table(session, wanted, progress or (lambda share: None)) if wanted else None
            with alone(folder):
                if readable(read_points, folder, NO_POINTS) == (held, problem):  # nobody saved others meanwhile
                    if problem:
                        keep_copy(folder / POINTS_FILE)
                    return _write(folder, wanted, table)
    except (OSError, pa.ArrowException) as error:
        raise OutputError(
            f"The landmarks of {folder} cannot be saved ({reason_of(error)}); free some space and try again."
        ) from error


Columns = dict[str, npt.NDArray[np.float64]]
NOWHERE: Columns = {}


def own_columns(session: Session) -> Columns:
    """(rows,) each of the added landmarks' columns, px, NaN without a face; none where nothing was added, or the table
    beside has other rows than the session's."""
    path = session.folder / TABLE
    if not path.is_file():
        return {}
    try:
        table = pq.read_table(str(path))
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(f"{path} is damaged ({error}); delete it, `stillpoint replay` makes it anew.") from error
    if table.num_rows != session.rows:
        return {}
    return {name: values_of(table[name]) for name in table.column_names if name not in ("frame_index", "face_id")}


def trajectory(
    session: Session,
    queries: npt.NDArray[np.floating[Any]],
    which: Which,
    progress: Callable[[float], None] | None = None,
) -> npt.NDArray[np.float32]:
    """(rows, N, 2) px of queries (N, 3) in every row of the table, NaN where there was no face.

    Raises ModelError where the model that recorded the session is not installed.
    """
    if session.basis is None:
        raise ModelError(
            f"The model that recorded {session.folder} is not installed; a landmark cannot be computed from its states."
        )
    asked = np.asarray(queries, np.float32).reshape(-1, 3)
    rows = Rows(session)
    out = np.full((session.rows, len(asked), 2), np.nan, np.float32)
    linear: _Linear | None = None
    for row in range(session.rows):
        state = rows.state(row, which)
        if state is not None:
            linear = linear or _Linear(session, state, asked)
            out[row] = state.project(linear(state))
        if progress is not None and row % 500 == 0:
            progress(row / max(session.rows, 1))
    return out


class _Linear:
    """The basis at some queries, taken once: it is linear in what the network says."""

    def __init__(self, session: Session, like: FaceState, queries: npt.NDArray[np.float32]) -> None:
        assert session.basis is not None
        basis, parts = session.basis, ("identity", "expression", "residual")
        zero = replace(like, **{name: np.zeros_like(getattr(like, name)) for name in parts})
        self._base = basis.points(zero, queries)
        columns = []
        for name in parts:
            for i in range(len(getattr(like, name))):
                one = np.zeros_like(getattr(like, name))
                one[i] = 1.0
                columns.append(basis.points(replace(zero, **{name: one}), queries) - self._base)
        self._modes = np.stack(columns, -1)

    def __call__(self, state: FaceState) -> npt.NDArray[np.float32]:
        """(N, 3) metres, head frame."""
        code = np.concatenate([state.identity, moving(state.expression), state.residual])
        return np.asarray(self._base + self._modes @ code, np.float32)


def _write(folder: Path, points: Points, table: pa.Table | None) -> Points:
    """Both files, or neither. Raises OSError."""
    dated = tuple(replace(one, created=one.created or now_utc()) for one in points)
    if table is None:
        (folder / POINTS_FILE).unlink(missing_ok=True)
        (folder / TABLE).unlink(missing_ok=True)
        return dated
    with whole(folder / TABLE) as scratch:
        pq.write_table(table, str(scratch), compression="zstd")
    items, version = [asdict(one) for one in dated], {"major": MAJOR, "minor": 0}
    write_json(folder / POINTS_FILE, {"schema": SCHEMA, "schema_version": version, "items": items})
    return dated


def _table(session: Session, points: Sequence[OwnPoint], progress: Callable[[float], None]) -> pa.Table:
    queries = np.array([one.query for one in points], np.float32)
    columns: dict[str, Any] = {
        "frame_index": pa.array(session.column("frame_index").astype(np.int64)),
        "face_id": pa.array(session.column("face_id"), from_pandas=True).cast(pa.int32()),
    }
    for step, which in enumerate(("raw", "stable")):
        pixels = trajectory(session, queries, which, lambda share, step=step: progress((step + share) / 2))  # type: ignore[arg-type,misc]
        for i, one in enumerate(points):
            for axis, name in enumerate("xy"):
                columns[f"{which}_{one.name}_{name}"] = pa.array(pixels[:, i, axis], from_pandas=True)
    progress(1.0)
    return pa.table(columns)


def _query(value: Any) -> tuple[float, float, float]:
    x, y, z = (float(part) for part in value)
    return x, y, z
