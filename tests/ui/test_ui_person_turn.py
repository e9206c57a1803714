"""The guided turn in the window: the ring that fills, and what becomes of its pictures when a build is broken off."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE_MS, PATIENCE_S
from pytestqt.qtbot import QtBot
from ui_faces import face_at, tracked

from tracker.avatar.assemble import STAGES, Cancelled
from tracker.avatar.lighting import WHITE
from tracker.avatar.store import list_heads
from tracker.avatar.types import SEEN, Avatar
from tracker.errors import OutputError
from tracker.head import load_head
from ui.person.builder import LABELS
from ui.person.feature import PersonFeature
from ui.person.turn import SECTORS, Turn, sector_of
from ui.window import Window


@pytest.fixture(autouse=True)
def _own_heads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tracker.avatar.store.platformdirs.user_data_dir", lambda *_, **__: str(tmp_path / "data"))


@pytest.fixture
def head() -> Avatar:
    source = np.full((64, 64), SEEN, np.uint8)
    grey = np.full((64, 64, 3), 128, np.uint8)
    return Avatar(load_head().mean, np.zeros(40, np.float32), grey, source, source, WHITE)


def person_of(window: Window) -> PersonFeature:
    return next(feature for feature in window.features if isinstance(feature, PersonFeature))


@pytest.mark.parametrize("rest", [0.0, -15.0])
def test_a_turn_fills_the_ring_and_keeps_a_frame_of_each_direction(tmp_path: Path, rest: float) -> None:
    """Wherever the camera stands: what counts is how far the head goes from where it was at first."""
    turn = Turn()
    angles = np.radians(np.arange(0, 360, 10) + 5)
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    turn.add(tracked(0.0, (face_at(pitch=rest),), image=image))
    assert not turn.filled
    for i, angle in enumerate(angles):
        face = face_at(yaw=22.0 * float(np.sin(angle)), pitch=rest + 22.0 * float(np.cos(angle)))
        turn.add(tracked(0.1 * (i + 1), (face,), image=image))
    assert turn.filled == set(range(SECTORS)) and turn.over
    assert sector_of(0.0, 20.0) == 0 and sector_of(20.0, 0.0) == SECTORS // 4
    count = turn.write(tmp_path)
    assert 10 < count == len(list(tmp_path.glob("*.png"))) < len(angles) + 2


def test_a_turn_ends_by_itself_when_its_time_is_over() -> None:
    turn = Turn()
    turn.add(tracked(5.0))
    assert turn.seconds == 0.0 and not turn.over
    turn.add(tracked(25.5))
    assert turn.over and not turn.kept


def three_pictures(folder: Path) -> None:
    for i in range(3):
        (folder / f"{i}.png").write_bytes(bytes([i]))


def test_a_cancelled_turn_is_kept_and_gone_on_from(
    make_window: Callable[..., Window], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, head: Avatar
) -> None:
    window = make_window(features=(PersonFeature,))
    feature = person_of(window)
    panel, builder = feature.panel, feature.builder
    began, sources = threading.Event(), []

    def build(source: str, *_: object, cancelled: Callable[[], bool], **__: object) -> Avatar:
        sources.append([path.read_bytes() for path in sorted(Path(source).iterdir())])
        began.set()
        while len(sources) == 1:
            if cancelled():
                raise Cancelled
            began.wait(0.01)
        return head

    monkeypatch.setattr("tracker.avatar.build.build_head", build)
    monkeypatch.setattr("tracker.avatar.grow.with_splats", lambda given, _: given)
    assert panel.go_on.isHidden()
    feature._build(three_pictures)
    assert began.wait(PATIENCE_S)
    with qtbot.waitSignal(builder.cancelled, timeout=PATIENCE_MS) as told:
        panel.cancel.click()
        assert not panel.cancel.isEnabled() and "Stopping" in panel.doing.text()
    assert "3 pictures of the turn are kept" in told.args[0] and "Nothing was written" not in told.args[0]
    assert not panel.go_on.isHidden() and "3 pictures" in panel.go_on.text() and list_heads() == []
    kept = builder.kept
    assert kept is not None and kept.pictures.is_dir()
    with qtbot.waitSignal(builder.built, timeout=PATIENCE_MS):
        panel.go_on.click()
    assert sources[0] == sources[1] == [bytes([i]) for i in range(3)]
    assert [path.name for path in list_heads()] == ["Me"]
    assert builder.kept is None and not kept.pictures.exists() and panel.go_on.isHidden()


def test_a_turn_that_could_not_be_written_is_kept_until_it_is_forgotten(
    make_window: Callable[..., Window], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, head: Avatar
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutputError("The head could not be written (No space left on device).")

    feature = person_of(make_window(features=(PersonFeature,)))
    monkeypatch.setattr("tracker.avatar.build.build_head", lambda *_, **__: head)
    monkeypatch.setattr("tracker.avatar.grow.with_splats", lambda given, _: given)
    monkeypatch.setattr("tracker.avatar.store.save_avatar", full)
    with qtbot.waitSignal(feature.builder.failed, timeout=PATIENCE_MS) as told:
        feature._build(three_pictures)
    assert "No space left" in told.args[0] and "3 pictures of the turn are kept" in told.args[0]
    kept = feature.builder.kept
    assert kept is not None and not feature.panel.go_on.isHidden()
    feature.panel.forget.click()
    assert feature.builder.kept is None and not kept.pictures.parent.exists() and feature.panel.go_on.isHidden()


def test_a_window_that_closes_removes_the_pictures_of_a_turn(
    make_window: Callable[..., Window], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Avatar:
        raise Cancelled

    feature = person_of(make_window(features=(PersonFeature,)))
    monkeypatch.setattr("tracker.avatar.build.build_head", refuse)
    with qtbot.waitSignal(feature.builder.cancelled, timeout=PATIENCE_MS):
        feature._build(three_pictures)
    kept = feature.builder.kept
    assert kept is not None and kept.pictures.exists()
    feature.builder.close()
    assert not kept.pictures.parent.exists()


def test_every_stage_of_a_build_has_a_name() -> None:
    assert {*STAGES, "watch", "find", "splats", "write"} == set(LABELS)
