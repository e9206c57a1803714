"""What is sent to other programs: a row a protocol with its switch, its addresses, its rate, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QDoubleSpinBox, QGridLayout, QLabel, QLineEdit, QPushButton, QWidget

from tracker.settings import Stream
from tracker.stream import STREAMS

from ..keys import hint
from ..theme import Colors, tabular
from .form import Panel, named

INVERTED = ("yaw", "pitch", "roll", "x", "y", "z")
SPELLINGS = {
    "pascal": "EyeBlinkLeft", "camel": "eyeBlinkLeft", "underscore": "eyeBlink_L", "vrm0": "VRM 0 presets",
    "vrm1": "VRM 1 presets",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RowState:
    """What a protocol does: packets a second (None: it is off), and what went wrong."""

    rate: float | None = None
    problem: str = ""


class StreamRow(QWidget):
    """One protocol. `address`: HOST, PORT or HOST:PORT with blanks between; empty is this computer, its own port."""

    changed = pyqtSignal()

    def __init__(self, name: str) -> None:
        super().__init__()
        kind = STREAMS[name]
        self.name = name
        self.on = QCheckBox(name)
        named(self.on, f"Send {name}", kind.line)
        self.rate = QLabel("off")
        self.rate.setFont(tabular(self.rate.font()))
        self.rate.setProperty("role", "value")
        self.rate.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.about = QLabel(kind.line.replace("`", ""))
        self.about.setProperty("role", "muted")
        self.about.setWordWrap(True)
        self.address = QLineEdit()
        self.address.setPlaceholderText(f"127.0.0.1:{kind.port}")
        named(self.address, f"Address of {name}", "HOST, PORT or HOST:PORT; several with blanks between")
        self.address.setVisible(kind.port > 0)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.problem.hide()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 4)
        grid.setVerticalSpacing(2)
        grid.addWidget(self.on, 0, 0)
        grid.addWidget(self.rate, 0, 1)
        grid.addWidget(self.about, 1, 0, 1, 2)
        grid.addWidget(self.address, 2, 0, 1, 2)
        grid.addWidget(self.problem, 3, 0, 1, 2)
        self.on.toggled.connect(lambda _: self.changed.emit())
        self.address.editingFinished.connect(self._edited)
        self._told = self.address.text()

    @property
    def targets(self) -> tuple[str, ...]:
        """As the settings spell them; none where it is off."""
        if not self.on.isChecked():
            return ()
        return tuple(f"{self.name}:{one}" for one in self.address.text().split()) or (self.name,)

    def show_targets(self, targets: tuple[str, ...]) -> None:
        """Show what is in force; the address of a row that is off stays as it was typed."""
        with QSignalBlocker(self.on), QSignalBlocker(self.address):
            self.on.setChecked(bool(targets))
            if targets and targets != self.targets:
                bare = targets == (self.name,)
                self.address.setText("" if bare else " ".join(t.partition(":")[2] or "127.0.0.1" for t in targets))
            self._told = self.address.text()

    def show_state(self, state: RowState) -> None:
        self.rate.setText("off" if state.rate is None else f"{state.rate:.0f} /s")
        self.rate.setAccessibleName(
            f"{self.name}: {'off' if state.rate is None else f'{state.rate:.0f} packets a second'}"
        )
        if state.problem != self.problem.text():
            self.problem.setText(state.problem)
        self.problem.setVisible(bool(state.problem))

    def set_colors(self, colors: Colors) -> None:
        self.problem.setStyleSheet(
            f"color: {colors.warn_text}; background: {colors.warn}; padding: 4px 6px; border-radius: 4px;"
        )

    def _edited(self) -> None:
        if self.address.text() != self._told:
            self._told = self.address.text()
            self.changed.emit()


class StreamsPanel(Panel):
    """Asks for `stream.*` settings. Leaving this computer takes a switch that says so, and then stays visible."""

    recentred = pyqtSignal()

    def __init__(self, settings: Stream, colors: Colors) -> None:
        super().__init__("Outputs")
        self.recentre = QPushButton("Recentre")
        named(self.recentre, "Recentre", hint("recentre"))
        self.recentre.clicked.connect(self.recentred)
        self.column.addWidget(self.recentre)
        self.heading("Send to")
        self.rows: dict[str, StreamRow] = {}
        for name in STREAMS:
            row = self.rows[name] = StreamRow(name)
            row.changed.connect(self._ask_targets)
            self.column.addWidget(row)
        self.remote = QCheckBox("Allow other computers")
        named(self.remote, "Allow other computers", "Without it nothing of the face leaves this computer")
        self.remote.toggled.connect(lambda on: self.asked.emit("stream.allow_remote", on))
        self.column.addWidget(self.remote)
        self.warning = QLabel("The tracked face may leave this computer.")
        self.warning.setWordWrap(True)
        self.column.addWidget(self.warning)
        self.heading("How")
        self.mirror = QCheckBox("Mirror")
        named(self.mirror, "Mirror", "An avatar that moves as a mirror does")
        self.mirror.toggled.connect(lambda on: self.asked.emit("stream.mirror", on))
        self.column.addWidget(self.mirror)
        spellings = [(example, key) for key, example in SPELLINGS.items()]
        tip = "How VMC names the shapes; programs differ"
        self.names = self.choice("stream.names", spellings, "Names of the shapes", tip)
        versions, tip = (("v2", "v2"), ("v1", "v1")), "Of its text frames; v2 is the newer one"
        self.mocap = self.choice("stream.facial_mocap", versions, "iFacialMocap's version", tip)
        self.rate = QDoubleSpinBox()
        self.rate.setRange(0.0, 240.0)
        self.rate.setDecimals(0)
        self.rate.setSuffix(" /s")
        self.rate.setSpecialValueText("every frame")
        self.rate.setKeyboardTracking(False)
        self.rate.setSingleStep(10.0)
        named(self.rate, "Limit", "Packets a second at most")
        self.rate.valueChanged.connect(lambda value: self.asked.emit("stream.rate", value))
        form = self.form()
        form.row("Limit", self.rate)
        form.row("VMC names", self.names)
        form.row("iFacialMocap", self.mocap)
        self.inverted = self._inverted()
        self.column.addStretch(1)
        self.show_settings(settings)
        self.set_colors(colors)

    def _inverted(self) -> dict[str, QCheckBox]:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        boxes: dict[str, QCheckBox] = {}
        for i, axis in enumerate(INVERTED):
            one = boxes[axis] = QCheckBox(axis)
            named(one, f"Invert {axis}", f"Turn the sign of {axis} round")
            one.toggled.connect(lambda on, axis=axis: self.asked.emit(f"stream.invert_{axis}", on))
            grid.addWidget(one, i // 3, i % 3)
        self.form().row("Invert", box)
        return boxes

    def show_settings(self, settings: Stream) -> None:
        """Show what is in force."""
        wanted: dict[str, list[str]] = {}
        for target in settings.to.split():
            wanted.setdefault(target.partition(":")[0], []).append(target)  # also where its address is wrong
        for name, row in self.rows.items():
            row.show_targets(tuple(wanted.get(name, ())))
        switches = {self.remote: settings.allow_remote, self.mirror: settings.mirror}
        switches.update({box: getattr(settings, f"invert_{axis}") for axis, box in self.inverted.items()})
        for box, on in switches.items():
            with QSignalBlocker(box):
                box.setChecked(on)
        with QSignalBlocker(self.rate):
            self.rate.setValue(settings.rate)
        self.names.setCurrentIndex(self.names.findData(settings.names))
        self.mocap.setCurrentText(settings.facial_mocap)
        self.warning.setVisible(settings.allow_remote)

    def show_states(self, states: dict[str, RowState]) -> None:
        """By protocol; those that are missing are off."""
        for name, row in self.rows.items():
            row.show_state(states.get(name, RowState()))

    def set_colors(self, colors: Colors) -> None:
        for row in self.rows.values():
            row.set_colors(colors)
        self.warning.setStyleSheet(
            f"color: {colors.warn_text}; background: {colors.warn}; padding: 4px 6px; border-radius: 4px;"
        )

    def _ask_targets(self) -> None:
        targets = [target for row in self.rows.values() for target in row.targets]
        self.asked.emit("stream.to", " ".join(targets))
