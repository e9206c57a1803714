"""Landmarks that a person moved by hand: a layer of its own beside the measurement, which is never overwritten.

A correction says where one landmark of one frame really is. On request it reaches over neighbouring frames: what it
moved the landmark by fades out smoothly over `reach` frames on either side, and where two corrections of one landmark
reach each other the one passes smoothly into the other. `corrected` lays the layer over any points of the session.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import OutputError, SourceError
from .about import now_utc, write_json
from .labels import new_id
from .layers import alone, keep_copy, readable
from .reason import reason_of
from .replay import Session, Which

CORRECTIONS = "corrections.json"
SCHEMA, MAJOR = "stillpoint.corrections", 1
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Correction:
    """`landmark` of `layout` is at (`x`, `y`) px in the frame with this `frame` index and `time` s from the first one.

    `was`: where it was measured, px, in the values (`which`, and `run`, the pass) that the person looked at; `reach`:
    frames before and after over which it fades out, (0, 0): this frame alone.
    """

    frame: int
    time: float
    face: int
    layout: str
    landmark: int
    x: float
    y: float
    was: tuple[float, float]
    which: Which = "stable"
    run: str = ""
    reach: tuple[int, int] = (0, 0)
    author: str = ""
    created: str = ""
    id: str = ""

    @property
    def place(self) -> tuple[int, int, str, int]:
        """Frame, face, layout and landmark: of each place there is one correction."""
        return self.frame, self.face, self.layout, self.landmark

    @property
    def moved(self) -> Points:
        """(2,) px from where it was measured."""
        return np.array([self.x - self.was[0], self.y - self.was[1]])


@dataclass(frozen=True, slots=True)
class Layer:
    """All corrections of a session, one a place. `unread`: items of the file that could not be read, kept in it."""

    items: tuple[Correction, ...] = ()
    unread: tuple[Any, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def put(self, one: Correction) -> Layer:
        """With this correction instead of the one of its place."""
        kept = replace(one, id=one.id or new_id(), created=one.created or now_utc())
        return replace(self, items=(*(other for other in self.items if other.place != one.place), kept))

    def without(self, ids: Iterable[str]) -> Layer:
        gone = set(ids)
        return replace(self, items=tuple(one for one in self.items if one.id not in gone))

    def changed(self, before: Layer, after: Layer) -> Layer:
        """With what was changed from `before` to `after`, whatever else is in it."""
        kept = {one.id for one in after.items}
        layer = self.without(one.id for one in before.items if one.id not in kept)
        for one in after.items:
            layer = layer if one in before.items else layer.put(one)
        return layer

    def same(self, other: Layer) -> bool:
        """Whether both say the same, in whichever order."""
        return set(self.items) == set(other.items)

    def at(self, place: tuple[int, int, str, int]) -> Correction | None:
        return next((one for one in self.items if one.place == place), None)

    def of(self, layout: str, face: int) -> tuple[Correction, ...]:
        """By rising frame."""
        mine = (one for one in self.items if one.layout == layout and one.face == face)
        return tuple(sorted(mine, key=lambda one: one.frame))


def corrected(points: Points, layer: Layer, frames: npt.NDArray[np.int64], layout: str, face: int) -> Points:
    """`points` (F, N, 2) px of one face with the layer laid over; `frames` (F,) their indices, rising.

    A frame that was corrected has the landmark where the person put it, whichever values `points` are; the frames that
    it reaches are moved along. What nothing reaches is the same to the bit, and NaN stays NaN.
    """
    out = np.array(points, dtype=np.float64)
    by_landmark: dict[int, list[Correction]] = {}
    for one in layer.of(layout, face):
        if 0 <= one.landmark < points.shape[1]:
            by_landmark.setdefault(one.landmark, []).append(one)
    for landmark, anchors in by_landmark.items():
        first = min(one.frame - one.reach[0] for one in anchors)
        last = max(one.frame + one.reach[1] for one in anchors)
        near = np.flatnonzero((frames >= first) & (frames <= last))
        if not near.size:
            continue
        moved = _moves(anchors, frames[near])
        out[near, landmark] += np.where(np.isfinite(moved), moved, 0.0)
        for one in anchors:
            at = np.searchsorted(frames, one.frame)
            if at < len(frames) and frames[at] == one.frame and np.isfinite(points[at, landmark]).all():
                out[at, landmark] = one.x, one.y
    return out


def with_corrections(session: Session, layer: Layer) -> Session:
    """The same session whose columns of recorded points, and whose faces, have the layer in them: whatever reads it, an
    export for example, gets corrected landmarks. Shapes, pose and the compact states stay as they were measured."""
    changed: dict[str, npt.NDArray[Any]] = {}
    for layout, face in sorted({(one.layout, one.face) for one in layer.items}):
        for which in ("raw", "stable"):
            name = f"{which}_{layout}"
            if name not in session.names:
                continue
            values = np.array(changed.get(name, session.column(name)))
            rows = np.flatnonzero(session.column("face_id") == face)
            frames = session.column("frame_index")[rows].astype(np.int64)
            points = values[rows].reshape(len(rows), -1, 2)
            values[rows] = corrected(points, layer, frames, layout, face).reshape(len(rows), -1)
            values.flags.writeable = False
            changed[name] = values
    return replace(session, corrected=tuple(changed), _kept={**session._kept, **changed})


def read_corrections(folder: Path) -> Layer:
    """Of a session's folder; empty where it has none. Raises SourceError for a file that is damaged or newer."""
    path = folder / CORRECTIONS
    if not path.is_file():
        return Layer()
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        major = about["schema_version"]["major"]
        if about["schema"] != SCHEMA or major > MAJOR:
            raise SourceError(
                f"{path} is of {about['schema']} {major}; {SCHEMA} up to {MAJOR} is read. Update Stillpoint."
            )
        items = [(item, _correction(item)) for item in about["items"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SourceError(f"{path} is damaged ({type(error).__name__}: {error}); restore it from a copy.") from error
    layer = Layer(unread=tuple(item for item, one in items if one is None))
    for _, one in items:
        layer = layer if one is None else layer.put(one)
    return layer


def save_corrections(folder: Path, layer: Layer, before: Layer | None = None) -> Layer:
    """Whole or not at all; without corrections there is no file. Returns what it holds then.

    With `before`, what the file held when it was last read or saved, only what changed since is changed in it: what
    others saved meanwhile stays. Of a file that cannot be read a copy stays. Raises OutputError where the folder cannot
    be written.
    """
    path = folder / CORRECTIONS
    try:
        with alone(folder):
            held, problem = readable(read_corrections, folder, layer)
            if problem:
                keep_copy(path)
            elif before is not None and path.is_file():
                layer = held.changed(before, layer)
            if not layer.items and not layer.unread:
                path.unlink(missing_ok=True)
                return layer
            items = [asdict(one) for one in sorted(layer.items, key=lambda one: one.place)]
            version = {"major": MAJOR, "minor": 0}
            write_json(path, {"schema": SCHEMA, "schema_version": version, "items": [*items, *layer.unread]})
    except OSError as error:
        raise OutputError(
            f"The corrections of {folder} cannot be saved ({reason_of(error)}); free some space and try again."
        ) from error
    return layer


def _correction(item: Any) -> Correction | None:
    """None for what cannot be read."""
    try:
        numbers = {name: float(item[name]) for name in ("time", "x", "y")}
        whole = {name: int(item[name]) for name in ("frame", "face", "landmark")}
        was = float(item["was"][0]), float(item["was"][1])
        reach = max(int(item["reach"][0]), 0), max(int(item["reach"][1]), 0)
        words = {name: str(item.get(name) or "") for name in ("layout", "run", "author", "created", "id")}
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None
    if not np.isfinite([*numbers.values(), *was]).all():
        return None
    which: Which = "raw" if item.get("which") == "raw" else "stable"
    return Correction(**numbers, **whole, **words, was=was, reach=reach, which=which)  # type: ignore[arg-type]


def _moves(anchors: Sequence[Correction], frames: npt.NDArray[np.int64]) -> Points:
    """(F, 2) px by which one landmark moves; `anchors` by rising frame."""
    moves = np.zeros((len(frames), 2))
    at = np.array([one.frame for one in anchors])
    left = np.searchsorted(at, frames, "right") - 1  # the last anchor at or before each frame; -1: none
    for i, frame in enumerate(frames):
        before = anchors[left[i]] if left[i] >= 0 else None
        after = anchors[left[i] + 1] if left[i] + 1 < len(anchors) else None
        if before is not None and after is not None and before.reach[1] + after.reach[0] >= after.frame - before.frame:
            share = _smooth((frame - before.frame) / (after.frame - before.frame))
            moves[i] = (1.0 - share) * before.moved + share * after.moved
        else:
            if before is not None:
                moves[i] += _fade(int(frame) - before.frame, before.reach[1]) * before.moved
            if after is not None:
                moves[i] += _fade(after.frame - int(frame), after.reach[0]) * after.moved
    return moves


def _fade(away: int, reach: int) -> float:
    """1 at the corrected frame, 0 just beyond its reach."""
    return 1.0 - _smooth(away / (reach + 1.0))


def _smooth(share: float) -> float:
    t = min(max(share, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)
