"""What clips are held to, their halves, what a filter costs and what looking ahead gives."""

from __future__ import annotations

import numpy as np
import pytest
from known_faces import KnownTracker

from tracker.cli.stability import chosen
from tracker.errors import SettingsError
from tracker.stability import measures, signals
from tracker.stability.clips import CLIP_MARKS
from tracker.stability.cost import stabilizer_ms
from tracker.stability.halves import half_of
from tracker.stability.lab import Trial, run_trial
from tracker.stability.signals import Picture, Signal
from tracker.stability.suite import COST, Outcome
from tracker.stability.sweep import looking_ahead
from tracker.stability.tracks import FILTERS, OURS, RAW, VIDEO, Track


@pytest.fixture(scope="module")
def photo() -> Picture:
    return Picture.read(width=64)


@pytest.fixture(scope="module")
def trials(photo: Picture) -> tuple[Trial, Trial, Trial]:
    tracker = KnownTracker(px=0.3)
    kinds = (signals.still(photo, frames=60, skip=20), signals.wave(photo, frames=90, skip=45), signals.stop(photo))
    still, wave, stop = (run_trial(signal, tracker) for signal in kinds)
    return still, wave, stop


def test_the_halves_are_told_by_the_name_alone() -> None:
    assert half_of("selfie_glasses") == "tune" and half_of("two_faces") == "report"
    some = [half_of(f"clip {i}") for i in range(200)]
    assert 70 < some.count("tune") < 130


def test_marks_are_relative_to_mediapipe_and_to_raw() -> None:
    figures = {
        "default": {
            "acceleration": 0.3,
            "residual": 0.4,
            "pitch_with_jaw_deg": 0.2,
            "pitch_beside_nods_deg": 0.3,
            "blink_kept": 0.95,
        },
        RAW: {"pitch_with_jaw_deg": 0.5, "pitch_beside_nods_deg": 0.4},
        VIDEO: {"acceleration": 0.5, "residual": 0.5},
    }
    values = [mark.value(figures) for mark in CLIP_MARKS]
    assert values == pytest.approx([0.6, 0.8, 0.4, 0.75, 0.95])
    assert [mark.met(value) for mark, value in zip(CLIP_MARKS, values, strict=True)] == [
        True,
        False,
        True,
        False,
        True,
    ]
    alone = [mark.value({"default": figures["default"], RAW: {"pitch_with_jaw_deg": 0.01}}) for mark in CLIP_MARKS]
    assert alone == [None, None, None, None, 0.95]
    assert CLIP_MARKS[0].met(None) is None


def test_staying_behind_shows() -> None:
    random, away = np.random.default_rng(0), np.array([3.0, 4.0])
    points = random.uniform(100, 300, (40, 68, 2))
    points[:, :48] = points[0, :48]
    mean, most = measures.apart(points + away, points)
    assert mean == pytest.approx(5.0 / measures.inter_ocular(points)[0] * 100.0)
    assert most == pytest.approx(mean)
    points[3] = np.nan
    assert measures.apart(points + away, points)[0] == pytest.approx(mean)
    assert np.isnan(measures.apart(points * np.nan, points)[0])


def test_a_clip_has_the_figures_of_the_pose_too(photo: Picture) -> None:
    clip = Signal("clip", "clip", signals.still(photo, frames=60).play)
    figures = run_trial(clip, KnownTracker(px=0.3)).figures
    assert set(figures) == set(OURS)
    for name in OURS:
        assert figures[name]["pitch_with_jaw_deg"] is not None and figures[name]["pitch_with_lids_deg"] is not None
    assert figures[RAW]["behind"] == 0.0 and figures["default"]["behind"] > 0.0


def test_looking_ahead_wins_time_and_the_wave_keeps_its_size(trials: tuple[Trial, Trial, Trial]) -> None:
    rows = looking_ahead(*trials)
    assert [row.ms for row in rows] == [0, 20, 40, 60]
    lags = [row.lag_ms for row in rows]
    assert lags == sorted(lags, reverse=True)
    assert lags[0] - lags[2] == pytest.approx(40.0, abs=10.0)
    assert all(abs(row.gain - 1.0) < 0.05 for row in rows)


def test_the_bound_has_no_lag_and_is_calmer_than_raw(trials: tuple[Trial, Trial, Trial]) -> None:
    still, wave, _ = trials
    assert abs(wave.figures["rts"]["lag_frames"]) < 0.05
    assert still.figures["rts"]["acceleration"] < 0.2 * still.figures[RAW]["acceleration"]


def test_costs_are_measured_and_are_a_mark(trials: tuple[Trial, Trial, Trial]) -> None:
    costs = {name: stabilizer_ms(trials[0].results, name, rounds=1) for name in FILTERS}
    assert all(0.0 < cost < 1000.0 for cost in costs.values())
    outcome = Outcome(trials, tuple(t.signal.name for t in trials), (), {}, costs=costs)
    assert outcome.marks()[COST.label]["default"] == costs["default"]
    assert outcome.marks()[COST.label][RAW] is None


def test_any_set_of_contestants(photo: Picture) -> None:
    assert chosen(()) == (OURS, ("VIDEO", "IMAGE"))
    assert chosen(("rts", "mediapipe")) == ((RAW, "default", "rts"), ("VIDEO",))
    assert chosen(("rts, mediapipe",)) == chosen(("rts", "mediapipe"))
    with pytest.raises(SettingsError, match="contestant 'median'"):
        chosen(("median",))
    trial = run_trial(signals.still(photo, frames=10), KnownTracker(), ours=(RAW, "default"))
    assert set(trial.tracks) == {RAW, "default"} and isinstance(trial.tracks[RAW], Track)
