"""Crops: the half pixels, the reduction of large faces, and the hysteresis."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.detection.crop import (
    CROP,
    ROI,
    Shrunk,
    apply,
    compose,
    invert,
    roll_of,
    sample,
    sample_grey,
    scale_of,
    similarity,
)
from tracker.detection.normalizer import crop_of, plain_crop, settle

angles = st.floats(-3.0, 3.0)
sides = st.floats(20.0, 2000.0)


def spot(size: int, x: float, y: float, sigma: float) -> np.ndarray:
    """A bright spot at pixel position (x, y), the first pixel's centre being (0.5, 0.5)."""
    i = np.arange(size) + 0.5
    value = 255 * np.exp(-((i[None] - x) ** 2 + (i[:, None] - y) ** 2) / (2 * sigma**2))
    return np.repeat(value[..., None], 3, 2).astype(np.uint8)


def middle(image: np.ndarray) -> np.ndarray:
    weight = image[..., 0].astype(np.float64)
    i = np.arange(image.shape[0]) + 0.5
    return np.array([(weight.sum(0) * i).sum(), (weight.sum(1) * i).sum()]) / weight.sum()


@given(roll=angles, side=sides, x=st.floats(-100, 900), y=st.floats(-100, 900))
def test_inverse_and_parts_of_a_similarity(roll: float, side: float, x: float, y: float) -> None:
    affine = similarity((x, y), side, roll, CROP)
    points = np.array([[0.0, 0.0], [56.0, 56.0], [112.0, 3.0]])
    assert np.allclose(apply(invert(affine), apply(affine, points)), points, atol=2e-3)
    assert np.allclose(apply(affine, points[1:2])[0], (x, y), atol=1e-3)
    assert scale_of(affine) == pytest.approx(side / CROP)
    assert np.cos(roll_of(affine) - roll) == pytest.approx(1.0)


@pytest.mark.parametrize("side", [60.0, 112.0, 200.0, 390.0, 700.0])
@pytest.mark.parametrize("roll", [0.0, 0.6])
def test_a_spot_is_sampled_where_the_affine_says(side: float, roll: float) -> None:
    """To a twentieth of a crop pixel, at every scale, reduced or not."""
    image = spot(800, 411.3, 388.9, sigma=side / 20)
    affine = similarity((405.0, 395.0), side, roll, CROP)
    expected = apply(invert(affine), np.array([[411.3, 388.9]]))[0]
    assert np.abs(middle(sample(image, affine, CROP)) - expected).max() < 0.05


def test_beyond_the_frame_is_black() -> None:
    image = np.full((50, 50, 3), 200, np.uint8)
    out = sample(image, similarity((0.0, 0.0), 80.0, 0.0, CROP), CROP)
    assert out[:50, :50].max() == 0
    assert out[70:100, 70:100].min() == 200


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (4320, 7680)])
def test_any_frame_can_be_sampled(shape: tuple[int, int]) -> None:
    image = np.zeros((*shape, 3), np.uint8)
    for side in (0.5, 40.0, 5000.0):
        assert sample(image, similarity((shape[1] / 2, shape[0] / 2), side, 0.3, CROP), CROP).shape == (CROP, CROP, 3)


def test_large_faces_do_not_alias() -> None:
    """A fine chequerboard under a face ten times the crop averages to grey."""
    board = (np.indices((1200, 1200)).sum(0) % 2 * 255).astype(np.uint8)
    out = sample(np.repeat(board[..., None], 3, 2), similarity((600.0, 600.0), 1120.0, 0.2, CROP), CROP)
    assert 110 < out[20:90, 20:90].mean() < 145
    assert out[20:90, 20:90].std() < 12


def test_the_normalizers_zero_is_the_plain_crop() -> None:
    region = similarity((100.0, 80.0), 150.0, 0.1, ROI)
    assert np.allclose(crop_of(region, np.zeros(4, np.float32)), plain_crop(region))
    assert scale_of(plain_crop(region)) * CROP == pytest.approx(0.78 * 150.0)


def test_the_crop_settles_on_a_still_face_and_follows_a_moving_one() -> None:
    kept = similarity((100.0, 100.0), 120.0, 0.0, CROP)
    assert settle(similarity((101.0, 100.0), 121.0, 0.01, CROP), kept) is kept
    for moved in (
        similarity((106.0, 100.0), 120.0, 0.0, CROP),
        similarity((100.0, 100.0), 130.0, 0.0, CROP),
        similarity((100.0, 100.0), 120.0, 0.1, CROP),
    ):
        assert settle(moved, kept) is moved


def test_composition_is_one_after_the_other() -> None:
    outer, inner = similarity((10.0, 20.0), 300.0, 0.4, ROI), similarity((70.0, 75.0), 110.0, -0.2, CROP)
    points = np.random.default_rng(0).uniform(0, CROP, (5, 2))
    assert np.allclose(apply(compose(outer, inner), points), apply(outer, apply(inner, points)), atol=1e-3)


def test_opencv_reads_the_same_half_pixels() -> None:
    """The identity crop is the picture itself."""
    image = np.random.default_rng(1).integers(0, 256, (CROP, CROP, 3), dtype=np.uint8)
    assert np.array_equal(sample(image, similarity((56.0, 56.0), 112.0, 0.0, CROP), CROP), image)


def test_what_was_shrunk_for_one_crop_serves_the_next_alike() -> None:
    image = np.random.default_rng(4).integers(0, 256, (413, 517, 3), dtype=np.uint8)
    picture = Shrunk(image)
    for centre, side, roll in (
        ((200, 210), 300, 0.1),
        ((203, 208), 305, 0.12),
        ((60, 50), 560, 0.0),
        ((300, 200), 180, 0),
    ):
        crop = similarity(centre, side, roll, CROP)
        # OpenCV counts places in 1/32 pixels, from where the shrunk part begins.
        np.testing.assert_allclose(sample(picture, crop, CROP).astype(int), sample(image, crop, CROP), atol=2)
        grey = cv2.cvtColor(sample(image, crop, CROP), cv2.COLOR_RGB2GRAY).astype(int)
        np.testing.assert_allclose(sample_grey(picture, crop, CROP).astype(int), grey, atol=3)
    kept = picture.part(2, 100, 100, 200, 200)[0]
    assert picture.part(2, 104, 96, 208, 204)[0] is kept
