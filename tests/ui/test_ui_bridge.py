"""The bridge: newest wins, one question to the window at a time, every frame in the history."""

from __future__ import annotations

import threading

import pytest
from patience import PATIENCE_MS, PATIENCE_S
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from ui_faces import face_at, tracked

from tracker.capture import SourceInfo
from ui.bridge import Bridge
from ui.scene import Scene, Wish

INFO = SourceInfo("list", "video", False, 640, 480, 30.0)


def in_a_thread(work: object) -> None:
    thread = threading.Thread(target=work)  # type: ignore[arg-type]
    thread.start()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


@pytest.fixture
def bridge(qapp: QApplication) -> Bridge:
    return Bridge()


@pytest.fixture
def shown(bridge: Bridge) -> list[Scene]:
    scenes: list[Scene] = []
    bridge.arrived.connect(scenes.append)
    return scenes


def test_a_busy_window_gets_the_newest_frame_only(bridge: Bridge, shown: list[Scene], qtbot: QtBot) -> None:
    frames = [tracked(i / 60, (face_at(),)) for i in range(6)]
    in_a_thread(lambda: [bridge.write(frame) for frame in frames])  # the window's thread is blocked meanwhile
    assert shown == []
    qtbot.waitUntil(lambda: len(shown) > 0, timeout=PATIENCE_MS)
    QApplication.processEvents()
    assert [scene.tracked for scene in shown] == [frames[-1]]
    assert bridge.skipped == 5
    assert len(bridge.history.curves(10).age) == 6


def test_each_frame_arrives_when_the_window_keeps_up(bridge: Bridge, shown: list[Scene], qtbot: QtBot) -> None:
    frames = [tracked(i / 60) for i in range(4)]
    for i, frame in enumerate(frames):
        in_a_thread(lambda frame=frame: bridge.write(frame))  # type: ignore[misc]
        qtbot.waitUntil(lambda i=i: len(shown) == i + 1, timeout=PATIENCE_MS)  # type: ignore[misc]
    assert [scene.tracked for scene in shown] == frames
    assert bridge.skipped == 0


def test_a_change_shows_on_the_frame_that_stands_still(bridge: Bridge, shown: list[Scene], monkeypatch: object) -> None:
    frame = tracked(raw=(face_at(),))
    bridge.write(frame)
    bridge._written = float("-inf")  # as if that was a while ago
    bridge.change(lambda _: Wish(landmarks=False))
    assert shown[-1].tracked is frame and len(shown[-1].faces[0].points) == 0
    count = len(shown)
    bridge.change(lambda wish: wish)
    assert len(shown) == count


def test_while_frames_flow_a_change_waits_for_the_next(bridge: Bridge, shown: list[Scene]) -> None:
    bridge.write(tracked(0.0))
    bridge._written = float("inf")  # as if that was just now, however long this machine took
    bridge.change(lambda _: Wish(zoom=2.0))
    assert len(shown) == 1
    bridge.write(tracked(0.1))
    assert shown[-1].wish.zoom == 2.0


def test_the_head_is_deformed_thirty_times_a_second_at_most(bridge: Bridge, shown: list[Scene]) -> None:
    for i in range(121):
        bridge.write(tracked(i / 120, (face_at(),)))
    heads = sum(scene.head is not None for scene in shown)
    assert 25 <= heads <= 31


def test_what_a_source_that_was_left_still_sends_is_not_shown(bridge: Bridge, shown: list[Scene], qtbot: QtBot) -> None:
    frames = [tracked(i / 60) for i in range(3)]
    bridge.open(INFO)
    bridge.write(frames[0])
    qtbot.waitUntil(lambda: len(shown) == 1, timeout=PATIENCE_MS)
    bridge.forget()
    bridge.write(frames[1])
    bridge.close()
    bridge.open(INFO)
    assert len(bridge.history.curves(1.0).age) == 0
    bridge.write(frames[2])
    qtbot.waitUntil(lambda: len(shown) > 1, timeout=PATIENCE_MS)
    assert [scene.tracked for scene in shown] == [frames[0], frames[2]]


def test_another_source_clears_the_curves(bridge: Bridge) -> None:
    bridge.write(tracked(5.0))
    bridge.open(INFO)
    assert len(bridge.history.curves(10).age) == 0
