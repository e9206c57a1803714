"""The panel of the markers: a button for each label, a line for free text, the list, and what makes itself."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import QEvent, QSignalBlocker, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPixmap
from PyQt6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from tracker.session.labels import Label
from tracker.session.markers import Track

from ..panels.form import named
from .table import MarkerTable

BUTTONS_A_ROW = 2
_ESC_ASKED_FOR = QEvent.Type.ShortcutOverride, Qt.Key.Key_Escape
AUTOMATIC = (
    ("face", "Face lost and found"),
    ("blink", "Blink"),
    ("mouth", "Mouth open"),
    ("turn", "Head turn"),
    ("reset", "Stabilizer reset"),
)


class TextLine(QLineEdit):
    """Free text for a marker: Enter takes it, Esc leaves it; either gives the keyboard back."""

    left = pyqtSignal()

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QKeyEvent) and (event.type(), event.key()) == _ESC_ASKED_FOR:
            event.accept()  # the window's own Esc would end a recording
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self.clear()
            self.left.emit()
            return
        super().keyPressEvent(event)


class MarkersPanel(QWidget):
    """`held` (track, down): a label's button; `written`: a text was entered; `automatic` (kind, on): a switch."""

    held = pyqtSignal(object, bool)
    written = pyqtSignal(str)
    text_left = pyqtSignal()
    automatic = pyqtSignal(str, bool)
    edit_labels = pyqtSignal()

    def __init__(self, with_automatic: bool) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Markers panel")
        self.setMinimumWidth(250)
        self.words = QLabel()
        self.words.setProperty("role", "muted")
        self.words.setWordWrap(True)
        self.buttons: dict[str, QPushButton] = {}
        self._grid = QGridLayout()
        self._grid.setSpacing(6)
        self.text = TextLine()
        self.text.setPlaceholderText("Text of a marker, then Enter")
        named(self.text, "Text of a marker", "Write what happens now and press Enter; Esc leaves it")
        self.text.returnPressed.connect(self._written)
        self.text.left.connect(self.text_left)
        self.labels = QPushButton("Labels …")
        named(self.labels, "Labels", "Names, colours and keys of the labels")
        self.labels.clicked.connect(self.edit_labels)
        line = QHBoxLayout()
        line.addWidget(self.text, 1)
        line.addWidget(self.labels)
        self.replay = QPushButton("Replay the session")
        named(self.replay, "Replay the session", "Edit its markers on a timeline, correct landmarks, compare filters")
        self.replay.hide()
        self.table = MarkerTable()
        self.switches: dict[str, QCheckBox] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        column.addLayout(self._grid)
        column.addLayout(line)
        column.addWidget(self.words)
        column.addWidget(self.replay)
        column.addWidget(self.table, 1)
        if with_automatic:
            column.addLayout(self._automatic())

    def sizeHint(self) -> QSize:
        return QSize(320, 400)

    def show_tracks(self, tracks: Iterable[Track]) -> None:
        """A button for each label of the set."""
        for button in self.buttons.values():
            self._grid.removeWidget(button)
            button.deleteLater()
        self.buttons = {}
        for number, track in enumerate(tracks):
            button = QPushButton(f"{track.name}   {track.key}" if track.key else track.name)
            button.setIcon(swatch(track.color))
            how = f", or hold {track.key}" if track.key else ""
            named(button, f"Mark: {track.name}", f"Drop {track.name!r} here; hold it for a span{how}")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.pressed.connect(lambda track=track: self.held.emit(track, True))
            button.released.connect(lambda track=track: self.held.emit(track, False))
            self._grid.addWidget(button, number // BUTTONS_A_ROW, number % BUTTONS_A_ROW)
            self.buttons[track.name] = button

    def show_labels(self, labels: Iterable[Label], tracks: Iterable[Track], selected: set[str] | None = None) -> None:
        self.table.show_labels(labels, tracks, self.table.selected() if selected is None else selected)

    def show_ready(self, ready: bool, words: str) -> None:
        """Whether markers can be dropped, and a sentence about it."""
        for widget in (*self.buttons.values(), self.text):
            widget.setEnabled(ready)
        self.table.rows.editable = ready
        self.words.setText(words)
        self.words.setVisible(bool(words))

    def show_automatic(self, on: Iterable[str]) -> None:
        wanted = set(on)
        for kind, switch in self.switches.items():
            with QSignalBlocker(switch):
                switch.setChecked(kind in wanted)

    def _automatic(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(2)
        heading = QLabel("Made automatically")
        heading.setProperty("role", "heading")
        column.addWidget(heading)
        grid = QGridLayout()
        for number, (kind, text) in enumerate(AUTOMATIC):
            switch = QCheckBox(text)
            named(switch, f"Automatic: {text}", f"Mark {text.lower()} by itself while a recording runs")
            switch.toggled.connect(lambda on, kind=kind: self.automatic.emit(kind, on))
            grid.addWidget(switch, number // 2, number % 2)
            self.switches[kind] = switch
        column.addLayout(grid)
        return column

    def _written(self) -> None:
        text = self.text.text().strip()
        self.text.clear()
        if text:
            self.written.emit(text)
        self.text_left.emit()


def swatch(color: str) -> QIcon:
    """A dot of a label's colour."""
    pixmap = QPixmap(24, 24)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(color or "#888888"))
    painter.drawEllipse(5, 5, 14, 14)
    painter.end()
    return QIcon(pixmap)
