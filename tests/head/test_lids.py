"""Shapes that act on one another."""

from __future__ import annotations

import numpy as np
import torch

from tracker.head import EXPRESSIONS, load_head, moving
from tracker.training.network import _moving

UPPER, LOWER = 386, 374
"""The middle of the left lids in the mesh of 478 points."""


def shaped(**values: float) -> np.ndarray:
    out = np.zeros(52, np.float32)
    for name, value in values.items():
        out[EXPRESSIONS.index(name)] = value
    return out


def opening(weights: np.ndarray) -> float:
    """How far the left upper lid stands over the lower, metres."""
    head = load_head()
    points = head.layouts["mediapipe478"].of(head.mean + np.tensordot(weights, head.expression, 1))
    return float(points[UPPER, 1] - points[LOWER, 1])


def test_a_closed_eye_that_looks_down_is_closed_and_not_crossed() -> None:
    shut, both = shaped(eyeBlinkLeft=1), shaped(eyeBlinkLeft=1, eyeLookDownLeft=1)
    sign = np.sign(opening(shaped()))
    assert sign * opening(both) < sign * opening(shut) - 0.001  # the plain sum pushes the lid on
    np.testing.assert_array_equal(moving(both), shut)


def test_an_open_eye_looks_down_with_its_lid() -> None:
    down = shaped(eyeLookDownLeft=0.8, eyeLookDownRight=0.3, eyeBlinkRight=0.5)
    moved = moving(down)
    assert moved[EXPRESSIONS.index("eyeLookDownLeft")] == down[EXPRESSIONS.index("eyeLookDownLeft")]
    assert moved[EXPRESSIONS.index("eyeLookDownRight")] == np.float32(0.15)
    assert down[EXPRESSIONS.index("eyeLookDownRight")] == np.float32(0.3)  # what was seen is left as it is


def test_training_moves_the_mesh_alike() -> None:
    some = np.random.default_rng(1).uniform(0, 1, (5, 52)).astype(np.float32)
    np.testing.assert_allclose(_moving(torch.from_numpy(some)).numpy(), moving(some), atol=1e-7)
