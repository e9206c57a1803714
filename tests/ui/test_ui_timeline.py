"""The timeline's arithmetic, the player and the hold of a key, without a window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtWidgets import QApplication
from ui_sessions import record_nod

from tracker.session.labels import Label
from tracker.session.markers import Track
from tracker.session.replay import open_session
from tracker.session.timeline import timeline_of
from ui.markers.hold import HOLD_S, Holding
from ui.replay.grab import framed, resized, snap
from ui.replay.lanes import lanes_of, lay_out
from ui.replay.player import Player
from ui.replay.scale import TimeScale, clock


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_nod(tmp_path_factory.mktemp("session") / "one")


def test_times_and_pixels() -> None:
    scale = TimeScale(100.0, left=50.0, width=500.0)
    assert scale.x(0) == 50 and scale.x(100) == 550 and scale.time(300) == 50
    near = scale.zoomed(4.0, 300.0)
    assert near.seconds == 25 and near.time(300.0) == pytest.approx(50.0)
    assert near.panned(1e9).first == 0 and near.panned(-1e9).last == 100
    assert near.showing(10.0).first <= 10.0 < near.showing(10.0).last
    assert near.zoomed(1e-9, 0).seconds == 100 and near.zoomed(1e9, 0).seconds == pytest.approx(0.2)
    assert [text for _, text in TimeScale(3700.0, width=800.0).ticks()][:2] == ["0:00", "10:00"]
    assert (clock(3723.4567), clock(59.9996), clock(5.26, 0.1)) == ("1:02:03.457", "1:00.000", "0:05.3")


def test_overlapping_labels_lie_below_one_another() -> None:
    labels = [
        Label(0.0, 2.0, "a", id="a"), Label(1.0, 3.0, "b", id="b"), Label(2.0, 4.0, "c", id="c"),
        Label(2.5, None, "d", id="d"),
    ]  # fmt: skip
    assert lanes_of(labels, 0.1) == {"a": 0, "b": 1, "c": 0, "d": 2}
    layout = lay_out((), labels, (), TimeScale(10.0))
    assert layout.placed == ()  # no track, no row
    many = [Label(0.0, 9.0, str(i), id=str(i)) for i in range(50)]
    assert max(lanes_of(many, 0.1).values()) == 5


def test_edges_lie_on_frames_and_a_span_keeps_one(recorded: Path) -> None:
    line = timeline_of(open_session(recorded))
    assert snap(1.01, line) == pytest.approx(1.0) and snap(1.02, line) == pytest.approx(31 / 30)
    one = framed(Label(1.0, 2.0, "x", id="x"), line)
    assert one.frames == (30, 60)
    assert resized(one, "end", -5.0, line).frames == (30, 31)
    assert resized(one, "start", 99.0, line).frames == (59, 60)
    assert framed(Label(1.0, None, "p"), line).frames == (30, 31)


def test_the_player_goes_by_the_wall_clock(qapp: QApplication, recorded: Path) -> None:
    now = [0.0]
    player = Player(timeline_of(open_session(recorded)), qapp, lambda: now[0])
    player.play()
    now[0] = 1.0
    player.tick()
    assert player.position == 30 and player.playing
    player.set_speed(0.5)
    now[0] = 2.0
    player.tick()
    assert player.position == 45
    player.play(-1)
    now[0] = 99.0
    player.tick()
    assert player.position == 0 and not player.playing
    player.step(10)
    player.step(-3)
    assert player.position == 7
    player.seek(99.0)
    player.toggle()  # at its end it begins anew
    assert player.position == 0 and player.playing
    player.pause()


def test_a_press_is_a_point_at_once_and_a_hold_a_span() -> None:
    kept: dict[str, Label] = {}
    now, wall = [(1.0, 30)], [0.0]

    def put(label: Label) -> Label:
        named = replace(label, id=label.id or str(len(kept)))
        kept[named.id] = named
        return named

    done: list[Label] = []
    holding = Holding(lambda: now[0], put, done.append, lambda: wall[0])
    track = Track("smile", "#ffffff", "1")
    holding.press(track)
    assert [(one.start, one.end) for one in kept.values()] == [(1.0, None)]  # before the key came up
    wall[0], now[0] = HOLD_S + 0.1, (1.5, 45)
    holding.release(track)
    holding.press(track)
    wall[0] += HOLD_S / 2
    holding.release(track)
    assert [(one.start, one.end, one.frames) for one in done] == [(1.0, 1.5, (30, 45)), (1.5, None, (45, 46))]
    assert len(kept) == 2
