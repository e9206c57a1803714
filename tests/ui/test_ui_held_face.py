"""The window does not pass off a face that is held as one that is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtGui import QImage, QPainter
from ui_faces import face_at, tracked

from tracker.types import Face
from ui.face_paint import paint_face
from ui.history import History
from ui.scene import FaceDrawing, Wish, compose
from ui.watch import Watch


def held(face: Face, presence: float = 0.5) -> Face:
    return replace(face, held=0.1, presence=presence)


def painted(face: FaceDrawing) -> np.ndarray:
    """(480, 640): by how much each pixel of a grey picture is changed."""
    image = QImage(640, 480, QImage.Format.Format_RGBA8888)
    image.fill(0xFF808080)
    painter = QPainter(image)
    paint_face(painter, face, 1.0)
    painter.end()
    data = image.constBits()
    assert data is not None
    rows = np.frombuffer(data.asarray(image.sizeInBytes()), np.uint8).reshape(480, 640, 4)
    return np.asarray(np.abs(rows[..., :3].astype(int) - 128).max(2))


@pytest.mark.usefixtures("theme")
def test_a_held_face_is_painted_faded_and_dashed() -> None:
    wish = Wish(640, 480, layout="ibug68", box=True)
    seen, faded = (compose(tracked(raw=(f,)), wish).faces[0] for f in (face_at(), held(face_at())))
    assert not seen.held and faded.held and "held" in faded.label
    assert seen.box is not None
    x0, y0, x1, _ = (round(side) for side in seen.box)
    one, other = painted(seen), painted(faded)
    assert other[y0 + 10 :].max() < 0.7 * one[y0 + 10 :].max()
    upper = slice(y0 - 1, y0 + 2), slice(x0, x1)
    assert (one[upper].max(0) > 40).mean() > 0.99
    assert 0.3 < (other[upper].max(0) > 40).mean() < 0.8


def test_its_net_is_fainter() -> None:
    wish = Wish(640, 480, mesh=True, landmarks=False, axes=False)
    bare = compose(tracked(), wish).image.astype(int)
    seen, faded = (np.abs(compose(tracked(raw=(f,)), wish).image - bare).max() for f in (face_at(), held(face_at())))
    assert 0 < faded < 0.7 * seen


def test_what_is_held_is_no_measurement() -> None:
    """A face that stands still because nobody sees it must not look calm."""
    history = History()
    watch = Watch(history)
    for i in range(40):
        lost = i >= 30
        raw = () if lost else (face_at(x=320 + i % 2),)
        one = tracked(i / 30, raw, (held(face_at()) if lost else face_at(x=320 + i % 2),))
        history.append(one)
        watch.step(one)
    curves = history.curves(9.0)
    assert np.isfinite(curves.stable_jitter[25:30]).all() and np.isnan(curves.stable_jitter[30:]).all()
    assert np.isnan(curves.yaw[30:]).all() and np.isfinite(curves.yaw[:30]).all()
    assert np.isnan(watch.figures()["filtered"].percent)


def test_two_faces_of_which_one_is_held_are_not_mixed_up() -> None:
    """The face that is seen comes first in both results, whatever was first before."""
    history = History()
    for i in range(30):
        seen = face_at(x=500 + i % 2, name=2)
        history.append(tracked(i / 30, (seen,), (seen, held(face_at(name=1)))))
    assert history.shaking[1].percent == pytest.approx(history.shaking[0].percent)
