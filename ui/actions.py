"""The keys' table made into Qt actions, menus and the sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QAbstractButton, QDialog, QLabel, QMainWindow, QMenu, QVBoxLayout, QWidget

from .held import TYPED_IN
from .keys import KEYS, Key, sheet
from .panels.view import OVERLAYS
from .scrolled import ACROSS, Scrolled
from .video_view import ZOOM_STEP

if TYPE_CHECKING:
    from .window import Window

MENUS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("&File", ("open", "open_url", "demo", "retry", "", "record", "export", "", "quit")),
    ("&Tracking", ("toggle", "filter")),
    ("&View", (*OVERLAYS, "overlay", "", "follow", "", "zoom_in", "zoom_out", "fit", "full_screen")),
    ("&Window", ("theme", "reset_layout", "settings", "")),
    ("&Help", ("keys",)),
)
"""Titles and their actions; "" is a line. An action that no feature brings is left out."""


def actions_of(window: Window) -> dict[str, Callable[[], object]]:
    """What every key of the window itself does that is not held; features bring theirs."""
    sources, switches = window.sources, window.view_panel.switches

    def full_screen() -> None:
        window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)

    def escape() -> None:
        if window.isFullScreen():
            full_screen()
        elif isinstance(window.focusWidget(), TYPED_IN):
            window.setFocus()  # a text is left: that ends no recording
        else:
            window.records.escape()

    def settings() -> None:
        window.go_to("Tracking")
        window.tracking_panel.engine.setFocus()

    return {
        "toggle": sources.toggle,
        "filter": window.filter_panel.on.toggle,
        "record": window.toggle_recording,
        "escape": escape,
        "open": sources.open_file,
        "open_url": sources.open_url,
        "demo": sources.open_demo,
        "retry": window.retry,
        "overlay": lambda: window.set_overlay(not window.bridge.wish.overlay),
        "follow": switches["follow"].toggle,
        "zoom_in": lambda: window.video.zoom_by(ZOOM_STEP),
        "zoom_out": lambda: window.video.zoom_by(1 / ZOOM_STEP),
        "fit": window.video.fit,
        "full_screen": full_screen,
        "theme": lambda: window.change("view.theme", window.theme.flip()),
        "reset_layout": window.reset_layout,
        "settings": settings,
        "keys": lambda: show_sheet(window),
        "quit": window.close,
        **{name: switches[name].toggle for name in OVERLAYS},
    }


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
            if not name:
                menu.addSeparator()
            elif name in actions:
                menu.addAction(actions[name])
        if title == "&Window":
            menu.addActions([action for action in docks if action is not None])
    for title, added in more:
        if menus[title].actions():
            menus[title].addSeparator()
        menus[title].addActions([actions[name] for name in added])


def show_checks(window: QMainWindow, actions: Mapping[str, QAction], switches: Mapping[str, QAbstractButton]) -> None:
    """Actions that switch something on and off have a check mark where it is on, brought up to date as a menu opens."""

    def update() -> None:
        for name, switch in switches.items():
            actions[name].setChecked(switch.isChecked())

    for name in switches:
        actions[name].setCheckable(True)
    bar = window.menuBar()
    for title in bar.actions() if bar is not None else ():
        menu = title.menu()
        if menu is not None:
            menu.aboutToShow.connect(update)


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
    screen = window.screen()
    if screen is not None and words.sizeHint().width() > ACROSS * screen.availableSize().width():
        words.setText(sheet(2, keys))
    column = QVBoxLayout(dialog)
    column.setContentsMargins(22, 14, 14, 22)
    column.addWidget(Scrolled(words, 0.86))
    dialog.resize(dialog.sizeHint())  # Qt would cut it at two thirds of the screen
    dialog.show()
