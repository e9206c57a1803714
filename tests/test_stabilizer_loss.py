"""A face that is lost, that returns, that looks ahead; and what must not move a head's pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import make_face, make_state, noisy, result_of, run

from tracker.settings import Filter
from tracker.temporal import Stabilizer
from tracker.types import Face, FaceState

FILTERS = ["one_euro", "kalman", "default"]


def calm(count: int = 40, seed: int = 0, px: float = 0.2, **codes: np.ndarray) -> list[FaceState | None]:
    random = np.random.default_rng(seed)
    return [noisy(make_state(**codes), random, px) for _ in range(count)]


def x_of(face: Face) -> float:
    return float(face.state.centre[0])


@pytest.mark.parametrize("method", FILTERS)
def test_a_lost_face_is_held_where_it_was_and_fades(method: str) -> None:
    stabilizer = Stabilizer(method, Filter(method=method, hold_s=0.5, loss_s=0.6))
    last = run(stabilizer, calm())[-1]
    assert last is not None
    held, before = [], last
    for i in range(40, 54):
        result = stabilizer.apply(result_of(i / 30))
        assert result.seen == ()
        (face,) = result.faces
        held.append(face)
        assert face.id == last.id and face.carried is None
        assert face.held == pytest.approx((i - 39) / 30)
        assert face.presence < before.presence
        assert (face.std_px() > before.std_px()).all()
        np.testing.assert_array_equal(face.landmarks_px(), last.landmarks_px())
        before = face
    assert held[-1].presence < 0.1 * last.presence
    assert stabilizer.apply(result_of(55 / 30)).faces == ()


@pytest.mark.parametrize("hold_s", [0.0, 0.1, 0.4])
def test_the_time_of_the_hold_is_a_setting(hold_s: float) -> None:
    stabilizer = Stabilizer("default", Filter(hold_s=hold_s))
    run(stabilizer, calm())
    given = sum(bool(stabilizer.apply(result_of(i / 30)).faces) for i in range(40, 70))
    assert given / 30 == pytest.approx(hold_s, abs=1 / 30 + 1e-9)


def test_what_is_off_holds_nothing() -> None:
    stabilizer = Stabilizer("none")
    run(stabilizer, calm())
    assert stabilizer.apply(result_of(2.0)).faces == ()


@pytest.mark.parametrize("method", FILTERS)
def test_a_return_in_time_goes_on_without_a_jump(method: str) -> None:
    stabilizer = Stabilizer(method)
    before = run(stabilizer, calm())[-1]
    for i in range(40, 46):
        stabilizer.apply(result_of(i / 30))
    back = stabilizer.apply(result_of(46 / 30, make_face(make_state((320.6, 240.0))))).faces
    assert before is not None and len(back) == 1
    assert back[0].held == 0.0 and back[0].presence == pytest.approx(0.95)
    assert abs(x_of(back[0]) - x_of(before)) < 0.7


@pytest.mark.parametrize("method", FILTERS)
@given(gap=st.integers(8, 60), x=st.floats(50.0, 600.0))
@settings(max_examples=10, deadline=None)
def test_a_late_return_is_where_the_face_is_and_nobody_saw_the_jump(method: str, gap: int, x: float) -> None:
    """Between the last frame in which it was given and its return there is one without it."""
    stabilizer = Stabilizer(method)
    run(stabilizer, calm())
    shown = [stabilizer.apply(result_of(i / 30)).faces for i in range(40, 42 + gap)]
    assert shown[-1] == ()
    state = make_state((x, 200.0))
    back = stabilizer.apply(result_of((42 + gap) / 30, make_face(state))).faces[0]
    assert abs(x_of(back) - x) < 1e-3


def test_a_face_found_again_under_another_name_is_not_doubled() -> None:
    stabilizer = Stabilizer("default")
    run(stabilizer, calm())
    near = stabilizer.apply(result_of(40 / 30, make_face(make_state((330.0, 245.0)), 7)))
    assert [face.id for face in near.faces] == [7]
    far = Stabilizer("default")
    run(far, calm())
    apart = far.apply(result_of(40 / 30, make_face(make_state((600.0, 245.0)), 7)))
    assert [(face.id, face.held > 0.0) for face in apart.faces] == [(7, False), (0, True)]


def test_a_held_face_survives_a_bad_time_stamp() -> None:
    stabilizer = Stabilizer("default")
    run(stabilizer, calm())
    for stamp in (float("nan"), 39 / 30, 1.2):
        assert stabilizer.apply(result_of(stamp)).seen == ()
    assert len(stabilizer.apply(result_of(41 / 30)).faces) == 1


def angles(faces: Sequence[Face | None]) -> np.ndarray:
    return np.array([(f.pose.yaw_deg, f.pose.pitch_deg, f.pose.roll_deg) for f in faces if f is not None])


@pytest.mark.parametrize("method", FILTERS)
def test_blinks_and_laughter_leave_the_pose_alone(method: str) -> None:
    """The same poses, once with a still face and once with one that blinks and laughs: the same poses come out."""
    random, loud = np.random.default_rng(1), np.random.default_rng(2)
    plain = [noisy(make_state(), random, 0.2) for _ in range(90)]
    moving = [replace(s, expression=loud.random(52).astype(np.float32)) for s in plain]
    one, other = (angles(run(Stabilizer(method), states)) for states in (plain, moving))
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_what_a_hand_makes_of_the_network_is_not_believed() -> None:
    """Half a second in which the pose shakes, the network says itself how unsure it is, and the pixels say nothing."""
    random, told, shaken = np.random.default_rng(0), [], []
    stabilizer = Stabilizer("default")
    for i in range(105):
        hidden = 75 <= i < 90
        state = make_state(spread=np.array([10.0 if hidden else 0.0] + [0.0] * 7))
        face = make_face(noisy(state, random, 2.0 if hidden else 0.3))
        face = replace(face, carried=None if hidden or i == 0 else np.eye(2, 3))
        told.append(face)
        shaken.append(stabilizer.apply(result_of(i / 30, face)).faces[0])
    turned = np.abs(angles(shaken[75:]) - angles(shaken[60:75]).mean(0))
    assert turned.max() < 0.4 * np.abs(angles(told[75:90])).max()
    assert np.abs([x_of(face) - 320.0 for face in shaken[75:]]).max() < 2.0


def test_a_slow_turn_is_not_left_behind() -> None:
    """10 degrees a second that move no pixel of the forehead: 1.5 degrees behind at most once it goes on."""
    random = np.random.default_rng(0)
    yaw = np.concatenate([np.zeros(60), np.arange(60) / 3.0])
    stabilizer, late = Stabilizer("default"), []
    for i, angle in enumerate(yaw):
        face = make_face(noisy(make_state(angles=(float(angle), 0.0, 0.0)), random, 0.2))
        face = replace(face, carried=np.eye(2, 3) if i else None)
        late.append(angle - stabilizer.apply(result_of(i / 30, face)).faces[0].pose.yaw_deg)
    assert np.mean(late[90:]) < 1.5
    assert np.std(late[30:60]) < 0.15


@pytest.mark.parametrize("method", FILTERS)
def test_looking_ahead_makes_up_for_the_time_to_the_display(method: str) -> None:
    """A steady motion is given where it will be 50 ms later; a head at rest stays where it is."""
    still = run(Stabilizer(method, Filter(method=method, ahead_ms=50.0)), [make_state()] * 30)[-1]
    assert still is not None and abs(x_of(still) - 320.0) < 1e-3
    way: list[FaceState | None] = [make_state((100.0 + 5.0 * i, 240.0)) for i in range(60)]
    plain, ahead = (run(Stabilizer(method, Filter(method=method, ahead_ms=ms)), way)[-1] for ms in (0.0, 50.0))
    assert plain is not None and ahead is not None
    assert x_of(ahead) - x_of(plain) == pytest.approx(150.0 * 0.05, rel=0.25)
