"""The head model: a person's shape is not a pose."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from tracker.head import load_head
from tracker.head.model import turning


def test_no_shape_of_a_head_turns_it() -> None:
    head = load_head()
    rows = head.layouts["aflw2000_68"]
    assert np.degrees(np.abs(turning(rows.of(head.identity), rows.of(head.mean)))).max() < 1e-4


def test_a_small_turn_is_told_from_a_shape() -> None:
    head = load_head()
    points = head.layouts["aflw2000_68"].of(head.mean).astype(np.float64)
    turn = np.array([0.004, -0.002, 0.003])
    middle = points.mean(0)
    moved = Rotation.from_rotvec(turn).apply(points - middle) + middle
    wider = (points - middle) * 0.05
    assert np.allclose(turning((moved - points)[None], points), turn, atol=2e-5)
    assert np.allclose(turning(wider[None], points), 0, atol=1e-9)
