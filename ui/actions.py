"""The keys' table made into Qt actions and menus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow

from .keys import KEYS
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
    """An action for every key that is not held (those need their release: see `Window.eventFilter`)."""
    made: dict[str, QAction] = {}
    for key in KEYS:
        if key.hold:
            continue
        action = QAction(key.text, window)
        action.setShortcuts([QKeySequence(name) for name in key.keys])
        action.setAutoRepeat(key.action.startswith("zoom"))
        action.triggered.connect(lambda _, act=does[key.action]: act())
        window.addAction(action)
        made[key.action] = action
    return made


def make_menus(window: QMainWindow, actions: Mapping[str, QAction], docks: Iterable[QAction | None]) -> None:
    """The menu bar; the docks' own switches go into the Window menu."""
    bar = window.menuBar()
    assert bar is not None
    for title, names in MENUS:
        menu = bar.addMenu(title)
        assert menu is not None
        for name in names:
            if name:
                menu.addAction(actions[name])
            else:
                menu.addSeparator()
        if title == "&Window":
            menu.addActions([action for action in docks if action is not None])
