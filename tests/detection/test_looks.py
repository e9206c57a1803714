"""Several looks at a still: their mean."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import make_state

from tracker.detection.crop import CROP, ROI, apply, scale_of, similarity
from tracker.detection.looks import further_crops, mean_state
from tracker.types import rotation_from_angles


def test_the_mean_of_one_state_is_that_state() -> None:
    state = make_state(angles=(20.0, -10.0, 5.0))
    mean = mean_state([state, state])
    assert np.allclose(mean.rotation, state.rotation, atol=1e-6)
    assert mean.scale == pytest.approx(state.scale)
    assert np.allclose(mean.centre, state.centre)


def test_rotations_meet_in_the_middle_across_the_whole_circle() -> None:
    """170 and -170 degrees of roll meet at 180, not at 0."""
    mean = mean_state([make_state(angles=(0.0, 0.0, 170.0)), make_state(angles=(0.0, 0.0, -170.0))])
    assert np.allclose(mean.rotation, rotation_from_angles(0.0, 0.0, 180.0), atol=1e-5)
    assert np.linalg.det(mean.rotation) == pytest.approx(1.0, abs=1e-5)


def test_scales_are_averaged_as_ratios() -> None:
    assert mean_state([make_state(scale=500.0), make_state(scale=2000.0)]).scale == pytest.approx(1000.0)


def test_further_crops_stay_round_the_face() -> None:
    region = similarity((200.0, 150.0), 180.0, 0.2, ROI)
    crops = further_crops(region)
    centres = np.stack([apply(crop, np.array([CROP / 2, CROP / 2])) for crop in crops])
    assert np.allclose(centres.mean(0), (200.0, 150.0), atol=1e-3)
    assert np.linalg.norm(centres - (200.0, 150.0), axis=1).max() < 0.05 * 180
    sides = [scale_of(crop) * CROP for crop in crops]
    assert min(sides) > 0.7 * 180 and max(sides) < 0.85 * 180
