"""`Stabilizer`: one temporal filter per face, fed by `TrackResult`s, giving `TrackResult`s.

Time comes from the frame. A repeated, reversed or missing time stamp, and a state with a NaN in it, give the last
estimate again; a face that was away starts anew, so it neither flies in from where it was nor is drawn there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import SettingsError
from ..settings import Filter
from ..types import Face, FaceState, TrackResult
from .kalman import KalmanFilter
from .one_euro import OneEuroFilter
from .parts import Parts, Point, Vector, is_finite, parts_of, point_of, state_of
from .stillpoint import StillpointFilter

_LONGEST_STEP = 1.0
"""Seconds between two frames after which even a face that was never missed starts anew."""


class FaceFilter(Protocol):
    """What a method is: it keeps `estimate` and moves it by one measurement, `dt` > 0 seconds later.

    `noise` is the network's mean standard deviation of a landmark in face sizes; `carried` (2, 3) is how the face's
    pixels moved since the last step, where that was measured.
    """

    @property
    def estimate(self) -> Point: ...
    def step(self, measured: Point, dt: float, noise: float, carried: Vector | None = None) -> Point: ...
    def configure(self, settings: Filter) -> None: ...


STABILIZERS: dict[str, Callable[[Point, Parts, Filter], FaceFilter] | None] = {
    "none": None,
    "one_euro": OneEuroFilter,
    "kalman": KalmanFilter,
    "default": StillpointFilter,
}
"""Method -> what makes one face's filter from its first measurement. None leaves results as they are."""


@dataclass(slots=True, eq=False)
class _Track:
    filter: FaceFilter
    parts: Parts
    time: float
    state: FaceState
    missed: bool = False
    skipped: bool = False


class Stabilizer:
    """Filters the faces of one source, frame after frame. Not for use by two threads at once.

    Raises SettingsError for a method that is not in `STABILIZERS`.
    """

    def __init__(self, method: str = "default", settings: Filter | None = None) -> None:
        if method not in STABILIZERS:
            raise SettingsError(f"There is no filter {method!r}; choose one of {', '.join(sorted(STABILIZERS))}.")
        self.method = method
        self._make = STABILIZERS[method]
        self._settings = settings or Filter(method=method)
        self._tracks: dict[int, _Track] = {}

    @property
    def settings(self) -> Filter:
        return self._settings

    def configure(self, settings: Filter) -> None:
        """Other parameters from the next frame on; what was learnt is kept. `settings.method` does not count."""
        self._settings = settings
        for track in self._tracks.values():
            track.filter.configure(settings)

    def reset(self) -> None:
        """Forget every face."""
        self._tracks.clear()

    def apply(self, result: TrackResult) -> TrackResult:
        """The same frame with filtered faces, in the same order; `result` itself stays as it is."""
        if self._make is None:
            return result
        time = result.frame.time
        faces = tuple(self._face(face, time) for face in result.faces)
        self._age({face.id for face in result.faces}, time)
        return replace(result, faces=faces)

    def _face(self, face: Face, time: float) -> Face:
        track = self._tracks.get(face.id)
        parts = parts_of(face.state)
        if track is None or track.parts != parts or (math.isfinite(time) and self._starts_anew(track, time)):
            return self._start(face, parts, time)
        dt = time - track.time
        if not (0.0 < dt < math.inf and is_finite(face.state)):
            track.skipped = True
            return face.with_state(track.state)
        carried = None if track.missed or track.skipped else face.carried
        track.filter.step(point_of(face.state), dt, _noise(face), carried)
        track.time, track.missed, track.skipped = time, False, False
        track.state = state_of(track.filter.estimate, face.state)
        return face.with_state(track.state)

    def _start(self, face: Face, parts: Parts, time: float) -> Face:
        self._tracks.pop(face.id, None)
        if self._make is not None and math.isfinite(time) and is_finite(face.state):
            first = self._make(point_of(face.state), parts, self._settings)
            self._tracks[face.id] = _Track(first, parts, time, face.state)
        return face

    def _starts_anew(self, track: _Track, time: float) -> bool:
        gap = abs(time - track.time)  # a clock that went far back is a source that began again
        return gap > self._settings.loss_s and (track.missed or time < track.time or gap > _LONGEST_STEP)

    def _age(self, seen: set[int], time: float) -> None:
        for name in [name for name in self._tracks if name not in seen]:
            track = self._tracks[name]
            track.missed = True
            if math.isfinite(time) and self._starts_anew(track, time):
                del self._tracks[name]


def _noise(face: Face) -> float:
    """The mean standard deviation of the 68 landmarks in face sizes."""
    mean = float(face.std_px("ibug68").mean()) / face.size_px
    return mean if math.isfinite(mean) and mean > 0.0 else 0.02
