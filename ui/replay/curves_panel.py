"""The panel that chooses what the timeline draws: every column of the table, and the items of those that are lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from ..panels.form import named
from .curves import unit_of

Choice = tuple[str, int | None]
"""A column, and which of its items."""
_CHOICE = Qt.ItemDataRole.UserRole


class CurvesPanel(QWidget):
    """`chosen`: a column was switched on or off."""

    chosen = pyqtSignal(object, bool)

    def __init__(self, columns: Mapping[str, Sequence[str]], own: Sequence[str] = ()) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._columns = columns
        self.sought = QLineEdit()
        self.sought.setPlaceholderText("Find a column: yaw, jaw, blink …")
        self.sought.setClearButtonEnabled(True)
        named(self.sought, "Find a column", "Only columns with these letters are listed")
        self.sought.textChanged.connect(self._sift)
        self.tree = QTreeWidget()
        self.tree.setHeaderHidden(True)
        self.tree.setUniformRowHeights(True)
        self.tree.setStyleSheet("QTreeWidget::item { padding: 3px 0; }")
        named(self.tree, "Columns", "What the timeline draws: tick a column")
        self.tree.itemExpanded.connect(self._fill)
        self.tree.itemChanged.connect(self._changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.addWidget(self.sought)
        column.addWidget(self.tree, 1)
        with QSignalBlocker(self.tree):
            for name, items in columns.items():
                top = QTreeWidgetItem([f"{name}  {unit_of(name)}".rstrip()])
                if items:
                    top.setChildIndicatorPolicy(QTreeWidgetItem.ChildIndicatorPolicy.ShowIndicator)
                    top.setData(0, _CHOICE, (name, None))
                else:
                    _tick(top, (name, None))
                self.tree.addTopLevelItem(top)
        self.show_own(own)

    def show_own(self, names: Sequence[str]) -> None:
        """Landmarks of one's own, at the top: their x and y."""
        with QSignalBlocker(self.tree):
            for row in reversed(range(self.tree.topLevelItemCount())):
                item = self.tree.topLevelItem(row)
                if item is not None and str(item.data(0, _CHOICE)[0]).startswith("point:"):
                    self.tree.takeTopLevelItem(row)
            for name in reversed(names):
                for number, axis in ((1, "y"), (0, "x")):
                    item = QTreeWidgetItem([f"{name} {axis}  px"])
                    _tick(item, (f"point:{name}", number))
                    self.tree.insertTopLevelItem(0, item)

    def show_chosen(self, choices: Sequence[Choice]) -> None:
        """Tick these and no others, as far as they are listed by now."""
        with QSignalBlocker(self.tree):
            for row in range(self.tree.topLevelItemCount()):
                top = self.tree.topLevelItem(row)
                if top is None:
                    continue
                if any(
                    item is not None and choice[0] == top.data(0, _CHOICE)[0]
                    for choice in choices
                    for item in [choice[1]]
                ):
                    self._fill(top)
                for item in [top, *(top.child(i) for i in range(top.childCount()))]:
                    if item is not None and item.data(0, Qt.ItemDataRole.CheckStateRole) is not None:
                        on = tuple(item.data(0, _CHOICE)) in choices
                        item.setCheckState(0, Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)

    def flip(self) -> None:
        """Tick or untick the column that the keyboard is on."""
        item = self.tree.currentItem()
        if item is not None and item.data(0, Qt.ItemDataRole.CheckStateRole) is not None:
            on = item.checkState(0) == Qt.CheckState.Checked
            item.setCheckState(0, Qt.CheckState.Unchecked if on else Qt.CheckState.Checked)

    def _fill(self, top: QTreeWidgetItem) -> None:
        """A column's items are listed when it is opened: some have a thousand."""
        name = top.data(0, _CHOICE)[0]
        if top.childCount() or name not in self._columns:
            return
        with QSignalBlocker(self.tree):
            for number, text in enumerate(self._columns[name]):
                item = QTreeWidgetItem([text])
                _tick(item, (name, number))
                top.addChild(item)

    def _changed(self, item: QTreeWidgetItem) -> None:
        name, number = item.data(0, _CHOICE)
        self.chosen.emit((name, number), item.checkState(0) == Qt.CheckState.Checked)

    def _sift(self, text: str) -> None:
        """Columns whose name has the letters, and lists of which an item has them."""
        wanted = text.strip().lower()
        for row in range(self.tree.topLevelItemCount()):
            top = self.tree.topLevelItem(row)
            if top is None:
                continue
            name = top.data(0, _CHOICE)[0]
            itself = wanted in top.text(0).lower()
            among = [wanted in item.lower() for item in self._columns.get(name, ())]
            top.setHidden(not itself and not any(among))
            if wanted and not itself and any(among):
                self._fill(top)
                top.setExpanded(True)
            for number in range(top.childCount()):
                child = top.child(number)
                if child is not None:
                    child.setHidden(not itself and not among[number])


def _tick(item: QTreeWidgetItem, choice: Choice) -> None:
    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
    item.setCheckState(0, Qt.CheckState.Unchecked)
    item.setData(0, _CHOICE, choice)
