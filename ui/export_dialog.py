"""Choose a session, formats and how they are written."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt, QUrl
from PyQt6.QtGui import QCloseEvent, QDesktopServices
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from tracker.session.export import EXPORTS, Choices
from tracker.session.replay import Session

from .exporter import Exporter, Task
from .panels.form import Form, named
from .scrolled import Scrolled

FIRST = ("csv", "report")
"""The formats that are chosen at first."""


class ExportDialog(QDialog):
    """Not modal: tracking and recording go on behind it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export a session")
        self.session: Session | None = None
        self.exporter = Exporter(self)
        self._busy = False
        self._chosen: Path | None = None
        self._build_session()
        self._build_formats()
        self._build_options()
        self._build_end()
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(10)
        choices = QWidget()
        middle = QVBoxLayout(choices)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(10)
        middle.addWidget(self._formats)
        middle.addWidget(self._options)
        column.addWidget(self._top)
        column.addWidget(Scrolled(choices, 0.72), 1)
        column.addWidget(self._end)
        self.exporter.opened.connect(self._on_opened)
        self.exporter.moved.connect(self._on_moved)
        self.exporter.done.connect(self._on_done)
        self._show_state("Choose the folder of a recording.")
        self.resize(self.sizeHint())  # Qt would cut it at two thirds of the screen

    # --- building

    def _build_session(self) -> None:
        self.folder = QLineEdit()
        named(self.folder, "Session", "The folder that a recording made")
        self.folder.editingFinished.connect(self._typed)
        self.browse = QPushButton("Browse …")
        named(self.browse, "Choose the session's folder", "Choose the session's folder")
        self.browse.clicked.connect(self._browse)
        self.about = QLabel()
        self.about.setProperty("role", "muted")
        self.about.setWordWrap(True)
        self._top = QWidget()
        grid = QGridLayout(self._top)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(QLabel("Session"), 0, 0)
        grid.addWidget(self.folder, 0, 1)
        grid.addWidget(self.browse, 0, 2)
        grid.addWidget(self.about, 1, 1, 1, 2)

    def _build_formats(self) -> None:
        self._formats = QWidget()
        grid = QGridLayout(self._formats)
        grid.setContentsMargins(0, 4, 0, 4)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(3)
        self.formats: dict[str, QCheckBox] = {}
        for row, (kind, one) in enumerate(EXPORTS.items()):
            box = QCheckBox(kind)
            box.setChecked(kind in FIRST)
            named(box, kind, f"{one.name}: {one.line}")
            box.toggled.connect(lambda _: self._show_state())
            line = QLabel(one.line.replace("`", ""))
            line.setProperty("role", "muted")
            grid.addWidget(box, row, 0)
            grid.addWidget(line, row, 1)
            self.formats[kind] = box
        grid.setColumnStretch(1, 1)

    def _build_options(self) -> None:
        self._options = QWidget()
        self.face = QComboBox()
        named(self.face, "Face", "Which face goes into formats that hold one")
        self.values = QComboBox()
        self.values.addItem("filtered", False)
        self.values.addItem("as measured", True)
        named(self.values, "Values", "What the filter left, or what was measured")
        self.corrections = QCheckBox("with landmarks that were moved by hand")
        self.corrections.setChecked(True)
        named(self.corrections, "Corrections", "Landmarks that a person corrected are where the person put them")
        self.rate = QDoubleSpinBox()
        self.rate.setRange(0.0, 240.0)
        self.rate.setDecimals(0)
        self.rate.setSuffix(" Hz")
        self.rate.setSpecialValueText("the session's")
        named(self.rate, "BVH rate", "Frames a second of the BVH file")
        self.subject, self.task = QLineEdit(), QLineEdit("face")
        self.subject.setPlaceholderText("the session's pseudonym, or 01")
        named(self.subject, "BIDS subject", "The label of the subject: letters and digits")
        named(self.task, "BIDS task", "The label of the task: letters and digits")
        self.out = QLineEdit()
        named(self.out, "Write into", "The folder that the files go into; it is made where there is none")
        self.overwrite = QCheckBox("replace files that are there")
        named(self.overwrite, "Overwrite", "Replace files that are there")
        form = Form(self._options)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(12)
        for text, field in (("Face", self.face), ("Values", self.values), ("", self.corrections),
                            ("BVH rate", self.rate), ("BIDS subject", self.subject), ("BIDS task", self.task),
                            ("Write into", self.out), ("", self.overwrite)):  # fmt: skip
            form.row(text, field)

    def _build_end(self) -> None:
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress")
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.show_folder, self.start, self.leave = QPushButton("Open the folder"), QPushButton("Export"), QPushButton()
        named(self.show_folder, "Open the folder", "Show what was written")
        named(self.start, "Export", "Write the chosen formats")
        self.start.setDefault(True)
        self.show_folder.hide()
        self.show_folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(self.out.text())))
        self.start.clicked.connect(self.export)
        self.leave.clicked.connect(self._leave)
        self._end = QWidget()
        column = QVBoxLayout(self._end)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.progress)
        row = QHBoxLayout()
        row.addWidget(self.message, 1)
        for button in (self.show_folder, self.leave, self.start):
            row.addWidget(button)
        column.addLayout(row)

    # --- what people do

    def choose(self, folder: Path) -> None:
        """Open this session; what is wrong with it is said in the dialog."""
        if self._busy or folder == Path():
            return
        self.folder.setText(str(folder))
        self._chosen, self.session = folder, None
        self._show_state("Opening …")
        self.exporter.look(folder)

    def export(self) -> None:
        """Write what is chosen."""
        if self.session is None or self._busy:
            return
        choices = Choices(
            face=self.face.currentData(),
            rate=self.rate.value() or None,
            subject=self.subject.text().strip() or None,
            task=self.task.text().strip() or "face",
            raw=bool(self.values.currentData()),
            corrections=self.corrections.isChecked(),
        )
        self._busy = True
        self.show_folder.hide()
        self._show_state("Begins …")
        folder = Path(self.out.text().strip() or self.session.folder / "exports")
        self.exporter.start(Task(self.session, self.kinds, folder, choices, self.overwrite.isChecked()))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The formats that are chosen."""
        return tuple(kind for kind, box in self.formats.items() if box.isChecked() and box.isEnabledTo(self._formats))

    def _typed(self) -> None:
        folder = Path(self.folder.text().strip())
        if self.isVisible() and folder != self._chosen:  # the focus also goes when the dialog does
            self.choose(folder)

    def _browse(self) -> None:
        start = str(Path(self.folder.text()).parent) if self.folder.text() else ""
        folder = QFileDialog.getExistingDirectory(self, "The folder of a recording", start)
        if folder:
            self.choose(Path(folder))

    def _leave(self) -> None:
        if self._busy:
            self.exporter.cancel()
            self.message.setText("Ends …")
        else:
            self.close()

    # --- what came of it

    def _on_opened(self, session: Session | None, problem: str) -> None:
        self.session = session
        self.face.clear()
        if session is None:
            self._show_state(problem)
            return
        self.face.addItem("the one that is there longest", None)
        for name in session.faces:
            self.face.addItem(f"face {name}", name)
        self.out.setText(str(session.folder / "exports"))
        for kind, box in self.formats.items():
            one = EXPORTS[kind]
            box.setEnabled(one.installed and (session.video is not None or not one.video))
        self._show_state(problem)

    def _on_moved(self, kind: str, share: float) -> None:
        kinds = self.kinds
        done = kinds.index(kind) if kind in kinds else 0
        self.progress.setValue(round(1000 * (done + share) / max(len(kinds), 1)))
        self.message.setText(f"{EXPORTS[kind].name} …")

    def _on_done(self, written: list[Path] | None, problem: str) -> None:
        self._busy = False
        self.progress.setValue(1000 if written else 0)
        self.show_folder.setVisible(bool(written))
        if written:
            self._show_state(f"Written: {', '.join(path.name for path in written)}")
        else:
            self._show_state(problem or "Cancelled; what was finished before stays.")

    def _show_state(self, message: str | None = None) -> None:
        if message is not None:
            self.message.setText(message)
        session = self.session
        if session is None:
            self.about.setText("")
        else:
            frames, faces = len(session.frames), len(session.faces)
            video = "with" if session.video is not None else "without"
            self.about.setText(f"{frames} frames, {faces} face{'s' * (faces != 1)}, {video} its clean video")
        for part in (self._top, self._formats, self._options):
            part.setEnabled(not self._busy)
        self.start.setEnabled(session is not None and not self._busy and bool(self.kinds))
        self.leave.setText("Cancel" if self._busy else "Close")
        named(self.leave, self.leave.text(), "Stop writing" if self._busy else "Close the dialog")

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self.exporter.close()
        super().closeEvent(event)
