"""`stillpoint cameras`."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tracker.capture.camera import CameraEntry
from tracker.capture.v4l2 import CameraFormat
from tracker.cli import cameras as command

FORMATS = (
    CameraFormat("YUYV", 640, 480, (30.0,)),
    CameraFormat("MJPG", 640, 480, (60.0, 30.0)),
    CameraFormat("MJPG", 1280, 720, (59.94,)),
    CameraFormat("H264", 1920, 1080),
)


def test_formats_are_gathered_by_code_largest_first() -> None:
    assert command.format_lines(FORMATS) == [
        "YUYV  640x480 at 30",
        "MJPG  1280x720 at 59.94  640x480 at 60/30",
        "H264  1920x1080",
    ]


def test_the_table_names_every_camera() -> None:
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(command.camera_table([CameraEntry(2, "HD [Pro]", "V4L2", "/dev/video2", FORMATS)]))
    text = console.export_text()
    for expected in ("2", "HD [Pro]", "V4L2", "/dev/video2", "1280x720 at 59.94"):
        assert expected in text


def test_without_a_camera_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "list_cameras", lambda with_formats: ())
    command.cameras()
    assert "No camera found" in capsys.readouterr().out


@pytest.mark.parametrize(("platform", "says"), [("linux", "/dev/video"), ("darwin", "Privacy"), ("win32", "desktop")])
def test_the_hint_without_a_camera_knows_the_platform(platform: str, says: str) -> None:
    assert says in command.nothing_hint(platform)


def test_with_one_it_prints_the_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "list_cameras", lambda with_formats: (CameraEntry(0, "Webcam", "V4L2"),))
    command.cameras()
    out = capsys.readouterr().out
    assert "Webcam" in out
    assert "--source" in out
