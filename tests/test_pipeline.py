"""Threads, queues and counters of the pipeline, with a tracker that needs no network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE_S, until
from synthetic import make_face, make_state

from tracker.capture import SourceInfo
from tracker.capture.source import BaseSource
from tracker.errors import OutputError, SourceError
from tracker.pipeline import Latencies, Pipeline
from tracker.sinks import BUDGET_BYTES, Drop, queue_policy
from tracker.temporal import Stabilizer
from tracker.types import Frame, Tracked, TrackResult


class ListSource(BaseSource):
    """Frames of a list. A live one gives the next only when it is told to, so that tests decide the pace."""

    def __init__(self, frames: list[Frame], live: bool = False) -> None:
        super().__init__()
        self._frames = iter(frames)
        self._info = SourceInfo("list", "video", live, 64, 48, 30.0, None if live else len(frames))
        self.pace = threading.Semaphore(0) if live else None

    @property
    def info(self) -> SourceInfo:
        return self._info

    def _read(self) -> Frame | None:
        if self.pace is not None:
            self.pace.acquire(timeout=PATIENCE_S)
        return next(self._frames, None)

    def close(self) -> None:
        super().close()
        if self.pace is not None:
            self.pace.release()  # a read that waits comes back


def frames(count: int) -> list[Frame]:
    return [Frame(np.full((48, 64, 3), i % 256, np.uint8), i / 30, i) for i in range(count)]


class Follower:
    """A tracker: a face that moves with the frame's index, and is lost on frames of `lost`."""

    def __init__(self, lost: range = range(0)) -> None:
        self.lost = lost
        self.resets = 0

    def step(self, frame: Frame) -> TrackResult:
        face = make_face(make_state((300.0 + frame.index, 240.0)))
        return TrackResult(frame, () if frame.index in self.lost else (face,), {"network": 0.001})

    def reset(self) -> None:
        self.resets += 1


class Keeper:
    """A sink that keeps what it gets; `gate` holds it back, `fails_at` makes it raise."""

    def __init__(self, drop: Drop = "never", fails_at: int | None = None, open_gate: bool = True) -> None:
        self.drop: Drop = drop
        self.got: list[Tracked] = []
        self.info: SourceInfo | None = None
        self.closed = threading.Event()
        self.closes = 0
        self.writing = threading.Event()
        self.gate = threading.Event()
        self.fails_at = fails_at
        if open_gate:
            self.gate.set()

    def open(self, info: SourceInfo) -> None:
        self.info = info

    def write(self, tracked: Tracked) -> None:
        self.writing.set()
        assert self.gate.wait(PATIENCE_S)
        if len(self.got) == self.fails_at:
            raise OutputError("The disk is full; free some space.")
        self.got.append(tracked)

    def close(self) -> None:
        self.closes += 1
        self.closed.set()

    @property
    def indices(self) -> list[int]:
        return [tracked.raw.frame.index for tracked in self.got]


def test_a_recording_loses_nothing_in_any_sink() -> None:
    sinks = [Keeper("never"), Keeper("oldest")]
    tracker = Follower(lost=range(10, 15))
    seen: list[tuple[int, int | None]] = []
    counters = Pipeline(ListSource(frames(100)), tracker, Stabilizer("one_euro"), sinks).run(
        lambda done, total: seen.append((done, total))
    )
    assert (counters.captured, counters.tracked, counters.found) == (100, 100, 95)
    assert (counters.dropped, counters.errors) == (0, 0)
    assert dict(counters.sink_dropped) == {"Keeper": 0}
    for sink in sinks:
        assert sink.indices == list(range(100))
        assert sink.info is not None and sink.info.frames == 100
        assert sink.closes == 1
    assert seen[-1] == (100, 100)
    assert tracker.resets == 1


def test_raw_and_stable_travel_together() -> None:
    sink = Keeper()
    Pipeline(ListSource(frames(20)), Follower(), Stabilizer("default"), [sink]).run()
    last = sink.got[-1]
    assert last.raw.frame is last.stable.frame
    assert float(last.raw.faces[0].state.centre[0]) == 319.0
    assert last.raw.faces[0].id == last.stable.faces[0].id
    assert last.raw.timings["network"] == 0.001
    assert last.raw.timings["step"] > 0 and last.stable.timings["filter"] > 0


def test_a_failing_sink_ends_a_headless_run_with_its_own_message() -> None:
    bad = Keeper(fails_at=5)
    with pytest.raises(OutputError, match="disk is full"):
        Pipeline(ListSource(frames(300)), Follower(), Stabilizer(), [bad]).run()
    assert len(bad.got) == 5
    assert bad.closes == 1


def test_a_failing_sink_is_removed_and_the_rest_goes_on() -> None:
    source = ListSource(frames(60), live=True)
    bad, good = Keeper(fails_at=0), Keeper()
    told: list[str] = []
    pipeline = Pipeline(source, Follower(), Stabilizer(), [bad, good], on_message=told.append)
    pipeline.start()
    assert source.pace is not None
    source.pace.release()
    assert bad.closed.wait(PATIENCE_S)
    _feed(source, good, 20)
    pipeline.stop()
    assert "The disk is full; free some space." in told
    assert pipeline.sinks == (good,)
    assert pipeline.counters.errors == 1
    assert good.closes == 1 and bad.closes == 1


def _feed(source: ListSource, sink: Keeper, count: int) -> None:
    """One frame at a time, the next when the last has come out at the end."""
    assert source.pace is not None
    for _ in range(count):
        before = len(sink.got)
        source.pace.release()
        until(lambda before=before: len(sink.got) > before)


def test_a_slow_window_gets_the_newest_and_slows_nobody() -> None:
    source = ListSource(frames(50), live=True)
    slow, quick = Keeper("oldest", open_gate=False), Keeper()
    pipeline = Pipeline(source, Follower(), Stabilizer(), [slow, quick])
    pipeline.start()
    _feed(source, quick, 1)
    assert slow.writing.wait(PATIENCE_S)
    _feed(source, quick, 40)
    slow.gate.set()
    until(lambda: len(slow.got) >= 2)
    assert slow.indices == [0, 40]
    assert quick.indices == list(range(41))
    pipeline.stop()
    assert pipeline.counters.sink_dropped["Keeper"] == 39
    assert pipeline.latencies.summary()["capture_to_result"].median >= 0.0


def test_a_source_whose_clock_goes_back_does_not_look_slow() -> None:
    """The latency is from when a frame came; what its time stamp says is the source's own affair."""
    times = [1000.0, 1.0, 1.1, 1.2]
    late = [Frame(frame.image, time, frame.index) for frame, time in zip(frames(4), times, strict=True)]
    source, keeper = ListSource(late, live=True), Keeper()
    pipeline = Pipeline(source, Follower(), Stabilizer(), [keeper])
    pipeline.start()
    _feed(source, keeper, 4)
    pipeline.stop()
    assert 0.0 <= pipeline.latencies.summary()["capture_to_result"].p95 < 500.0  # of 999 s it would be


def test_a_slow_recording_of_a_live_source_counts_what_it_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.sinks.BUDGET_BYTES", 0)  # eight frames may wait
    source = ListSource(frames(50), live=True)
    slow, quick = Keeper(open_gate=False), Keeper("oldest")
    pipeline = Pipeline(source, Follower(), Stabilizer(), [slow, quick])
    pipeline.start()
    _feed(source, quick, 1)
    assert slow.writing.wait(PATIENCE_S)
    _feed(source, quick, 19)
    slow.gate.set()
    pipeline.stop()
    assert slow.indices == list(range(9))  # the one in hand and the eight that waited, in order
    assert pipeline.counters.sink_dropped["Keeper"] == 11


def test_what_waits_is_written_before_a_sink_is_removed() -> None:
    source = ListSource(frames(50), live=True)
    keeper, other = Keeper(), Keeper()
    pipeline = Pipeline(source, Follower(), Stabilizer(), [other])
    pipeline.start()
    _feed(source, other, 5)
    pipeline.add_sink(keeper)
    _feed(source, other, 5)
    pipeline.remove_sink(keeper)
    assert keeper.closed.is_set()
    assert keeper.indices == [5, 6, 7, 8, 9]
    _feed(source, other, 3)
    assert pipeline.sinks == (other,)
    pipeline.stop()
    assert len(keeper.got) == 5


def test_another_filter_from_the_next_frame_on() -> None:
    source, sink = ListSource(frames(50), live=True), Keeper()
    pipeline = Pipeline(source, Follower(), Stabilizer("none"), [sink])
    pipeline.start()
    _feed(source, sink, 10)
    pipeline.set_stabilizer(Stabilizer("one_euro"))
    _feed(source, sink, 10)
    pipeline.stop()
    same = [t.raw.faces[0].state is t.stable.faces[0].state for t in sink.got]
    assert same == [True] * 11 + [False] * 9  # a filter's first answer is what it was given


def test_skipped_indices_are_told_as_dropped() -> None:
    gaps = [replace(frame, index=index) for frame, index in zip(frames(4), (0, 1, 4, 5), strict=True)]
    sink = Keeper()
    Pipeline(ListSource(gaps), Follower(), Stabilizer(), [sink]).run()
    assert [tracked.raw.dropped for tracked in sink.got] == [0, 0, 2, 0]


class Breaking(Follower):
    def step(self, frame: Frame) -> TrackResult:
        if frame.index == 3:
            raise ValueError("no such thing")
        return super().step(frame)


def test_a_tracker_that_raises_loses_one_frame_of_a_live_source() -> None:
    source, sink = ListSource(frames(10), live=True), Keeper()
    told: list[str] = []
    pipeline = Pipeline(source, Breaking(), Stabilizer(), [sink], on_message=told.append)
    pipeline.start()
    _feed(source, sink, 8)
    pipeline.stop()
    assert [bool(tracked.raw.faces) for tracked in sink.got] == [True] * 3 + [False] + [True] * 4
    assert pipeline.counters.errors == 1
    assert any("no such thing" in text for text in told)


def test_a_tracker_that_raises_ends_a_headless_run() -> None:
    sink = Keeper()
    with pytest.raises(ValueError, match="no such thing"):
        Pipeline(ListSource(frames(100)), Breaking(), Stabilizer(), [sink]).run()
    assert sink.closes == 1
    assert len(sink.got) < 20


def test_a_source_that_is_not_there_says_so(tmp_path: Path) -> None:
    sink = Keeper()
    with pytest.raises(SourceError, match=r"absent\.mp4"):
        Pipeline(str(tmp_path / "absent.mp4"), Follower(), Stabilizer(), [sink]).run()
    assert sink.info is None


def test_stop_in_the_middle_of_a_recording_closes_the_sinks() -> None:
    sink = Keeper(open_gate=False)
    pipeline = Pipeline(ListSource(frames(1000)), Follower(), Stabilizer(), [sink])
    pipeline.start()
    assert sink.writing.wait(PATIENCE_S)
    sink.gate.set()
    pipeline.stop()
    assert not pipeline.running
    assert sink.closes == 1
    assert sink.indices == list(range(len(sink.got)))


def test_an_interrupted_run_closes_the_sinks() -> None:
    sink = Keeper()

    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    source = ListSource(frames(50), live=True)
    pipeline = Pipeline(source, Follower(), Stabilizer(), [sink])
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(interrupt)
    assert not pipeline.running


def test_one_place_decides_about_full_queues() -> None:
    assert queue_policy(False, "never", False, 1000) == (8, "wait")
    assert queue_policy(False, "oldest", False, 1000) == (1, "drop oldest")
    assert queue_policy(False, "oldest", True, 1000) == (8, "wait")
    assert queue_policy(True, "oldest", True, 1000) == (1, "drop oldest")
    size, full = queue_policy(True, "never", True, 1920 * 1080 * 3)
    assert full == "drop newest" and size * 1920 * 1080 * 3 <= BUDGET_BYTES
    assert queue_policy(True, "never", False, 64)[0] == 120


def test_latencies_keep_the_last_300() -> None:
    latencies = Latencies()
    for i in range(400):
        latencies.add({"step": float(i)})
    summary = latencies.summary()["step"]
    assert summary.median == pytest.approx(249.5)
    assert summary.p95 == pytest.approx(100 + 0.95 * 299)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    until(lambda: not [t for t in set(threading.enumerate()) - before if t.name.startswith("stillpoint")])
