"""Columns of a table as curves: what can be drawn, and its ups and downs per pixel however long it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tracker.head.model import EXPRESSIONS
from tracker.session.columns import COLUMNS
from tracker.session.replay import Session
from tracker.session.rows import read_values
from tracker.session.timeline import Timeline

Numbers = npt.NDArray[np.float64]
_WORDS = ("state", "face_id", "frame_index", "video_index", "time_s")
_ITEMS: Mapping[str, Callable[[int], str]] = {
    "blendshapes": lambda i: EXPRESSIONS[i] if i < len(EXPRESSIONS) else str(i),
    "ibug68": lambda i: f"{i // 2} {'xy'[i % 2]}",
    "mediapipe478": lambda i: f"{i // 2} {'xy'[i % 2]}",
}


@dataclass(frozen=True, eq=False)
class Curve:
    """`values` (F,) of every frame, NaN where there is none; `beside` the same of a second session."""

    name: str
    unit: str
    values: Numbers
    beside: Numbers | None = None

    @property
    def difference(self) -> Numbers | None:
        return None if self.beside is None else self.values - self.beside


def drawable(session: Session) -> dict[str, list[str]]:
    """Columns of numbers in the session's table -> the names of their items; none for single numbers. Landmarks added
    by hand are among them."""
    found: dict[str, list[str]] = {}
    for column in COLUMNS:
        if column.name not in session.names or column.name in _WORDS:
            continue
        if column.length == 0:
            found[column.name] = []
        elif column.length > 0:
            said = next((say for end, say in _ITEMS.items() if column.name.endswith(end)), str)
            found[column.name] = [said(i) for i in range(column.length)]
    return found


def unit_of(name: str) -> str:
    """Of a column, in the words of its schema; empty where it has none."""
    return next((column.unit.split(",")[0] for column in COLUMNS if column.name == name), "")


def curve_of(session: Session, line: Timeline, name: str, item: int | None = None) -> Curve:
    """A column of the face that is there longest; where that is not, of the face that is. Takes a moment for columns of
    lists. Raises SourceError."""
    values = read_values(session, name, item)
    own = np.full(len(line), np.nan)
    frames, faces = np.searchsorted(line.index, session.column("frame_index")), session.column("face_id")
    own[frames[~np.isfinite(faces)]] = values[~np.isfinite(faces)]
    for face in reversed(session.faces):
        own[frames[faces == face]] = values[faces == face]
    label = name if item is None else f"{name} {drawable(session)[name][item]}"
    return Curve(label, unit_of(name), own)


def per_pixel(values: Numbers, times: Numbers, first: float, seconds: float, width: int) -> tuple[Numbers, Numbers]:
    """(width,) lowest and highest value in each pixel's time, NaN where there is none: what an envelope is drawn of."""
    edges = np.searchsorted(times, first + seconds * np.arange(width + 1) / width)
    low = np.full(width, np.nan)
    high = np.full(width, np.nan)
    filled = np.flatnonzero(np.diff(edges))
    if filled.size:
        starts = edges[filled]
        part = values[: edges[-1]]
        low[filled] = np.fmin.reduceat(part, starts)
        high[filled] = np.fmax.reduceat(part, starts)
    return low, high


def span_of(*arrays: Numbers) -> tuple[float, float]:
    """Lowest and highest of what is drawn, with a little air; never the same."""
    low, high = np.inf, -np.inf
    for values in arrays:
        seen = values[np.isfinite(values)]
        if seen.size:
            low, high = min(low, float(seen.min())), max(high, float(seen.max()))
    if not np.isfinite(low):
        return 0.0, 1.0
    air = 0.06 * (high - low) or max(abs(high) * 0.05, 1e-6)
    return low - air, high + air
