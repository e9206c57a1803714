"""The keys' table made into Qt actions, menus and the sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QDialog, QLabel, QMainWindow, QMenu, QVBoxLayout, QWidget

from .keys import KEYS, Key, sheet
from .panels.view import OVERLAYS

MENUS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("&File", ("open", "open_url", "demo", "retry", "", "record", "", "quit")),
    ("&Tracking", ("toggle", "filter")),
    ("&View", (*OVERLAYS, "overlay", "", "follow", "", "zoom_in", "zoom_out", "fit", "full_screen")),
    ("&Window", ("theme", "reset_layout", "settings", "")),
    ("&Help", ("keys",)),
)
"""Titles and their actions; "" is a line."""


def make_actions(window: QMainWindow, does: Mapping[str, Callable[[], object]]) -> dict[str, QAction]:
    """An action for every key that does something and is not held (those need their release: see `held`)."""
    made: dict[str, QAction] = {}
    for key in KEYS:
        if key.hold or key.action not in does:
            continue
        action = QAction(key.text, window)
        action.setShortcuts([QKeySequence(name) for name in key.keys])
        action.setAutoRepeat(key.action.startswith(("zoom", "divider")))
        action.triggered.connect(lambda _, act=does[key.action]: act())
        window.addAction(action)
        made[key.action] = action
    return made


def make_menus(
    window: QMainWindow,
    actions: Mapping[str, QAction],
    docks: Iterable[QAction | None],
    more: Sequence[tuple[str, Sequence[str]]] = (),
) -> None:
    """The menu bar; the docks' own switches go into the Window menu, and `more` (title, actions) to the end of the
    menus with that title, or into new ones before Window."""
    bar = window.menuBar()
    assert bar is not None
    menus: dict[str, QMenu] = {}
    for title, names in _with_new(MENUS, [title for title, _ in more]):
        menu = bar.addMenu(title)
        assert menu is not None
        menus[title] = menu
        for name in names:
            if name:
                menu.addAction(actions[name])
            else:
                menu.addSeparator()
        if title == "&Window":
            menu.addActions([action for action in docks if action is not None])
    for title, added in more:
        if menus[title].actions():
            menus[title].addSeparator()
        menus[title].addActions([actions[name] for name in added])


def _with_new(menus: Iterable[tuple[str, tuple[str, ...]]], titles: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
    """The table with titles that it has not, before the Window menu."""
    table = list(menus)
    for title in titles:
        known = [name for name, _ in table]
        if title not in known:
            table.insert(known.index("&Window"), (title, ()))
    return table


def show_sheet(window: QWidget, keys: Sequence[Key] = KEYS) -> None:
    """The sheet of all keys, beside the work."""
    dialog = QDialog(window)
    dialog.setWindowTitle("Keys")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    words = QLabel(sheet(table=keys))
    words.setAccessibleName("Keys")
    column = QVBoxLayout(dialog)
    column.setContentsMargins(22, 14, 28, 22)
    column.addWidget(words)
    dialog.show()
