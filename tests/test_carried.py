"""What the default filter makes of a face whose pixels say how it moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import make_face, make_state, noisy, points, result_of, stillness

from tracker.temporal import STABILIZERS, Stabilizer
from tracker.temporal.leash import within
from tracker.temporal.parts import FACE_M, point_of, units
from tracker.types import SKIN_M, Face, FaceState

STAY = np.eye(2, 3)


def shift(x: float, y: float = 0.0) -> np.ndarray:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y]])


def follow(
    states: Sequence[FaceState], motions: Sequence[np.ndarray | None], method: str = "default", fps: float = 30.0
) -> list[Face]:
    stabilizer = Stabilizer(method)
    faces = [replace(make_face(s), carried=m) for s, m in zip(states, motions, strict=True)]
    return [stabilizer.apply(result_of(i / fps, face, index=i)).faces[0] for i, face in enumerate(faces)]


def x_of(faces: Sequence[Face]) -> np.ndarray:
    return np.array([face.state.centre[0] for face in faces], dtype=np.float64)


def carried_by(state: FaceState, motion: np.ndarray) -> FaceState:
    moved = point_of(state).carried(motion)
    return replace(
        state,
        rotation=moved.rotation.astype(np.float32),
        centre=moved.values[3:5].astype(np.float32),
        scale=float(np.exp(moved.values[5])),
    )


@given(turn=st.floats(-180, 180), zoom=st.floats(0.5, 2.0), x=st.floats(-300, 300), y=st.floats(-300, 300))
@settings(max_examples=50, deadline=None)
def test_a_carried_point_projects_to_where_the_pixels_went(turn: float, zoom: float, x: float, y: float) -> None:
    state = make_state(angles=(20.0, -10.0, 5.0))
    c, s = zoom * np.cos(np.radians(turn)), zoom * np.sin(np.radians(turn))
    motion = np.array([[c, -s, x], [s, c, y]])
    carried = carried_by(state, motion)
    before, after = make_face(state).landmarks_px(), make_face(carried).landmarks_px()
    np.testing.assert_allclose(after, before @ motion[:, :2].T + motion[:, 2], atol=0.02)


@given(right=st.floats(-0.03, 0.03), down=st.floats(-0.03, 0.03), roll=st.floats(-30, 30), zoom=st.floats(0.9, 1.1))
@settings(max_examples=50, deadline=None)
def test_a_turn_moves_what_lies_deeper_besides(right: float, down: float, roll: float, zoom: float) -> None:
    """A small turn: every point goes with the picture, and besides by its depth beyond the skin."""
    state = replace(make_state(angles=(20.0, -10.0, 5.0)), nearness=0.0)
    c, s = zoom * np.cos(np.radians(roll)), zoom * np.sin(np.radians(roll))
    motion = np.array([[c, -s, 12.0, right], [s, c, -7.0, down]])
    carried = carried_by(state, motion)
    head = make_face(state).landmarks_head()
    depth = state.scale * (head @ state.rotation[2] + SKIN_M)
    expected = state.project(head) @ motion[:, :2].T + motion[:, 2] + depth[:, None] * motion[:, 3]
    np.testing.assert_allclose(carried.project(head), expected, atol=0.003 * state.scale * FACE_M)


def test_a_turn_of_the_pixels_is_followed_at_once() -> None:
    """Against what the network says; a faint one moves the pose as little (whether to believe it is `spin`'s)."""
    for turn, least, most in ((0.0003, -0.1, 0.1), (0.01, 1.5, 6.0)):
        motion = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, turn]])
        faces = follow([make_state()] * 25, [*[STAY] * 15, *[motion] * 10])
        assert least < faces[-1].pose.pitch_deg - faces[14].pose.pitch_deg < most


def nod_kept(pixels: bool) -> complex:
    """The share of a nod that is left, its phase the lag: 5 degrees at 0.8 Hz about a neck 0.1 m below the eyes, or
    what a network says of a face whose pixels rest."""
    turn = 2.0 * np.pi * 0.8 * np.arange(150) / 30.0
    up = -7.4 * np.sin(turn) if pixels else np.zeros(150)
    states = [make_state((320.0, 240.0 + y), angles=(0.0, 5.0 * np.sin(t), 0.0)) for t, y in zip(turn, up, strict=True)]
    faces = follow(states, [None, *(shift(0.0, step) for step in np.diff(up))])
    told, kept = (np.array([face.pose.pitch_deg for face in track]) for track in (map(make_face, states), faces))
    return complex((np.exp(-1j * turn) @ (kept - kept.mean())) / (np.exp(-1j * turn) @ (told - told.mean())))


def test_a_head_that_goes_up_and_down_is_believed_to_nod() -> None:
    kept = nod_kept(pixels=True)
    assert abs(kept) > 0.75
    assert -np.angle(kept, deg=True) < 45.0  # 4.7 frames


def test_a_nod_that_moves_no_pixel_is_not_believed() -> None:
    assert abs(nod_kept(pixels=False)) < 0.45


@pytest.mark.parametrize("method", sorted(STABILIZERS))
def test_a_still_face_stays_whatever_the_method(method: str) -> None:
    state = make_state((200.0, 150.0), angles=(10.0, 5.0, 170.0))
    for face in follow([state] * 15, [None, *[STAY] * 14], method):
        np.testing.assert_allclose(face.state.centre, state.centre, atol=1e-3)
        np.testing.assert_allclose(face.state.rotation, state.rotation, atol=1e-5)


def test_pixels_are_followed_at_once_however_loud_the_network() -> None:
    random, t = np.random.default_rng(0), np.arange(150)
    way = 320.0 + 40.0 * np.sin(2 * np.pi * t / 45)
    motions = [None, *(shift(d) for d in np.diff(way))]
    states = [noisy(make_state((x, 240.0)), random, 0.8) for x in way]
    carried, alone = (x_of(follow(states, m))[45:] - way[45:] for m in (motions, [None] * 150))
    assert carried.std() < 0.6 * alone.std()
    assert carried.std() < 0.4
    assert abs(carried.mean()) < 0.3


@pytest.mark.parametrize("hertz", [4.0, 6.0, 7.5])
def test_a_fast_shake_is_not_taken_for_noise(hertz: float) -> None:
    """Four to eight frames a period: differences alone cannot tell it from noise, the pixels can."""
    random, t = np.random.default_rng(0), np.arange(90)
    wave = np.sin(2 * np.pi * hertz * t / 30 + 0.4)
    way = 320.0 + 6.0 * wave
    motions = [None, *(shift(d) for d in np.diff(way))]
    states = [noisy(make_state((x, 240.0)), random, 0.3) for x in way]
    found = x_of(follow(states, motions))[30:]
    gain = float((found - found.mean()) @ wave[30:] / (wave[30:] @ wave[30:]) / 6.0)
    assert gain == pytest.approx(1.0, abs=0.2)


def test_a_nod_that_no_pixel_makes_is_not_believed() -> None:
    """Talking: the network's pitch follows the jaw at 3 Hz, the forehead stays where it is."""
    random, t = np.random.default_rng(0), np.arange(240) / 30
    states = [noisy(make_state(angles=(0.0, 2.0 * np.sin(2 * np.pi * 3.0 * s), 0.0)), random, 0.2) for s in t]

    def nod(faces: Sequence[Face]) -> float:
        return float(np.std([face.pose.pitch_deg for face in faces][60:]))

    raw = nod([make_face(s) for s in states])
    assert nod(follow(states, [None, *[STAY] * 239])) < 0.35 * raw
    assert nod(follow(states, [None] * 240)) > 0.5 * raw


def test_a_real_turn_is_followed() -> None:
    """30 degrees in half a second; the pixels of the face wander with it."""
    random = np.random.default_rng(0)
    yaw = np.concatenate([np.zeros(30), np.linspace(0, 30, 16), np.full(30, 30.0)])
    states = [noisy(make_state(angles=(a, 0.0, 0.0)), random, 0.15) for a in yaw]
    side = 850 * 0.02 * np.sin(np.radians(yaw))  # the front of the face is nearer than its middle
    faces = follow(states, [None, *(shift(d) for d in np.diff(side))])
    got = np.array([face.pose.yaw_deg for face in faces])
    assert abs(got[-15:].mean() - 30.0) < 1.0
    assert np.abs(got - yaw)[30:46].max() < 8.0
    assert np.abs(x_of(faces) - 320.0).max() < 0.05 * 850 * 0.15 * 2


def test_pixels_that_lie_are_overruled_within_a_second() -> None:
    """A hand drags the pixels by a quarter of the face; the network stays."""
    random = np.random.default_rng(0)
    states = [noisy(make_state(), random, 0.2) for _ in range(90)]
    motions: list[np.ndarray | None] = [None, *[STAY] * 89]
    motions[40:44] = [shift(8.0)] * 4
    x = x_of(follow(states, motions))
    assert np.abs(x[70:] - 320.0).max() < 3.0


def test_a_jump_that_pixels_missed_is_taken() -> None:
    """A cut to the same person elsewhere: pixels say nothing for a frame."""
    random = np.random.default_rng(0)
    states = [noisy(make_state((320.0 if i < 45 else 420.0, 240.0)), random, 0.2) for i in range(70)]
    motions: list[np.ndarray | None] = [None, *[STAY] * 69]
    motions[45] = None
    x = x_of(follow(states, motions))
    assert np.abs(x[49:] - 420.0).max() < 3.0


def test_without_pixels_for_some_frames_nothing_jumps() -> None:
    random = np.random.default_rng(0)
    states = [noisy(make_state(), random, 0.4) for _ in range(120)]
    motions = [None if i % 7 == 3 else STAY for i in range(120)]
    faces = follow(states, motions)
    assert stillness(points(faces)[40:]) < 0.35 * stillness(points(map(make_face, states))[40:])


def test_a_motion_over_a_missed_frame_is_not_used() -> None:
    """`carried` tells of the frame before; after a gap that is not the filter's last frame."""
    stabilizer = Stabilizer("default")
    state = make_state()
    for i in range(20):
        stabilizer.apply(result_of(i / 30, replace(make_face(state), carried=STAY)))
    stabilizer.apply(result_of(20 / 30))
    back = stabilizer.apply(result_of(21 / 30, replace(make_face(state), carried=shift(50.0)))).faces[0]
    assert abs(float(back.state.centre[0]) - 320.0) < 1.0


@pytest.mark.parametrize("offset", [-64.0, 2.0**18])
def test_shifting_all_time_stamps_changes_nothing_with_pixels(offset: float) -> None:
    random = np.random.default_rng(3)
    faces = [
        replace(make_face(noisy(make_state((320.0 + i, 240.0)), random)), carried=shift(1.0) if i else None)
        for i in range(40)
    ]
    one, other = Stabilizer("default"), Stabilizer("default")
    for i, face in enumerate(faces):
        a = one.apply(result_of(i / 32, face)).faces[0].state
        b = other.apply(result_of(offset + i / 32, face)).faces[0].state
        np.testing.assert_allclose(a.centre, b.centre, atol=1e-6)


@pytest.mark.parametrize("fps", [10, 30, 60, 120])
def test_similar_calm_at_any_frame_rate(fps: int) -> None:
    random = np.random.default_rng(0)
    states = [noisy(make_state(), random, 0.4) for _ in range(240)]
    faces = follow(states, [None, *[STAY] * 239], fps=float(fps))
    assert stillness(points(faces)[80:]) < 0.4 * stillness(points(map(make_face, states))[80:])


@pytest.mark.parametrize("seen", [True, False])
def test_a_head_that_darts_about_is_not_left_behind(seen: bool) -> None:
    """Jerks of up to 300 px/s, with and without the pixels' word, after a long rest that taught the filter calm."""
    random = np.random.default_rng(3)
    rest = np.full(90, 320.0)
    jerks = 320.0 + np.cumsum(np.repeat(random.choice([-10.0, 0.0, 10.0], 20), 6))
    way = np.concatenate([rest, jerks])
    motions = [None, *(shift(d) for d in np.diff(way))] if seen else [None] * len(way)
    found = x_of(follow([make_state((x, 240.0)) for x in way], motions))
    size = FACE_M * make_state((0.0, 0.0)).scale
    assert np.abs(found - way).max() < 0.03 * size


def test_a_fast_head_whose_pixels_blur_is_not_left_behind() -> None:
    """Half a face to and fro at 2 Hz, the network unsure, no pixel followed: never a tenth of the face behind."""
    random, t = np.random.default_rng(0), np.arange(120)
    way = 320.0 + np.where(t < 45, 0.0, 60.0 * np.sin(2 * np.pi * 2.0 * (t - 45) / 30))
    doubt = [np.array([8.0 if i >= 45 else 0.0] + [0.0] * 7) for i in t]
    states = [noisy(make_state((x, 240.0), spread=s), random, 0.4) for x, s in zip(way, doubt, strict=True)]
    motions = [None, *(STAY if i < 45 else None for i in t[1:])]
    assert np.abs(x_of(follow(states, motions)) - way)[45:].max() < 0.1 * 850 * 0.15


def test_a_trembling_picture_is_calmed_though_its_pixels_tell_of_it() -> None:
    """A third of a pixel to and fro, as a hand-held camera does: the filter need not follow it at once."""
    random = np.random.default_rng(4)
    way = 320.0 + random.normal(0.0, 0.3, 150)
    motions = [None, *(shift(d) for d in np.diff(way))]
    found = x_of(follow([noisy(make_state((x, 240.0)), random, 0.2) for x in way], motions))[30:]
    assert np.abs(np.diff(found, 2)).mean() < 0.4 * np.abs(np.diff(way[30:], 2)).mean()
    assert np.abs(found - way[30:]).max() < 0.01 * FACE_M * 850


@given(away=st.floats(-2.0, 2.0), length=st.floats(0.001, 0.1))
@settings(max_examples=50, deadline=None)
def test_a_leash_holds_and_does_not_jerk(away: float, length: float) -> None:
    told = point_of(make_state())
    unit, reach = units(told), np.full(7, length)

    def held(share: float) -> float:
        x = np.zeros(told.values.size)
        x[3] = share * length * unit[3]
        drawn = within(told.plus(x).pose, told.pose, unit, reach).minus(told.pose)
        return float(drawn[3] / (length * unit[3]))

    assert abs(held(away)) <= min(abs(away), 1.0) + 1e-9
    assert abs(held(away + 0.01) - held(away)) < 0.02


def test_a_word_that_jumps_while_the_pixels_rest_does_not_jerk_the_head() -> None:
    """Eyes squeezed shut: for a third of a second the network sees the head lower by three pixels."""
    states = [make_state((320.0, 240.0 + (3.0 if 40 <= i < 50 else 0.0))) for i in range(90)]
    y = np.array([float(face.state.centre[1]) for face in follow(states, [None, *[STAY] * 89])])
    assert np.abs(np.diff(y, 2)).max() < 0.12 * 3.0


def test_a_head_whose_pixels_are_lost_now_and_then_goes_on_as_it_went() -> None:
    random, t = np.random.default_rng(2), np.arange(120)
    way = 320.0 + 80.0 * np.sin(2 * np.pi * t / 60)
    states = [noisy(make_state((x, 240.0)), random, 0.6) for x in way]
    motions = [None, *(None if i % 3 else shift(step) for i, step in enumerate(np.diff(way)))]
    found, told = x_of(follow(states, motions)), np.array([float(state.centre[0]) for state in states])
    off, noise = ((x - way)[30:] for x in (found, told))
    assert np.abs(np.diff(off, 2)).mean() < 0.73 * np.abs(np.diff(noise, 2)).mean()
    assert np.abs(off).max() < 0.03 * FACE_M * 850
