"""Sit still for five seconds: a person's own figure, taken live, told in words, and kept.

A living head sways. For the deviation the quadratic through the second around each frame is therefore taken out first,
and what the source knows of its picture's motion; then it is that of a still picture, `measures.still_std`, but without
its slow drift. `measures.acceleration` is the same for both.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import platformdirs

from ..errors import OutputError
from ..whole import whole
from . import measures
from .live import middle_weights, without_motion
from .measures import Floats

COUNTDOWN_S, MEASURE_S = 3.0, 5.0
MOVED = 8.0
"""% of the eyes' distance (about 5 mm): a head that went further did not sit still."""
_GONE_S = 0.3
_RECENT_S = 0.3
_LEAST_FRAMES = 30
RAW, FILTERED = "raw", "filtered"
FILE = "stability.json"
PUBLISHED_STD, PUBLISHED_ACCELERATION = 0.122, 0.092
"""MediaPipe FaceLandmarker in VIDEO mode, 68 of its points, on four still photographs under noise of 5 levels, in %."""

Phase = Literal["countdown", "measuring", "done", "rejected"]


class Stillness(msgspec.Struct, frozen=True):
    """% of the eyes' distance: the standard deviation of the 68 points, and their mean acceleration a frame."""

    std: float
    acceleration: float


class Measurement(msgspec.Struct, frozen=True):
    """One person's figures. `when`: local time, ISO 8601. `sway`: how far the head went at most, %. `eyes_px`: the
    eyes' distance. `contestants`: "raw", "filtered" and, where it ran, "MediaPipe". `moving`: the source moved its
    picture, as the demo does, and its motion was taken out."""

    when: str
    source: str
    filter: str
    seconds: float
    frames: int
    fps: float
    eyes_px: float
    sway: float
    contestants: dict[str, Stillness]
    moving: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an attempt stands: its `phase`, the seconds `left` of it, why it was `rejected`, and what was measured."""

    phase: Phase
    left: float
    why: str = ""
    measured: Measurement | None = None


class Attempt:
    """Fed with frames, it counts down, measures, and ends as "done" or "rejected". Not thread-safe but for reading
    `progress`."""

    def __init__(self, source: str, filter_name: str) -> None:
        self.progress = Progress("countdown", COUNTDOWN_S)
        self._source, self._filter = source, filter_name
        self._begun: float | None = None
        self._seen: float | None = None
        self._times: list[float] = []
        self._eyes: list[float] = []
        self._points: dict[str, list[Floats]] = {RAW: [], FILTERED: []}
        self._others: dict[str, list[tuple[float, Floats]]] = {}
        self._moving = False
        self._first: Floats | None = None  # the motion that the first frame was measured under

    @property
    def over(self) -> bool:
        return self.progress.phase in ("done", "rejected")

    def step(
        self, time: float, raw: Floats | None, filtered: Floats | None, eyes: float, motion: Floats | None = None
    ) -> Progress:
        """Add a frame: the 68 points (68, 2) pixels, None without a face; `eyes` pixels; `motion` (3, 3) if known."""
        if self.over:
            return self.progress
        if self._begun is None or time < self._begun:
            self._begun = self._seen = time
        gone = self._begun + COUNTDOWN_S
        if raw is None or filtered is None or not np.isfinite(raw).all() or not np.isfinite(filtered).all():
            return self._without_a_face(time, gone)
        self._seen = time
        if time < gone:
            self.progress = Progress("countdown", gone - time)
            return self.progress
        self._times.append(time)
        self._eyes.append(eyes)
        if motion is not None:
            self._first = motion if self._first is None else self._first
            self._moving |= not np.array_equal(motion, self._first)
        for name, points in ((RAW, raw), (FILTERED, filtered)):
            still = np.asarray(points, np.float64)
            self._points[name].append(still if motion is None else without_motion(still, motion))
        self.progress = Progress("measuring", max(gone + MEASURE_S - time, 0.0))
        moved = self._moved()
        if moved > MOVED:
            self._reject(
                f"The head moved by {moved:.0f} % of the distance between the eyes (about {moved * 0.63:.0f} mm); up "
                f"to {MOVED:.0f} % are allowed. Lean back, look at one point, and try again."
            )
        elif time >= gone + MEASURE_S:
            self._finish()
        return self.progress

    def add(self, name: str, time: float, points: Floats) -> None:
        """Add a frame of another tracker, `points` (68, 2) pixels without known motion, which may skip frames."""
        if self.progress.phase == "measuring":
            self._others.setdefault(name, []).append((time, np.asarray(points, np.float64)))

    def stop(self, why: str) -> None:
        """End it from outside: the source stopped, the person cancelled."""
        if not self.over:
            self._reject(why)

    def _without_a_face(self, time: float, gone: float) -> Progress:
        assert self._seen is not None and self._begun is not None
        if time < gone:
            self._begun = time  # the countdown waits for a face
            self.progress = Progress("countdown", COUNTDOWN_S, "No face is tracked yet.")
        elif time - self._seen > _GONE_S:
            self._reject("The face was lost while it was measured. Sit in front of the camera and try again.")
        return self.progress

    def _moved(self) -> float:
        """% of the eyes' distance between where the head is and where it was at first."""
        times = self._times
        first = int(np.searchsorted(times, times[0] + _RECENT_S))
        last = int(np.searchsorted(times, times[-1] - _RECENT_S))
        if first > last:
            return 0.0
        points = self._points[RAW]
        way = np.mean(points[last:], axis=0) - np.mean(points[:first], axis=0)
        return float(np.linalg.norm(way, axis=-1).mean() / np.median(self._eyes) * 100.0)

    def _finish(self) -> None:
        if len(self._times) < _LEAST_FRAMES:
            self._reject(
                f"Only {len(self._times)} frames came in {MEASURE_S:.0f} seconds; at least {_LEAST_FRAMES} are "
                "wanted. Give the camera more light or close other programs, and try again."
            )
            return
        eyes = float(np.median(self._eyes))
        rate = (len(self._times) - 1) / (self._times[-1] - self._times[0])
        raw = np.stack(self._points[RAW])
        found = {name: stillness(np.stack(points), rate, eyes) for name, points in self._points.items()}
        for name, seen in self._others.items():
            times, points = [time for time, _ in seen], np.stack([points for _, points in seen])
            if len(times) >= _LEAST_FRAMES:
                found[name] = stillness(points, (len(times) - 1) / (times[-1] - times[0]), eyes)
        slow = measures.running_mean(raw, round(rate))
        sway = np.linalg.norm(slow - slow.mean(0), axis=-1).mean(1).max() / eyes * 100.0
        measured = Measurement(
            when=datetime.now().astimezone().isoformat(timespec="seconds"),
            source=self._source,
            filter=self._filter,
            seconds=round(self._times[-1] - self._times[0], 3),
            frames=len(self._times),
            fps=round(rate, 2),
            eyes_px=round(eyes, 2),
            sway=round(float(sway), 3),
            contestants=found,
            moving=self._moving,
        )
        self.progress = Progress("done", 0.0, "", measured)

    def _reject(self, why: str) -> None:
        self.progress = Progress("rejected", 0.0, why)


def stillness(points: Floats, fps: float, eyes: float) -> Stillness:
    """Of points (T, 68, 2) pixels of a head that sits still, T more than a second."""
    half = max(round(fps / 2.0), 3)
    weights = middle_weights(range(2 * half + 1))
    windows = np.lib.stride_tricks.sliding_window_view(points, len(weights), axis=0)
    rest = (points[half:-half] - windows @ weights) / np.sqrt(1.0 - weights[half])
    return Stillness(
        round(measures.still_std(rest, eyes), 5),
        round(measures.acceleration(points, np.full(len(points), eyes)), 5),
    )


def verdict(measured: Measurement) -> tuple[str, ...]:
    """Sentences: the figure; how it compares with MediaPipe's of the same seconds, where it ran; and with what was
    published of it: by the acceleration, which is measured alike, and, last, the deviation, which is not."""
    filtered, raw = measured.contestants[FILTERED], measured.contestants[RAW]
    words = [f"{filtered.std:.3f} % of the distance between your eyes; unfiltered {raw.std:.3f} %."]
    for name, other in measured.contestants.items():
        if name not in (RAW, FILTERED):
            words.append(f"{_calmer(other.std, filtered.std)} {name} in the same seconds ({other.std:.3f} %).")
    if measured.moving:
        words.append("The source moves its picture: that compares with no still photograph; measure with a camera.")
        return tuple(words)
    words.append(
        f"{_calmer(PUBLISHED_ACCELERATION, filtered.acceleration)} MediaPipe from frame to frame: "
        f"{filtered.acceleration:.3f} %, where {PUBLISHED_ACCELERATION:g} % is published for photographs."
    )
    words.append(f"MediaPipe's deviation there is {PUBLISHED_STD:g} %, slow drift included.")
    return tuple(words)


def _calmer(theirs: float, ours: float) -> str:
    """How a figure compares with another, in words that go before its name."""
    share = theirs / max(ours, 1e-9)
    if share > 1.25:
        return f"{share:.1f} times calmer than"
    return "About as calm as" if share >= 0.8 else f"{1.0 / share:.1f} times less calm than"


# --- kept


def results_path() -> Path:
    """Where a person's measurements are kept; STILLPOINT_MEASUREMENTS names another file."""
    named = os.environ.get("STILLPOINT_MEASUREMENTS")
    return Path(named) if named else Path(platformdirs.user_data_dir("stillpoint", appauthor=False)) / FILE


def earlier(path: Path) -> tuple[Measurement, ...]:
    """What was measured before, oldest first. Raises OutputError for a file that holds something else."""
    if not path.is_file():
        return ()
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[Measurement, ...])
    except (OSError, msgspec.DecodeError) as error:
        raise OutputError(
            f"{path} holds no measurements that can be read ({error}); move it away, then new ones are kept."
        ) from error


def keep(measured: Measurement, path: Path) -> None:
    """Add a measurement to a file, atomically. Raises OutputError where it cannot be written or holds other things."""
    every: Sequence[Measurement] = (*earlier(path), measured)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as scratch:
            scratch.write_bytes(msgspec.json.format(msgspec.json.encode(every), indent=2) + b"\n")
    except OSError as error:
        raise OutputError(
            f"The measurement cannot be written to {path} ({error}); free the disk or its folder."
        ) from error


def table(measurements: Sequence[Measurement]) -> list[tuple[str, ...]]:
    """Rows to show, newest first: when, source, filter, std raw, filtered, MediaPipe, acceleration raw, filtered."""
    rows = []
    for one in reversed(measurements):
        figures: Mapping[str, Stillness] = one.contestants
        std = [f"{figures[name].std:.3f}" if name in figures else "–" for name in (RAW, FILTERED, "MediaPipe")]
        bent = [f"{figures[name].acceleration:.3f}" if name in figures else "–" for name in (RAW, FILTERED)]
        rows.append((one.when[:16].replace("T", " "), one.source, one.filter, *std, *bent))
    return rows
