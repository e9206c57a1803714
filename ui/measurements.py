"""The list of what was measured before by sitting still."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from tracker.stability.sit_still import Measurement, table

from .panels.form import named

COLUMNS = ("When", "Source", "Filter", "σ raw", "σ filtered", "σ MediaPipe", "Step raw", "Step filtered")
DEVIATION = "Standard deviation of the landmarks, % of the distance between the eyes"
STEP = "Acceleration from frame to frame, % of the distance between the eyes"
TIPS = ("", "", "", DEVIATION, DEVIATION, DEVIATION, STEP, STEP)


def show_measurements(window: QWidget, measurements: Sequence[Measurement], path: Path) -> QDialog:
    """A table beside the work, newest first."""
    dialog = QDialog(window)
    dialog.setWindowTitle("Earlier measurements")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(16, 14, 16, 16)
    column.setSpacing(10)
    words = QLabel(
        "Five seconds of sitting still. σ is the landmarks' standard deviation, Step their acceleration from frame to "
        "frame, both in % of the distance between the eyes; what is slower than a second (the head's sway) is taken "
        "out of σ."
    )
    words.setWordWrap(True)
    column.addWidget(words)
    rows = table(measurements)
    grid = QTableWidget(len(rows), len(COLUMNS))
    named(grid, "Earlier measurements", "Newest first")
    grid.setHorizontalHeaderLabels(COLUMNS)
    for i, tip in enumerate(TIPS):
        item = grid.horizontalHeaderItem(i)
        if item is not None:
            item.setToolTip(tip)
            item.setTextAlignment(_side(i))
    for i, row in enumerate(rows):
        for k, text in enumerate(row):
            cell = QTableWidgetItem(text)
            cell.setTextAlignment(_side(k))
            grid.setItem(i, k, cell)
    grid.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    grid.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    across, down = grid.horizontalHeader(), grid.verticalHeader()
    if across is not None and down is not None:
        across.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        across.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        down.hide()
    column.addWidget(grid, 1)
    where = QLabel(f"Kept in {path}" if rows else "Nothing has been measured yet.")
    where.setProperty("role", "muted")
    where.setWordWrap(True)
    where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    column.addWidget(where)
    dialog.resize(760, 380)
    dialog.show()
    return dialog


def _side(column: int) -> Qt.AlignmentFlag:
    """Words to the left, numbers to the right."""
    return (Qt.AlignmentFlag.AlignLeft if column < 3 else Qt.AlignmentFlag.AlignRight) | Qt.AlignmentFlag.AlignVCenter
