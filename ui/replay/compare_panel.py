"""The panel that shows a second pass, or another session of the same video, beside the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QSignalBlocker, pyqtSignal
from PyQt6.QtWidgets import QComboBox, QFileDialog, QLabel, QPushButton

from tracker.session.compare import Figures

from ..panels.form import Panel, named

ORIGINAL = "As recorded"


class ComparePanel(Panel):
    """`run_asked`: the pass that is replayed ("": the original). `other_asked` (folder or None, pass, which)."""

    run_asked = pyqtSignal(str)
    other_asked = pyqtSignal(object, str, str)

    def __init__(self, passes: Sequence[str]) -> None:
        super().__init__("Compare")
        self.heading("Shown")
        self.run = QComboBox()
        named(self.run, "Pass", "The recording, or what `stillpoint reprocess` made of it")
        self.form().row("Pass", self.run)
        self.heading("Beside it")
        self.other = QComboBox()
        named(self.other, "Pass beside it", "Its curves and landmarks are drawn in the second colour")
        self.which = QComboBox()
        for text, value in (("Filtered values", "stable"), ("Raw values", "raw")):
            self.which.addItem(text, value)
        named(self.which, "Values beside it", "Filtered or raw values of the second")
        form = self.form()
        form.row("Compare", self.other)
        form.row("Values", self.which)
        self.folder = QPushButton("Another session …")
        named(self.folder, "Another session", "A session of the same video, tracked otherwise")
        self.folder.clicked.connect(self._choose)
        self.column.addWidget(self.folder)
        self.heading("How far apart")
        self.rows = {
            name: self._figure(name)
            for name in ("Frames", "Mean distance", "Largest distance", "Jitter, this", "Jitter, other")
        }
        self.said = self.words("Choose what to compare with.")
        self.column.addStretch(1)
        self._folder: Path | None = None
        self.show_passes(passes)
        self.run.activated.connect(lambda _: self.run_asked.emit(self.run.currentData()))
        self.other.activated.connect(lambda _: self._ask())
        self.which.activated.connect(lambda _: self._ask())

    def show_passes(self, passes: Sequence[str]) -> None:
        """What `reprocess` made; other choices stay."""
        with QSignalBlocker(self.run), QSignalBlocker(self.other):
            self.run.clear()
            self.other.clear()
            self.other.addItem("Nothing", None)
            self.other.addItem(ORIGINAL, "")
            self.run.addItem(ORIGINAL, "")
            for name in passes:
                self.run.addItem(name, name)
                self.other.addItem(name, name)

    def show_other(self, folder: Path | None, run: str | None, which: str = "stable") -> None:
        """What is beside it: a pass, or a folder; None: nothing."""
        self._folder = folder
        with QSignalBlocker(self.other), QSignalBlocker(self.which):
            if folder is not None and self.other.findText(folder.name) < 0:
                self.other.addItem(folder.name, str(folder))
            at = self.other.findText(folder.name) if folder is not None else self.other.findData(run)
            self.other.setCurrentIndex(max(at, 0))
            self.which.setCurrentIndex(max(self.which.findData(which), 0))

    def show_figures(self, figures: Figures | None, words: str = "") -> None:
        texts = {
            "Frames": f"{figures.both} of {figures.frames}",
            "Mean distance": f"{figures.mean_px:.3f} px, {figures.mean_share:.3f} % of the face",
            "Largest distance": f"{figures.max_px:.2f} px, {figures.max_share:.2f} % of the face",
            "Jitter, this": f"{figures.jitter[0]:.3f} % of the eyes' distance",
            "Jitter, other": f"{figures.jitter[1]:.3f} % of the eyes' distance",
        } if figures is not None else {}  # fmt: skip
        for name, label in self.rows.items():
            label.setText(texts.get(name, "–"))
        self.said.setText(words)

    def _figure(self, name: str) -> QLabel:
        label = QLabel("–")
        label.setProperty("role", "value")
        label.setWordWrap(True)
        row = self.form()
        title = row.row(name, label, "muted")
        title.setMinimumWidth(104)
        return label

    def _ask(self) -> None:
        chosen, which = self.other.currentData(), self.which.currentData()
        if chosen is not None and Path(chosen).is_absolute():
            self.other_asked.emit(Path(chosen), "", which)
        elif chosen is None:
            self.other_asked.emit(None, "", "")
        else:
            self.other_asked.emit(None, chosen, which)

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Compare with a session")
        if folder:
            self.other_asked.emit(Path(folder), "", self.which.currentData())
