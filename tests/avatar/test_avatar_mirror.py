"""Reading a photograph in its mirror image, too."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from tracker import assets
from tracker.avatar.build import photographed, read_picture, shot_of_picture
from tracker.avatar.fit import Seen, landmarks_of
from tracker.avatar.mirror import both_ways, mean_of, unmirrored
from tracker.avatar.render import viewpoint
from tracker.detection.follow import FaceTracker
from tracker.head import EXPRESSIONS, Basis, expression_flip, load_head
from tracker.types import Face, Image

SIZE = 256


@lru_cache(maxsize=1)
def tracker() -> FaceTracker:
    return FaceTracker(engine="onnx", max_faces=3)


@lru_cache(maxsize=1)
def photo() -> Image:
    return read_picture(assets.ROOT / "demo" / "grace_hopper.jpg")


def winking(yaw: float, lid: str) -> Seen:
    expression = np.zeros(52, np.float32)
    expression[EXPRESSIONS.index(lid)] = 0.8
    return landmarks_of(Face(replace(viewpoint(yaw, 0, SIZE), expression=expression), Basis(load_head())))


def test_a_mirrored_face_is_the_face_again() -> None:
    seen, other = winking(20, "eyeBlinkLeft"), unmirrored(winking(-20, "eyeBlinkRight"), SIZE)
    assert np.abs(other.at - seen.at).max() < 0.3  # the head's own points are symmetric but for a tenth of a millimetre
    assert np.allclose(other.std, seen.std, rtol=1e-3)
    assert np.allclose(other.start.expression, seen.start.expression)
    both = mean_of(seen, replace(other, at=other.at + 2))
    assert np.allclose(both.at, seen.at + 1, atol=0.15) and np.array_equal(both.start.rotation, seen.start.rotation)


def test_the_partner_of_a_partner_is_the_shape_itself() -> None:
    flip = expression_flip()
    assert np.array_equal(flip[flip], np.arange(52)) and flip[EXPRESSIONS.index("jawOpen")] == EXPRESSIONS.index(
        "jawOpen"
    )


def test_a_picture_and_its_mirror_image_say_the_same_together() -> None:
    shot = shot_of_picture(photo(), "photo", tracker())
    assert shot.both is not None and shot.seen is shot.both
    image = np.ascontiguousarray(shot.image[:, ::-1])
    face = tracker().detect(image)[0]
    alone, together = (
        float(np.linalg.norm(unmirrored(mirrored, len(image)).at - seen.at, axis=1).mean())
        for seen, mirrored in (
            (landmarks_of(shot.face), landmarks_of(face)),
            (shot.both, both_ways(image, face, tracker())),
        )
    )
    assert together < 0.5 * alone


def test_a_mirror_image_without_the_face_is_left_out() -> None:
    shot = shot_of_picture(photo(), "photo", tracker())
    half = shot.image.copy()
    half[:, : len(half) // 2] = half[:, : len(half) // 2].mean((0, 1)).astype(np.uint8)
    away = replace(shot.face.state, centre=np.array([2000.0, 2000.0], np.float32))
    face = shot.face.with_state(away)
    assert np.array_equal(both_ways(half, face, tracker()).at, landmarks_of(face).at)


def test_a_clips_frame_is_looked_at_as_a_photograph_is() -> None:
    shot = replace(shot_of_picture(photo(), "photo", tracker()), both=None)
    assert shot.seen.at == pytest.approx(landmarks_of(shot.face).at)
    again = photographed(shot, tracker())
    assert again.both is not None and again.both.at == pytest.approx(shot.seen.at, abs=0.06 * shot.face.size_px)
