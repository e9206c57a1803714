"""Corrections and added landmarks as undoable edits: every step is on the disk when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PyQt6.QtGui import QUndoCommand, QUndoStack

from tracker.errors import OutputError
from tracker.session.corrections import Correction, Layer, read_corrections, save_corrections
from tracker.session.own_points import TABLE, OwnPoint, own_columns, read_points, save_points
from tracker.session.replay import Session
from tracker.session.rows import Timeline

from .work import Work


class Change(QUndoCommand):
    """One value instead of another; `take` makes it so."""

    def __init__(self, words: str, before: Any, after: Any, take: Callable[[Any], None]) -> None:
        super().__init__(words)
        self._before, self._after, self._take = before, after, take

    def redo(self) -> None:
        self._take(self._after)

    def undo(self) -> None:
        self._take(self._before)


class Corrections:
    """A session's layer. `changed` is called after each change, `told` gets what could not be saved."""

    def __init__(
        self, folder: Path, stack: QUndoStack, changed: Callable[[], None], told: Callable[[str], None]
    ) -> None:
        self.layer = read_corrections(folder)
        self._folder, self._stack, self._changed, self._told = folder, stack, changed, told

    def put(self, one: Correction) -> None:
        self._push(f"Correct landmark {one.landmark}", self.layer.put(one))

    def remove(self, ids: Iterable[str]) -> None:
        after = self.layer.without(ids)
        if len(after) != len(self.layer):
            self._push("Delete corrections", after)

    def reach(self, ids: Iterable[str], reach: tuple[int, int]) -> None:
        """Let these fade over so many frames."""
        wanted = set(ids)
        items = tuple(replace(one, reach=reach) if one.id in wanted else one for one in self.layer.items)
        if items != self.layer.items:
            self._push("Change the fading", replace(self.layer, items=items))

    def _push(self, words: str, after: Layer) -> None:
        self._stack.push(Change(words, self.layer, after, self._take))

    def _take(self, layer: Layer) -> None:
        self.layer = layer
        try:
            save_corrections(self._folder, layer)
        except OutputError as error:
            self._told(str(error))
        self._changed()


class OwnPoints:
    """A session's added landmarks and where they are in every frame: `tracks` name -> which -> (F, 2) px."""

    def __init__(
        self,
        session: Session,
        line: Timeline,
        stack: QUndoStack,
        work: Work,
        changed: Callable[[], None],
    ) -> None:
        self.points = read_points(session.folder)
        self.tracks: dict[str, dict[str, npt.NDArray[np.float64]]] = {}
        self._session, self._line, self._stack = session, line, stack
        self._work, self._changed = work, changed
        if self.points and not (session.folder / TABLE).is_file():
            self._compute(self.points)
        else:
            self.tracks = self._read(self.points)

    def put(self, one: OwnPoint) -> None:
        """Add it, or take it instead of the one with its name."""
        after = (*(other for other in self.points if other.name != one.name), one)
        self._stack.push(Change(f"Add landmark {one.name}", self.points, after, self._take))

    def remove(self, name: str) -> None:
        after = tuple(one for one in self.points if one.name != name)
        if len(after) != len(self.points):
            self._stack.push(Change(f"Delete landmark {name}", self.points, after, self._take))

    def _take(self, points: tuple[OwnPoint, ...]) -> None:
        self.points = points
        self._changed()
        self._compute(points)

    def _compute(self, points: tuple[OwnPoint, ...]) -> None:
        """For the whole session, in a thread."""

        def work() -> dict[str, dict[str, npt.NDArray[np.float64]]]:
            save_points(self._session, points, self._work.progress.emit)
            return self._read(points)

        def then(tracks: dict[str, dict[str, npt.NDArray[np.float64]]]) -> None:
            if points == self.points:
                self.tracks = tracks
                self._changed()

        self._work.do("Computing landmarks …", work, then)

    def _read(self, points: tuple[OwnPoint, ...]) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
        if not points:
            return {}
        columns, first = own_columns(self._session), self._line.row
        tracks: dict[str, dict[str, npt.NDArray[np.float64]]] = {}
        for one in points:
            names = {which: [f"{which}_{one.name}_{axis}" for axis in "xy"] for which in ("raw", "stable")}
            if all(name in columns for pair in names.values() for name in pair):
                tracks[one.name] = {
                    which: np.stack([columns[name][first] for name in pair], 1) for which, pair in names.items()
                }
        return tracks
