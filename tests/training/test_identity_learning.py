"""Learning what one picture tells of a person's shape."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from tracker.training.identity import covariances, telling

BETWEEN, WITHIN = np.diag([4.0, 1.0, 0.25]), np.diag([0.25, 1.0, 4.0])


def test_what_persons_and_what_pictures_differ_by_are_parted() -> None:
    random = np.random.default_rng(6)
    people = [
        person + random.normal(size=(random.integers(2, 5), 3)) @ np.sqrt(WITHIN)
        for person in random.normal(size=(4000, 3)) @ np.sqrt(BETWEEN)
    ]
    between, within = covariances(people)
    assert np.allclose(between, BETWEEN, atol=0.3) and np.allclose(within, WITHIN, atol=0.3)


def test_noise_alone_tells_nothing_of_persons() -> None:
    random = np.random.default_rng(7)
    between, within = covariances([random.normal(size=(3, 2)) for _ in range(3000)])
    assert np.allclose(within, np.eye(2), atol=0.1) and np.abs(between).max() < 0.1
    assert np.linalg.eigvalsh(between).min() >= -1e-12


def test_a_direction_is_kept_as_far_as_it_tells_persons_apart() -> None:
    assert np.allclose(np.diag(telling(BETWEEN, WITHIN)), [4 / 4.25, 0.5, 0.25 / 4.25])
    # What comes and goes together with something that is nobody's own is taken for it.
    told = telling(np.diag([1.0, 0.0]), np.array([[1.0, 0.9], [0.9, 1.0]]))
    assert told @ [1.0, 0.0] == pytest.approx([1 / 1.19, 0.0])
    assert told @ [1.0, 1.0] == pytest.approx([0.1 / 1.19, 0.0], abs=1e-6)
