"""The photograph that nods and shakes its head, and how late that is told."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tracker import FaceTracker, Frame, Stabilizer
from tracker.head import load_head
from tracker.peers import PeerFace
from tracker.stability import following, measures
from tracker.stability.figures import figures_of
from tracker.stability.nodding import AXES, Axis, filmed, nod, turn_way, turned
from tracker.stability.signals import Picture
from tracker.stability.tracks import RAW, peer_track, track_of
from tracker.types import Face, Pose, rotation_from_angles


@pytest.fixture(scope="module")
def photo() -> Picture:
    return Picture.read(width=400)


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker(engine="onnx")


@pytest.fixture(scope="module")
def face(photo: Picture, tracker: FaceTracker) -> Face:
    tracker.reset()
    return tracker.step(Frame(photo.image, 0.0)).faces[0]


@pytest.mark.parametrize("axis", AXES)
def test_the_nose_goes_where_the_model_has_it_and_far_away_nothing_moves(
    photo: Picture, face: Face, axis: Axis
) -> None:
    state = turned(face.state, 5.0, axis)
    seen = filmed(photo.image, face, state)
    before, after = (f.landmarks_px()[30] for f in (face, face.with_state(state)))
    (x, y), reach = np.rint(before).astype(int), 8
    patch = photo.image[y - reach : y + reach, x - reach : x + reach]
    _, _, _, best = cv2.minMaxLoc(cv2.matchTemplate(seen, patch, cv2.TM_CCOEFF_NORMED))
    np.testing.assert_allclose(np.array(best) + reach - (x, y), after - before, atol=1.0)
    assert np.abs(seen[-40:].astype(float) - photo.image[-40:]).mean() < 0.1
    assert filmed(photo.image, face, face.state) is photo.image


def test_a_turn_is_about_the_neck_and_of_the_angle_that_was_asked_for(face: Face) -> None:
    neck = np.array([[0.0, -0.12, -0.10]], np.float32)
    for axis in AXES:
        state = turned(face.state, 3.0, axis)
        one, other = (Pose(s.rotation, np.zeros(3, np.float32)) for s in (face.state, state))
        assert getattr(other, f"{axis}_deg") - getattr(one, f"{axis}_deg") == pytest.approx(3.0, abs=1e-3)
        np.testing.assert_allclose(state.project(neck), face.state.project(neck), atol=1e-3)


def test_a_turn_begins_at_rest_and_is_the_same_each_time(photo: Picture, face: Face) -> None:
    assert np.abs(turn_way(90)[:20]).max() == 0.0 and 4.0 < np.abs(turn_way(150)).max() < 6.0
    signal = nod(photo, face, "yaw", frames=25)
    assert signal.turn is not None and len(signal.turn) == 25
    first, again = ([frame.image for frame in signal.play()] for _ in range(2))
    assert len(first) == 25 and all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("lag", [0.0, 0.4, 2.5])
def test_lag_and_gain_of_a_turn_are_told_apart(lag: float) -> None:
    truth, frames = turn_way(120), np.arange(120.0)
    told = 7.0 + 0.6 * np.interp(frames - lag, frames, truth)
    found = following.follow_turn(told[20:], truth[20:])
    assert found.lag == pytest.approx(lag, abs=0.06) and found.gain == pytest.approx(0.6, abs=0.01)
    assert np.isnan(following.follow_turn(told * np.nan, truth).lag)
    assert np.isnan(following.follow_turn(told, 0.0 * truth).gain)


def test_true_nods_are_no_leak_of_the_jaw() -> None:
    random = np.random.default_rng(0)
    jaw = np.cumsum(random.normal(0, 0.1, 300)) * 0.1
    nods = -4.0 * jaw + np.cumsum(random.normal(0, 0.3, 300)) * 0.1
    plain = measures.moved_along(nods, jaw, 30.0)
    assert measures.moved_along(nods, jaw, 30.0, nods) < 0.02 * plain
    leaked = nods - 2.0 * jaw
    assert measures.moved_along(leaked, jaw, 30.0, nods) == pytest.approx(plain / 2.0, rel=0.15)
    missing = np.where(np.arange(300) < 150, np.nan, nods)
    assert np.isfinite(measures.moved_along(leaked, jaw, 30.0, missing))


def test_a_peer_has_the_angles_of_its_own_points() -> None:
    head = load_head()
    points = head.layouts["mediapipe478"].of(head.mean) @ rotation_from_angles(12.0, -7.0, 4.0).T
    faces = [PeerFace((500.0 * points + 300.0).astype(np.float32), np.zeros(52, np.float32), 0.0)]
    track = peer_track([*faces, PeerFace(None, np.zeros(0, np.float32), 0.0)])
    assert track.pitch[0] == pytest.approx(-7.0, abs=0.01) and track.yaw[0] == pytest.approx(12.0, abs=0.01)
    assert np.isnan(track.pitch[1]) and np.isnan(track.parallax).all()


def test_the_default_filter_follows_a_nod_within_two_frames(photo: Picture, tracker: FaceTracker, face: Face) -> None:
    """With pixels that told of no turn it came more than two frames late."""
    signal = nod(photo, face, "pitch", frames=60, skip=20)
    assert signal.turn is not None
    tracker.reset()
    stabilizer = Stabilizer()
    raw = [tracker.step(frame) for frame in signal.play()]
    tracks = {RAW: track_of(raw), "default": track_of([stabilizer.apply(result) for result in raw])}
    figures = figures_of(signal, 30.0, None, tracks)
    assert abs(figures["default"]["lag_frames"]) < 1.5
    assert figures["default"]["turn_gain"] > 0.8 * figures[RAW]["turn_gain"]
    assert following.follow_turn(tracks[RAW].parallax[20:], signal.turn[20:]).gain == pytest.approx(1.2, abs=0.35)
