"""Markers while a recording runs: keys and buttons drop them into it on its own clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QUndoStack
from PyQt6.QtWidgets import QFileDialog

from tracker.errors import SettingsError
from tracker.session.book import LiveMarkers
from tracker.session.label_set import automatic, label_set
from tracker.session.labels import Label
from tracker.session.markers import Track
from tracker.settings import Annotate, Settings

from ..feature import Dock, Feature, Host
from ..held import HeldKeys
from ..live import LiveState
from .edits import Edits
from .hold import Holding
from .label_dialog import LabelDialog
from .panel import MarkersPanel

TEXT = Track("text", "#9ba7b7")
"""The track of free texts."""
IDLE = "Markers go into a recording: press R, then a label's key. Hold it for a span."


class _Bell(QObject):
    """Rings in the window's thread."""

    rung = pyqtSignal()


class LiveMarking(Feature):
    """The Markers dock of the live window."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host
        self._marks: LiveMarkers | None = None
        self._edits: Edits | None = None
        self._stack = QUndoStack(host.window)
        self._written_at: tuple[float, int] | None = None
        self._last: Path | None = None
        self._bell = _Bell(host.window)
        self._bell.rung.connect(self._show)
        self._holding = Holding(self._now, self._put, self._done)
        self._tracks: Sequence[Track] = ()
        self.panel = MarkersPanel(with_automatic=True)
        self._connect()
        self._keys = HeldKeys(host.window, {})
        self.docks = (Dock("Markers", self.panel, "panel"),)
        self.menu = "&Markers"
        self.actions = {
            "mark_text": self._write,
            "undo_mark": self._stack.undo,
            "redo_mark": self._stack.redo,
            "replay": self._replay,
        }
        self.held = {"mark": self._mark_first}
        self.show_settings(host.settings())
        self.panel.show_ready(False, IDLE)

    def _connect(self) -> None:
        panel = self.panel
        panel.held.connect(self._hold)
        panel.written.connect(self._take_text)
        panel.text_left.connect(self._host.window.setFocus)
        panel.automatic.connect(lambda kind, on: self._host.change(f"annotate.{kind}", on))
        panel.edit_labels.connect(self._edit_labels)
        panel.replay.clicked.connect(lambda: open_replay(self._host, self._last) if self._last is not None else None)
        self._host.live.recorded.connect(self._recorded)
        panel.table.rows.renamed.connect(self._rename)
        panel.table.deleted.connect(lambda ids: self._edits.remove(ids) if self._edits is not None else None)

    # --- what the window tells

    def show_settings(self, settings: Settings) -> None:
        about = settings.annotate
        try:
            tracks = label_set(about.labels)
        except SettingsError as error:
            self._host.say("trouble", str(error))
            tracks = label_set(Annotate().labels)
        if tracks != self._tracks:
            self._tracks = tracks
            self.panel.show_tracks(tracks)
            self._keys.listen({t.key: self._holder(t) for t in tracks if t.key})
            self._show_ready()
        self.panel.show_automatic(automatic(about))
        if self._marks is not None:
            self._marks.set_kinds(automatic(about))
            self._marks.book.add_tracks(tracks)

    def show_state(self, state: LiveState) -> None:
        if state.recording is None and self._marks is not None:
            self._end()
        elif state.recording is not None:
            self._find()

    def refresh(self) -> None:
        if self._marks is None and self._host.live.state.recording is not None:
            self._find()
        if self._marks is not None and self._marks.book.problem is not None:
            self.panel.show_ready(True, self._marks.book.problem)

    def close(self) -> None:
        self._keys.stop()
        if self._marks is not None:
            self._marks.book.on_change = None

    # --- a recording begins and ends

    def _find(self) -> None:
        """Take the markers of the recording that runs."""
        pipeline = self._host.live.pipeline
        sinks = () if pipeline is None else pipeline.sinks
        found = next((m for sink in sinks if isinstance(m := getattr(sink, "markers", None), LiveMarkers)), None)
        if found is None or found is self._marks:
            return
        self._marks = found
        self.panel.replay.hide()
        self._stack.clear()
        self._edits = Edits(found.book, self._stack)
        found.book.on_change = self._bell.rung.emit
        self._show_ready()
        self._show()

    def _end(self) -> None:
        assert self._marks is not None
        self._last = folder = self._marks.book.folder
        self._marks, self._edits = None, None
        self._stack.clear()
        self._holding.let_go()
        words = f"{self.panel.table.rows.rowCount()} markers are in {folder}. Replay the session to edit them."
        self.panel.show_ready(False, words)

    def _recorded(self, folder: str) -> None:
        """It is whole: it can be replayed."""
        self._last = Path(folder)
        self.panel.replay.setVisible(self._marks is None)

    # --- what people do

    def _now(self) -> tuple[float, int] | None:
        """The frame that is on the screen is the one that people mark."""
        scene = self._host.video.scene
        if self._marks is None or scene is None:
            return None
        frame = scene.tracked.raw.frame
        return frame.time, frame.index

    def _put(self, label: Label) -> Label:
        return self._marks.mark(label) if self._marks is not None else label

    def _done(self, label: Label) -> None:
        kept = self._edits.book.get(label.id) if self._edits is not None else None
        if self._edits is not None and kept is not None:
            self._edits.note(f"Mark {label.label!r}", {label.id: None}, {label.id: kept})

    def _hold(self, track: Track, down: bool) -> None:
        if down and self._marks is None:
            self._host.say("notice", IDLE, for_s=6.0)
        elif down:
            self._holding.press(track, author=self._host.settings().annotate.author)
        else:
            self._holding.release(track)

    def _holder(self, track: Track) -> Callable[[bool], object]:
        return lambda down: self._hold(track, down)

    def _mark_first(self, down: bool) -> None:
        if self._tracks:
            self._hold(self._tracks[0], down)

    def _write(self) -> None:
        """The moment counts in which the key was pressed, not the one in which the text is through."""
        if self._marks is None:
            self._host.say("notice", IDLE, for_s=6.0)
            return
        self._written_at = self._now()
        self._host.go_to("Markers")
        self.panel.text.setFocus()

    def _take_text(self, text: str) -> None:
        at, self._written_at = self._written_at or self._now(), None
        if at is None:
            return
        author = self._host.settings().annotate.author
        label = Label(at[0], None, text, TEXT.name, frames=(at[1], at[1] + 1), author=author)
        if self._marks is not None:
            self._marks.book.add_tracks([TEXT])
        self._done(self._put(label))

    def _rename(self, name: str, words: str) -> None:
        label = self._edits.book.get(name) if self._edits is not None else None
        if self._edits is not None and label is not None:
            self._edits.change([replace(label, label=words)], "Rename a marker")

    def _edit_labels(self) -> None:
        dialog = LabelDialog(self._tracks, self._host.window)
        if dialog.exec():
            self._host.change("annotate.labels", dialog.text)

    def _replay(self) -> None:
        begin = str(self._last) if self._last is not None else ""
        folder = QFileDialog.getExistingDirectory(self._host.window, "Replay a session", begin)
        if folder:
            open_replay(self._host, Path(folder))

    # --- what is shown

    def _show(self) -> None:
        if self._marks is not None:
            self.panel.show_labels(self._marks.book.labels, self._marks.book.tracks)

    def _show_ready(self) -> None:
        self.panel.show_ready(self._marks is not None, "" if self._marks is not None else IDLE)


def open_replay(host: Host, folder: Path) -> None:
    """A window of its own for a session; what is wrong with it is said in the banner."""
    from tracker.errors import StillpointError

    from ..replay.window import ReplayWindow

    try:
        window = ReplayWindow(folder, host.settings(), host.theme)
    except StillpointError as error:
        host.say("trouble", str(error))
        return
    window.show()
