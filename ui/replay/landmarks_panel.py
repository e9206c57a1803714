"""The panel for landmarks by hand: corrections with their reach, and landmarks that were added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import QLineEdit, QPushButton, QSpinBox, QTableWidget, QTableWidgetItem

from tracker.session.corrections import Layer
from tracker.session.own_points import OwnPoint

from ..panels.form import Panel, named
from .layer import Mode
from .scale import clock

_COUNTS = {"ibug68": 68, "mediapipe478": 478}
_HOW = {
    "look": "C corrects a landmark, A adds one. The measurement itself is never changed.",
    "correct": "Drag a landmark to where it is. Zoom in with the wheel for a fine hand.",
    "add": "Click on the skin of the face: the new landmark is computed for every frame.",
}


class LandmarksPanel(Panel):
    """`mode_asked`; `reach_changed` for the selected corrections; `gone_to` a frame; what should go by its id, name."""

    mode_asked = pyqtSignal(str)
    reach_changed = pyqtSignal(object, object)
    gone_to = pyqtSignal(int)
    dropped = pyqtSignal(object)
    point_dropped = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__("Landmarks")
        self.how = self.words(_HOW["look"])
        self.heading("Corrections")
        self.correct = self._switch("Correct landmarks", "Drag landmarks in the picture (C)", "correct")
        form = self.form()
        self.before, self.after = (self._reach(side) for side in ("before", "after"))
        form.row("Fade in", self.before)
        form.row("Fade out", self.after)
        self.table = _table(["Time", "Landmark", "Moved", "Author"], "Corrections")
        for column, width in enumerate((84, 84, 68)):
            self.table.setColumnWidth(column, width)
        self.table.itemDoubleClicked.connect(lambda item: self.gone_to.emit(self._frames[item.row()]))
        self.column.addWidget(self.table)
        self.delete = QPushButton("Delete the correction")
        named(self.delete, "Delete the correction", "The selected corrections go; the measurement shows again")
        self.delete.clicked.connect(lambda: self.dropped.emit(self._selected()))
        self.column.addWidget(self.delete)
        self.heading("Landmarks of your own")
        self.add = self._switch("Add a landmark", "Click on the face (A)", "add")
        self.name = QLineEdit("point1")
        named(self.name, "Name of the new landmark", "Letters, digits, - and _; its columns are called after it")
        self.form().row("Name", self.name)
        self.points = _table(["Name", "Place on the head, mm"], "Landmarks of your own")
        self.column.addWidget(self.points)
        self.remove = QPushButton("Delete the landmark")
        named(self.remove, "Delete the landmark", "The selected landmark and its columns go")
        self.remove.clicked.connect(self._remove)
        self.column.addWidget(self.remove)
        self.progress = self.words("")
        self.column.addStretch(1)
        self._ids: list[str] = []
        self._frames: list[int] = []

    @property
    def reach(self) -> tuple[int, int]:
        """Frames before and after over which the next correction fades."""
        return self.before.value(), self.after.value()

    def show_mode(self, mode: Mode) -> None:
        for button, of in ((self.correct, "correct"), (self.add, "add")):
            with QSignalBlocker(button):
                button.setChecked(mode == of)
        self.how.setText(_HOW[mode])

    def show_layer(self, layer: Layer) -> None:
        items = sorted(layer.items, key=lambda one: (one.frame, one.landmark))
        self._ids, self._frames = [one.id for one in items], [one.frame for one in items]
        _fill(self.table, (
            (clock(one.time), f"{one.landmark} of {_COUNTS.get(one.layout, one.layout)}",
             f"{(one.moved**2).sum() ** 0.5:.1f} px", one.author)
            for one in items
        ))  # fmt: skip

    def show_points(self, points: Sequence[OwnPoint]) -> None:
        _fill(self.points, ((one.name, "  ".join(f"{1000 * v:+.1f}" for v in one.query)) for one in points))
        taken = {one.name for one in points}
        number = 1
        while f"point{number}" in taken:
            number += 1
        if not self.name.text() or self.name.text() in taken:
            self.name.setText(f"point{number}")

    def _selected(self) -> list[str]:
        rows = {index.row() for index in self.table.selectedIndexes()}
        return [self._ids[row] for row in sorted(rows) if row < len(self._ids)]

    def _remove(self) -> None:
        item = self.points.item(self.points.currentRow(), 0)
        if item is not None:
            self.point_dropped.emit(item.text())

    def _switch(self, text: str, tip: str, mode: str) -> QPushButton:
        button = QPushButton(text)
        button.setCheckable(True)
        named(button, text, tip)
        button.toggled.connect(lambda on: self.mode_asked.emit(mode if on else "look"))
        self.column.addWidget(button)
        return button

    def _reach(self, side: str) -> QSpinBox:
        box = QSpinBox()
        box.setRange(0, 3000)
        box.setValue(0)
        box.setSuffix(" frames")
        box.setSpecialValueText("this frame alone")
        named(box, f"Frames {side} the corrected one", f"Over so many frames {side} it a correction fades smoothly")
        box.valueChanged.connect(lambda _: self.reach_changed.emit(self._selected(), self.reach))
        return box


def _table(titles: list[str], name: str) -> QTableWidget:
    table = QTableWidget(0, len(titles))
    table.setHorizontalHeaderLabels(titles)
    named(table, name, "Double-click goes to the frame")
    table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setMinimumHeight(110)
    table.setShowGrid(False)
    below, across = table.verticalHeader(), table.horizontalHeader()
    assert below is not None and across is not None
    below.hide()
    below.setDefaultSectionSize(24)
    across.setStretchLastSection(True)
    across.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return table


def _fill(table: QTableWidget, rows: Iterable[Sequence[str]]) -> None:
    held: list[Sequence[str]] = list(rows)
    table.setRowCount(len(held))
    for row, cells in enumerate(held):
        for column, text in enumerate(cells):
            table.setItem(row, column, QTableWidgetItem(text))
