"""The demo's claims, held against its pixels: the motion is the truth, the noise is a sensor's, a seed is a film."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from tracker.capture import open_source
from tracker.capture.demo import FACE_CENTRE, PHOTO, DemoSource, HandHeld
from tracker.capture.images import load_image
from tracker.errors import SourceError
from tracker.types import Frame

FACE = np.array([[160, 140, 1], [375, 140, 1], [375, 338, 1], [160, 338, 1]], float).T
"""Corners of the face in the photograph, from the cap's brim to the chin."""


def to_photo(frame: Frame) -> np.ndarray:
    """The frame warped back by its own motion: what the photograph should look like."""
    assert frame.motion is not None
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    pixel_motion = np.linalg.inv(half) @ frame.motion @ half  # between indices, for OpenCV
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(frame.image, pixel_motion, (512, 600), flags=flags)


def offset(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Pixels (x, y) by which `b` is shifted against `a`, by phase correlation over the face."""
    x, y = (int(v) for v in FACE_CENTRE)
    window = np.s_[y - 96 : y + 96, x - 96 : x + 96]
    greys = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[window].astype(np.float32) for image in (a, b)]
    (dx, dy), _ = cv2.phaseCorrelate(*greys, cv2.createHanningWindow((192, 192), cv2.CV_32F))
    return dx, dy


@pytest.mark.parametrize("index", [0, 37, 200, 871])
def test_the_motion_is_the_truth(index: int) -> None:
    shot = DemoSource(3).render(index)
    back = to_photo(Frame(shot.image, 0.0, index, shot.motion))
    dx, dy = offset(load_image(PHOTO), back)
    assert np.hypot(dx, dy) < 0.06


def test_the_check_of_the_motion_would_see_a_tenth_of_a_pixel() -> None:
    shot = DemoSource(3).render(37)
    assert shot.motion is not None
    wrong = np.array([[1, 0, 0.15], [0, 1, 0], [0, 0, 1]]) @ shot.motion
    dx, dy = offset(load_image(PHOTO), to_photo(Frame(shot.image, 0.0, 37, wrong)))
    assert np.hypot(dx, dy) > 0.1


def test_without_noise_and_motion_the_pixels_are_the_photograph() -> None:
    source = DemoSource(0, motion=0.0, noise=0.0)
    shot = source.render(0)
    back = to_photo(Frame(shot.image, 0.0, 0, shot.motion)).astype(float)
    x, y = (int(v) for v in FACE_CENTRE)
    face = np.s_[y - 90 : y + 90, x - 90 : x + 90]
    exposed = 255 * np.minimum(source.camera.exposure(0.0) * (load_image(PHOTO) / 255.0) ** 2.2, 1) ** (1 / 2.2)
    assert np.median(np.abs(back[face] - exposed[face])) < 2.5


@pytest.mark.parametrize("seed", range(8))
def test_the_face_stays_in_the_picture_and_of_good_size(seed: int) -> None:
    camera = HandHeld(seed)
    corners = np.stack([camera.motion(t) @ FACE for t in np.arange(0, 120, 0.1)])
    assert corners[:, 0].min() > 40
    assert corners[:, 0].max() < 600
    assert corners[:, 1].min() > 20
    assert corners[:, 1].max() < 470
    heights = [198 * np.linalg.norm(camera.motion(t)[:2, 1]) for t in np.arange(0, 120, 0.1)]
    assert 130 < min(heights) < max(heights) < 220


def test_the_camera_moves_smoothly_and_enough() -> None:
    camera = HandHeld(0)
    way = np.array([(camera.motion(i / 30) @ [*FACE_CENTRE, 1])[:2] for i in range(1800)])
    assert (np.ptp(way, axis=0) > (90, 40)).all()
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    assert steps.max() < 9
    assert 0.3 < np.median(steps) < 4


def test_a_still_camera_gives_the_same_picture_under_fresh_noise() -> None:
    shots = [DemoSource(5, motion=0.0).render(i) for i in range(24)]
    assert all(np.array_equal(shot.motion, shots[0].motion) for shot in shots)
    assert not any(np.array_equal(a.image, b.image) for a, b in itertools.pairwise(shots))
    stack = np.stack([shot.image for shot in shots]).astype(float)
    clean = DemoSource(5, motion=0.0, noise=0.0).render(0).image
    middle = (clean > 40) & (clean < 220)
    assert np.abs(stack.mean(0)[middle] - clean[middle]).mean() < 0.8  # no bias
    spread = stack.std(0)
    dark, bright = (clean > 20) & (clean < 60), (clean > 150) & (clean < 220)
    assert 1.5 < spread[bright].mean() < spread[dark].mean() < 6  # in encoded values the shadows are noisier


def test_the_noise_of_successive_frames_is_independent() -> None:
    source = DemoSource(5, motion=0.0)
    clean = DemoSource(5, motion=0.0, noise=0.0).render(0).image.astype(float)
    noise = [(source.render(i).image - clean).ravel() for i in range(6)]
    apart = np.corrcoef(noise)[~np.eye(6, dtype=bool)]
    assert np.abs(apart).max() < 0.02


def test_a_seed_is_a_film() -> None:
    first, again, other = (list(open_source(f"demo:{seed}?frames=5")) for seed in (7, 7, 8))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].motion, other[0].motion)
    assert not np.array_equal(first[0].image, other[0].image)


def test_length_rate_and_size() -> None:
    with open_source("demo?frames=4&width=320&height=180&fps=60") as source:
        frames = list(source)
        assert (source.info.frames, source.info.width, source.info.height, source.info.fps) == (4, 320, 180, 60)
    assert [f.image.shape for f in frames] == [(180, 320, 3)] * 4
    np.testing.assert_allclose([f.time for f in frames], np.arange(4) / 60)
    assert open_source("demo").info.frames == 300
    assert open_source("demo", realtime=True).info.frames is None
    assert open_source("demo", realtime=True).info.live


def test_a_loop_of_the_demo_goes_on() -> None:
    source = open_source("demo?frames=2", loop=True)
    times = [f.time for f in (source.read() for _ in range(5)) if f is not None]
    np.testing.assert_allclose(times, np.arange(5) / 30)


@pytest.mark.parametrize("text", ["demo?speed=2", "demo?frames=many", "demo?frames=0", "demo?fps=-1", "demo?width=2"])
def test_wrong_options_are_refused(text: str) -> None:
    with pytest.raises(SourceError, match="demo"):
        open_source(text)
