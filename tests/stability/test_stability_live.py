"""The live figures are those of the lab, whatever the frame rate and whatever the picture does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.stability import measures
from tracker.stability.live import GAP_S, LOCAL, Jitter, Lag, middle_weights, with_motion, without_motion

SHAPE = np.random.default_rng(7).uniform(100.0, 300.0, (68, 2))
EYES = 80.0


def noise(frames: int, px: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, 68, 2)) * px


def zoomed(by: float, x: float = 0.0) -> np.ndarray:
    return np.array([[by, 0.0, x], [0.0, by, -x], [0.0, 0.0, 1.0]])


def test_even_times_give_the_labs_smoother() -> None:
    assert np.allclose(middle_weights([0.1 * i for i in range(7)]) * 21, [-2, 3, 6, 7, 6, 3, -2])


@given(st.lists(st.floats(0.005, 0.2), min_size=6, max_size=14), st.floats(-1e4, 1e4))
@settings(max_examples=40, deadline=None)
def test_a_parabola_is_kept_at_any_times(gaps: list[float], start: float) -> None:
    times = start + np.cumsum([0.0, *gaps])
    values = 3.0 - 2.0 * (times - start) + 5.0 * (times - start) ** 2
    middle = len(times) // 2
    assert middle_weights(list(times)) @ values == pytest.approx(values[middle], rel=1e-6, abs=1e-6)


def test_jitter_is_the_labs_residual() -> None:
    points = SHAPE + noise(200, 0.4)
    jitter, squares = Jitter(), []
    for i, frame in enumerate(points):
        shaking = jitter.step(i / 30, frame, EYES)
        squares.append(shaking.px**2)
    rest = (points - measures.smoothed(points))[3:-3]
    expected = np.sqrt((rest**2).sum(-1).mean() / (1 - 7 / 21))
    assert np.sqrt(np.nanmean(squares[40:])) == pytest.approx(expected, rel=0.03)
    assert np.sqrt(np.nanmean(squares[40:])) == pytest.approx(0.4 * np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("fps", [10.0, 30.0, 120.0])
def test_a_head_that_moves_evenly_does_not_shake(fps: float) -> None:
    jitter = Jitter()
    shaking = [jitter.step(5.0 + i / fps, SHAPE + 90.0 * i / fps, EYES) for i in range(40)]
    assert np.isnan(shaking[5].percent) and shaking[-1].percent < 1e-6
    assert np.abs(shaking[-1].offsets).max() < 1e-6


def test_what_a_source_knows_of_its_motion_is_not_shaking() -> None:
    jitter = Jitter()
    for i in range(40):
        motion = zoomed(1.0 + 0.1 * np.sin(i), 25.0 * np.cos(2.1 * i))
        shaking = jitter.step(i / 30, with_motion(SHAPE, motion), EYES, motion)
    assert shaking.percent < 1e-6


def test_offsets_are_of_the_landmark_that_shakes() -> None:
    jitter = Jitter()
    for i in range(LOCAL):
        points = SHAPE.copy()
        points[30, 0] += 2.0 if i == LOCAL // 2 else 0.0
        shaking = jitter.step(i / 30, points, EYES)
    assert shaking.offsets[30, 0] > 1.5 and np.abs(np.delete(shaking.offsets, 30, axis=0)).max() < 1e-9
    assert int(np.argmax(shaking.groups)) == list(measures.GROUPS).index("nose")


def test_gaps_lost_faces_and_other_faces_start_anew() -> None:
    def after(*, gap: float = 1 / 30, lost: bool = False, name: int = 0) -> float:
        jitter = Jitter()
        for i in range(20):
            jitter.step(i / 30, SHAPE, EYES)
        if lost:
            jitter.step(20 / 30, None, EYES)
        return jitter.step(19 / 30 + gap, SHAPE, EYES, name=name).percent

    assert np.isfinite(after())
    for broken in (after(gap=GAP_S + 0.1), after(lost=True), after(name=1), after(gap=-0.1)):
        assert np.isnan(broken)
    jitter = Jitter()
    assert np.isnan(jitter.step(0.0, SHAPE * np.nan, EYES).percent)


def test_a_repeated_time_changes_nothing() -> None:
    jitter = Jitter()
    for i in range(20):
        before = jitter.step(i / 30, SHAPE, EYES)
    assert np.isnan(jitter.step(19 / 30, SHAPE + 50.0, EYES).percent)
    assert jitter.step(20 / 30, SHAPE, EYES).percent == pytest.approx(before.percent, abs=1e-9)


@given(st.floats(0.0, 0.08), st.sampled_from([15.0, 30.0, 60.0]), st.floats(0.0, 1e3))
@settings(max_examples=15, deadline=None)
def test_a_known_lag_is_found_at_any_frame_rate(late: float, fps: float, start: float) -> None:
    lag, wobble = Lag(), noise(round(4 * fps), 0.3)

    def at(t: float) -> np.ndarray:
        return SHAPE + 40.0 * np.sin(2 * np.pi * t / 2.0)

    for i, rest in enumerate(wobble):
        lag.step(start + i / fps, at(i / fps - late) + rest, at(i / fps), EYES)
    assert lag.seconds() == pytest.approx(late, abs=0.002)


def test_a_lag_needs_motion_and_stays_when_it_ends() -> None:
    lag, late = Lag(), 0.05
    for i in range(60):
        lag.step(i / 30, SHAPE, SHAPE, EYES)
    assert np.isnan(lag.seconds())
    for i in range(60, 180):
        t = i / 30
        lag.step(t, SHAPE + 40 * np.sin(3 * (t - late)), SHAPE + 40 * np.sin(3 * t), EYES)
    moving = lag.seconds()
    lag.break_off()
    for i in range(180, 400):
        lag.step(i / 30, SHAPE, SHAPE, EYES)
    assert moving == pytest.approx(late, abs=0.002) and lag.seconds() == moving
    lag.clear()
    assert np.isnan(lag.seconds())


def test_motions_are_taken_out_and_put_back() -> None:
    motion = zoomed(1.3, 17.0)
    assert np.allclose(without_motion(with_motion(SHAPE, motion), motion), SHAPE)
