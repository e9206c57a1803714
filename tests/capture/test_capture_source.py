"""Which source a name means, and the clock that every recording is played on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.capture.source import SOURCES, Playback, Shot, SourceInfo, kind_of, open_source
from tracker.errors import SourceError

PICTURE = np.zeros((4, 6, 3), np.uint8)


class Stamped(Playback):
    """Plays pictures with the given stamps."""

    def __init__(self, stamps: list[float | None], period: float = 0.1, **how: bool) -> None:
        super().__init__(period, **how)
        self.stamps = stamps
        self.released = 0

    @property
    def info(self) -> SourceInfo:
        return SourceInfo("stamped", "video", self._realtime, 6, 4, 1 / self._period)

    def _play(self) -> Iterator[Shot]:
        for stamp in self.stamps:
            yield Shot(PICTURE, stamp)

    def _release(self) -> None:
        super()._release()
        self.released += 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("demo", "demo"),
        ("demo:12", "demo"),
        ("demo:3?frames=20", "demo"),
        ("demo?motion=0", "demo"),
        (0, "camera"),
        ("0", "camera"),
        ("/dev/video2", "camera"),
        ("HD Webcam", "camera"),
        ("http://127.0.0.1:8080/video", "stream"),
        ("rtsp://user:word@camera/1", "stream"),
        ("RTMP://somewhere/live", "stream"),
    ],
)
def test_the_kind_is_read_from_the_name(text: str | int, kind: str) -> None:
    assert kind_of(text) == kind


def test_the_kind_of_what_is_on_disk(tmp_path: Path) -> None:
    for name in ("clip.mp4", "still.JPG", "0"):
        (tmp_path / name).write_bytes(b"x")
    assert kind_of(tmp_path) == kind_of(str(tmp_path)) == "images"
    assert kind_of(tmp_path / "clip.mp4") == "video"
    assert kind_of(tmp_path / "still.JPG") == "images"
    assert kind_of(tmp_path / "0") == "video"


@pytest.mark.parametrize("text", ["nowhere/at/all", "clip.mp4", Path("0")])
def test_a_path_that_is_not_there_is_named(text: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=f"no file or folder {text}"):
        open_source(text)


@pytest.mark.parametrize("text", ["", "  "])
def test_no_name_is_not_the_folder_one_is_in(text: str) -> None:
    with pytest.raises(SourceError, match="No source is named"):
        open_source(text)


def test_every_kind_has_an_opener() -> None:
    assert set(SOURCES) == {"camera", "video", "stream", "images", "demo"}


def test_time_starts_at_zero_and_keeps_its_steps() -> None:
    frames = list(Stamped([7.0, 7.1, 7.35, 7.36]))
    assert [f.index for f in frames] == [0, 1, 2, 3]
    np.testing.assert_allclose([f.time for f in frames], [0, 0.1, 0.35, 0.36], atol=1e-12)


def test_a_clock_that_is_set_back_goes_on_from_where_it_was() -> None:
    times = [f.time for f in Stamped([0.0, 0.1, 5.0, 0.0, 0.1, 0.3])]
    np.testing.assert_allclose(times, [0, 0.1, 5.0, 5.1, 5.2, 5.4], atol=1e-12)


def test_a_doubled_stamp_moves_that_frame_alone() -> None:
    times = [f.time for f in Stamped([0.0, 0.1, 0.1, 0.2])]
    np.testing.assert_allclose(times, [0, 0.1, 0.101, 0.2], atol=1e-12)


@given(st.lists(st.one_of(st.none(), st.floats(-1e4, 1e4)), min_size=1, max_size=40), st.floats(1e-3, 1.0))
def test_time_strictly_increases_whatever_the_stamps(stamps: list[float | None], period: float) -> None:
    times = [f.time for f in Stamped(stamps, period)]
    assert len(times) == len(stamps)
    assert abs(times[0]) < 1e-9
    assert all(later > earlier for earlier, later in itertools.pairwise(times))


def test_a_loop_goes_on_in_time_and_index() -> None:
    source = Stamped([3.0, 3.1, 3.2], loop=True)
    frames = [source.read() for _ in range(7)]
    np.testing.assert_allclose([f.time for f in frames if f], np.arange(7) * 0.1, atol=1e-12)
    assert [f.index for f in frames if f] == list(range(7))


def test_a_loop_over_nothing_ends() -> None:
    assert Stamped([], loop=True).read() is None


def test_realtime_waits_for_each_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Stamped([0.0, 0.04, 0.3], realtime=True)
    waits: list[float] = []
    monkeypatch.setattr(source._closed, "wait", lambda seconds: waits.append(seconds))
    now = iter([100.0, 100.01, 100.05])
    monkeypatch.setattr("tracker.capture.source.time.monotonic", lambda: next(now))
    assert source.info.live
    assert len(list(source)) == 3
    np.testing.assert_allclose(waits, [0.0, 0.03, 0.25], atol=1e-9)


def test_realtime_does_not_rush_after_its_reader_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Stamped([0.0, 0.1, 0.2], realtime=True)
    waits: list[float] = []
    monkeypatch.setattr(source._closed, "wait", lambda seconds: waits.append(seconds))
    now = iter([100.0, 160.0, 160.02])
    monkeypatch.setattr("tracker.capture.source.time.monotonic", lambda: next(now))
    assert len(list(source)) == 3
    np.testing.assert_allclose(waits, [0.0, 0.0, 0.08], atol=1e-9)


def test_close_ends_it_and_releases_once() -> None:
    with Stamped([0.0, 0.1, 0.2]) as source:
        assert source.read() is not None
    source.close()
    assert source.read() is None
    assert source.released == 1


def test_close_during_a_read_leaves_the_release_to_the_reader() -> None:
    source = Stamped([0.0, 0.1])

    def closes_meanwhile() -> Iterator[Shot]:
        source.close()
        assert source.released == 0
        yield Shot(PICTURE, 0.0)

    source._shots = closes_meanwhile()
    assert source.read() is None
    assert source.released == 1
