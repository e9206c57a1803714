"""The window's tests run without a display, touch nothing of the user's, and may leave no thread behind."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from PyQt6.QtCore import QEvent, QSettings
from PyQt6.QtWidgets import QApplication, QWidget
from ui_faces import NodTracker

from tracker.pipeline import Tracker
from tracker.session.record import Recorder
from tracker.settings import Settings
from tracker.sinks import Sink
from ui.theme import Theme
from ui.window import Window

AnyWindow = TypeVar("AnyWindow", bound=QWidget)
GONE_S = 60.0
"""Seconds after which a thread that should have ended counts as dangling; none takes that long when all is well."""


@pytest.fixture(autouse=True)
def _no_dangling_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("STILLPOINT_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("STILLPOINT_WINDOW", str(tmp_path / "window.ini"))
    monkeypatch.setenv("STILLPOINT_MEASUREMENTS", str(tmp_path / "measurements.json"))
    before = set(threading.enumerate())
    yield
    left = still_there(before)
    assert not left, f"threads left behind: {left}"


def still_there(before: set[threading.Thread]) -> list[str]:
    """The threads that came since and do not end."""
    for thread in set(threading.enumerate()) - before:
        thread.join(GONE_S)
    return [thread.name for thread in set(threading.enumerate()) - before]


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp, "dark")


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


def make_recorder(folder: Path, settings: Settings, tracker: Tracker) -> Sink:
    return Recorder(folder, filter=settings.filter)


@pytest.fixture
def show_window(qapp: QApplication) -> Iterator[Callable[[AnyWindow], AnyWindow]]:
    """Shows windows; at the end all are closed, and deleted once their threads are gone: those still signal to them."""
    before, shown = set(threading.enumerate()), list[QWidget]()

    def show(window: AnyWindow) -> AnyWindow:
        shown.append(window)
        window.show()
        return window

    yield show
    for window in shown:
        window.close()
    still_there(before)
    for window in shown:
        window.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def make_window(
    show_window: Callable[[Window], Window], theme: Theme, tmp_path: Path, store: QSettings
) -> Callable[..., Window]:
    """Windows with a tracker that needs no weights."""

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
        return show_window(Window(settings or Settings(), theme, **options))  # type: ignore[arg-type]

    return make


@pytest.fixture
def window(make_window: Callable[..., Window]) -> Window:
    return make_window()
