"""Where the docks stand at the first start, and what their titles show."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget

RIGHT, BOTTOM = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea


def build_docks(
    window: QMainWindow, top: Mapping[str, QWidget], tabs: Mapping[str, QWidget], bottom: Mapping[str, QWidget]
) -> dict[str, QDockWidget]:
    """Docks by name: `top` above the `tabs` at the right, `bottom` below the picture."""
    window.setDockOptions(QMainWindow.DockOption.AllowTabbedDocks | QMainWindow.DockOption.AllowNestedDocks)
    window.setCorner(Qt.Corner.BottomRightCorner, RIGHT)
    window.setTabPosition(RIGHT, QTabWidget.TabPosition.North)
    docks: dict[str, QDockWidget] = {}
    for name, widget in {**top, **tabs, **bottom}.items():
        dock = QDockWidget(name)
        dock.setObjectName(f"dock-{name}")
        dock.setWidget(widget)
        dock.setAccessibleName(name)
        window.addDockWidget(BOTTOM if name in bottom else RIGHT, dock)
        docks[name] = dock
        for signal in (dock.topLevelChanged, dock.dockLocationChanged, dock.visibilityChanged):
            signal.connect(lambda *_: _trim_titles(window, docks))
    first, *others = (docks[name] for name in tabs)
    for dock in others:
        window.tabifyDockWidget(first, dock)
    first.raise_()
    above = [docks[name] for name in top]
    window.resizeDocks([*above, first], [330] * (len(above) + 1), Qt.Orientation.Horizontal)
    window.resizeDocks([*above, first], [300] * len(above) + [400], Qt.Orientation.Vertical)
    window.resizeDocks([docks[name] for name in bottom], [200] * len(bottom), Qt.Orientation.Vertical)
    return docks


def _trim_titles(window: QMainWindow, docks: Mapping[str, QDockWidget]) -> None:
    """A dock in a group of tabs has its name on its tab; a second title would only take room."""
    for dock in docks.values():
        tabbed = bool(window.tabifiedDockWidgets(dock)) and not dock.isFloating()
        if tabbed == (dock.titleBarWidget() is None):
            dock.setTitleBarWidget(QWidget() if tabbed else None)
