"""The lab: the same frames for all, figures that are right, a report that can be read."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import av
import numpy as np
import pytest
from known_faces import KnownTracker

from tracker.cli import main
from tracker.errors import ModelError, OutputError
from tracker.stability import report, signals, tracks
from tracker.stability.lab import Peer, run_trial
from tracker.stability.side_by_side import _Film, local_mean, write_video
from tracker.stability.signals import Picture, Signal
from tracker.stability.suite import MARKS, Mark, Outcome
from tracker.stability.sweep import sweep, variants
from tracker.stability.tracks import FILTERS, MEDIAPIPE_68, OURS, RAW


@pytest.fixture(scope="module")
def photo() -> Picture:
    return Picture.read(width=64)


@pytest.fixture(scope="module")
def outcome(photo: Picture) -> Outcome:
    tracker = KnownTracker(px=0.3)
    chosen = [signals.still(photo, frames=75, skip=30), signals.wave(photo, frames=90, skip=45)]
    chosen += [signals.step(photo), signals.stop(photo)]
    main_names = tuple(s.name for s in chosen)
    chosen += signals.bode(photo, frames=60)[1:3]
    chosen += [signals.demo(0, frames=45), signals.clip("demo:1?frames=40&width=160&height=120")]
    trials = tuple(run_trial(signal, tracker) for signal in chosen)
    settings = tuple(sweep(trials[0], trials[1], quick=True))
    return Outcome(trials, main_names, settings, {"stillpoint": "x", "sources": ["<clip>"]})


def test_a_late_tracker_is_found_late(photo: Picture) -> None:
    wave = signals.wave(photo, frames=90, skip=45)
    for late in (0, 2):
        figures = run_trial(wave, KnownTracker(late)).figures
        assert figures[RAW]["lag_frames"] == pytest.approx(late, abs=0.01)
        assert figures[RAW]["gain"] == pytest.approx(1.0, abs=0.01)
        assert figures["default"]["lag_frames"] >= figures[RAW]["lag_frames"] - 0.05


def test_a_delay_is_a_phase(photo: Picture) -> None:
    """Two frames of a wave of 45 are 16 degrees; where nothing is left of the wave it has none."""
    trial = run_trial(signals.wave(photo, frames=90, skip=45), KnownTracker(2))
    assert report._phase(trial, RAW) == pytest.approx(-16.0, abs=0.1)
    trial.figures[RAW]["gain"] = 0.01
    assert report._phase(trial, RAW) is None


def test_every_filter_calms_a_still_face(outcome: Outcome) -> None:
    still = outcome.trials[0].figures
    assert set(still) == set(OURS)
    for name in FILTERS:
        assert still[name]["std"] < still[RAW]["std"]
        assert still[name]["acceleration"] < still[RAW]["acceleration"]


def test_a_lost_frame_is_missing_for_all(photo: Picture) -> None:
    lost = frozenset({20, 21})
    clip = Signal("clip", "clip", signals.still(photo, frames=60).play)
    trial = run_trial(clip, KnownTracker(px=0.3, lost=lost))
    assert trial.figures[RAW]["found"] == pytest.approx(58 / 60, abs=1e-4)
    assert np.isnan(trial.tracks["default"].points[20:22]).all()
    assert trial.figures[RAW]["jerk_ratio"] == pytest.approx(1.0)
    assert trial.figures["default"]["jerk_ratio"] < 0.6


def test_pictures_of_the_frames_are_not_kept(outcome: Outcome) -> None:
    assert all(result.frame.image.size == 3 for trial in outcome.trials for result in trial.results)


def test_each_row_of_the_peers_correspondence_is_a_mean() -> None:
    np.testing.assert_allclose(MEDIAPIPE_68.sum(1), 1.0)
    assert (MEDIAPIPE_68 > 0).sum() == 68 + 5
    assert MEDIAPIPE_68[8, 152] == 1.0 and MEDIAPIPE_68[30, 4] == 1.0 and MEDIAPIPE_68[67, 87] == 1.0


def test_a_sweep_starts_from_what_ships_and_marks_its_front(outcome: Outcome) -> None:
    for method in FILTERS:
        rows = [s for s in outcome.settings if s.method == method]
        assert [s.label for s in rows if s.default] == ["default"]
        assert len(rows) == len(variants(method, quick=True))
        front = [s for s in rows if s.front]
        assert front
        for s in front:
            assert not any(o.std < s.std and abs(o.lag) < abs(s.lag) for o in rows)
    assert len({(s.method, round(s.std, 6)) for s in outcome.settings}) > 10


def test_marks_compare_on_the_right_side() -> None:
    lag, gain = MARKS[2], MARKS[4]
    assert lag.met(-0.05) and lag.met(0.1) and not lag.met(-0.2) and not lag.met(None)
    assert gain.met(1.0) and not gain.met(0.98) and not gain.met(1.02)
    assert Mark("still", "std", "x", 0.0, 0.07).wanted == "at most 0.07"


def test_the_json_holds_every_figure_and_no_nan(outcome: Outcome) -> None:
    text = json.dumps(outcome.as_json(), allow_nan=False)
    again = json.loads(text)
    assert {s["kind"] for s in again["signals"]} == {"still", "wave", "step", "stop", "known", "clip"}
    assert again["marks"][MARKS[0].label]["found"]["default"] == outcome.marks()[MARKS[0].label]["default"]


class _Page(HTMLParser):
    """Open tags must be closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(outcome: Outcome) -> None:
    text = report.page(outcome, ["a&b.mp4"])
    reader = _Page()
    reader.feed(text)
    assert reader.open == []
    assert reader.count["svg"] >= 7 and reader.count["polyline"] > 20
    assert re.findall(r'src="([^"]*)"', text) == ["a&amp;b.mp4"]  # its videos, which lie beside it
    assert not re.search(r"(@import|url\((?!#)|<link|<script|https?://)", text)
    for plot in ("gain", "phase, degrees", "lag, ms", "pitch, degrees", "error of the nose tip, x, px"):
        assert plot in text
    assert "&lt;clip&gt;" in text and "<clip>" not in text
    assert "nan" not in text.lower().replace("nanometre", "")


def test_the_report_is_written_and_its_video_plays(photo: Picture, outcome: Outcome, tmp_path: Path) -> None:
    few = Outcome(outcome.trials[:4], outcome.main, outcome.settings, outcome.about)
    files = report.write_report(few, tmp_path / "deep" / "out")
    assert [f.suffix for f in files] == [".json", ".html", ".mp4"]
    assert files[2].name in files[1].read_text(encoding="utf-8")
    with av.open(str(files[2])) as film:
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(pictures) == len(outcome.trials[0].times)
    width = pictures[0].shape[1] // 2
    difference = np.abs(pictures[40][:, :width].astype(int) - pictures[40][:, width : 2 * width])
    assert difference.max() > 60  # the panels do not show the same


def test_a_folder_that_cannot_be_written_is_said_so(outcome: Outcome, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="name another folder"):
        report.write_report(outcome, tmp_path / "file", videos=False)


def test_the_local_mean_leaves_only_unrest(photo: Picture) -> None:
    """Any quadratic way is its own mean, to the ends; noise on it is not."""
    t = np.arange(40.0)
    way = np.stack([3.0 + 2.0 * t - 0.05 * t**2, 0.1 * t**2], axis=1)[:, None, :]
    np.testing.assert_allclose(local_mean(way), way, atol=1e-9)
    motions = np.tile(np.eye(3), (40, 1, 1))
    motions[:, 0, 2] = 30 * np.sin(t)
    fast = way + motions[:, None, :2, 2]
    np.testing.assert_allclose(local_mean(fast, motions), fast, atol=1e-9)
    odd = way.copy()
    odd[20] += 1.0
    assert np.abs(odd - local_mean(odd))[20].max() > 0.7


def test_a_clip_without_a_face_gives_a_video_too(photo: Picture, tmp_path: Path) -> None:
    signal = signals.still(photo, frames=20, skip=0)
    trial = run_trial(signal, KnownTracker(lost=frozenset(range(20))))
    assert trial.figures[RAW]["found"] == 0.0
    write_video(tmp_path / "x.mp4", trial, {"raw": RAW, "filtered": "default"})
    with av.open(str(tmp_path / "x.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 20


@pytest.mark.parametrize("frames", [1, 3, 8])
def test_a_very_short_clip_is_reported_too(photo: Picture, outcome: Outcome, frames: int, tmp_path: Path) -> None:
    clip = Signal("short", "clip", signals.still(photo, frames=frames).play)
    trial = run_trial(clip, KnownTracker(px=0.3))
    longer = Outcome((*outcome.trials, trial), outcome.main, outcome.settings, outcome.about)
    json.dumps(longer.as_json(), allow_nan=False)
    assert "Clip: short" in report.page(longer)
    write_video(tmp_path / "x.mp4", trial, {"raw": RAW})
    assert (tmp_path / "x.mp4").stat().st_size > 0


def test_a_peer_that_cannot_start_says_what_to_do(photo: Picture, tmp_path: Path) -> None:
    model = tmp_path / "x.task"
    model.write_bytes(b"")
    with pytest.raises(ModelError, match=r"peer-python|is not there"):
        run_trial(signals.still(photo, frames=2), KnownTracker(), Peer(model, Path(sys.executable)))
    with pytest.raises(ModelError, match="is not there"):
        run_trial(signals.still(photo, frames=2), KnownTracker(), Peer(tmp_path / "none.task"))


def test_the_command_names_a_missing_source(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as end:
        main(["stability", str(tmp_path / "none.mp4"), "--out", str(tmp_path / "out"), "--quick"])
    assert end.value.code == 2
    assert "none.mp4" in capsys.readouterr().err


def test_filters_see_the_same_raw_results(photo: Picture) -> None:
    trial = run_trial(signals.still(photo, frames=20), KnownTracker(px=0.3))
    again = tracks.track_of(tracks.filtered(trial.results, "kalman")).points
    np.testing.assert_array_equal(again, trial.tracks["kalman"].points)


def test_a_film_says_where_there_is_no_face_and_draws_what_it_cannot_magnify(photo: Picture) -> None:
    """Next to a lost frame there is no local mean: the points are drawn where they are, not left out."""
    clip = Signal("clip", "clip", signals.still(photo, frames=40).play)
    trial = run_trial(clip, KnownTracker(px=0.3, lost=frozenset({20})), ours=(RAW,))
    film = _Film("raw", trial, RAW, (255, 255, 255))
    view = np.array([[1.0, 0.0, -110.0], [0.0, 1.0, -30.0]])
    black = np.zeros((480, 640, 3), np.uint8)
    drawn = {number: film.panel(black, number, view)[60:420].any(2).sum() for number in (0, 19, 20)}
    assert film._found[19] and not film._found[20]
    assert drawn[19] > 0.3 * drawn[0] > drawn[20] > 0  # the words alone
