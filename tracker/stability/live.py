"""Jitter and lag while they happen: the figures of `measures`, frame by frame, in constant time and memory.

Jitter is the distance from the quadratic through the seven frames around a frame (`measures.smoother_residual`), as the
standard deviation that white noise would need to have it; it is therefore known three frames late. What a source knows
of its picture's motion (the demo) is taken out first, so that the figure is of the tracker alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from . import following
from .measures import GROUPS, Floats

SMOOTHED, LOCAL = 7, 15
"""Frames that jitter is measured over, and that a landmark's local mean is taken over (as in the lab's videos)."""
MEMORY_S = 0.5
"""The figures are means over about so long."""
GAP_S = 0.4
"""Frames that lie further apart are not of one movement."""
LAG_S, LAG_LEAST_S = 4.0, 1.5
"""The lag is read off the last seconds, and not off fewer than the least."""
_LEAST_SPEED = 12.0
"""% of the eyes' distance a second: below it nothing moves that something could lag behind."""
_PART = np.zeros((len(GROUPS), 68))
_SHARE = np.zeros(len(GROUPS))
for _row, _slice in enumerate(GROUPS.values()):
    _PART[_row, _slice] = 1.0 / (_slice.stop - _slice.start)
    _SHARE[_row] = (_slice.stop - _slice.start) / 68.0


@dataclass(frozen=True, slots=True, eq=False)
class Shaking:
    """How much one contestant's 68 points shake now: `percent` of the eyes' distance, `px`, and (5,) `groups` in
    percent, in the order of `measures.GROUPS`. `offsets` (68, 2) pixels: each landmark's displacement from its local
    mean, seven frames ago; NaN until fifteen frames are known."""

    percent: float
    px: float
    groups: Floats
    offsets: Floats


NOTHING = Shaking(np.nan, np.nan, np.full(len(GROUPS), np.nan), np.full((68, 2), np.nan))


def middle_weights(times: Sequence[float]) -> Floats:
    """(n,): values at these n times, weighted so, give the quadratic fitted to them at the middle time, n // 2.

    For seven even times these are Savitzky and Golay's -2 3 6 7 6 3 -2, over 21.
    """
    away = np.asarray(times, np.float64) - times[len(times) // 2]
    away = away / max(float(np.abs(away).max()), 1e-9)
    base = np.stack([np.ones_like(away), away, away * away], axis=1)
    return np.asarray(base @ np.linalg.solve(base.T @ base, (1.0, 0.0, 0.0)))


@lru_cache(maxsize=64)
def _weights_at(shares: tuple[float, ...]) -> Floats:
    return middle_weights(shares)


def _weights(times: Sequence[float]) -> Floats:
    """`middle_weights`, kept: raw and filtered points have the same times, and many sources have even ones."""
    start, span = times[0], times[-1] - times[0]
    return _weights_at(tuple([round((time - start) / span, 7) for time in times]))


class Jitter:
    """One contestant's shaking. A gap, a missing face or another one (`name`) starts it anew."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=LOCAL)
        self._points = np.zeros((LOCAL, 68, 2))
        self._name = -1
        self._squares: Floats | None = None

    def step(
        self, time: float, points: Floats | None, eyes: float, motion: Floats | None = None, name: int = 0
    ) -> Shaking:
        """Add a frame: `points` (68, 2) pixels, `eyes` the distance of the eyes' centres in pixels, `motion` (3, 3) as
        in `Frame.motion`."""
        gap = time - self._times[-1] if self._times else 0.0
        if points is None or name != self._name or not 0.0 <= gap < GAP_S or not np.isfinite(points).all():
            self.clear()
        if points is None or not np.isfinite(points).all() or (self._times and gap <= 0.0):
            return NOTHING
        self._name = name
        self._points[:-1] = self._points[1:]
        self._points[-1] = points if motion is None else without_motion(points, motion)
        self._times.append(time)
        if len(self._times) < SMOOTHED:
            return NOTHING
        turn = np.eye(2) if motion is None else motion[:2, :2]
        return self._figures(turn, eyes)

    def clear(self) -> None:
        self._times.clear()
        self._squares = None

    def _figures(self, turn: Floats, eyes: float) -> Shaking:
        times = list(self._times)
        weights = _weights(times[-SMOOTHED:])
        rest = self._rest(weights, SMOOTHED) @ turn.T
        squares = _PART @ (rest**2).sum(1) / (1.0 - weights[SMOOTHED // 2])
        keep = float(np.exp(-(times[-1] - times[-2]) / MEMORY_S))
        self._squares = squares if self._squares is None else keep * self._squares + (1.0 - keep) * squares
        groups = np.sqrt(self._squares)
        px = float(np.sqrt(self._squares @ _SHARE))
        offsets = NOTHING.offsets
        if len(times) == LOCAL:
            offsets = self._rest(_weights(times), LOCAL) @ turn.T
        share = 100.0 / max(eyes, 1e-6)
        return Shaking(px * share, px, groups * share, offsets)

    def _rest(self, weights: Floats, count: int) -> Floats:
        """(68, 2): the middle one of the last frames, without the quadratic through all of them."""
        recent = self._points[LOCAL - count :]
        return np.asarray(recent[count // 2] - (weights @ recent.reshape(count, -1)).reshape(68, 2))


class Lag:
    """By how much a contestant comes after the truth, or after the raw points where nobody knows the truth.

    Only while the head moves can that be seen: the last figure stays until it does so again. One thread may feed it
    while another asks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: deque[tuple[float, float, Floats, Floats]] = deque(maxlen=600)
        self._seconds = np.nan

    def step(self, time: float, points: Floats, reference: Floats, eyes: float) -> None:
        """Add a frame: points and reference (68, 2) pixels of the same frame."""
        row = (time, eyes, _PART @ points, _PART @ reference)
        with self._lock:
            if self._rows and not 0.0 < time - self._rows[-1][0] < GAP_S:
                self._rows.clear()
            self._rows.append(row)
            while time - self._rows[0][0] > LAG_S:
                self._rows.popleft()

    def break_off(self) -> None:
        """The face is lost: what comes later is another movement."""
        with self._lock:
            self._rows.clear()

    def clear(self) -> None:
        """Forget the figure, too."""
        self.break_off()
        self._seconds = np.nan

    def seconds(self) -> float:
        """The lag, or NaN where nothing has moved yet. Ask a few times a second."""
        with self._lock:
            rows = list(self._rows)
        if len(rows) < 2 * SMOOTHED or rows[-1][0] - rows[0][0] < LAG_LEAST_S:
            return self._seconds
        times = np.array([row[0] for row in rows])
        points, reference = np.stack([row[2] for row in rows]), np.stack([row[3] for row in rows])
        # The slope of a line through seven frames: the noise of the middle one has no part in it. A mean over five
        # loses as much of a quick motion as that slope does.
        speed = _slopes(times, reference)
        error = np.lib.stride_tricks.sliding_window_view(points - reference, 5, axis=0).mean(-1)[1:-1]
        speed, error = speed - speed.mean(0), error - error.mean(0)  # what is always off is not late
        if np.sqrt((speed**2).sum(-1).mean()) / rows[-1][1] * 100.0 > _LEAST_SPEED:
            self._seconds = following.behind(error, speed)
        return self._seconds


def _slopes(times: Floats, values: Floats) -> Floats:
    """(T - 6, ...): the slope of the line fitted to seven values around each of (T, ...), a second."""
    window = np.lib.stride_tricks.sliding_window_view
    away = window(times, SMOOTHED) - window(times, SMOOTHED).mean(-1, keepdims=True)
    weights = away / (away**2).sum(-1, keepdims=True)
    return np.asarray(np.einsum("t...k,tk->t...", window(values, SMOOTHED, axis=0), weights))


def without_motion(points: Floats, motion: Floats) -> Floats:
    """(N, 2) pixels of a frame -> pixels of the source's reference picture."""
    back = np.linalg.inv(motion)
    return np.asarray(points @ back[:2, :2].T + back[:2, 2])


def with_motion(points: Floats, motion: Floats) -> Floats:
    """(N, 2) pixels of the reference picture -> pixels of a frame."""
    return np.asarray(points @ motion[:2, :2].T + motion[:2, 2])
