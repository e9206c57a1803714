"""Filters live in seconds, not in frames, and keep nothing of faces that are gone."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import make_face, make_state, result_of, run

from tracker.temporal import Stabilizer

FILTERS = ["one_euro", "kalman", "default"]
BROW, SLOW_HZ = 20, 0.5


def late_ms(method: str, fps: int) -> float:
    """By how much a slow, noiseless raising of the brows is given late."""
    times = np.arange(6 * fps) / fps
    turn = 2.0 * np.pi * SLOW_HZ * times
    states = []
    for level in 0.5 + 0.3 * np.sin(turn):
        expression = np.zeros(52)
        expression[BROW] = level
        states.append(make_state(expression=expression))
    given = np.array([f.state.expression[BROW] for f in run(Stabilizer(method), states, fps=fps) if f is not None])
    settled = times > 2.0
    waves = np.stack([np.sin(turn), np.cos(turn), np.ones_like(turn)], axis=1)[settled]
    sine, cosine, _ = np.linalg.lstsq(waves, given[settled], rcond=None)[0]
    return float(np.arctan2(-cosine, sine) / (2.0 * np.pi * SLOW_HZ) * 1e3)


@pytest.mark.parametrize("method", FILTERS)
def test_the_lag_is_of_the_same_size_at_any_frame_rate(method: str) -> None:
    """A filter that counted frames for seconds would be six times as late at 10 frames a second as at 120."""
    lags = [late_ms(method, fps) for fps in (10, 30, 60, 120)]
    assert max(lags) - 2.5 * min(lags) < 1.0


@pytest.mark.parametrize("method", FILTERS)
def test_faces_that_are_gone_are_forgotten(method: str) -> None:
    """A crowd walks by, each face for one frame: memory does not grow with it."""
    stabilizer = Stabilizer(method)
    for i in range(200):
        stabilizer.apply(result_of(i / 30, make_face(make_state((30.0 * (i % 20), 240.0)), i)))
    assert len(stabilizer._tracks) < 20
