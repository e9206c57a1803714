"""How long a filter takes for one face: pose and all coefficients, and 478 landmarks evaluated from them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..temporal import Stabilizer
from ..types import Face, TrackResult

LAYOUT = "mediapipe478"


def stabilizer_ms(results: Sequence[TrackResult], method: str, rounds: int = 3) -> float:
    """Median milliseconds a frame with a face, on the thread that calls: `apply`, then the stabilized pose and its 478
    points in pixels. The raw face's own deviations, which the tracker has evaluated by then, are not counted."""
    spent: list[float] = []
    for turn in range(rounds + 1):
        stabilizer = Stabilizer(method)
        for result in results:
            fresh = replace(result, faces=tuple(_as_tracked(face) for face in result.faces))
            begun = time.perf_counter()
            stable = stabilizer.apply(fresh)
            for face in stable.faces:
                face.landmarks_px(LAYOUT)
                _ = face.pose
            if result.faces and turn:  # the first round warms up
                spent.append(time.perf_counter() - begun)
    return float(np.median(spent)) * 1e3 if spent else float("nan")


def _as_tracked(face: Face) -> Face:
    """Nothing evaluated but what the tracker needs to believe in it."""
    fresh = face.with_state(face.state)
    fresh.std_px("ibug68")
    return fresh
