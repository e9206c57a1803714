"""Smoothing a whole recording: nothing comes late, what rests rests, a blink stays a blink."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import acceleration, make_face, make_state, noisy, points, result_of, stillness

from tracker.settings import Filter
from tracker.temporal import smooth, smooth_results
from tracker.temporal.parts import all_units, parts_of, point_of
from tracker.temporal.smoother import _inverse
from tracker.types import FaceState


def evenly(count: int, fps: float = 30.0) -> list[float]:
    return [i / fps for i in range(count)]


def tracks(states: list[FaceState]) -> np.ndarray:
    return points(make_face(state) for state in states)


@given(yaw=st.floats(-180, 180), pitch=st.floats(-180, 180), roll=st.floats(-180, 180), count=st.integers(3, 30))
@settings(max_examples=15, deadline=None)
def test_constant_in_is_constant_out(yaw: float, pitch: float, roll: float, count: int) -> None:
    random = np.random.default_rng(count)
    state = make_state((40.0, 300.0), 500.0, (yaw, pitch, roll), expression=random.random(52))
    for got in smooth([state] * count, evenly(count)):
        np.testing.assert_allclose(got.rotation, state.rotation, atol=1e-5)
        np.testing.assert_allclose(got.centre, state.centre, atol=1e-3)
        np.testing.assert_allclose(got.expression, state.expression, atol=1e-5)


@pytest.mark.parametrize("period", [15.0, 45.0])
def test_a_wave_is_followed_on_time_and_calmly(period: float) -> None:
    random, t = np.random.default_rng(0), np.arange(120)
    way = 320.0 + 30.0 * np.sin(2 * np.pi * t / period)
    states = [noisy(make_state((x, 240.0)), random, 0.4) for x in way]
    got = np.array([state.centre[0] for state in smooth(states, evenly(120))])[15:-15]
    angle = 2 * np.pi * t[15:-15] / period
    sine, cosine, _ = np.linalg.lstsq(np.stack([np.sin(angle), np.cos(angle), angle**0], 1), got, rcond=None)[0]
    assert abs(np.arctan2(-cosine, sine) / (2 * np.pi) * period) < 0.03
    assert np.hypot(sine, cosine) / 30.0 == pytest.approx(1.0, abs=0.01)
    assert (got - way[15:-15]).std() < 0.9 * 0.4


def test_a_still_head_is_stiller_than_any_causal_filter_makes_it() -> None:
    random = np.random.default_rng(0)
    states = [noisy(make_state(), random, 0.4) for _ in range(150)]
    calm, raw = tracks(smooth(states, evenly(150))), tracks(states)
    assert stillness(calm) < stillness(raw) / 6
    assert acceleration(calm) < acceleration(raw) / 40


def test_backward_in_time_is_the_same() -> None:
    """A head that goes the same way backward is smoothed the same way backward."""
    random, t = np.random.default_rng(4), np.arange(60)
    states = [noisy(make_state((320.0 + 20 * np.sin(i / 6), 240.0)), random, 0.3) for i in t]
    one, other = tracks(smooth(states, evenly(60))), tracks(smooth(states[::-1], evenly(60)))[::-1]
    assert np.abs(one - other)[10:-10].max() < 0.15


def test_a_blink_keeps_its_depth_and_its_frame() -> None:
    random = np.random.default_rng(0)
    shut = np.zeros((90, 52))
    shut[40:45, 0] = [0.5, 1.0, 1.0, 0.8, 0.3]
    states = [noisy(make_state(expression=e), random, 0.3) for e in shut]
    got = np.array([state.expression[0] for state in smooth(states, evenly(90))])
    assert got.max() > 0.9 and int(np.argmax(got)) in (41, 42)
    assert np.abs(got - shut[:, 0]).max() < 0.15


def test_half_a_turn_is_no_edge() -> None:
    random = np.random.default_rng(0)
    states = [noisy(make_state(angles=(0.0, 0.0, 170.0 + i / 2)), random, 0.2) for i in range(40)]
    for i, state in enumerate(smooth(states, evenly(40))):
        error = make_state(angles=(0.0, 0.0, 170.0 + i / 2)).rotation.T @ state.rotation
        assert np.degrees(np.arccos(np.clip((np.trace(error) - 1) / 2, -1, 1))) < 0.6


@given(shift=st.sampled_from([-4096.0, 64.0, 2.0**20]))
@settings(max_examples=3, deadline=None)
def test_shifting_all_time_stamps_changes_nothing(shift: float) -> None:
    random = np.random.default_rng(0)
    states = [noisy(make_state(), random) for _ in range(32)]
    times = evenly(32, 32.0)
    for a, b in zip(smooth(states, times), smooth(states, [t + shift for t in times]), strict=True):
        np.testing.assert_array_equal(a.centre, b.centre)


def test_pixels_are_used_in_both_directions() -> None:
    random, t = np.random.default_rng(0), np.arange(120)
    way = 320.0 + 40.0 * np.sin(2 * np.pi * t / 12)
    states = [noisy(make_state((x, 240.0)), random, 0.8) for x in way]
    motions = [None, *(np.array([[1.0, 0.0, d], [0.0, 1.0, 0.0]]) for d in np.diff(way))]
    alone, carried = (
        np.array([s.centre[0] for s in smooth(states, evenly(120), carried=m)]) - way for m in (None, motions)
    )
    assert carried.std() < 0.7 * alone.std()


def test_a_motion_and_its_inverse_leave_a_point_where_it_was() -> None:
    """Carried backward, too, with the turn that parallax told."""
    motion = np.array([[1.02, -0.1, 8.0, 0.01], [0.1, 1.02, -3.0, 0.02]])
    for told in (motion, motion[:, :3]):
        point = point_of(make_state(angles=(10.0, 5.0, 3.0)))
        back = point.carried(told).carried(_inverse(told))
        assert np.abs(back.minus(point) / all_units(point, parts_of(make_state()))).max() < 2e-4


def test_a_recording_is_smoothed_stretch_by_stretch() -> None:
    """Two faces, one of them away for a second and back elsewhere; a repeated time stamp; a state with a NaN."""
    random = np.random.default_rng(0)
    results = []
    for i in range(90):
        one = noisy(make_state((200.0 if i < 30 else 400.0, 240.0)), random, 0.3)
        two = noisy(make_state((320.0, 100.0)), random, 0.3)
        if i == 70:
            two = replace(two, scale=float("nan"))
        faces = [make_face(two, 2)] if 30 <= i < 60 else [make_face(one, 1), make_face(two, 2)]
        results.append(result_of((i if i != 80 else 79) / 30, *faces, index=i))
    got = smooth_results(results, Filter(method="rts"))
    assert [[f.id for f in r.faces] for r in got] == [[f.id for f in r.faces] for r in results]
    assert all(a.frame is b.frame for a, b in zip(got, results, strict=True))
    x = np.array([r.faces[0].state.centre[0] for r in got if r.faces[0].id == 1])
    assert np.abs(x[:30] - 200.0).max() < 0.3 and np.abs(x[30:] - 400.0).max() < 0.3
    assert np.isnan(got[70].faces[-1].state.scale)
    assert got[80].faces[0].state is results[80].faces[0].state
    assert results[10].faces[0].state is not got[10].faces[0].state


def test_what_cannot_be_smoothed_is_said() -> None:
    states = [make_state()] * 4
    with pytest.raises(ValueError, match="later than the one before"):
        smooth(states, [0.0, 0.1, 0.1, 0.2])
    with pytest.raises(ValueError, match="not finite"):
        smooth([*states[:3], replace(states[0], nearness=float("nan"))], evenly(4))
    assert smooth(states[:2], evenly(2)) == states[:2]
    assert smooth([], []) == []
