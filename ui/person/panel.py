"""The panel of personal heads: whose it is, building one, and how it is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QSignalBlocker, pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QProgressBar, QPushButton

from tracker.avatar.render import TINTS
from tracker.avatar.types import GUESSED, MIRRORED, SEEN

from ..keys import hint
from ..panels.form import Panel, named
from .builder import Kept
from .prepare import Manner

NOBODY = "Generic head"
_DRAWINGS = (("splats", "Gaussian splats"), ("mesh", "Textured mesh"), ("generic", "Generic head"))
_LIGHTS = (("captured", "As in the pictures"), ("white", "White, from everywhere"), ("studio", "Lamp, upper left"))


class PersonPanel(Panel):
    """Says what is asked by signals; shows what it is told."""

    chosen = pyqtSignal(str)
    """A head's name, "" for nobody."""
    photo_asked = pyqtSignal()
    turn_asked = pyqtSignal()
    delete_asked = pyqtSignal()
    cancel_asked = pyqtSignal()
    go_on_asked = pyqtSignal()
    forget_asked = pyqtSignal()
    manner_asked = pyqtSignal(object)
    mirror_asked = pyqtSignal(bool)

    def __init__(self) -> None:
        super().__init__("Person")
        self.heading("Whose head")
        form = self.form()
        self.people = QComboBox()
        named(self.people, "Person", "Whose head the 3D view shows")
        self.people.activated.connect(lambda _: self.chosen.emit(str(self.people.currentData() or "")))
        form.row("Person", self.people)
        self.delete = QPushButton("Delete this head …")
        named(self.delete, "Delete this head", "Remove the head and its pictures from this computer")
        self.delete.clicked.connect(self.delete_asked)
        form.row("", self.delete)
        self.heading("Build a head")
        form = self.form()
        self.name = QLineEdit()
        self.name.setPlaceholderText("Me")
        named(self.name, "Name of the new head", "What the new head will be called")
        form.row("Name", self.name)
        row = QHBoxLayout()
        self.photo, self.turn = QPushButton("From this picture"), QPushButton("From a turn")
        named(self.photo, "Build a head from this picture", hint("person_photo"))
        named(self.turn, "Build a head from a turn", hint("person_turn"))
        self.photo.clicked.connect(self.photo_asked)
        self.turn.clicked.connect(self.turn_asked)
        row.addWidget(self.photo)
        row.addWidget(self.turn)
        self.column.addLayout(row)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Progress of the build")
        self.cancel = QPushButton("Cancel")
        named(self.cancel, "Cancel the build", "Stop; nothing is written, and the pictures of a turn are kept")
        self.cancel.clicked.connect(self._cancel)
        self.doing = self.words("")
        self.column.addWidget(self.bar)
        self.column.addWidget(self.cancel)
        row = QHBoxLayout()
        self.go_on, self.forget = QPushButton("Go on"), QPushButton("Forget it")
        named(self.go_on, "Go on with the turn", "Build the head from the pictures of the turn that are kept")
        named(self.forget, "Forget the turn", "Remove the pictures of the turn that are kept")
        self.go_on.clicked.connect(self.go_on_asked)
        self.forget.clicked.connect(self.forget_asked)
        row.addWidget(self.go_on)
        row.addWidget(self.forget)
        self.column.addLayout(row)
        self.heading("How it is drawn")
        form = self.form()
        self.drawing, self.light = QComboBox(), QComboBox()
        for box, rows in ((self.drawing, _DRAWINGS), (self.light, _LIGHTS)):
            for value, text in rows:
                box.addItem(text, value)
            box.activated.connect(lambda _: self.manner_asked.emit(self.manner))
        named(self.drawing, "Draw as", "Splats, or the textured mesh, or the generic head")
        named(self.light, "Light", "The light that falls on the 3D head")
        form.row("Draw as", self.drawing)
        form.row("Light", self.light)
        self.tint = QCheckBox("Tint what was seen")
        named(self.tint, "Tint what was seen", hint("person_tint", "Show what was seen, mirrored, and guessed"))
        self.tint.toggled.connect(lambda _: self.manner_asked.emit(self.manner))
        self.column.addWidget(self.tint)
        self.legend = self.words(_legend())
        self.mirror = QCheckBox("Beside the video")
        named(self.mirror, "3D head beside the video", hint("person_mirror"))
        self.mirror.toggled.connect(self.mirror_asked)
        self.column.addWidget(self.mirror)
        self.note = self.words("Heads stay on this computer.")
        self.column.addStretch(1)
        self.show_build("", 0.0)
        self.show_kept(None)

    @property
    def manner(self) -> Manner:
        return Manner(self.drawing.currentData(), self.light.currentData(), self.tint.isChecked())

    def show_people(self, names: Sequence[str], chosen: str) -> None:
        """The heads that are kept, and which of them is drawn ("": none)."""
        with QSignalBlocker(self.people):
            self.people.clear()
            self.people.addItem(NOBODY, "")
            for name in names:
                self.people.addItem(name, name)
            self.people.setCurrentIndex(max(self.people.findData(chosen), 0))
        self.delete.setEnabled(bool(chosen))

    def show_build(self, stage: str, share: float) -> None:
        """What a build is doing; "" where none runs."""
        busy = bool(stage)
        for widget in (self.bar, self.cancel, self.doing):
            widget.setVisible(busy)
        self.cancel.setEnabled(busy)
        for button in (self.photo, self.turn, self.go_on, self.forget):
            button.setEnabled(not busy)
        self.doing.setText(stage)
        self.bar.setValue(round(1000 * share))

    def show_kept(self, kept: Kept | None) -> None:
        """A turn whose build was broken off, to go on from or to forget."""
        for button in (self.go_on, self.forget):
            button.setVisible(kept is not None)
        if kept is not None:
            self.go_on.setText(f"Go on: {kept.name} ({len(kept)} pictures)")

    def _cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.doing.setText("Stopping …")
        self.cancel_asked.emit()

    def show_note(self, text: str) -> None:
        """A sentence about what is drawn: why it is no splats, say."""
        self.note.setText(text)


def _legend() -> str:
    parts = []
    for code, word in ((SEEN, "seen"), (MIRRORED, "mirrored"), (GUESSED, "guessed")):
        r, g, b = TINTS[code]
        parts.append(f'<span style="color: rgb({r},{g},{b})">■</span> {word}')
    return "&nbsp;&nbsp; ".join(parts)
