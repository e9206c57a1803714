"""How far a turning head is believed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from tracker.detection.spin import STILL, Spin
from tracker.types import Array


def turning(way: npt.NDArray[np.float64], pulls: Array, fps: float = 30.0) -> Spin:
    """After a way (T,) radians, with what the fields say (T, 72)."""
    spin = STILL
    for (before, after), pull in zip(pairwise(way), pulls[1:], strict=True):
        spin = spin.then(complex(0.0, after - before), pull, 1.0 / fps)
    return spin


def odd(size: float, frames: int = 31) -> Array:
    random = np.random.default_rng(0)
    return np.asarray(size * random.standard_normal((frames, 72)), np.float32)


RAMP = np.linspace(0.0, 0.3, 31)


def test_what_all_fields_say_is_believed() -> None:
    spin = turning(RAMP, odd(0.0))
    assert spin.mean == pytest.approx(0.3j, rel=1e-3) and spin.latest == pytest.approx(0.3j)
    assert spin.variance == 0.0 and spin.belief > 0.99


def test_what_the_fields_do_not_agree_on_is_not() -> None:
    beliefs = [turning(RAMP, odd(size)).belief for size in (1e-4, 3e-4, 1e-3, 3e-3)]
    assert beliefs == sorted(beliefs, reverse=True)
    assert beliefs[0] > 0.9 and beliefs[-1] < 0.01


def test_a_lasting_disagreement_is_no_noise() -> None:
    """Light that has changed since the picture was taken: what counts is what changes between frames."""
    assert turning(RAMP, np.repeat(odd(0.01, 1), 31, axis=0)).belief > 0.9


def test_its_variance_is_that_of_the_sum_of_the_fields() -> None:
    """The turn's own noise, of which each field has a part."""
    parts = odd(1e-3, 3000)
    spin, found = STILL, []
    for before, after in pairwise(parts):
        spin = spin.then(complex(*(after - before).reshape(2, 36).sum(1).tolist()), after, 1 / 30)
        found.append((abs(spin.mean) ** 2, spin.variance))
    true, said = np.mean(found[30:], axis=0)
    assert said == pytest.approx(true, rel=0.1)


def test_the_slowest_turns_are_not_told_from_none() -> None:
    assert turning(RAMP / 60.0, odd(0.0)).belief < 0.05
    assert STILL.belief == 0.0


@pytest.mark.parametrize("size", [0.0, 2e-3])
@pytest.mark.parametrize("fps", [15.0, 60.0, 120.0])
def test_a_turn_is_believed_alike_at_any_frame_rate(fps: float, size: float) -> None:
    """Fields that go to and fro at 1 Hz: the same head in the same light."""
    beliefs = []
    for rate in (30.0, fps):
        t = np.arange(round(2.0 * rate) + 1) / rate
        pulls = np.sin(2.0 * np.pi * t)[:, None].astype(np.float32) * odd(size, 1)
        beliefs.append(turning(0.3 * t, pulls, rate).belief)
    assert beliefs[0] == pytest.approx(beliefs[1], abs=0.1)
    assert (beliefs[0] > 0.99) == (size == 0.0) and beliefs[0] > 0.1
