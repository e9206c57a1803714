"""The stability panel: jitter and lag of every contestant, a curve per group, comparing views, and "sit still"."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from tracker.settings import Compare
from tracker.stability.sit_still import COUNTDOWN_S, FILTERED, MEASURE_S, RAW, Progress

from ..keys import hint
from ..sparklines import Sparklines
from ..theme import Colors, tabular
from ..watch import PEER, Figures
from .form import Panel, named

ARRANGEMENTS = (("One picture", "one"), ("Side by side", "beside"), ("Split", "split"))
LANDMARKS = (
    (30, "Nose tip"),
    (27, "Nose bridge"),
    (36, "Right eye, outer"),
    (39, "Right eye, inner"),
    (42, "Left eye, inner"),
    (45, "Left eye, outer"),
    (37, "Right upper lid"),
    (44, "Left upper lid"),
    (19, "Right brow"),
    (24, "Left brow"),
    (48, "Right mouth corner"),
    (54, "Left mouth corner"),
    (51, "Upper lip"),
    (57, "Lower lip"),
    (8, "Chin"),
)
"""Of the 68, those that a close-up can be chosen of by name; a click on the picture takes any."""
AGREE = (
    "MediaPipe beside it. It runs on this computer in a process of its own; no picture leaves it. It takes "
    "processor time of its own."
)
PLACES = {
    4: ((0, 0, 1), (0, 1, 1), (0, 2, 1), (0, 3, 1)),
    3: ((0, 0, 2), (0, 1, 2), (0, 2, 1), (1, 2, 1)),
    2: ((0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1)),
    1: ((0, 0, 1), (1, 0, 1), (2, 0, 1), (3, 0, 1)),
}
"""Of the four groups in so many columns: row, column, and how many rows high."""
LEAST_PX = {4: 940, 3: 720, 2: 430, 1: 0}
"""How wide the panel must be for them."""


class StabilityPanel(Panel):
    """Four groups, in as many columns as there is room for."""

    measure_asked = pyqtSignal()
    earlier_asked = pyqtSignal()

    def __init__(self, settings: Compare, colors: Colors) -> None:
        super().__init__("Stability")
        self._colors = colors
        self.column.setContentsMargins(12, 6, 12, 8)
        self._boxes = [self._figures_box(), self._groups_box(), self._views_box(), self._still_box()]
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(10)
        self.column.addLayout(self._grid)
        self._columns = 0
        self._place(4)
        self.show_settings(settings)
        self.set_colors(colors)
        self.show_figures({})
        self.show_progress(None)

    # --- building

    def _figures_box(self) -> QWidget:
        box, column = _box("Jitter and lag")
        grid = QGridLayout()
        grid.setHorizontalSpacing(9)
        grid.setVerticalSpacing(4)
        for i, (text, tip) in enumerate(
            (
                ("jitter", "What the points shake by, in % of the distance between the eyes"),
                ("px", "The same in pixels of the camera's picture"),
                ("lag", "By how much they come late; needs a head that moves"),
            )
        ):
            grid.addWidget(_label(text, "muted", tip), 0, i + 1, Qt.AlignmentFlag.AlignRight)
        self._rows: dict[str, tuple[QLabel, ...]] = {}
        self._marks: dict[str, QLabel] = {}
        for row, name in enumerate((RAW, FILTERED, PEER), start=1):
            mark = QLabel()
            self._marks[name] = mark
            cells = tuple(_label("–", "value") for _ in range(3))
            grid.addWidget(mark, row, 0)
            for i, cell in enumerate(cells):
                cell.setFont(tabular(cell.font()))
                cell.setMinimumWidth(cell.fontMetrics().horizontalAdvance("0.000 %"))
                cell.setAlignment(Qt.AlignmentFlag.AlignRight)
                grid.addWidget(cell, row, i + 1, Qt.AlignmentFlag.AlignRight)
            self._rows[name] = cells
        self._rows[RAW][2].setToolTip("The others' lag is measured against it, unless the source knows its motion")
        grid.setColumnStretch(0, 1)
        column.addLayout(grid)
        self.agree = QCheckBox("MediaPipe as a peer")
        named(self.agree, "Run MediaPipe beside it", AGREE)
        self.agree.toggled.connect(lambda on: self.asked.emit("compare.mediapipe", on))
        column.addWidget(self.agree)
        self.peer_words = _words("It runs on this computer, in a process of its own; no picture leaves it.")
        column.addWidget(self.peer_words)
        column.addStretch(1)
        return box

    def _groups_box(self) -> QWidget:
        box, column = _box("By group, 10 s, % raw → filtered")
        self.sparklines = Sparklines(self._colors)
        column.addWidget(self.sparklines, 1)
        return box

    def _views_box(self) -> QWidget:
        box, column = _box("Compare")
        name = "Arrangement of the picture"
        self.arrangement = self.choice("compare.arrangement", ARRANGEMENTS, name, hint("compare"))
        column.addWidget(self.arrangement)
        self.magnifier = QCheckBox("Magnify")
        named(self.magnifier, "Magnify the shaking", hint("magnifier", "Each landmark's displacement from its mean"))
        self.magnifier.toggled.connect(lambda on: self.asked.emit("compare.magnifier", on))
        self.factor = QSpinBox()
        self.factor.setRange(2, 100)
        self.factor.setPrefix("× ")
        self.factor.setKeyboardTracking(False)
        named(self.factor, "Magnified by", "By how much displacements are magnified")
        self.factor.valueChanged.connect(lambda value: self.asked.emit("compare.magnify", float(value)))
        row = QHBoxLayout()
        row.addWidget(self.magnifier, 1)
        row.addWidget(self.factor)
        column.addLayout(row)
        self.close_up = QCheckBox("Close-up")
        named(self.close_up, "Close-up of a landmark", hint("close_up", "A landmark's surroundings, large"))
        self.close_up.toggled.connect(lambda on: self.asked.emit("compare.close_up", on))
        tip = hint("next_landmark", "Or click a landmark in the picture; next")
        named_first = [(text, number) for number, text in LANDMARKS]
        self.landmark = self.choice("compare.landmark", named_first, "Landmark of the close-up", tip)
        self.landmark.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout()
        row.addWidget(self.close_up)
        row.addWidget(self.landmark, 1)
        column.addLayout(row)
        column.addStretch(1)
        return box

    def _still_box(self) -> QWidget:
        box, column = _box("Your own figure")
        self.measure = QPushButton()
        self.measure.setProperty("role", "primary")
        self.measure.clicked.connect(self.measure_asked.emit)
        self.earlier = QPushButton("Earlier")
        named(self.earlier, "Earlier measurements", hint("measurements"))
        self.earlier.clicked.connect(self.earlier_asked.emit)
        row = QHBoxLayout()
        row.addWidget(self.measure, 1)
        row.addWidget(self.earlier)
        column.addLayout(row)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        named(self.bar, "How far the measurement is", "How far the measurement is")
        column.addWidget(self.bar)
        self.result = _words("")
        self.result.setProperty("role", "value")
        column.addWidget(self.result)
        column.addStretch(1)
        return box

    def _place(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for box in self._boxes:
            self._grid.removeWidget(box)
        for column in range(4):
            self._grid.setColumnStretch(column, 0)
        for box, (row, column, high) in zip(self._boxes, PLACES[columns], strict=True):
            self._grid.addWidget(box, row, column, high, 1)
        for column in range(columns):
            self._grid.setColumnStretch(column, 3 if columns == 4 and column == 1 else 2)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        width = self.width()
        self._place(next(columns for columns, least in LEAST_PX.items() if width >= least))

    # --- shown

    def set_colors(self, colors: Colors) -> None:
        self._colors = colors
        self.sparklines.set_colors(colors)
        names = ((RAW, "Raw", 1), (FILTERED, "Filtered", 0), (PEER, PEER, 3))
        for name, text, color in names:
            self._marks[name].setText(f'<span style="color:{colors.series[color]}">■</span>&nbsp;{text}')

    def show_settings(self, settings: Compare) -> None:
        """Show what is in force."""
        boxes = (self.arrangement, self.magnifier, self.factor, self.close_up, self.landmark, self.agree)
        blocked = [QSignalBlocker(box) for box in boxes]
        self.arrangement.setCurrentIndex(self.arrangement.findData(settings.arrangement))
        self.magnifier.setChecked(settings.magnifier)
        self.factor.setValue(round(settings.magnify))
        self.close_up.setChecked(settings.close_up)
        self._show_landmark(settings.landmark)
        self.agree.setChecked(settings.mediapipe)
        del blocked

    def _show_landmark(self, number: int) -> None:
        index = self.landmark.findData(number)
        if index < 0:
            self.landmark.addItem(f"Landmark {number} of 68", number)
            index = self.landmark.count() - 1
        self.landmark.setCurrentIndex(index)

    def show_peer(self, words: str, possible: bool) -> None:
        """What is to be said of the peer; whether it can run here at all."""
        self.agree.setEnabled(possible)
        self.peer_words.setText(words)

    def show_figures(self, figures: Mapping[str, Figures]) -> None:
        """Contestant -> its figures."""
        for name, cells in self._rows.items():
            shown = figures.get(name, Figures(np.nan, np.nan, np.nan))
            texts = (_number(shown.percent, 3, " %"), _number(shown.px, 2, ""), _number(shown.lag_ms, 0, " ms"))
            for cell, text in zip(cells, texts, strict=True):
                if cell.text() != text:
                    cell.setText(text)

    def show_progress(self, progress: Progress | None) -> None:
        """Where the measurement stands; None: none runs."""
        running = progress is not None and progress.phase in ("countdown", "measuring")
        self.measure.setText("Cancel" if running else "Sit still for 5 s")
        named(self.measure, self.measure.text(), hint("sit_still", "Measures how still your landmarks are"))
        self.bar.setVisible(running)
        if progress is not None and running:
            whole = COUNTDOWN_S + MEASURE_S
            left = progress.left + (MEASURE_S if progress.phase == "countdown" else 0.0)
            self.bar.setValue(round(1000 * (1.0 - left / whole)))

    def show_result(self, words: str) -> None:
        """The verdict, or why there is none."""
        self.result.setText(words)


def _box(title: str) -> tuple[QWidget, QVBoxLayout]:
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(6)
    column.addWidget(_label(title, "heading"))
    return box, column


def _label(text: str, role: str, tip: str = "") -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setToolTip(tip)
    return label


def _words(text: str) -> QLabel:
    label = _label(text, "muted")
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _number(value: float, digits: int, unit: str) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}{unit}" if np.isfinite(value) else "–"
