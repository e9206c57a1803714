"""The head model: a person's shape is not a pose."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from tracker.head import load_head
from tracker.head.model import _nearest_on_triangle, turning


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


def test_nothing_of_a_triangle_is_nearer_than_its_nearest_point() -> None:
    random = np.random.default_rng(5)
    triangles, points = random.normal(size=(200, 3, 3)), 1.5 * random.normal(size=(200, 3))
    weights = _nearest_on_triangle(points, triangles)
    assert weights.min() >= 0.0 and np.allclose(weights.sum(1), 1.0)
    steps = np.linspace(0.0, 1.0, 41)
    grid = np.array([(1 - u - v, u, v) for u in steps for v in steps if u + v <= 1.0 + 1e-9])
    tried = np.linalg.norm(np.einsum("kv,nvc->nkc", grid, triangles) - points[:, None], axis=-1).min(1)
    found = np.linalg.norm(np.einsum("nv,nvc->nc", weights, triangles) - points, axis=-1)
    assert (found <= tried + 1e-9).all() and np.median(tried - found) < 0.01
