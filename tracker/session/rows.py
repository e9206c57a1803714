"""A session's table frame by frame, however long it is: a frame's rows at once, a group of rows in memory at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SourceError
from ..head import Basis, load_head
from ..types import Array, Face, FaceState, Frame, Image, LandmarkBasis, Tracked, TrackResult
from .arrays import values_of
from .columns import DENSE, POINTS
from .replay import Session, Which, state_of
from .table import read_stream
from .timeline import Timeline, timeline_of

_GROUPS = 4
_NUMBERS = ("centre_x", "centre_y", "scale", "nearness")
_LISTS = ("rotation", "identity", "blendshapes", "residual", "spread")
RECORDED = (POINTS, DENSE)
"""Layouts whose points are in the table."""


class Rows:
    """Faces of frames, rebuilt from the table with their recorded points. Any thread may ask.

    `approximate`: the model that recorded the session is not installed; other layouts than the recorded ones are then
    those of the bare head model.
    """

    def __init__(self, session: Session, timeline: Timeline | None = None) -> None:
        self.session = session
        self.timeline = timeline if timeline is not None else timeline_of(session)
        self.approximate = session.basis is None
        self.basis: LandmarkBasis = session.basis if session.basis is not None else Basis(load_head())
        self._table = _Groups(session)
        self._lock = threading.Lock()

    def tracked(self, position: int, image: Image) -> Tracked:
        """A frame as it was recorded, raw and stable, with this picture."""
        line = self.timeline
        frame = Frame(image, float(line.time[position]), int(line.index[position]))
        rows = range(int(line.row[position]), self._next(position))
        raw = tuple(face for row in rows if (face := self.face(row, "raw")) is not None)
        stable = tuple(face for row in rows if (face := self.face(row, "stable")) is not None)
        return Tracked(TrackResult(frame, raw), TrackResult(frame, stable))

    def state(self, row: int, which: Which) -> FaceState | None:
        """None where no face was found, or the table lacks its state."""
        with self._lock:
            group, at = self._table.group(row)
        return _state(group, at, which)

    def face(self, row: int, which: Which) -> Face | None:
        """None where no face was found, or the table lacks its state."""
        with self._lock:
            group, at = self._table.group(row)
        state = _state(group, at, which)
        if state is None:
            return None
        presence, name = (np.nan_to_num(group.number(word, at)) for word in ("presence", "face_id"))
        face = Face(state, self.basis, float(presence), int(name), held=float(self._away[row]))
        return replace(face, _kept=_Recorded(group, at, which))

    @cached_property
    def _away(self) -> npt.NDArray[np.float64]:
        """(rows,) seconds since the face of a row that is held was seen last; 0 where it is seen."""
        held, names = self.session.held, self.session.column("face_id")
        times = self.session.column("time_s")
        away = np.zeros(len(held))
        for name in np.unique(names[held]):
            mine = np.flatnonzero(names == name)
            seen = np.maximum.accumulate(np.where(held[mine], -1, np.arange(len(mine))))
            since = np.where(seen >= 0, times[mine] - times[mine[np.maximum(seen, 0)]], 1e-3)
            away[mine] = np.where(held[mine], since, 0.0)
        return away

    def _next(self, position: int) -> int:
        rows = self.timeline.row
        return int(rows[position + 1]) if position + 1 < len(rows) else self.session.rows


def read_values(session: Session, name: str, item: int | None = None) -> npt.NDArray[np.float64]:
    """(rows,) of a column of numbers, or of one item of a column of lists, NaN for null: group by group, so that a
    large column of a long session takes no memory.

    Raises SourceError where the table has no such column or it holds words.
    """
    if name not in session.names:
        session.column(name)  # says so
    if item is None:
        values = session.column(name)
        if values.dtype == object or values.ndim != 1:
            raise SourceError(f"The column {name!r} of {session.folder} holds no single numbers that could be drawn.")
        return np.asarray(values, np.float64)
    parts = []
    for table in _Groups(session).column(name):
        values = values_of(table)
        if values.ndim != 2 or values.shape[1] <= item:
            values = np.full((len(values), item + 1), np.nan)
        parts.append(values[:, item])
    return np.concatenate(parts) if parts else np.zeros(0)


class _Group:
    """Some rows of the table as arrays, each column when it is first asked for. Any thread may ask."""

    def __init__(self, read: Callable[[list[str]], pa.Table], names: Collection[str]) -> None:
        self._read, self._names = read, names
        self._lock = threading.Lock()
        self._kept: dict[str, npt.NDArray[Any] | None] = {}

    def number(self, name: str, at: int) -> float:
        values = self._values(name)
        return float(values[at]) if values is not None else np.nan

    def list(self, name: str, at: int) -> npt.NDArray[Any] | None:
        """None where it is null or there is no such column."""
        values = self._values(name)
        if values is None or not np.isfinite(values[at]).any():
            return None
        return np.asarray(values[at])

    def _values(self, name: str) -> npt.NDArray[Any] | None:
        with self._lock:
            if name not in self._kept:
                self._kept[name] = _array_of(self._read([name])[name]) if name in self._names else None
            return self._kept[name]


def _array_of(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """As `values_of`, but wide lists of float32 stay what they are, without a copy where nothing is null."""
    kind = column.type
    if not pa.types.is_fixed_size_list(kind) or kind.value_type != pa.float32():
        return values_of(column)
    flat = column.combine_chunks()
    if isinstance(flat, pa.ChunkedArray):
        flat = flat.chunk(0) if flat.num_chunks else pa.array([], kind)
    if flat.null_count:
        return np.asarray(values_of(column), np.float32)
    numbers = flat.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(numbers, np.float32).reshape(len(flat), kind.list_size)


class _Groups:
    """A table's groups of rows, the last few of them kept."""

    def __init__(self, session: Session) -> None:
        self._path, self._names = session.table, frozenset(session.names)
        self._kept: OrderedDict[int, _Group] = OrderedDict()
        self._batches: Sequence[pa.RecordBatch] = ()
        self._file: pq.ParquetFile | None = None
        try:
            if self._path.suffix == ".parquet":
                self._file = pq.ParquetFile(str(self._path))
                about = self._file.metadata
                counts = [about.row_group(i).num_rows for i in range(about.num_row_groups)]
            else:
                self._batches = tuple(read_stream(self._path, mapped=True))
                counts = [batch.num_rows for batch in self._batches]
        except (OSError, pa.ArrowInvalid) as error:
            raise SourceError(f"{self._path} cannot be read ({error}); restore it from a copy.") from error
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def group(self, row: int) -> tuple[_Group, int]:
        """The group that holds a row, and where in it."""
        number = int(np.searchsorted(self._starts, row, "right")) - 1
        if number not in self._kept:
            self._kept[number] = _Group(partial(self._read, number), self._names)
            while len(self._kept) > _GROUPS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(number)
        return self._kept[number], row - int(self._starts[number])

    def column(self, name: str) -> Iterator[pa.ChunkedArray]:
        for number in range(len(self._starts) - 1):
            yield self._read(number, [name])[name]

    def _read(self, number: int, columns: list[str]) -> pa.Table:
        try:
            if self._file is not None:
                return self._file.read_row_group(number, columns=columns, use_threads=False)
        except (OSError, pa.ArrowInvalid) as error:
            raise SourceError(f"{self._path} cannot be read ({error}); restore it from a copy.") from error
        return pa.Table.from_batches([self._batches[number]]).select(columns)


def _state(group: _Group, at: int, which: Which) -> FaceState | None:
    number = {name: group.number(f"{which}_{name}", at) for name in _NUMBERS}
    camera = {name: group.number(f"camera_{name}", at) for name in ("focal", "cx", "cy")}
    vector = {name: group.list(f"{which}_{name}", at) for name in _LISTS}
    if not np.isfinite([*number.values(), *camera.values()]).all() or vector["rotation"] is None:
        return None

    def numbers(name: str) -> npt.NDArray[np.float32]:
        values = vector[name]
        return np.zeros(0, np.float32) if values is None else np.ascontiguousarray(values, dtype=np.float32)

    return state_of(({**number, **camera}).__getitem__, numbers)


class _Recorded(dict[tuple[str, str], Array]):
    """What a face need not evaluate, by (what, layout): read from the table when it is asked for."""

    def __init__(self, group: _Group, at: int, which: Which) -> None:
        super().__init__()
        self._group, self._at, self._which = group, at, which

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or self._read(key)

    def __getitem__(self, key: tuple[str, str]) -> Array:
        if key not in self:
            raise KeyError(key)
        return super().__getitem__(key)

    def get(self, key: tuple[str, str], default: Any = None) -> Any:
        return super().__getitem__(key) if key in self else default

    def _read(self, key: object) -> bool:
        if not isinstance(key, tuple) or key[1] not in RECORDED:
            return False
        what, layout = key
        names = {"px": f"{self._which}_{layout}", "std": f"std_px_{layout}", "visibility": f"visibility_{layout}"}
        values = self._group.list(names[what], self._at) if what in names else None
        if values is None:
            return False
        array = np.array(values, np.float32).reshape((-1, 2) if what == "px" else -1)
        array.flags.writeable = False
        self[what, layout] = array
        return True
