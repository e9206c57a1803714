"""How sessions are recorded: the seconds before the button, when it ends, what is written, and about whom."""

from __future__ import annotations

from PyQt6.QtCore import QSignalBlocker
from PyQt6.QtWidgets import QCheckBox, QDoubleSpinBox, QLineEdit, QPushButton

from tracker.session.preroll import LONGEST_S
from tracker.settings import Record

from ..keys import hint
from .form import Panel, named

_HOUR = 3600.0


class RecordingPanel(Panel):
    """What is changed here counts from the next recording on; the pre-roll at once."""

    def __init__(self, settings: Record) -> None:
        super().__init__("Recording")
        self.heading("When")
        self.preroll = _seconds(LONGEST_S, "Off", 1.0)
        named(self.preroll, "Pre-roll", "Seconds before the button that are recorded too; they are kept in memory")
        self.stop_after = _seconds(24 * _HOUR, "Never", 60.0)
        named(self.stop_after, "Stop after", "Seconds after which a recording ends by itself")
        form = self.form()
        form.row("Pre-roll", self.preroll)
        form.row("Stop after", self.stop_after)
        self.heading("What")
        self.overlay = QCheckBox("A second video with the overlay")
        named(self.overlay, "Overlay video", "Write annotated.mp4 beside the clean video")
        self.lossless = QCheckBox("Keep every bit of the picture")
        named(
            self.lossless, "Lossless video", "About 15 times the size; running the model again gives the same numbers"
        )
        self.column.addWidget(self.overlay)
        self.column.addWidget(self.lossless)
        self.heading("Who")
        self.subject = QLineEdit()
        self.subject.setPlaceholderText("a pseudonym, such as P07")
        named(self.subject, "Subject", "Written into session.json; no name is stored unless you type one")
        self.consent = QLineEdit()
        self.consent.setPlaceholderText("what was agreed to")
        named(self.consent, "Consent", "A text that is written into session.json")
        form = self.form()
        form.row("Subject", self.subject)
        form.row("Consent", self.consent)
        self.disk = self.words()
        self.export = QPushButton("Export a session …")
        named(self.export, "Export a session", hint("export"))
        self.column.addWidget(self.export)
        self.column.addStretch(1)
        self._keys = {
            "preroll_s": self.preroll, "stop_after_s": self.stop_after, "overlay": self.overlay,
            "lossless": self.lossless, "subject": self.subject, "consent": self.consent,
        }  # fmt: skip
        for key, field in self._keys.items():
            self._connect(f"record.{key}", field)
        self.show_settings(settings)

    def show_settings(self, settings: Record) -> None:
        """Show what is in force."""
        for key, field in self._keys.items():
            value = getattr(settings, key)
            with QSignalBlocker(field):
                if isinstance(field, QDoubleSpinBox):
                    field.setValue(value)
                elif isinstance(field, QCheckBox):
                    field.setChecked(value)
                elif isinstance(field, QLineEdit) and field.text() != value:
                    field.setText(value)

    def show_disk(self, text: str) -> None:
        if text != self.disk.text():
            self.disk.setText(text)

    def _connect(self, key: str, field: object) -> None:
        if isinstance(field, QDoubleSpinBox):
            field.valueChanged.connect(lambda value: self.asked.emit(key, value))
        elif isinstance(field, QCheckBox):
            field.toggled.connect(lambda on: self.asked.emit(key, on))
        elif isinstance(field, QLineEdit):
            field.editingFinished.connect(lambda: self.asked.emit(key, field.text().strip()))


def _seconds(most: float, none: str, step: float) -> QDoubleSpinBox:
    """0 means none."""
    box = QDoubleSpinBox()
    box.setRange(0.0, most)
    box.setDecimals(0)
    box.setSuffix(" s")
    box.setSpecialValueText(none)
    box.setSingleStep(step)
    box.setKeyboardTracking(False)
    return box
