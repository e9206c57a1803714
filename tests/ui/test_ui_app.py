"""Opening the window from the command line's side."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication
from ui_faces import NodTracker

import ui.app
from tracker.errors import OutputError, StillpointError
from tracker.settings import Settings
from ui.app import display_problem, run_window


@pytest.mark.parametrize(
    ("platform", "environ", "problem"),
    [
        ("linux", {}, True),
        ("linux", {"DISPLAY": ":0"}, False),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, False),
        ("linux", {"QT_QPA_PLATFORM": "offscreen"}, False),
        ("win32", {}, False),
        ("darwin", {}, False),
    ],
)
def test_a_missing_display_is_noticed_before_qt_starts(platform: str, environ: dict[str, str], problem: bool) -> None:
    assert (display_problem(platform, environ) is not None) is problem


def test_without_a_display_the_headless_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(StillpointError, match="stillpoint track"):
        run_window("demo", Settings())


@pytest.fixture
def _small_tracker(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui.app, "face_tracker", lambda settings: NodTracker())


@pytest.mark.usefixtures("_small_tracker")
def test_a_screenshot_is_taken_and_the_window_closes(tmp_path: Path) -> None:
    path, interrupt = tmp_path / "window.png", signal.getsignal(signal.SIGINT)
    assert run_window("demo", Settings(), screenshot=path, after_s=0.3) == 0
    image = QImage(str(path))
    assert image.width() >= 1024 and image.height() >= 640
    assert len({image.pixel(x, y) for x in range(0, 900, 20) for y in range(40, 500, 20)}) > 30
    assert not (tmp_path / "window.ini").exists() and not (tmp_path / "settings.toml").exists()
    assert signal.getsignal(signal.SIGINT) is interrupt


@pytest.mark.usefixtures("_small_tracker")
def test_a_screenshot_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="screenshot"):
        run_window("demo", Settings(), screenshot=tmp_path / "none" / "x.png", after_s=0.2)
