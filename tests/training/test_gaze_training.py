"""Training what reads the sideways look."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from tracker.detection.crop import apply
from tracker.detection.gaze import HEIGHT, INPUTS, SIDE
from tracker.training.gaze import _degraded, _misplaced, fit_gaze


def test_a_look_that_pixels_tell_is_learnt_and_the_same_seed_learns_the_same() -> None:
    random = np.random.default_rng(2)
    inputs = random.normal(size=(1500, INPUTS)).astype(np.float32)
    wanted = np.tanh(inputs[:, 150:160].sum(1) / 3).astype(np.float32)
    reader = fit_gaze(inputs[:1200], wanted[:1200], epochs=25)
    assert np.corrcoef(reader.aside(inputs[1200:]), wanted[1200:])[0, 1] > 0.7
    again = fit_gaze(inputs[:1200], wanted[:1200], epochs=25)
    assert np.array_equal(reader.weights[0], again.weights[0])


def test_cuts_are_misplaced_a_little_about_their_middle_and_pictures_stay_pictures() -> None:
    random = np.random.default_rng(0)
    crop = np.array([[1.5, -0.2, 40.0], [0.2, 1.5, 60.0]])
    middle = np.array([SIDE / 2, HEIGHT / 2])
    off = np.array([apply(_misplaced(crop, random), middle) - apply(crop, middle) for _ in range(200)])
    assert np.abs(off.mean(0)).max() < 0.4
    assert 0.5 < off.std() < 3.0
    image = np.full((60, 60, 3), 128, np.uint8)
    worse = _degraded(image, random)
    assert worse.dtype == np.uint8
    assert worse.shape == image.shape
