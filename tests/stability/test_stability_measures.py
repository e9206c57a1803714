"""The measures against tracks whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.stability import following, measures

EYES_PX = 100.0


def face(frames: int) -> np.ndarray:
    """(frames, 68, 2): points that do not move, the eyes' centres 100 px apart."""
    random = np.random.default_rng(0)
    points = random.uniform(100, 300, (68, 2))
    for eye, x in zip(measures.EYES, (150.0, 250.0), strict=True):
        points[eye] = np.array([x, 200.0]) + np.array([(-9, 0), (-4, -4), (4, -4), (9, 0), (4, 4), (-4, 4)])
    return np.broadcast_to(points, (frames, 68, 2)).copy()


def moved(shift_x: np.ndarray) -> np.ndarray:
    track = face(len(shift_x))
    track[:, :, 0] += shift_x[:, None]
    return track


def test_the_eyes_are_measured_from_centre_to_centre() -> None:
    np.testing.assert_allclose(measures.inter_ocular(face(3)), EYES_PX)


def test_noise_is_measured_per_point_and_in_percent() -> None:
    """sqrt(var x + var y) of white noise of 0.5 px is 0.5 sqrt 2; its second difference is Rayleigh with sqrt 6."""
    track = face(4000) + np.random.default_rng(1).normal(0, 0.5, (4000, 68, 2))
    assert measures.still_std(track) == pytest.approx(0.5 * np.sqrt(2), rel=0.02)
    assert measures.acceleration(track) == pytest.approx(0.5 * np.sqrt(6) * np.sqrt(np.pi / 2), rel=0.02)
    assert measures.jerk(track) == pytest.approx(0.5 * np.sqrt(20) * np.sqrt(np.pi / 2), rel=0.02)


def test_what_does_not_shake_costs_nothing() -> None:
    """Steady speed has no second difference, steady acceleration no distance from a quadratic."""
    t = np.arange(60.0)
    assert measures.still_std(face(30)) == pytest.approx(0.0, abs=1e-9)
    assert measures.acceleration(moved(3.0 * t)) == pytest.approx(0.0, abs=1e-9)
    assert measures.smoother_residual(moved(0.1 * t**2)) == pytest.approx(0.0, abs=1e-9)
    assert measures.smoother_residual(moved(np.where(t % 2, 1.0, -1.0))) > 0.5


def test_a_missing_frame_is_left_out_and_not_jumped_over() -> None:
    track = moved(np.concatenate([np.zeros(20), np.full(20, 50.0)]))
    track[20] = np.nan
    assert measures.acceleration(track) == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(measures.acceleration(np.full((9, 68, 2), np.nan)))


@given(lag=st.floats(-3.0, 3.0), gain=st.floats(0.5, 1.5), period=st.floats(20.0, 90.0), first=st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_lag_and_gain_of_a_wave(lag: float, gain: float, period: float, first: int) -> None:
    t = np.arange(first, first + 200)
    wave = following.follow_wave(moved(40.0 * gain * np.sin(2 * np.pi * (t - lag) / period)), 40.0, period, first)
    assert wave.lag == pytest.approx(lag, abs=1e-6)
    assert wave.gain == pytest.approx(gain, abs=1e-6)
    assert wave.residual == pytest.approx(0.0, abs=1e-6)


def test_the_residual_of_a_wave_is_the_noise_per_axis() -> None:
    t = np.arange(2000)
    track = moved(40.0 * np.sin(2 * np.pi * t / 45)) + np.random.default_rng(0).normal(0, 0.3, (2000, 68, 2))
    assert following.follow_wave(track, 40.0, 45.0).residual == pytest.approx(0.3, rel=0.02)


def test_overshoot_and_settling_after_a_jump() -> None:
    x = np.zeros(60)
    x[20:] = 20.0
    x[20:23] += (3.0, 2.0, -1.5)
    after = following.settle(moved(x), 20, 30.0)
    assert after.overshoot == pytest.approx(3.0)
    assert after.seconds == pytest.approx(3 / 30)
    back = following.settle(moved(-x), 20, 30.0, direction=(-1.0, 0.0))
    assert back.overshoot == pytest.approx(3.0)


def test_an_error_against_known_motion_is_split() -> None:
    """60 ms late, 0.4 px of noise: both are found again, and nothing is called bias."""
    fps, t = 30.0, np.arange(400) / 30.0
    place, late = 30 * np.sin(2 * np.pi * 0.7 * t), 30 * np.sin(2 * np.pi * 0.7 * (t - 0.06))
    motions = np.tile(np.eye(3), (400, 1, 1))
    motions[:, 0, 2] = place
    noise = np.random.default_rng(0).normal(0, 0.4, (400, 68, 2))
    found = following.against_motion(moved(late) + noise, motions, fps)
    assert found.lag_ms == pytest.approx(60.0, abs=3.0)
    on_time = following.against_motion(moved(place) + noise, motions, fps)
    assert on_time.lag_ms == pytest.approx(0.0, abs=0.2)
    assert on_time.noise == pytest.approx(0.4 * np.sqrt(2), rel=0.05)
    assert on_time.bias < 0.25 * on_time.noise


def test_an_error_that_grows_with_place_is_bias() -> None:
    t = np.arange(600) / 30.0
    motions = np.tile(np.eye(3), (600, 1, 1))
    motions[:, 0, 2] = 30 * np.sin(2 * np.pi * 0.1 * t)
    found = following.against_motion(moved(0.95 * motions[:, 0, 2]), motions, 30.0)
    assert found.bias > 5 * found.noise
    assert found.bias == pytest.approx(0.05 * 30 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("late", [0.0, 0.5, 1.3, 3.0])
def test_the_delay_of_a_filter_on_a_clip(late: float) -> None:
    t = np.arange(300)

    def way(at: np.ndarray) -> np.ndarray:
        return 20 * np.sin(at / 7.0) + 8 * np.sin(at / 3.1 + 1)

    assert following.delay(moved(way(t - late)), moved(way(t)), 30.0) == pytest.approx(late / 30, abs=0.1 / 30)


def blinking(depth: float) -> np.ndarray:
    track = face(120)
    for start in (30, 80):
        for frame, shut in zip(range(start, start + 5), (0.4, 0.9, 1.0, 0.8, 0.3), strict=True):
            for upper, lower in measures.LIDS:
                gap = track[frame, lower] - track[frame, upper]
                track[frame, upper] += depth * shut * gap
    return track


def test_the_share_of_a_blink_that_is_kept() -> None:
    raw = measures.lid_distance(blinking(1.0))
    assert measures.blink_kept(raw, raw) == pytest.approx(1.0)
    assert measures.blink_kept(raw, measures.lid_distance(blinking(0.6))) == pytest.approx(0.6, abs=1e-6)
    late = np.roll(raw, 2, axis=0)  # a late blink is a lag, not a loss
    assert measures.blink_kept(raw, late) == pytest.approx(1.0, abs=0.01)


def test_the_way_of_a_blink_is_measured_where_another_tracker_saw_it() -> None:
    raw = measures.lid_distance(blinking(1.0))
    whole = measures.blink_way(raw, raw)
    assert whole == pytest.approx(raw[0, 0], rel=0.01)  # they shut wholly
    assert measures.blink_way(raw, measures.lid_distance(blinking(0.6))) == pytest.approx(0.6 * whole)
    assert measures.blink_way(raw, np.full_like(raw, raw[0, 0])) == pytest.approx(0.0)  # who sees no blink has no way
    assert np.isnan(measures.blink_way(raw * np.nan, raw))


def test_open_eyes_have_no_blink() -> None:
    lids = measures.lid_distance(face(100)) + np.random.default_rng(0).normal(0, 0.1, (100, 2))
    assert np.isnan(measures.blink_kept(lids, lids))


def test_only_what_follows_the_jaw_counts() -> None:
    random, t = np.random.default_rng(0), np.arange(600) / 30.0
    jaw = 0.5 + 0.4 * np.sin(2 * np.pi * 3.0 * t)
    nod = 0.8 * np.sin(2 * np.pi * 3.0 * t)
    turn = 10.0 * np.sin(2 * np.pi * 0.05 * t)
    assert measures.moved_along(nod + turn, jaw, 30.0) == pytest.approx(0.8 / np.sqrt(2), rel=0.1)
    assert measures.moved_along(turn + random.normal(0, 0.5, 600), jaw, 30.0) < 0.1
    assert np.isnan(measures.moved_along(nod, np.zeros(600), 30.0))


def test_the_spectrum_holds_the_power_and_peaks_at_the_wave() -> None:
    t = np.arange(900) / 30.0
    hertz, power = measures.spectrum(2.0 * np.sin(2 * np.pi * 4.0 * t) + 5.0 + 0.3 * t, 30.0)
    assert hertz[np.argmax(power)] == pytest.approx(4.0, abs=0.05)
    assert power.sum() * hertz[1] == pytest.approx(2.0, rel=0.05)  # the variance of the sine


def test_the_front_is_what_nothing_beats() -> None:
    costs = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [3.0, 3.0], [2.0, 2.5], [np.nan, 0.0]])
    assert measures.pareto(costs).tolist() == [True, True, True, False, False, False]


def test_groups_cover_the_68_once() -> None:
    every = np.concatenate([np.arange(68)[part] for part in measures.GROUPS.values()])
    assert sorted(every) == list(range(68))
    shaky = face(100)
    shaky[:, measures.GROUPS["mouth"]] += np.random.default_rng(0).normal(0, 1, (100, 20, 2))
    found = measures.by_group(shaky)
    assert found["mouth"][0] > 1.0 and found["jaw"][0] == pytest.approx(0.0, abs=1e-9)
