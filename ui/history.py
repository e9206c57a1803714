"""The last seconds of numbers behind the plots: a ring of fixed size, and how much the landmarks shake now."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tracker.stability.live import NOTHING, Jitter, Shaking
from tracker.stability.measures import EYES, Floats
from tracker.types import Face, Frame, Tracked

CAPACITY = 2048
STAGES = 8
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

    yaw, pitch, roll in degrees; raw_jitter, stable_jitter in % of the distance between the eyes, of three frames ago
    (`tracker.stability.live`); `stages` name -> milliseconds.
    """

    age: Values
    yaw: Values
    pitch: Values
    roll: Values
    raw_jitter: Values
    stable_jitter: Values
    stages: dict[str, Values]


def eye_distance_px(face: Face) -> float:
    """Pixels between the eyes' centres as if they were seen from the front: it does not shrink where a head turns."""
    one, other = (face.landmarks_head("ibug68")[eye].mean(0) for eye in EYES)
    return max(face.state.scale * float(np.linalg.norm(one - other)), 1e-6)


def points_68(face: Face) -> Floats:
    """(68, 2) pixels."""
    return face.landmarks_px("ibug68").astype(np.float64)


def _shaking(jitter: Jitter, frame: Frame, face: Face | None) -> Shaking:
    if face is None:
        jitter.clear()
        return NOTHING
    return jitter.step(frame.time, points_68(face), eye_distance_px(face), frame.motion, face.id)


class History:
    """Collects every frame's numbers in the bridge's thread and hands the plots a copy in the window's."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._lock = threading.Lock()
        self._ring = Ring(capacity, 6 + STAGES)
        self._names: list[str] = []
        self._raw, self._stable = Jitter(), Jitter()
        self.shaking: tuple[Shaking, Shaking] = (NOTHING, NOTHING)
        """Of the newest frame's first face, raw and stable. To be read in the thread that appends."""

    def append(self, tracked: Tracked) -> None:
        """Take the first face's pose (stable), both jitters, and the stages' times. One that is held is no measurement:
        its curves have a gap, and the calm of standing still is not the filter's."""
        time = tracked.raw.frame.time
        stable = tracked.stable.seen[0] if tracked.stable.seen else None
        raw = tracked.raw.faces[0] if tracked.raw.faces else None
        row = np.full(6 + STAGES, np.nan)
        row[0] = time
        if stable is not None:
            row[1:4] = stable.pose.yaw_deg, stable.pose.pitch_deg, stable.pose.roll_deg
        frame = tracked.raw.frame
        self.shaking = _shaking(self._raw, frame, raw), _shaking(self._stable, frame, stable)
        row[4], row[5] = self.shaking[0].percent, self.shaking[1].percent
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
