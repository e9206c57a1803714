"""What a running pipeline counts: frames, and how long each stage takes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

_KEPT = 300
"""So many frames' durations."""


@dataclass(frozen=True, slots=True)
class Counters:
    """Frames `captured`, of them `dropped` before tracking, `tracked`, and those with a face, `found`; `errors` of the
    tracker and of sinks; per sink, by its class's name, the frames it did not get."""

    captured: int = 0
    tracked: int = 0
    found: int = 0
    dropped: int = 0
    errors: int = 0
    sink_dropped: Mapping[str, int] = field(default_factory=dict)


class Latency(NamedTuple):
    """Seconds, over the last frames."""

    median: float
    p95: float


class Latencies:
    """The last durations of every stage. Any thread may read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rings: dict[str, deque[float]] = {}

    def add(self, timings: Mapping[str, float]) -> None:
        with self._lock:
            for stage, seconds in timings.items():
                self._rings.setdefault(stage, deque(maxlen=_KEPT)).append(seconds)

    def summary(self) -> dict[str, Latency]:
        """Stage -> its median and 95th percentile."""
        with self._lock:
            rings = {stage: list(ring) for stage, ring in self._rings.items()}
        return {stage: Latency(*(float(v) for v in np.percentile(ring, (50, 95)))) for stage, ring in rings.items()}
