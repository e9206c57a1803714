"""Exports that show: the overlay drawn anew, stills at markers, the report; and the table as Parquet."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import av
import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from synthetic import BASIS
from test_replay import COUNT, LOST, record, stage

from tracker.capture import SourceInfo
from tracker.errors import ModelError, OutputError
from tracker.session.corrections import CORRECTIONS, Correction, Layer, save_corrections
from tracker.session.export import Choices, export, export_all
from tracker.session.export.report import plot
from tracker.session.record import Recorder
from tracker.session.replay import Session, open_session
from tracker.types import Frame, Tracked

MARKERS = {
    "schema": "stillpoint.markers", "schema_version": {"major": 1, "minor": 0}, "tracks": [],
    "items": [
        {"id": "a", "track": "speech", "t0_ns": 0, "t1_ns": 1_000_000_000, "label": "a <b>/c"},
        {"id": "b", "track": "speech", "t0_ns": 520_000_000, "t1_ns": None, "label": ""},
        {"id": "c", "track": "speech", "t0_ns": 10_000_000_000, "t1_ns": None, "label": "late"},
    ],
}  # fmt: skip


def pictured(one: Tracked) -> Tracked:
    """With a grey that tells the index."""
    image = np.full((96, 128, 3), 20 + 3 * one.raw.frame.index, np.uint8)
    frame = Frame(image, one.raw.frame.time, one.raw.frame.index)
    return Tracked(replace(one.raw, frame=frame), replace(one.stable, frame=frame))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """With a clean video, markers, and the basis that its faces were made with."""
    folder = tmp_path_factory.mktemp("session") / "one"
    recorder = Recorder(folder, annotated=False, clean=True)
    recorder.open(SourceInfo("clip", "video", False, 128, 96, 30.0, COUNT))
    for one in stage():
        recorder.write(pictured(one))
    recorder.close()
    (folder / "markers.json").write_text(json.dumps(MARKERS))
    return replace(open_session(folder), basis=BASIS)


def test_the_overlay_has_every_frame_at_its_time(session: Session, tmp_path: Path) -> None:
    shares: list[float] = []
    export(session, "overlay", tmp_path / "overlay.mp4", shares.append)
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        frames = [(float(f.pts * f.time_base), f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
    np.testing.assert_allclose([time for time, _ in frames], np.arange(COUNT) / 30, atol=1e-3)
    assert shares[-1] == 1.0
    for index, (_, image) in enumerate(frames):
        background = float(np.median(image[60:]))  # under the faces
        assert abs(background - (20 + 3 * index)) < 6
        assert int(np.ptp(image.astype(int))) > 40  # points and box, or the word "lost"
    assert {path.name for path in tmp_path.iterdir()} == {"overlay.mp4"}


def test_stills_are_the_frames_of_the_markers(session: Session, tmp_path: Path) -> None:
    export(session, "stills", tmp_path / "stills")
    found = {path.name: cv2.imread(str(path)) for path in (tmp_path / "stills").iterdir()}
    assert set(found) == {"0000_a_b_c_frame0.png", "0001_marker_frame15.png", f"0002_late_frame{COUNT - 1}.png"}
    for name, image in found.items():
        index = int(re.search(r"frame(\d+)", name)[1])  # type: ignore[index]
        assert image is not None and abs(float(np.median(image[60:])) - (20 + 3 * index)) < 3  # under the faces
        assert int(np.ptp(image.astype(int))) > 40  # the overlay


def test_corrections_are_drawn_where_they_are_asked_for(session: Session, tmp_path: Path) -> None:
    was = session.showing("stable").values("ibug68")[0].reshape(-1, 2)[30]
    x, y = 100.5, 20.5  # far from everything else that is drawn
    save_corrections(session.folder, Layer().put(
        Correction(0, 0.0, 1, "ibug68", 30, x, y, (float(was[0]), float(was[1])), author="ada")))  # fmt: skip
    drawn = {}
    for wanted in (True, False):
        out = tmp_path / str(wanted)
        export_all(session, ["stills", "overlay"], out, Choices(corrections=wanted))
        image = cv2.imread(str(out / "stills" / "0000_a_b_c_frame0.png"))
        with av.open(str(out / "overlay.mp4")) as container:
            film = next(container.decode(video=0)).to_ndarray(format="bgr24")
        assert image is not None
        drawn[wanted] = [one[int(y) - 6 : int(y) + 7, int(x) - 6 : int(x) + 7].astype(int) for one in (image, film)]
    (session.folder / CORRECTIONS).unlink()
    for with_it, without in zip(drawn[True], drawn[False], strict=True):
        assert np.abs(with_it - without).max() > 100  # the landmark in its ring
    ring = drawn[True][0]
    assert ((ring[..., 2] > 200) & (ring[..., 1] < 140) & (ring[..., 0] > 150)).any()


def test_pictures_say_what_is_missing(session: Session, tmp_path: Path) -> None:
    bare = open_session(record(tmp_path / "bare", stage()))
    for kind in ("overlay", "stills"):
        (bare.folder / "markers.json").write_text(json.dumps(MARKERS))
        with pytest.raises(OutputError, match="no clean video"):
            export(bare, kind, tmp_path / "out")
    with pytest.raises(OutputError, match=r"end in \.mp4"):
        export(session, "overlay", tmp_path / "overlay.gif")
    (bare.folder / "markers.json").unlink()
    with pytest.raises(OutputError, match="no markers"):
        export(bare, "stills", tmp_path / "out")
    with pytest.raises(ModelError, match="not installed"):
        export(replace(session, basis=None), "overlay", tmp_path / "overlay.mp4")
    assert not list(tmp_path.glob("*.mp4"))


def test_a_video_that_is_shorter_than_the_table_is_told(session: Session, tmp_path: Path) -> None:
    whole = open_session(record(tmp_path / "s", stage()))
    recorder = Recorder(tmp_path / "short", annotated=False, clean=True)
    recorder.open(SourceInfo("clip", "video", False, 128, 96, 30.0))
    for one in stage()[:10]:
        recorder.write(pictured(one))
    recorder.close()
    (tmp_path / "short" / "video.mkv").rename(whole.folder / "video.mkv")
    with pytest.raises(OutputError, match="10 pictures, 50 fewer"):
        export(replace(whole, basis=BASIS), "overlay", tmp_path / "o.mp4")
    (whole.folder / "video.mkv").write_bytes(b"no video at all")
    with pytest.raises(OutputError, match="cannot be read"):
        export(replace(whole, basis=BASIS), "overlay", tmp_path / "o.mp4")


def test_parquet_is_the_whole_table(session: Session, tmp_path: Path) -> None:
    export(session, "parquet", tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").equals(pq.read_table(session.folder / "frames.parquet"))


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.outside: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.outside += [name for name, _ in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_report_stands_alone(session: Session, tmp_path: Path) -> None:
    export(session, "report", tmp_path / "report.html")
    page = Page()
    page.feed((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.outside == [] and "script" not in page.tags
    assert page.tags.count("svg") == 6 + 8
    assert f"{COUNT} captured, 0 dropped" in page.words and "a <b>/c" in page.words
    assert any("found in 50 frames (83.3%)" in word for word in page.words)
    assert "b" not in page.tags  # what people wrote stays text


def points_of(svg: str) -> list[np.ndarray]:
    root = ElementTree.fromstring(svg)
    lines = [one.get("points", "") for one in root.iter("polyline")]
    return [np.array([pair.split(",") for pair in line.split()], float) for line in lines]


def test_a_plot_breaks_where_there_is_nothing() -> None:
    time = np.arange(100) / 10
    line = np.sin(time)
    line[40:50] = np.nan
    svg = plot("sine", time, [(line, "red")], np.isnan(line), ())
    parts = points_of(svg)
    assert [len(part) for part in parts] == [40, 50]
    high, low = parts[0][:, 1].min(), parts[0][:, 1].max()
    assert np.argmin(parts[0][:, 1]) == np.argmax(line[:40]) and high < low  # up is up
    assert svg.count("<rect") == 1


def test_a_long_plot_is_thinned_and_keeps_its_peaks() -> None:
    line = np.zeros(200_000)
    line[123_456] = 5.0
    (points,) = points_of(plot("peak", np.arange(200_000) / 60, [(line, "red")], np.zeros(200_000, bool), ()))
    assert len(points) < 2500 and points[:, 1].min() < 20


@pytest.mark.parametrize("count", [0, 1])
def test_a_plot_of_nothing_is_a_plot(count: int) -> None:
    svg = plot("none", np.zeros(count), [(np.full(count, np.nan), "red")], np.ones(count, bool), ())
    assert points_of(svg) == []


def test_lost_frames_are_grey_in_the_report(session: Session, tmp_path: Path) -> None:
    export(session, "report", tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    left, width = map(float, re.search(r'<rect x="([\d.]+)" y="8" width="([\d.]+)"', text).groups())  # type: ignore[union-attr]
    end = (COUNT - 1) / 30
    assert left == pytest.approx(56 + 894 * (LOST.start / 30) / end, abs=0.1)
    assert width == pytest.approx(894 * (len(LOST) / 30) / end, abs=0.2)
