"""The last seconds of numbers behind the plots: a ring of fixed size, and the live jitter measure."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tracker.types import Array, Face, Tracked

CAPACITY = 2048
STAGES = 8
JITTER_WINDOW_S = 0.5
_EYES = (36, 45)  # outer eye corners in ibug68
Values = npt.NDArray[np.float64]


class Ring:
    """Rows of numbers, the newest `capacity` of them; appending and reading never allocate with the time run."""

    def __init__(self, capacity: int, columns: int) -> None:
        self._rows: Values = np.full((capacity, columns), np.nan)
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, len(self._rows))

    def append(self, row: Values) -> None:
        self._rows[self._count % len(self._rows)] = row
        self._count += 1

    def read(self) -> Values:
        """(len, columns), oldest first; a copy."""
        split = self._count % len(self._rows)
        if self._count <= len(self._rows):
            return self._rows[: self._count].copy()
        return np.concatenate([self._rows[split:], self._rows[:split]])

    def clear(self) -> None:
        self._count = 0


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What the plots draw; every array (n,), `age` in seconds before the newest frame (0 or less), NaN: no face.

    yaw, pitch, roll in degrees; raw_jitter, stable_jitter in % of the distance between the outer eye corners; `stages`
    name -> milliseconds.
    """

    age: Values
    yaw: Values
    pitch: Values
    roll: Values
    raw_jitter: Values
    stable_jitter: Values
    stages: dict[str, Values]


class Jitter:
    """How much landmarks shake, live: from three frames in a row, what constant motion does not explain.

    The middle frame is compared with the line between its neighbours, at its own time; for white noise of deviation s
    the rest has the variance s^2 (1 + a^2 + (1 - a)^2). The root of its mean over points, over the last half second.
    """

    def __init__(self) -> None:
        self._past: list[tuple[float, int, Array]] = []
        self._square = np.nan

    def step(self, time: float, face: Face | None) -> float:
        """Add a frame; returns the jitter in % of the inter-ocular distance, or NaN."""
        if face is None or (self._past and self._past[-1][1] != face.id):
            self._past.clear()
            self._square = np.nan
        if face is None:
            return float("nan")
        self._past = [*self._past[-2:], (time, face.id, face.landmarks_px("ibug68"))]
        if len(self._past) < 3:
            return float("nan")
        (t0, _, p0), (t1, _, p1), (t2, _, p2) = self._past
        if not t0 < t1 < t2:
            return float("nan")
        a = (t1 - t0) / (t2 - t0)
        rest = p1 - ((1 - a) * p0 + a * p2)
        eyes = face.landmarks_head("ibug68")[list(_EYES)]
        ocular = max(face.state.scale * float(np.linalg.norm(eyes[0] - eyes[1])), 1e-6)
        square = float((rest.astype(np.float64) ** 2).sum(1).mean()) / (1 + a * a + (1 - a) ** 2) / ocular**2
        keep = float(np.exp(-(t2 - t1) / JITTER_WINDOW_S))
        self._square = square if np.isnan(self._square) else keep * self._square + (1 - keep) * square
        return 100.0 * float(np.sqrt(self._square))


class History:
    """Collects every frame's numbers in the bridge's thread and hands the plots a copy in the window's."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._lock = threading.Lock()
        self._ring = Ring(capacity, 6 + STAGES)
        self._names: list[str] = []
        self._raw, self._stable = Jitter(), Jitter()

    def append(self, tracked: Tracked) -> None:
        """Take the first face's pose (stable), both jitters, and the stages' times."""
        time = tracked.raw.frame.time
        stable = tracked.stable.faces[0] if tracked.stable.faces else None
        raw = tracked.raw.faces[0] if tracked.raw.faces else None
        row = np.full(6 + STAGES, np.nan)
        row[0] = time
        if stable is not None:
            row[1:4] = stable.pose.yaw_deg, stable.pose.pitch_deg, stable.pose.roll_deg
        row[4], row[5] = self._raw.step(time, raw), self._stable.step(time, stable)
        with self._lock:
            for name, seconds in {**tracked.raw.timings, **tracked.stable.timings}.items():
                if name not in self._names and len(self._names) < STAGES:
                    self._names.append(name)
                if name in self._names:
                    row[6 + self._names.index(name)] = 1000 * seconds
            self._ring.append(row)

    def curves(self, seconds: float) -> Curves:
        """The last `seconds`."""
        with self._lock:
            rows, names = self._ring.read(), tuple(self._names)
        age = rows[:, 0] - rows[-1, 0] if len(rows) else np.zeros(0)
        rows, age = rows[age >= -seconds], age[age >= -seconds]
        stages = {name: rows[:, 6 + i] for i, name in enumerate(names)}
        return Curves(age, rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 4], rows[:, 5], stages)

    def clear(self) -> None:
        """Forget everything: another source has another clock."""
        with self._lock:
            self._ring.clear()
            self._names.clear()
            self._raw, self._stable = Jitter(), Jitter()
