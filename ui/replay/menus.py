"""The keys' table of the replay window made into actions and menus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow

from ..actions import show_sheet
from ..video_view import ZOOM_STEP
from .files import Files
from .keys import KEYS, MENUS

if TYPE_CHECKING:
    from .window import ReplayWindow


def make_menus(
    window: QMainWindow, does: Mapping[str, Callable[[], object]], docks: Iterable[QAction | None]
) -> dict[str, QAction]:
    """An action for every key that is not held, by its name; the docks' own switches go into the View menu."""
    made: dict[str, QAction] = {}
    for key in KEYS:
        if not key.hold:
            made[key.action] = action = QAction(key.text, window)
            action.setShortcuts([QKeySequence(name) for name in key.keys])
            action.setAutoRepeat(key.action.startswith(("back", "on", "zoom", "closer", "wider")))
            action.triggered.connect(lambda _, act=does[key.action]: act())
            window.addAction(action)
    bar = window.menuBar()
    assert bar is not None
    for title, names in MENUS:
        menu = bar.addMenu(title)
        assert menu is not None
        for name in names:
            if name:
                menu.addAction(made[name])
            else:
                menu.addSeparator()
        if title == "&View":
            menu.addActions([action for action in docks if action is not None])
    return made


def actions_of(window: ReplayWindow) -> dict[str, Callable[[], object]]:
    """What every key does that is not held."""
    desk, player = window.desk, window.desk.player
    steps = {"back": -1, "on": 1, "back_10": -10, "on_10": 10, "back_100": -100, "on_100": 100}
    files = Files(window, desk)

    def full_screen() -> None:
        window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)

    return {
        "play": window.play,
        "play_back": lambda: player.play(-1),
        "play_on": lambda: player.play(1),
        **{name: lambda by=by: player.step(by) for name, by in steps.items()},  # type: ignore[misc]
        "first": lambda: player.go(0),
        "last": lambda: player.go(len(desk.line) - 1),
        "slower": lambda: window.change_speed(-1),
        "faster": lambda: window.change_speed(1),
        "previous": lambda: desk.jump(-1),
        "next": lambda: desk.jump(1),
        "text": lambda: window.marking.write(),
        "delete": lambda: window.marking.delete(),
        "select_all": lambda: desk.select({one.id for one in desk.book.labels}),
        "span_in": lambda: window.marking.trim("start"),
        "span_out": lambda: window.marking.trim("end"),
        "undo": desk.stack.undo,
        "redo": desk.stack.redo,
        "automatic": desk.make_automatic,
        "import": files.read,
        "export": files.write,
        "export_session": files.export,
        "save": desk.save,
        "close": window.close,
        "correct": lambda: window.hand.toggle("correct"),
        "add": lambda: window.hand.toggle("add"),
        **{name: switch.toggle for name, switch in window.view_panel.by_key.items()},
        "zoom_in": lambda: window.video.zoom_by(ZOOM_STEP),
        "zoom_out": lambda: window.video.zoom_by(1 / ZOOM_STEP),
        "fit": lambda: window.video.fit(),
        "closer": lambda: window.timeline.zoom_by(1.6),
        "wider": lambda: window.timeline.zoom_by(1 / 1.6),
        "whole": lambda: window.timeline.fit(),
        "full_screen": full_screen,
        "escape": lambda: full_screen() if window.isFullScreen() else None,
        "reset_layout": window.reset_layout,
        "theme": lambda: window.set_view("view.theme", window.theme.flip()),
        "sheet": lambda: show_sheet(window, KEYS),
    }
