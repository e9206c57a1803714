"""What every temporal filter must do, whichever it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import acceleration, make_face, make_state, noisy, points, result_of, run, stillness

from tracker.errors import SettingsError
from tracker.settings import Filter, Kalman, OneEuro, Still
from tracker.temporal import STABILIZERS, Stabilizer
from tracker.types import FaceState

METHODS = sorted(STABILIZERS)
FILTERS = ["one_euro", "kalman", "default"]
angle = st.floats(-180.0, 180.0)


def same(a: FaceState, b: FaceState, tolerance: float = 1e-5) -> bool:
    numbers = [(a.rotation, b.rotation, 1.0), (a.centre, b.centre, 500.0), (a.scale, b.scale, 800.0)]
    numbers += [(a.identity, b.identity, 1.0), (a.expression, b.expression, 1.0), (a.residual, b.residual, 1.0)]
    numbers += [(a.nearness, b.nearness, 1.0), (a.spread, b.spread, 1.0)]
    return all(np.allclose(x, y, rtol=0, atol=tolerance * size) for x, y, size in numbers)


def wander(seed: int, count: int = 40, noise: float = 0.4) -> list[FaceState]:
    random = np.random.default_rng(seed)
    times = np.arange(count)
    return [
        noisy(make_state((320 + 30 * np.sin(t / 7), 240), 800 + 2 * t, (30 * np.sin(t / 9), 5, t)), random, noise)
        for t in times
    ]


@pytest.mark.parametrize("method", METHODS)
@given(yaw=angle, pitch=angle, roll=angle, scale=st.floats(50, 5000), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_constant_in_is_constant_out(
    method: str, yaw: float, pitch: float, roll: float, scale: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    codes = {"identity": random.normal(size=40), "expression": random.random(52), "residual": random.normal(size=32)}
    state = make_state((12.0, 400.0), scale, (yaw, pitch, roll), **codes)
    for face in run(Stabilizer(method), [state] * 12):
        assert face is not None
        assert same(face.state, state)


@pytest.mark.parametrize("method", FILTERS)
@given(shift=st.sampled_from([-4096.0, -1.0, 0.5, 64.0, 2.0**20]), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_shifting_all_time_stamps_changes_nothing(method: str, shift: float, seed: int) -> None:
    states = wander(seed)
    at_zero = run(Stabilizer(method), states, fps=32.0, start=0.0)
    later = run(Stabilizer(method), states, fps=32.0, start=shift)  # powers of two: the differences stay exact
    for a, b in zip(at_zero, later, strict=True):
        assert a is not None and b is not None
        assert same(a.state, b.state, 1e-9)


@pytest.mark.parametrize("method", FILTERS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_turn_through_half_a_circle_is_followed(method: str, axis: int) -> None:
    """Rolling past 180 degrees (and yawing and pitching past it) neither stalls nor takes the long way round."""
    for degrees, face in zip(
        range(150, 211), run(Stabilizer(method), [_turned(axis, a) for a in range(150, 211)]), strict=True
    ):
        assert face is not None
        error = _turned(axis, degrees).rotation.T @ face.state.rotation
        assert np.degrees(np.arccos(np.clip((np.trace(error) - 1) / 2, -1, 1))) < 12.0
        np.testing.assert_allclose(face.state.rotation @ face.state.rotation.T, np.eye(3), atol=1e-6)


def _turned(axis: int, degrees: float) -> FaceState:
    angles = [0.0, 0.0, 0.0]
    angles[axis] = float(degrees)
    return make_state(angles=(angles[0], angles[1], angles[2]))


@pytest.mark.parametrize("method", FILTERS)
def test_noise_around_half_a_turn_stays_small(method: str) -> None:
    random = np.random.default_rng(3)
    upside_down = make_state(angles=(0.0, 0.0, 180.0))
    faces = run(Stabilizer(method), [noisy(upside_down, random) for _ in range(90)])
    raw = points(make_face(noisy(upside_down, random)) for _ in range(90))
    assert stillness(points(faces)[30:]) < 0.6 * stillness(raw)


@pytest.mark.parametrize("method", FILTERS)
def test_similar_settling_at_any_frame_rate(method: str) -> None:
    """A step of 20 pixels is followed to a tenth within 0.25 s, whether at 10, 30, 60 or 120 frames a second."""
    for fps in (10, 30, 60, 120):
        states = [make_state((300, 240))] * fps + [make_state((320, 240))] * fps
        x = [face.state.centre[0] for face in run(Stabilizer(method), states, fps=fps) if face is not None]
        late = np.flatnonzero(np.abs(np.array(x[fps:]) - 320) > 2.0)
        assert (late.max(initial=-1) + 1) / fps <= 0.25, fps


@pytest.mark.parametrize("method", FILTERS)
def test_calm_at_rest_at_any_frame_rate(method: str) -> None:
    for fps in (10, 120):
        random = np.random.default_rng(1)
        states = [noisy(make_state(), random) for _ in range(150)]
        raw, calm = points(map(make_face, states)), points(run(Stabilizer(method), states, fps=fps))
        assert acceleration(calm[30:]) < 0.6 * acceleration(raw[30:]), fps


@pytest.mark.parametrize("method", FILTERS)
@pytest.mark.parametrize("stamp", [1.0, 0.9, float("nan"), float("inf"), float("-inf")])
def test_a_bad_time_stamp_gives_the_last_estimate(method: str, stamp: float) -> None:
    stabilizer = Stabilizer(method)
    states = wander(5, 31)
    run(stabilizer, states[:30], fps=29.0)
    before = stabilizer.apply(result_of(1.0, make_face(states[29]))).faces[0]
    again = stabilizer.apply(result_of(stamp, make_face(states[30]))).faces[0]
    assert same(again.state, before.state, 0.0)
    after = stabilizer.apply(result_of(1.04, make_face(states[30]))).faces[0]
    assert not same(after.state, before.state, 1e-6)


@pytest.mark.parametrize("method", FILTERS)
def test_a_clock_that_starts_again_starts_the_filter_again(method: str) -> None:
    stabilizer = Stabilizer(method)
    run(stabilizer, wander(5), start=100.0)
    raw = make_face(make_state((20.0, 20.0)))
    assert stabilizer.apply(result_of(0.0, raw)).faces[0].state is raw.state


@pytest.mark.parametrize("method", FILTERS)
@given(seed=st.integers(0, 999))
@settings(max_examples=15, deadline=None)
def test_irregular_times_stay_near_the_measurements(method: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    stabilizer, time = Stabilizer(method), 0.0
    for state in wander(seed):
        time += float(random.choice([0.0, 1e-6, 0.004, 0.033, 0.2]))
        face = stabilizer.apply(result_of(time, make_face(state))).faces[0]
        assert np.isfinite(face.landmarks_px()).all()
        assert abs(float(face.state.centre[0]) - 320) < 60


@pytest.mark.parametrize("method", FILTERS)
@pytest.mark.parametrize("broken", ["rotation", "centre", "scale", "expression", "identity", "nearness"])
def test_a_nan_in_the_state_holds_the_last_estimate(method: str, broken: str) -> None:
    stabilizer = Stabilizer(method)
    states = wander(6)
    last = run(stabilizer, states)[-1]
    value = getattr(states[0], broken)
    bad = replace(states[0], **{broken: value * float("nan")})
    held = stabilizer.apply(result_of(40 / 30, make_face(bad))).faces[0]
    assert last is not None
    assert same(held.state, last.state, 0.0)
    after = stabilizer.apply(result_of(41 / 30, make_face(states[-1]))).faces[0]
    assert np.isfinite(after.landmarks_px()).all()


@pytest.mark.parametrize("method", FILTERS)
def test_a_face_that_returns_late_starts_where_it_is(method: str) -> None:
    away: list[FaceState | None] = [None] * 12
    back = [make_state((500.0, 100.0))] * 5
    faces = run(Stabilizer(method), [*wander(7), *away, *back])
    assert faces[48:52] == [None] * 4
    for face in faces[52:]:
        assert face is not None
        assert same(face.state, back[0])


@pytest.mark.parametrize("method", FILTERS)
def test_a_face_that_returns_soon_goes_on(method: str) -> None:
    """Two missed frames do not throw away what was learnt: the noisy return is still smoothed."""
    random = np.random.default_rng(8)
    states: list[FaceState | None] = [noisy(make_state(), random) for _ in range(60)]
    odd = noisy(make_state((321.2, 240.0)), random, 0.0)
    face = run(Stabilizer(method), [*states, None, None, odd])[-1]
    assert face is not None
    assert abs(float(face.state.centre[0]) - 320.0) < 1.0


@pytest.mark.parametrize("method", FILTERS)
def test_faces_are_filtered_apart(method: str) -> None:
    alone, together = Stabilizer(method), Stabilizer(method)
    other = wander(12)
    for i, state in enumerate(wander(11)):
        one = alone.apply(result_of(i / 30, make_face(state, 1))).faces[0]
        both = together.apply(result_of(i / 30, make_face(other[i], 2), make_face(state, 1))).faces
        assert [face.id for face in both] == [2, 1]
        assert same(both[1].state, one.state, 0.0)


@pytest.mark.parametrize("method", METHODS)
def test_the_raw_result_stays_as_it_is(method: str) -> None:
    stabilizer = Stabilizer(method)
    for i, state in enumerate(wander(9)):
        result = result_of(i / 30, make_face(state, 3))
        before = state.centre.copy(), state.rotation.copy(), state.expression.copy()
        stable = stabilizer.apply(result)
        assert result.faces[0].state is state
        assert all(
            (a == b).all() for a, b in zip(before, (state.centre, state.rotation, state.expression), strict=True)
        )
        assert stable.frame is result.frame
        assert stable.faces[0].id == 3 and stable.faces[0].presence == result.faces[0].presence
        for array in (stable.faces[0].state.rotation, stable.faces[0].state.centre, stable.faces[0].state.residual):
            assert array.dtype == np.float32 and array.flags.c_contiguous


@pytest.mark.parametrize("method", FILTERS)
def test_reset_forgets(method: str) -> None:
    stabilizer = Stabilizer(method)
    run(stabilizer, wander(10))
    stabilizer.reset()
    raw = make_face(make_state((10.0, 10.0)))
    assert stabilizer.apply(result_of(40 / 30, raw)).faces[0].state is raw.state


@pytest.mark.parametrize(
    ("method", "calmer", "livelier"),
    [
        ("one_euro", Filter(one_euro=OneEuro(0.05, 0.5, 1.0)), Filter(one_euro=OneEuro(20.0, 80.0, 1.0))),
        ("kalman", Filter(kalman=Kalman(0.01, 30.0)), Filter(kalman=Kalman(100.0, 0.05))),
        ("default", Filter(still=Still(calm=3.0)), Filter(still=Still(calm=0.1))),
    ],
)
def test_parameters_change_live_and_keep_what_was_learnt(method: str, calmer: Filter, livelier: Filter) -> None:
    random = np.random.default_rng(4)
    states = [noisy(make_state(), random) for _ in range(240)]
    stabilizer = Stabilizer(method)
    before = run(stabilizer, states[:60])[-1]
    jitter = []
    for part, choice in ((states[60:150], calmer), (states[150:], livelier)):
        stabilizer.configure(choice)
        faces = [
            stabilizer.apply(result_of(2.0 + (60 + i + 90 * (choice is livelier)) / 30, make_face(s))).faces[0]
            for i, s in enumerate(part)
        ]
        jitter.append(acceleration(points(faces[30:])))
    assert before is not None
    assert jitter[0] < 0.7 * jitter[1]


def test_an_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="default, kalman, none, one_euro"):
        Stabilizer("median")


def test_none_changes_nothing_at_all() -> None:
    result = result_of(0.0, make_face(make_state()))
    assert Stabilizer("none").apply(result) is result
