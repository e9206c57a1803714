"""Corrections and added landmarks as undoable edits: every step is on the disk when it is done, beside what other
windows saved there meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PyQt6.QtGui import QUndoCommand, QUndoStack

from tracker.errors import OutputError, SourceError
from tracker.session.corrections import CORRECTIONS, Correction, Layer, read_corrections, save_corrections
from tracker.session.layers import readable, stamps_of
from tracker.session.own_points import (
    NO_POINTS,
    POINTS_FILE,
    OwnPoint,
    Points,
    changed_points,
    own_columns,
    read_points,
    save_points,
)
from tracker.session.replay import Session
from tracker.session.timeline import Timeline

from .work import Work

Tracks = dict[str, dict[str, npt.NDArray[np.float64]]]


class Change(QUndoCommand):
    """One value instead of another; `take(before, after)` makes it so."""

    def __init__(self, words: str, before: Any, after: Any, take: Callable[[Any, Any], None]) -> None:
        super().__init__(words)
        self._before, self._after, self._take = before, after, take

    def redo(self) -> None:
        self._take(self._before, self._after)

    def undo(self) -> None:
        self._take(self._after, self._before)


class Corrections:
    """A session's layer. `changed` is called after each change, `told` gets what could not be saved. `problem`: why the
    file could not be read, a sentence."""

    def __init__(
        self, folder: Path, stack: QUndoStack, changed: Callable[[], None], told: Callable[[str], None]
    ) -> None:
        self._path = folder / CORRECTIONS
        self._stamps = stamps_of(self._path)
        self.layer, self.problem = readable(read_corrections, folder, Layer())
        self._saved = self.layer
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

    def refresh(self) -> bool:
        """Take in what others saved; whether there was anything."""
        if (now := stamps_of(self._path)) == self._stamps:
            return False
        self._stamps = now
        held, problem = readable(read_corrections, self._folder, self._saved)
        if problem or held.same(self._saved):
            return False
        self.layer, self._saved = held.changed(self._saved, self.layer), held
        self._changed()
        return True

    def _push(self, words: str, after: Layer) -> None:
        self._stack.push(Change(words, self.layer, after, self._take))

    def _take(self, before: Layer, after: Layer) -> None:
        self.layer = self.layer.changed(before, after)
        try:
            self.layer = self._saved = save_corrections(self._folder, self.layer, self._saved)
        except OutputError as error:
            self._told(str(error))
        self._changed()


class OwnPoints:
    """A session's added landmarks and where they are in every frame: `tracks` name -> which -> (F, 2) px. `problem`:
    why the file could not be read, a sentence."""

    def __init__(
        self,
        session: Session,
        line: Timeline,
        stack: QUndoStack,
        work: Work,
        changed: Callable[[], None],
    ) -> None:
        self._path = session.folder / POINTS_FILE
        self._stamps = stamps_of(self._path)
        self.points, self.problem = readable(read_points, session.folder, NO_POINTS)
        self._saved = self.points
        self.tracks: Tracks = {}
        self._session, self._line, self._stack = session, line, stack
        self._work, self._changed = work, changed
        self._one = threading.Lock()
        with suppress(SourceError):  # of a damaged table, which is computed anew
            self.tracks = self._read(self.points)
        if len(self.tracks) < len(self.points):
            self._compute()

    def put(self, one: OwnPoint) -> None:
        """Add it, or take it instead of the one with its name."""
        after = (*(other for other in self.points if other.name != one.name), one)
        self._stack.push(Change(f"Add landmark {one.name}", self.points, after, self._take))

    def remove(self, name: str) -> None:
        after = tuple(one for one in self.points if one.name != name)
        if len(after) != len(self.points):
            self._stack.push(Change(f"Delete landmark {name}", self.points, after, self._take))

    def refresh(self) -> bool:
        """Take in what others saved; whether there was anything."""
        if (now := stamps_of(self._path)) == self._stamps or self._one.locked():
            return False
        self._stamps = now
        held, problem = readable(read_points, self._session.folder, self._saved)
        if problem or set(held) == set(self._saved):
            return False
        self.points, self._saved = changed_points(held, self._saved, self.points), held
        self._changed()
        self._compute()
        return True

    def _take(self, before: Points, after: Points) -> None:
        self.points = changed_points(self.points, before, after)
        self._changed()
        self._compute()

    def _compute(self) -> None:
        """For the whole session, in a thread; one after the other, each with what is wanted by then."""

        def work() -> tuple[Points, Points, Tracks]:
            with self._one:
                wanted = self.points
                self._saved = save_points(self._session, wanted, self._work.progress.emit, self._saved)
                return wanted, self._saved, self._read(self._saved)

        def then(done: tuple[Points, Points, Tracks]) -> None:
            wanted, held, tracks = done
            if wanted is self.points:
                self.points, self.tracks = held, tracks
                self._changed()

        self._work.do("Computing landmarks …", work, then)

    def _read(self, points: Points) -> Tracks:
        if not points:
            return {}
        columns, first = own_columns(self._session), self._line.row
        tracks: Tracks = {}
        for one in points:
            names = {which: [f"{which}_{one.name}_{axis}" for axis in "xy"] for which in ("raw", "stable")}
            if all(name in columns for pair in names.values() for name in pair):
                tracks[one.name] = {
                    which: np.stack([columns[name][first] for name in pair], 1) for which, pair in names.items()
                }
        return tracks
