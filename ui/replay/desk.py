"""The session on the desk: where the replay is, which pass is shown, what lies beside it, and what is changed in it.

No widgets: the window shows what the desk says and hands it what people ask for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PyQt6.QtCore import QObject, QTimer, pyqtSignal
from PyQt6.QtGui import QUndoStack

from tracker.errors import OutputError, StillpointError
from tracker.session.auto_markers import TRACKS, auto_markers
from tracker.session.book import MarkerBook
from tracker.session.compare import Comparison, compare
from tracker.session.label_set import automatic, label_set, thresholds
from tracker.session.labels import Label
from tracker.session.layers import OTHERS
from tracker.session.markers import Track
from tracker.session.play import Beside, Feed, Shown, View
from tracker.session.replay import Session, Which, open_session
from tracker.session.rows import Rows
from tracker.session.timeline import timeline_of
from tracker.settings import Settings

from ..bridge import Bridge
from ..markers.edits import Edits
from .by_hand import Corrections, OwnPoints
from .curves import Curve, curve_of, drawable
from .curves_panel import Choice
from .player import Player
from .work import Work

SAVE_MS, LOOK_MS = 1000, 2000
TEXT = Track("text", "#9ba7b7")
FIRST_CURVES: tuple[Choice, ...] = (("stable_yaw_deg", None), ("stable_pitch_deg", None))


@dataclass(frozen=True, eq=False)
class Other:
    """What is beside the session on the desk: a session, or a pass of the same one, and how they compare."""

    session: Session
    name: str
    folder: Path | None
    run: str
    comparison: Comparison


class Desk(QObject):
    """Raises StillpointError for a folder that is no session that can be opened."""

    shown = pyqtSignal(object)
    labels_changed = pyqtSignal()
    by_hand_changed = pyqtSignal()
    curves_changed = pyqtSignal()
    other_changed = pyqtSignal()
    told = pyqtSignal(str, str)
    """(kind, sentence)"""
    _troubled = pyqtSignal(str)

    def __init__(self, folder: Path, settings: Settings, parent: QObject, run: str | None = None) -> None:
        super().__init__(parent)
        self.session = open_session(folder, run or None)
        self.run = run or ""
        self.settings = settings
        self.line = timeline_of(self.session)
        self.rows = Rows(self.session, self.line)
        self.stack = QUndoStack(self)
        self.tracks = label_set(settings.annotate.labels)
        self.book = MarkerBook(folder, self.tracks, self._labels_edited)
        self.edits = Edits(self.book, self.stack)
        self.work = Work(self)
        self.corrections = Corrections(folder, self.stack, self._by_hand, lambda text: self.told.emit("trouble", text))
        original = open_session(folder) if run else self.session  # what is computed belongs to the recording
        self.points = OwnPoints(original, timeline_of(original), self.stack, self.work, self._by_hand)
        self.bridge = Bridge(parent=self)
        self.player = Player(self.line, self)
        self.other: Other | None = None
        self.choices: list[Choice] = [choice for choice in FIRST_CURVES if choice[0] in self.session.names]
        self.curves: dict[Choice, Curve] = {}
        self.selected: set[str] = set()
        self._saving = QTimer(self)
        self._saving.setSingleShot(True)
        self._saving.setInterval(SAVE_MS)
        self._saving.timeout.connect(self.save)
        self._others = False
        self._looking = QTimer(self)
        self._looking.setInterval(LOOK_MS)
        self._looking.timeout.connect(self.look)
        self._looking.start()
        self.work.failed.connect(lambda text: self.told.emit("trouble", text))
        self._troubled.connect(lambda text: self.told.emit("trouble", text))
        self._feed = Feed(self._view(), self._deliver, self._troubled.emit)
        self.player.moved.connect(self._feed.wish)
        self.redraw()

    @property
    def troubles(self) -> tuple[str, ...]:
        """Which of the files that people lay over a session cannot be read as they are: sentences."""
        return tuple(filter(None, (*self.book.notes, self.corrections.problem, self.points.problem)))

    @property
    def passes(self) -> list[str]:
        """Names of what `reprocess` made."""
        found = self.session.folder.glob("frames_*.parquet")
        return sorted(path.stem.removeprefix("frames_") for path in found)

    @property
    def columns(self) -> dict[str, list[str]]:
        return drawable(self.session)

    def redraw(self) -> None:
        """The frame that is shown, anew; and its curves."""
        self._feed.look(self._view())
        self._feed.wish(self.player.position)
        for choice in self.choices:
            self._read(choice)

    # --- passes and comparing

    def show_run(self, run: str) -> None:
        """Replay another pass; markers and corrections belong to the session and stay."""
        try:
            self.session = open_session(self.session.folder, run or None)
        except StillpointError as error:
            self.told.emit("trouble", str(error))
            return
        self.run, self.rows = run, Rows(self.session)
        self.curves = {}
        self.redraw()
        if self.other is not None:
            self.compare_with(self.other.folder, self.other.run, self.other.session.which)

    def compare_with(self, folder: Path | None, run: str | None, which: Which = "stable") -> None:
        """Lay a pass of this session (`folder` None), or another session, beside; `run` None: nothing."""
        if run is None:
            self._set_other(None)
            return
        mine = self.session

        def work() -> Other:
            session = open_session(folder or mine.folder, run or None).showing(which)
            name = (folder.name if folder is not None else "") or run or "as recorded"
            return Other(session, name, folder, run, compare(mine, session))

        self.work.do("Comparing …", work, self._set_other)

    def _set_other(self, other: Other | None) -> None:
        self.other = other
        self.curves = {}
        self.other_changed.emit()
        self.redraw()

    def _view(self) -> View:
        beside = None
        if self.other is not None:
            beside = Beside(Rows(self.other.session), self.other.comparison.other)
        return View(self.rows, self.corrections.layer, beside)

    # --- curves

    def choose(self, choice: Choice, on: bool) -> None:
        """Draw a column, or leave it."""
        self.choices = [one for one in self.choices if one != choice] + ([choice] if on else [])
        if on:
            self._read(choice)
        else:
            self.curves_changed.emit()

    @property
    def drawn(self) -> list[Curve]:
        """In the order in which they were chosen; those that are still read are left out."""
        return [self.curves[choice] for choice in self.choices if choice in self.curves]

    def _read(self, choice: Choice) -> None:
        name, item = choice
        if name.startswith("point:"):
            tracks = self.points.tracks.get(name.removeprefix("point:"))
            if tracks is not None:
                own = name.removeprefix("point:")
                self.curves[choice] = Curve(f"{own} {'xy'[item or 0]}", "px", tracks["stable"][:, item or 0])
            self.curves_changed.emit()
            return
        if choice in self.curves:
            self.curves_changed.emit()
            return
        session, line, other = self.session, self.line, self.other

        def work() -> Curve:
            curve = curve_of(session, line, name, item)
            if other is None:
                return curve
            theirs = name
            if other.session.which == "raw" and name.startswith("stable_"):
                theirs = "raw_" + name.removeprefix("stable_")
            beside = curve_of(other.session, timeline_of(other.session), theirs, item).values
            match = other.comparison.other
            return replace(curve, beside=np.where(match >= 0, beside[np.maximum(match, 0)], np.nan))

        def then(curve: Curve) -> None:
            if other is self.other and session is self.session:
                self.curves[choice] = curve
                self.curves_changed.emit()

        self.work.do("Reading a column …", work, then)

    # --- markers

    def select(self, ids: set[str]) -> None:
        if ids != self.selected:
            self.selected = ids
            self.labels_changed.emit()

    def jump(self, way: int) -> None:
        """To the marker before (-1) or after (1) this frame."""
        now, near = self.player.time, self.line.step / 2
        starts = sorted({one.start for one in self.book.labels})
        if way > 0:
            after = [one for one in starts if one > now + near]
            target = after[0] if after else None
        else:
            before = [one for one in starts if one < now - near]
            target = before[-1] if before else None
        if target is not None:
            self.player.seek(target)

    def make_automatic(self) -> None:
        """Markers that make themselves, instead of those that did before: one step that can be undone."""
        session, about = self.session, self.settings.annotate
        kinds = automatic(about)

        def then(labels: list[Label]) -> None:
            self.book.add_tracks(TRACKS[kind] for kind in kinds)
            old = {one.id: one for one in self.book.labels if one.source == "automatic"}
            self.edits.swap(old, labels, "Make automatic markers")
            self.told.emit("notice", f"{len(labels)} automatic markers, instead of {len(old)}. Ctrl+Z takes them back.")

        self.work.do("Looking for markers …", lambda: auto_markers(session, kinds, thresholds(about)), then)

    def save(self) -> None:
        try:
            met = self.book.save()
        except OutputError as error:
            self.told.emit("trouble", str(error))
        else:
            self._meet(met)

    def look(self) -> None:
        """Take in what another window or a recording did to the markers, corrections and landmarks meanwhile."""
        met = self.book.refresh()
        self._meet(met | self.corrections.refresh() | self.points.refresh())

    def _meet(self, changed: bool) -> None:
        if changed:
            self.labels_changed.emit()
            if not self._others:
                self._others = True
                self.told.emit("notice", OTHERS)

    def close(self) -> None:
        """Save, and let threads and files go."""
        self.player.pause()
        self._saving.stop()
        self._looking.stop()
        self._feed.close()
        self.work.close()
        self.save()
        self.book.on_change = None

    def _labels_edited(self) -> None:
        self._saving.start()
        if self.book.problem is not None:
            self.told.emit("trouble", self.book.problem)
        self.labels_changed.emit()

    def _by_hand(self) -> None:
        self._feed.look(self._view())
        self._feed.wish(self.player.position)
        self.by_hand_changed.emit()
        for choice in self.choices:
            if choice[0].startswith("point:"):
                self._read(choice)

    # --- the feed's thread

    def _deliver(self, shown: Shown) -> None:
        self.shown.emit(shown)
        self.bridge.write(shown.tracked)
