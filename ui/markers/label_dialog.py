"""The dialog for the label set: names, colours and keys, checked before they are taken."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QKeySequence
from PyQt6.QtWidgets import (
    QColorDialog,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from tracker.errors import SettingsError
from tracker.session.label_set import COLORS, label_set, label_text
from tracker.session.markers import Track

from ..keys import KEYS
from ..panels.form import named
from ..replay.keys import KEYS as REPLAY_KEYS

NAME, KEY, COLOR = range(3)


class LabelDialog(QDialog):
    """`text` is the setting, once it was accepted."""

    def __init__(self, tracks: Sequence[Track], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Labels")
        self.text = label_text(tracks)
        self.rows = QTableWidget(0, 3)
        self.rows.setHorizontalHeaderLabels(["Name", "Key", "Colour"])
        named(self.rows, "Labels", "Double-click a cell to change it; a colour opens the chooser")
        self.rows.setColumnWidth(KEY, 60)
        self.rows.setColumnWidth(COLOR, 90)
        below, across = self.rows.verticalHeader(), self.rows.horizontalHeader()
        assert below is not None and across is not None
        below.hide()
        across.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        across.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for track in tracks:
            self._add(track)
        self.rows.cellDoubleClicked.connect(self._choose_color)
        add, remove = QPushButton("Add"), QPushButton("Remove")
        named(add, "Add a label", "A new label at the end")
        named(remove, "Remove the label", "The selected label goes from the set; its markers stay")
        add.clicked.connect(lambda: self._add(Track("new label", COLORS[self.rows.rowCount() % len(COLORS)])))
        remove.clicked.connect(lambda: self.rows.removeRow(self.rows.currentRow()))
        self.words = QLabel()
        self.words.setProperty("role", "warning")
        self.words.setWordWrap(True)
        self.words.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._take)
        buttons.rejected.connect(self.reject)
        line = QHBoxLayout()
        line.addWidget(add)
        line.addWidget(remove)
        line.addStretch(1)
        column = QVBoxLayout(self)
        column.addWidget(self.rows, 1)
        column.addLayout(line)
        column.addWidget(self.words)
        column.addWidget(buttons)
        self.resize(400, 360)

    def _add(self, track: Track) -> None:
        row = self.rows.rowCount()
        self.rows.insertRow(row)
        for column, text in ((NAME, track.name), (KEY, track.key)):
            self.rows.setItem(row, column, QTableWidgetItem(text))
        item = QTableWidgetItem(track.color)
        item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
        self.rows.setItem(row, COLOR, item)
        self._paint(item, track.color)

    def _choose_color(self, row: int, column: int) -> None:
        item = self.rows.item(row, column)
        if column == COLOR and item is not None:
            color = QColorDialog.getColor(QColor(item.text()), self, "Colour of the label")
            if color.isValid():
                self._paint(item, color.name())

    def _paint(self, item: QTableWidgetItem, color: str) -> None:
        item.setText(color)
        item.setBackground(QColor(color))
        item.setForeground(QColor("#000000" if QColor(color).lightnessF() > 0.5 else "#ffffff"))

    def _take(self) -> None:
        tracks = [
            Track(*(self._cell(row, column) for column in (NAME, COLOR, KEY))) for row in range(self.rows.rowCount())
        ]
        text = label_text([track for track in tracks if track.name])
        try:
            taken = label_set(text)
        except SettingsError as error:
            self._say(str(error))
            return
        unknown = next((track.key for track in taken if track.key and not QKeySequence(track.key).toString()), None)
        if unknown is not None:
            self._say(f"{unknown!r} is no key; write a digit, a letter or a name such as F5.")
            return
        spoken_for = {name.upper(): key.text for key in (*REPLAY_KEYS, *KEYS) for name in key.keys}
        clash = next((track for track in taken if track.key.upper() in spoken_for), None)
        if clash is not None:
            self._say(f"{clash.key} already does something: {spoken_for[clash.key.upper()]}. Choose another key.")
            return
        self.text = text
        self.accept()

    def _say(self, text: str) -> None:
        self.words.setText(text)
        self.words.show()

    def _cell(self, row: int, column: int) -> str:
        item = self.rows.item(row, column)
        return item.text().strip() if item is not None else ""
