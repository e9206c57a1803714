"""What each filter promises by itself: numbers of a reference, calm against lag, blinks."""

from __future__ import annotations

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter as Reference
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import acceleration, make_face, make_state, noisy, points, run, stillness

from tracker.temporal import Stabilizer
from tracker.temporal.kalman import ConstantVelocity
from tracker.temporal.one_euro import smoothing
from tracker.temporal.parts import exp_rotation, log_rotation, parts_of, point_of, state_of
from tracker.types import rotation_from_angles

vector = st.lists(st.floats(-1.8, 1.8), min_size=3, max_size=3).map(np.array)


@given(turn=vector)
def test_log_undoes_exp(turn: np.ndarray) -> None:
    length = np.linalg.norm(turn)
    back = log_rotation(exp_rotation(turn))
    if length < np.pi - 1e-4:
        np.testing.assert_allclose(back, turn, atol=1e-6)
    assert np.linalg.norm(back) <= np.pi + 1e-9


@pytest.mark.parametrize("degrees", [179.0, 179.999, 180.0])
@pytest.mark.parametrize("axis", [(1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.6, 0.0, -0.8), (-0.48, 0.6, 0.64)])
def test_log_of_half_a_turn(degrees: float, axis: tuple[float, float, float]) -> None:
    turn = np.radians(degrees) * np.array(axis)
    np.testing.assert_allclose(exp_rotation(log_rotation(exp_rotation(turn))), exp_rotation(turn), atol=1e-7)


def test_a_state_survives_the_way_through_a_point() -> None:
    random = np.random.default_rng(0)
    state = noisy(make_state(angles=(40, -20, 170)), random)
    back = state_of(point_of(state), state)
    assert parts_of(state).size == 7 + 52 + 32 + 8 + 40
    np.testing.assert_allclose(back.rotation, state.rotation, atol=1e-6)
    np.testing.assert_allclose(back.scale, state.scale, rtol=1e-6)
    for name in ("centre", "identity", "expression", "residual", "spread"):
        np.testing.assert_array_equal(getattr(back, name), getattr(state, name))


@given(seed=st.integers(0, 500), noise=st.floats(0.01, 5.0), density=st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_constant_velocity_gives_filterpys_numbers(seed: int, noise: float, density: float) -> None:
    """Positions, velocities and covariances, at uneven times, for constant noise."""
    random = np.random.default_rng(seed)
    first = point_of(make_state())
    variance, fastest = np.full(first.values.size, noise), np.full(first.values.size, 3.0)
    ours = ConstantVelocity(first, variance, fastest)
    reference = Reference(dim_x=2, dim_z=1)
    reference.x = np.array([[first.values[3]], [0.0]])
    reference.P, reference.R = np.diag([noise, 9.0]), np.array([[noise]])
    reference.H = np.array([[1.0, 0.0]])
    for dt in random.uniform(0.005, 0.2, size=60):
        value = 320.0 + random.normal() * 3
        reference.F = np.array([[1.0, dt], [0.0, 1.0]])
        reference.Q = density * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        reference.predict()
        reference.update(value)
        ours.predict(dt, np.full_like(variance, density))
        surprise = np.zeros_like(variance)
        surprise[3] = value - ours.estimate.values[3]
        ours.update(surprise, variance)
        assert ours.estimate.values[3] == pytest.approx(reference.x[0, 0], abs=1e-6)
        assert ours.velocity[3] == pytest.approx(reference.x[1, 0], abs=1e-6)
        got = np.array([ours.covariance.xx[3], ours.covariance.xv[3], ours.covariance.vv[3]])
        np.testing.assert_allclose(got, reference.P[[0, 0, 1], [0, 1, 1]], rtol=1e-6, atol=1e-9)


def test_the_low_pass_gain_is_that_of_the_paper() -> None:
    te, fc = 1 / 120, 1.7
    tau = 1 / (2 * np.pi * fc)
    assert float(smoothing(fc, te)) == pytest.approx(1 / (1 + tau / te))


def _sine(method: str, amplitude: float, period: float, noise: float) -> tuple[float, float, float]:
    """Lag in frames, gain, and the residual's share of the raw residual, at 30 frames a second."""
    random, frames = np.random.default_rng(0), np.arange(225)
    states = [noisy(make_state((320 + amplitude * np.sin(2 * np.pi * i / period), 240)), random, noise) for i in frames]
    t = 2 * np.pi * frames[45:] / period
    waves = np.stack([np.sin(t), np.cos(t), np.ones_like(t)], axis=1)

    def fit(track: np.ndarray) -> tuple[np.ndarray, float]:
        flat = track[45:].reshape(len(t), -1)
        rest = flat - waves @ np.linalg.lstsq(waves, flat, rcond=None)[0]
        mean = np.linalg.lstsq(waves, track[45:, :, 0].mean(1), rcond=None)[0]
        return mean, float(np.sqrt((rest**2).mean()))

    mean, rest = fit(points(run(Stabilizer(method), states)))
    _, raw = fit(points(map(make_face, states)))
    lag = float(np.arctan2(-mean[1], mean[0]) / (2 * np.pi) * period)
    return lag, float(np.hypot(mean[0], mean[1]) / amplitude), rest / raw


def test_the_default_keeps_up_with_a_moving_head() -> None:
    for noise in (0.15, 0.4):
        lag, gain, rest = _sine("default", 40.0, 45.0, noise)
        assert abs(lag) < 0.1
        assert 0.99 < gain < 1.01
        assert rest < 0.75


def test_the_default_calms_a_still_head_four_times() -> None:
    random = np.random.default_rng(0)
    states = [noisy(make_state(), random, 0.4) for _ in range(300)]
    raw, calm = points(map(make_face, states))[30:], points(run(Stabilizer("default"), states))[30:]
    assert stillness(calm) < stillness(raw) / 4
    assert acceleration(calm) < acceleration(raw) / 8


def test_the_default_stops_when_the_head_stops() -> None:
    random = np.random.default_rng(0)
    x = np.concatenate([np.zeros(40), np.cumsum(np.full(20, 8.0)), np.full(40, 160.0)])
    faces = run(Stabilizer("default"), [noisy(make_state((250 + v, 240)), random, 0.15) for v in x])
    centres = np.array([face.state.centre[0] for face in faces if face is not None])
    eyes = 0.09 * 850
    assert centres[60:].max() - 410 < 0.01 * eyes
    assert np.abs(centres[44:60] - 250 - x[44:60]).max() < 0.01 * eyes  # and kept up while it moved


def test_the_default_calms_more_than_one_euro_and_lags_less() -> None:
    random = np.random.default_rng(2)
    states = [noisy(make_state(), random, 0.4) for _ in range(200)]
    calm = {name: stillness(points(run(Stabilizer(name), states))[30:]) for name in ("default", "one_euro", "kalman")}
    assert calm["default"] < min(calm["one_euro"], calm["kalman"])
    assert abs(_sine("default", 40, 45, 0.4)[0]) < abs(_sine("one_euro", 40, 45, 0.4)[0])


@pytest.mark.parametrize("method", ["one_euro", "default"])
@pytest.mark.parametrize("index", [0, 7, 17])
def test_blinks_and_the_jaw_pass_within_a_frame(method: str, index: int) -> None:
    random = np.random.default_rng(0)
    closed = np.zeros((60, 52))
    closed[30:34, index] = [0.5, 1.0, 1.0, 0.4]
    faces = run(Stabilizer(method), [noisy(make_state(expression=e), random, 0.3) for e in closed])
    got = np.array([face.state.expression[index] for face in faces if face is not None])
    assert got[30:34].max() > 0.95
    assert np.abs(got - closed[:, index]).max() < 0.1


@pytest.mark.parametrize("method", ["one_euro", "kalman", "default"])
def test_identity_settles_to_the_mean_of_what_was_seen(method: str) -> None:
    random = np.random.default_rng(0)
    person = random.normal(size=40)
    states = [make_state(identity=person + random.normal(size=40) * 0.3) for _ in range(300)]
    last = run(Stabilizer(method), states)[-1]
    assert last is not None
    assert np.abs(last.state.identity - person).mean() < {"default": 0.03}.get(method, 0.12)


def test_a_doubtful_frame_counts_less() -> None:
    """The same error on one frame moves the estimate less where the network itself expected a large error."""
    moved = []
    for spread in (0.0, 12.0):
        random = np.random.default_rng(0)
        states = [noisy(make_state(), random, 0.3) for _ in range(60)]
        odd = make_state((321.0, 240.0), spread=np.array([spread] + [0.0] * 7))
        face = run(Stabilizer("default"), [*states, odd])[-1]
        assert face is not None
        moved.append(abs(float(face.state.centre[0]) - 320.0))
    assert moved[1] < moved[0]


def test_upside_down_is_an_angle_like_any_other() -> None:
    face = run(Stabilizer("default"), [make_state(angles=(10.0, 5.0, 180.0))] * 3)[-1]
    assert face is not None
    np.testing.assert_allclose(face.state.rotation, rotation_from_angles(10.0, 5.0, 180.0), atol=1e-5)
