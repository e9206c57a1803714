"""A feature joins the window by what it brings: docks, a menu, keys, a layer on the picture; and hears what happens."""

from __future__ import annotations

import threading
from collections.abc import Callable

from patience import PATIENCE_MS
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QColor, QPainter
from PyQt6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from tracker.settings import Settings
from tracker.types import Tracked
from ui.feature import Dock, Feature, Host
from ui.live import LiveState
from ui.overlay import Overlay, Spot
from ui.scene import Scene
from ui.window import Window


class Square(Overlay):
    """A square that the mouse takes."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Spot]] = []

    def paint(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        x, y, _, _ = scene.placement.target
        painter.fillRect(x, y, 40, 40, QColor("#ff00ff"))

    def press(self, spot: Spot) -> bool:
        self.heard.append(("press", spot))
        return True

    def move(self, spot: Spot) -> None:
        self.heard.append(("move", spot))

    def release(self, spot: Spot) -> None:
        self.heard.append(("release", spot))

    def cursor(self, spot: Spot) -> Qt.CursorShape | None:
        return Qt.CursorShape.CrossCursor


class Probe(Feature):
    """Brings one of everything and writes down what it hears."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.host, self.square = host, Square()
        self.heard: list[str] = []
        self.threads: set[str] = set()
        self.docks = (Dock("Probe", QLabel("probe"), "bottom"), Dock("Hidden", QLabel("hidden"), shown=False))
        self.menu = "&Probe"
        self.actions = {"keys": lambda: self.heard.append("keys")}
        self.held = {"raw": lambda down: self.heard.append(f"raw {down}")}
        self.overlays = (self.square,)

    def tap(self, tracked: Tracked) -> None:
        self.threads.add(threading.current_thread().name)

    def show_scene(self, scene: Scene) -> None:
        self.heard.append("scene")

    def show_state(self, state: LiveState) -> None:
        self.heard.append(state.phase)

    def show_settings(self, settings: Settings) -> None:
        self.heard.append(f"mesh {settings.view.mesh}")

    def refresh(self) -> None:
        self.heard.append("refresh")

    def close(self) -> None:
        self.heard.append("close")


def test_a_feature_hears_of_everything(make_window: Callable[..., Window], qtbot: QtBot) -> None:
    window = make_window(features=(Probe,))
    (probe,) = window.features
    assert isinstance(probe, Probe)
    probe.host.open("demo")
    qtbot.waitUntil(lambda: {"opening", "running", "scene", "refresh"} <= set(probe.heard), timeout=PATIENCE_MS)
    assert probe.threads == {"stillpoint-Bridge"}
    probe.host.change("view.mesh", True)
    assert "mesh True" in probe.heard and probe.host.settings().view.mesh
    window.close()
    assert probe.heard[-1] == "close"


def test_docks_menu_and_keys_of_a_feature_are_the_windows(make_window: Callable[..., Window]) -> None:
    window = make_window(features=(Probe,))
    (probe,) = window.features
    assert isinstance(probe, Probe)
    assert window.docks["Signals"] in window.tabifiedDockWidgets(window.docks["Probe"])
    assert window.docks["Hidden"].isHidden()
    probe.host.go_to("Hidden")
    assert not window.docks["Hidden"].isHidden()
    window.reset_layout()
    assert window.docks["Hidden"].isHidden()
    bar = window.menuBar()
    assert bar is not None
    titles = [action.text() for action in bar.actions()]
    assert titles.index("&Probe") == titles.index("&Window") - 1
    window.actions_by_name["keys"].trigger()
    assert probe.heard == ["keys"]


def test_a_held_key_is_let_go_once(make_window: Callable[..., Window], qtbot: QtBot) -> None:
    window = make_window(features=(Probe,))
    (probe,) = window.features
    assert isinstance(probe, Probe)
    target = QApplication.focusWidget() or window
    qtbot.keyPress(target, Qt.Key.Key_T)
    window._held.let_go()
    qtbot.keyRelease(target, Qt.Key.Key_T, Qt.KeyboardModifier.ShiftModifier)
    assert [word for word in probe.heard if word.startswith("raw")] == ["raw True", "raw False"]


def test_a_layer_paints_on_the_picture_and_takes_the_mouse(make_window: Callable[..., Window], qtbot: QtBot) -> None:
    window = make_window(features=(Probe,))
    (probe,) = window.features
    assert isinstance(probe, Probe)
    window.open("demo")
    qtbot.waitUntil(lambda: window.video.scene is not None, timeout=PATIENCE_MS)
    scene = window.video.scene
    assert scene is not None
    x, y, _, _ = scene.placement.target
    assert window.video.grab().toImage().pixelColor(x + 20, y + 20) == QColor("#ff00ff")
    at = QPoint(x + 20, y + 20)
    qtbot.mousePress(window.video, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(window.video, at + QPoint(5, 0))
    qtbot.mouseRelease(window.video, Qt.MouseButton.LeftButton, pos=at)
    assert [kind for kind, _ in probe.square.heard] == ["press", "move", "release"]
    qtbot.mouseMove(window.video, at + QPoint(9, 9))
    assert window.video.cursor().shape() == Qt.CursorShape.CrossCursor
