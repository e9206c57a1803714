"""The photograph that talks: what moves in it, and how a nod that follows the jaw is told."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import FaceTracker, Frame
from tracker.stability.figures import figures_of
from tracker.stability.signals import Picture, Signal
from tracker.stability.talking import jaw_way, opened, talk
from tracker.stability.tracks import Track
from tracker.types import Face


@pytest.fixture(scope="module")
def photo() -> Picture:
    return Picture.read(width=400)


@pytest.fixture(scope="module")
def face(photo: Picture) -> Face:
    return FaceTracker(engine="onnx").step(Frame(photo.image, 0.0)).faces[0]


def test_a_jaw_that_opens_moves_the_mouth_and_not_the_eyes(photo: Picture, face: Face) -> None:
    points = face.landmarks_px()
    changed = np.abs(opened(photo.image, face, 0.5).astype(float) - photo.image).mean(-1)
    (x0, _), (x1, y1) = points[36:48].min(0).astype(int), points[36:48].max(0).astype(int)
    assert changed[:y1, x0:x1].mean() < 1.0
    (x0, y0), (x1, y1) = points[48:68].min(0).astype(int), points[48:68].max(0).astype(int)
    assert changed[y0:y1, x0:x1].mean() > 10.0
    assert changed[:, : max(int(face.bbox[0] - 0.3 * face.size_px), 1)].max() == 0.0
    assert opened(photo.image, face, 0.0) is photo.image


def test_a_jaw_out_of_the_picture_is_no_error(photo: Picture, face: Face) -> None:
    cut = np.ascontiguousarray(photo.image[: int(face.landmarks_px()[57, 1])])
    assert opened(cut, face, 0.7).shape == cut.shape


def test_a_talk_begins_with_a_shut_mouth_and_is_the_same_each_time(photo: Picture, face: Face) -> None:
    way = jaw_way(90)
    assert way[:20].max() == 0.0 and 0.2 < way.max() <= 0.7
    signal = talk(photo, face, frames=25)
    first, again = ([frame.image for frame in signal.play()] for _ in range(2))
    assert len(first) == 25 and all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_what_is_kept_of_a_nod_is_told_against_the_true_jaw() -> None:
    jaw, points = jaw_way(90), np.zeros((90, 68, 2))
    points[:, 36:42, 0] = 100.0
    drift = np.linspace(0.0, 5.0, 90)  # a head that turns slowly does not nod
    none = 0.0 * jaw
    nods = (("raw", -3.0), ("default", -0.6))
    tracks = {name: Track(points, nod * jaw + drift, none, none, none) for name, nod in nods}
    signal = Signal("talking", "talk", lambda: iter(()), skip=20, jaw=jaw)
    figures = figures_of(signal, 30.0, None, tracks)
    assert figures["raw"]["pitch_kept"] == pytest.approx(1.0)
    assert figures["default"]["pitch_kept"] == pytest.approx(0.2, abs=0.05)
