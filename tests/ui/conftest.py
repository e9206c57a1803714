"""The window's tests run without a display, touch nothing of the user's, and may leave no thread behind."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import QEvent, QSettings
from PyQt6.QtWidgets import QApplication
from ui_faces import NodTracker

from tracker.pipeline import Tracker
from tracker.session.record import Recorder
from tracker.settings import Settings
from tracker.sinks import Sink
from ui.theme import Theme
from ui.window import Window

GONE_S = 20.0
"""Seconds after which a thread that should have ended counts as dangling; none takes that long when all is well."""


@pytest.fixture(autouse=True)
def _no_dangling_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("STILLPOINT_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("STILLPOINT_WINDOW", str(tmp_path / "window.ini"))
    monkeypatch.setenv("STILLPOINT_MEASUREMENTS", str(tmp_path / "measurements.json"))
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(GONE_S)
    left = [thread.name for thread in set(threading.enumerate()) - before]
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp, "dark")


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


def make_recorder(folder: Path, settings: Settings, tracker: Tracker) -> Sink:
    return Recorder(folder, filter=settings.filter)


@pytest.fixture
def make_window(qapp: QApplication, theme: Theme, tmp_path: Path, store: QSettings) -> Iterator[Callable[..., Window]]:
    """Windows with a tracker that needs no weights; all are closed at the end."""
    made: list[Window] = []

    def make(settings: Settings | None = None, **changes: object) -> Window:
        options: dict[str, object] = {
            "make_tracker": lambda _: NodTracker(),
            "make_recorder": make_recorder,
            "store": store,
            "settings_path": tmp_path / "settings.toml",
            "recordings": tmp_path / "recordings",
            "find": lambda: [("0", "Test camera (0)")],
            **changes,
        }
        window = Window(settings or Settings(), theme, **options)  # type: ignore[arg-type]
        made.append(window)
        window.show()
        return window

    yield make
    for window in made:
        window.close()
        window.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def window(make_window: Callable[..., Window]) -> Window:
    return make_window()
