"""Axes of streams: neutral pose, inverted axes, mirror, quaternions, gaze."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from synthetic import make_face, make_state, result_of

from tracker.head import axes
from tracker.head.model import EXPRESSIONS
from tracker.settings import Stream
from tracker.stream import performance as seen_as
from tracker.types import Pose, Tracked, rotation_from_angles

ANGLES = st.tuples(st.floats(-85, 85), st.floats(-80, 80), st.floats(-170, 170))
PLACES = st.tuples(*[st.floats(-2, 2)] * 3)


def shapes(**values: float) -> np.ndarray:
    return np.array([values.get(name, 0.0) for name in EXPRESSIONS], np.float32)


def test_a_face_that_looks_into_the_camera_is_the_identity() -> None:
    turn, place = axes.upright(Pose(rotation_from_angles(0.0), np.array([0.1, 0.2, 0.6], np.float32)))
    np.testing.assert_allclose(turn, np.eye(3), atol=1e-7)
    np.testing.assert_allclose(place, (0.1, -0.2, -0.6), atol=1e-6)


@given(ANGLES)
def test_angles_there_and_back(angles: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(axes.angles_of(axes.turn_of(*angles)), angles, atol=2e-2)


@given(ANGLES)
def test_angles_are_those_of_the_pose(angles: tuple[float, float, float]) -> None:
    pose = Pose(rotation_from_angles(*angles), np.zeros(3, np.float32))
    expected = (pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    np.testing.assert_allclose(axes.angles_of(axes.upright(pose)[0]), expected, atol=1e-3)


@given(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: sum(v * v for v in q) > 0.01))
def test_quaternions_agree_with_scipy(q: tuple[float, float, float, float]) -> None:
    rotation = Rotation.from_quat(q)
    found = axes.quaternion(rotation.as_matrix())
    assert abs(np.dot(found, rotation.as_quat())) == pytest.approx(1.0, abs=1e-6)
    assert found[3] >= 0.0
    np.testing.assert_allclose(axes.rotation_of(found), rotation.as_matrix(), atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_turns_are_exact(axis: int) -> None:
    expected = np.eye(4)[axis]
    found = axes.quaternion(np.diag([1.0 if i == axis else -1.0 for i in range(3)]))
    np.testing.assert_allclose(np.abs(found), expected, atol=1e-12)


@given(ANGLES, PLACES)
def test_the_avatars_axes_are_a_reflection(
    angles: tuple[float, float, float], place: tuple[float, float, float]
) -> None:
    """The quaternion agrees with turning the matrix by the change of axes that moves the position."""
    rotation = axes.turn_of(*angles)
    moved, turned = axes.avatar(rotation, np.array(place))
    change = np.diag([-1.0, 1.0, 1.0])
    np.testing.assert_allclose(moved, change @ place, atol=1e-12)
    np.testing.assert_allclose(axes.rotation_of(turned), change @ rotation @ change, atol=1e-6)


def test_an_avatar_does_what_the_person_does() -> None:
    """Unity, seen from the avatar: +z is where it looks, +x its right, +y up; columns are where those axes went."""

    def axis(turn: np.ndarray, column: int) -> np.ndarray:
        return axes.rotation_of(axes.avatar(turn, np.zeros(3))[1])[:, column]

    assert axis(axes.turn_of(30, 0, 0), 2)[0] == pytest.approx(-0.5)  # nose to the subject's left, its -x
    assert axis(axes.turn_of(0, 30, 0), 2)[1] == pytest.approx(0.5)  # nose up
    assert axis(axes.turn_of(0, 0, 30), 1)[0] == pytest.approx(0.5)  # crown to the subject's right shoulder
    near, _ = axes.avatar(np.eye(3), axes.upright(Pose(rotation_from_angles(0), np.array([0, 0, -0.1], np.float32)))[1])
    assert near == pytest.approx((0.0, 0.0, 0.1))  # towards the camera is forward


@given(ANGLES)
def test_unity_euler_is_turned_about_z_then_x_then_y(angles: tuple[float, float, float]) -> None:
    q = axes.quaternion(axes.turn_of(*angles))
    x, y, z = axes.unity_euler(q)
    again = Rotation.from_euler("YXZ", [y, x, z], degrees=True).as_quat()
    assert abs(np.dot(again, q)) == pytest.approx(1.0, abs=1e-6)


@given(ANGLES, ANGLES, PLACES)
def test_the_neutral_pose_becomes_the_identity(
    a: tuple[float, float, float], b: tuple[float, float, float], place: tuple[float, float, float]
) -> None:
    neutral = seen_as.Neutral(axes.turn_of(*a), np.array(place))
    face = make_face(make_state(angles=b))
    turn, at = axes.upright(face.pose)
    seen = seen_as.performance(face, neutral)
    np.testing.assert_allclose(neutral.turn @ seen.turn, turn, atol=1e-6)
    np.testing.assert_allclose(neutral.turn @ seen.shift + neutral.place, at, atol=1e-6)
    itself = seen_as.performance(face, seen_as.neutral_of(face))
    np.testing.assert_allclose(itself.turn, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(itself.shift, 0.0, atol=1e-6)


def test_a_nod_beside_the_camera_is_a_nod() -> None:
    """Who sits turned to the camera and recentres, nods without turning."""
    before = axes.turn_of(40, 5, 0)
    nod = axes.turn_of(0, 20, 0)
    relative = before.T @ (before @ nod)
    assert axes.angles_of(relative) == pytest.approx((0, 20, 0), abs=1e-4)


@pytest.mark.parametrize("key", ["yaw", "pitch", "roll", "x", "y", "z"])
def test_each_axis_can_be_inverted_alone(key: str) -> None:
    face = make_face(make_state((350.0, 200.0), angles=(20.0, -10.0, 5.0)))
    plain = seen_as.performance(face)
    turned = seen_as.performance(face, None, Stream(**{f"invert_{key}": True}))
    before = dict(zip(("yaw", "pitch", "roll", "x", "y", "z"), (*plain.angles, *plain.shift), strict=True))
    after = dict(zip(before, (*turned.angles, *turned.shift), strict=True))
    for name, value in before.items():
        assert abs(value) > 1e-3
        assert after[name] == pytest.approx(-value if name == key else value, abs=1e-4)


def test_a_mirror_swaps_sides_and_twice_is_nothing() -> None:
    state = replace(make_state((350.0, 200.0), angles=(20.0, -10.0, 5.0)), expression=shapes(
        eyeBlinkLeft=0.9, mouthRight=0.3, jawOpen=0.5, eyeLookOutLeft=0.5, browInnerUp=0.1))  # fmt: skip
    plain = seen_as.performance(make_face(state))
    mirror = seen_as.performance(make_face(state), None, Stream(mirror=True))
    assert mirror.angles == pytest.approx((-plain.angles[0], plain.angles[1], -plain.angles[2]), abs=1e-4)
    assert mirror.shift[0] == -plain.shift[0] and tuple(mirror.shift[1:]) == tuple(plain.shift[1:])
    expected = shapes(eyeBlinkRight=0.9, mouthLeft=0.3, jawOpen=0.5, eyeLookOutRight=0.5, browInnerUp=0.1)
    np.testing.assert_array_equal(mirror.shapes, expected)
    assert mirror.right.yaw == pytest.approx(-plain.left.yaw)
    np.testing.assert_array_equal(axes.SWAPPED[axes.SWAPPED], np.arange(52))


def test_gaze_is_how_the_head_models_eyeballs_turn() -> None:
    """The rotation that the model's own eyeLook shapes give its eyeballs is the one that we send."""
    from tracker.head import load_head

    head = load_head()
    for name, left_yaw, pitch in (
        ("eyeLookOutLeft", axes.LOOK_ASIDE_DEG, 0.0), ("eyeLookInLeft", -axes.LOOK_ASIDE_DEG, 0.0),
        ("eyeLookUpLeft", 0.0, axes.LOOK_UP_DEG), ("eyeLookDownLeft", 0.0, -axes.LOOK_DOWN_DEG),
    ):  # fmt: skip
        ball = (head.region == 7) & (head.mean[:, 0] > 0)
        before, after = head.mean[ball], (head.mean + head.expression[EXPRESSIONS.index(name)])[ball]
        rotation, _ = Rotation.align_vectors(after - after.mean(0), before - before.mean(0))
        gaze = axes.gaze_of(shapes(**{name: 1.0}))[0]
        assert (gaze.yaw, gaze.pitch) == pytest.approx((left_yaw, pitch))
        ahead = np.array([0.0, 0.0, 1.0])  # a turn about the line of sight shows nothing
        np.testing.assert_allclose(axes.gaze_turn(gaze) @ ahead, rotation.as_matrix() @ ahead, atol=0.03)


def test_gaze_of_the_right_eye_has_its_own_in_and_out() -> None:
    left, right = axes.gaze_of(shapes(eyeLookInRight=1.0, eyeLookOutLeft=1.0))
    assert left.yaw == right.yaw == axes.LOOK_ASIDE_DEG  # both look to the subject's left
    forward = axes.gaze_direction(np.eye(3), axes.Gaze(0.0, 0.0))
    assert forward == pytest.approx((0.0, 0.0, -1.0))  # into the camera
    assert axes.gaze_direction(np.eye(3), left)[0] > 0.5  # image right


def test_a_face_that_is_not_finite_is_not_sent() -> None:
    good, bad = make_face(make_state(), 1), make_face(make_state((float("nan"), 3.0)), 2)
    result = result_of(1.0, good, bad)
    now = seen_as.moment(Tracked(result, result), 0.0, None, Stream())
    assert [face.id for face in now.faces] == [1]
    wild = make_face(replace(make_state(), expression=np.full(52, np.nan, np.float32)))
    np.testing.assert_array_equal(seen_as.performance(wild).shapes, 0.0)
