"""Where the docks stand at the first start, and what their titles show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PyQt6 import sip
from PyQt6.QtCore import QByteArray, Qt
from PyQt6.QtWidgets import QDockWidget, QMainWindow, QTabBar, QTabWidget, QWidget

from .feature import Dock, Place

RIGHT, BOTTOM = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea
PLACES: tuple[Place, ...] = ("head", "panel", "bottom")
_HEIGHTS: Mapping[Place, int] = {"head": 300, "panel": 400, "bottom": 238}
_WIDTH, _SHARE = 430, 0.36  # of the right column, device-independent pixels; at most this share of the window


def build_docks(window: QMainWindow, wanted: Iterable[Dock]) -> dict[str, QDockWidget]:
    """Docks by title; those of one place are tabs, the first of them in front."""
    window.setDockOptions(QMainWindow.DockOption.AllowTabbedDocks | QMainWindow.DockOption.AllowNestedDocks)
    window.setCorner(Qt.Corner.BottomRightCorner, RIGHT)
    window.setTabPosition(RIGHT | BOTTOM, QTabWidget.TabPosition.North)
    docks: dict[str, QDockWidget] = {}
    groups: dict[Place, list[Dock]] = {place: [] for place in PLACES}
    for dock in wanted:
        groups[dock.place].append(dock)
    for place, members in groups.items():
        for dock in members:
            docks[dock.title] = _build(window, dock, docks)
            window.addDockWidget(BOTTOM if place == "bottom" else RIGHT, docks[dock.title])
            if dock is not members[0]:
                window.tabifyDockWidget(docks[members[0].title], docks[dock.title])
    first = {place: docks[members[0].title] for place, members in groups.items() if members}
    for dock_widget in first.values():
        dock_widget.raise_()
    right = [dock_widget for place, dock_widget in first.items() if place != "bottom"]
    width = min(_WIDTH, round(_SHARE * window.width()))
    window.resizeDocks(right, [width] * len(right), Qt.Orientation.Horizontal)
    for column in (right, [first["bottom"]] if "bottom" in first else []):
        heights = [height for place, height in _HEIGHTS.items() if first.get(place) in column]
        window.resizeDocks(column, heights, Qt.Orientation.Vertical)
    for members in groups.values():
        for dock in members:
            docks[dock.title].setVisible(dock.shown)
    return docks


def reset_docks(window: QMainWindow, docks: Mapping[str, QDockWidget], state: QByteArray) -> None:
    """Every dock shown, and where it was in that state."""
    for dock in docks.values():
        dock.setFloating(False)
        dock.show()
    window.restoreState(state)


def _build(window: QMainWindow, dock: Dock, docks: Mapping[str, QDockWidget]) -> QDockWidget:
    made = QDockWidget(dock.title)
    made.setObjectName(f"dock-{dock.title}")
    made.setWidget(dock.widget)
    made.setAccessibleName(dock.title)
    for signal in (made.topLevelChanged, made.dockLocationChanged, made.visibilityChanged):
        signal.connect(lambda *_: _trim_titles(window, docks))
    return made


def _trim_titles(window: QMainWindow, docks: Mapping[str, QDockWidget]) -> None:
    """A dock in a group of tabs has its name on its tab; a second title would only take room. Where there are too many
    names for one row the tabs scroll: none is cut short."""
    if sip.isdeleted(window):
        return  # docks tell that they go, too
    for tabs in window.findChildren(QTabBar):
        tabs.setElideMode(Qt.TextElideMode.ElideNone)
        tabs.setUsesScrollButtons(True)
        tabs.setAccessibleName("Panels")
    for dock in docks.values():
        tabbed = bool(window.tabifiedDockWidgets(dock)) and not dock.isFloating()
        if tabbed == (dock.titleBarWidget() is None):
            dock.setTitleBarWidget(QWidget() if tabbed else None)


def step_focus(window: QMainWindow, forward: bool) -> bool:
    """Give the keyboard to the next control in order, as Tab does; those of docks behind a tab, which Qt takes for
    visible, are passed over. False where there is no other."""
    start = window.focusWidget() or window
    reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
    widget = start
    while True:
        following = widget.nextInFocusChain() if forward else widget.previousInFocusChain()
        if following is None or following is start:
            return False
        widget = following
        if _takes_focus(window, widget):
            widget.setFocus(reason)
            return True


def _takes_focus(window: QMainWindow, widget: QWidget) -> bool:
    takes = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.focusProxy() is None
    if not takes or widget.window() is not window or not widget.isEnabled() or not widget.isVisible():
        return False
    around: QWidget | None = widget
    while around is not None and not isinstance(around, QDockWidget):
        around = around.parentWidget()
    return around is None or in_sight(around)


def in_sight(widget: QWidget) -> bool:
    """Whether any of it can be seen. Qt moves the docks behind a tab out of the window and still calls them visible."""
    return widget.isVisible() and not widget.visibleRegion().isEmpty()
