"""Learning what people call hidden."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from tracker.head import load_head
from tracker.head.occlusion import POINTS, seen_share
from tracker.training.occlusion import fit_occlusion


def test_thresholds_are_found_again_from_flags() -> None:
    random = np.random.default_rng(3)
    flip = load_head().layouts["merl68"].flip
    truth = np.concatenate([random.uniform(2, 6, (POINTS, 1)), random.normal(0, 4, (POINTS, 3))], 1)
    truth = 0.5 * (truth + truth[flip] * (1, -1, 1, 1))
    towards = random.normal(size=(3000, 3)) * (1, 0.4, 1)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    share = np.stack([seen_share(truth.astype(np.float32), t) for t in towards])
    flags = np.where(random.random(share.shape) < share, 2, 0).astype(np.int8)
    flags[random.random(share.shape) < 0.1] = -1  # without a flag
    found = fit_occlusion(towards, flags, flip)
    again = np.stack([seen_share(found, t) for t in towards[:500]])
    assert np.abs(again - share[:500]).mean() < 0.02


def test_points_that_are_always_seen_stay_seen() -> None:
    flip = load_head().layouts["merl68"].flip
    towards = np.array([[0.0, 0.0, 1.0], [0.5, 0.0, 0.8], [-0.5, 0.1, 0.8]] * 5)
    found = fit_occlusion(towards, np.full((15, POINTS), 2, np.int8), flip)
    assert np.isfinite(found).all()
    assert seen_share(found, np.array([0, 0, 1], np.float32)).min() > 0.9
