"""The list of markers: time, length, what it says, its track; its words can be changed in place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QItemSelection, QItemSelectionModel, QModelIndex, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFocusEvent, QKeyEvent
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from tracker.session.labels import Label
from tracker.session.markers import Track

from ..replay.scale import clock
from ..theme import tabular

COLUMNS = ("Time", "Length", "Marker", "Track")
TIME, LENGTH, WORDS, TRACK = range(4)


class MarkerModel(QAbstractTableModel):
    """Labels by rising start."""

    renamed = pyqtSignal(str, str)
    """(id, new words)"""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._labels: list[Label] = []
        self._colors: dict[str, str] = {}
        self.editable = True

    @property
    def labels(self) -> list[Label]:
        return self._labels

    def show(self, labels: Iterable[Label], tracks: Iterable[Track]) -> None:
        """Take these; rows that stay keep their place in the view."""
        new = list(labels)
        self._colors = {track.name: track.color for track in tracks}
        if [one.id for one in new] == [one.id for one in self._labels]:
            self._labels = new
            if new:
                self.dataChanged.emit(self.index(0, 0), self.index(len(new) - 1, len(COLUMNS) - 1))
            return
        self.beginResetModel()
        self._labels = new
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._labels)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if self.editable and index.column() == WORDS else flags

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        one = self._labels[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            length = "" if one.end is None else f"{one.end - one.start:.2f} s"
            return (clock(one.start), length, one.label, one.track)[index.column()]
        if role == Qt.ItemDataRole.DecorationRole and index.column() == TIME:
            return QColor(self._colors.get(one.track) or "#888888")
        if role == Qt.ItemDataRole.ToolTipRole:
            who = " · ".join(filter(None, (one.source, one.author, one.created[:19].replace("T", " "))))
            return "\n".join(filter(None, (one.note, who))) or None
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = 0) -> bool:
        if role != Qt.ItemDataRole.EditRole or index.column() != WORDS:
            return False
        one = self._labels[index.row()]
        if str(value) != one.label:
            self.renamed.emit(one.id, str(value))
        return True


class MarkerTable(QTableView):
    """`picked` tells the ids that are selected by a person, `gone_to` the one that was double-clicked or entered,
    `deleted` those that should go."""

    picked = pyqtSignal(object)
    gone_to = pyqtSignal(str)
    deleted = pyqtSignal(object)
    _showing = False

    def __init__(self) -> None:
        super().__init__()
        self.rows = MarkerModel(self)
        self.setModel(self.rows)
        self.setAccessibleName("Markers")
        self.setAccessibleDescription("All markers by time; Enter goes to one, F2 renames it, Delete removes it")
        self.setToolTip("Enter: go to it. F2: rename it. Delete: remove it.")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFont(tabular(self.font()))
        self.setTabKeyNavigation(False)
        below, across = self.verticalHeader(), self.horizontalHeader()
        assert below is not None and across is not None
        below.hide()
        below.setDefaultSectionSize(24)
        across.setSectionResizeMode(WORDS, QHeaderView.ResizeMode.Stretch)
        for column, width in ((TIME, 92), (LENGTH, 62), (TRACK, 88)):
            self.setColumnWidth(column, width)
        across.setHighlightSections(False)
        across.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.doubleClicked.connect(self._go_to)

    def show_labels(self, labels: Iterable[Label], tracks: Iterable[Track], selected: set[str]) -> None:
        """These rows, with these selected."""
        self._showing = True
        try:
            self.rows.show(labels, tracks)
            chosen = QItemSelection()
            for row, one in enumerate(self.rows.labels):
                if one.id in selected:
                    chosen.select(self.rows.index(row, 0), self.rows.index(row, len(COLUMNS) - 1))
            model = self.selectionModel()
            if model is not None and selected != self.selected():
                model.select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        finally:
            self._showing = False

    def selected(self) -> set[str]:
        model = self.selectionModel()
        rows = [] if model is None else model.selectedRows()
        return {self.rows.labels[index.row()].id for index in rows if index.row() < len(self.rows.labels)}

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        super().selectionChanged(selected, deselected)
        if not self._showing:
            self.picked.emit(self.selected())

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None:
            return
        if event.key() == Qt.Key.Key_Delete and self.rows.editable:
            self.deleted.emit(self.selected())
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not self.isPersistentEditorOpen(
            self.currentIndex()
        ):
            self._go_to(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        super().focusInEvent(event)
        if self.rows.rowCount() and not self.currentIndex().isValid():
            self.setCurrentIndex(self.rows.index(0, WORDS))

    def _go_to(self, index: QModelIndex) -> None:
        if index.isValid():
            self.gone_to.emit(self.rows.labels[index.row()].id)
