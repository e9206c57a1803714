"""What a session says of itself: counts, speed, and how still raw and filtered landmarks were."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from ..types import Face, Tracked, TrackResult

SUMMARY = "summary.json"
EYE_CORNERS = (36, 45)
"""Of the 68 points: their distance is the inter-ocular distance that stability is given in."""


class Summary(msgspec.Struct, frozen=True):
    """`fps`: frames written per second of the wall clock. `stages_ms`: medians. Accelerations: the mean length of the
    second difference of the 68 points from frame to frame, in percent of the distance of the outer eye corners; None
    where no face was held for three frames. `yaw_deg`: least and greatest of the filtered yaw. `held`: frames in which
    nobody saw a face and the filter still gave one."""

    frames: int
    found: int
    found_share: float
    faces: int
    dropped: int
    duration_s: float
    fps: float
    stages_ms: dict[str, float]
    raw_acceleration: float | None
    stable_acceleration: float | None
    yaw_deg: tuple[float, float] | None
    held: int = 0


class Samples:
    """At most 4096 evenly spread values of a series of unknown length; the median of all in constant memory."""

    def __init__(self, most: int = 4096) -> None:
        self._most, self._step, self._count = most, 1, 0
        self._kept: list[float] = []

    def add(self, value: float) -> None:
        if self._count % self._step == 0:
            self._kept.append(value)
            if len(self._kept) >= self._most:
                self._kept = self._kept[::2]
                self._step *= 2
        self._count += 1

    def median(self) -> float:
        return float(np.median(self._kept)) if self._kept else 0.0


class Acceleration:
    """The running mean of the second difference's length, over faces that keep their id for three frames running."""

    def __init__(self) -> None:
        self._last: dict[int, list[npt.NDArray[np.float64]]] = {}
        self._sum, self._count = 0.0, 0

    def add(self, faces: tuple[Face, ...]) -> None:
        now: dict[int, list[npt.NDArray[np.float64]]] = {}
        for face in faces:
            points = face.landmarks_px("ibug68").astype(np.float64)
            if not np.isfinite(points).all():
                continue
            track = now[face.id] = [*self._last.get(face.id, [])[-2:], points]
            eyes = float(np.linalg.norm(points[EYE_CORNERS[0]] - points[EYE_CORNERS[1]]))
            if len(track) == 3 and eyes > 0.0:
                bend = track[2] - 2.0 * track[1] + track[0]
                self._sum += float(np.linalg.norm(bend, axis=1).mean()) / eyes * 100.0
                self._count += 1
        self._last = now

    def mean(self) -> float | None:
        return self._sum / self._count if self._count else None


class Tally:
    """Counts while frames come; `summary` at any time."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self.frames = self._found = self._held = self._dropped = 0
        self._faces: set[int] = set()
        self._times: tuple[float, float] | None = None
        self._yaw: tuple[float, float] | None = None
        self._stages: dict[str, Samples] = {}
        self._raw, self._stable = Acceleration(), Acceleration()

    def add(self, tracked: Tracked) -> None:
        raw, stable = tracked.raw, tracked.stable
        self.frames += 1
        self._found += bool(raw.faces)
        self._held += not raw.faces and bool(stable.faces)
        self._dropped += raw.dropped
        self._faces.update(face.id for face in raw.faces)
        self._times = (self._times[0] if self._times else raw.frame.time, raw.frame.time)
        self._time(raw.timings, stable.timings)
        self._raw.add(raw.faces)
        self._stable.add(stable.seen)
        self._turn(stable)

    def _time(self, *timings: Mapping[str, float]) -> None:
        for stage, seconds in {k: v for part in timings for k, v in part.items()}.items():
            self._stages.setdefault(stage, Samples()).add(seconds)

    def _turn(self, stable: TrackResult) -> None:
        for yaw in (face.pose.yaw_deg for face in stable.faces):
            if np.isfinite(yaw):
                self._yaw = (min(self._yaw[0], yaw), max(self._yaw[1], yaw)) if self._yaw else (yaw, yaw)

    def summary(self) -> Summary:
        took = time.monotonic() - self._begun
        return Summary(
            frames=self.frames,
            found=self._found,
            found_share=self._found / self.frames if self.frames else 0.0,
            faces=len(self._faces),
            dropped=self._dropped,
            duration_s=self._times[1] - self._times[0] if self._times else 0.0,
            fps=self.frames / took if took > 0 else 0.0,
            stages_ms={stage: samples.median() * 1e3 for stage, samples in self._stages.items()},
            raw_acceleration=self._raw.mean(),
            stable_acceleration=self._stable.mean(),
            yaw_deg=self._yaw,
            held=self._held,
        )
