"""`Stabilizer`: one temporal filter per face, fed by `TrackResult`s, giving `TrackResult`s.

Time comes from the frame. A repeated, reversed or missing time stamp, and a state with a NaN in it, give the last
estimate again. A face that is lost is held where it was, fading and ever less certain (`Face.held`), and then left
out; one that was away for longer starts anew, so it neither flies in from where it was nor is drawn there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..errors import SettingsError
from ..settings import Filter
from ..types import Face, LandmarkBasis, TrackResult
from .kalman import KalmanFilter
from .noise import measured_noise, measured_point
from .one_euro import OneEuroFilter
from .parts import FACE_M, POSE, Parts, Point, parts_of, state_of
from .stillpoint import StillpointFilter
from .turns import Vector

_LONGEST_STEP = 1.0
"""Seconds between two frames after which even a face that was never missed starts anew."""
_COAST_S = 0.2
"""A velocity that is looked ahead with dies away in this time, so that a head which stops is not overshot by far."""
_MOST_AHEAD_S = 0.1


class FaceFilter(Protocol):
    """What a method is: it keeps `estimate` and moves it by one measurement, `dt` > 0 seconds later.

    `noise` is the network's mean standard deviation of a landmark in face sizes; `carried` (2, 3) is how the face's
    pixels moved since the last step, where that was measured. `velocity` (7,) is the pose's, a second.
    """

    @property
    def estimate(self) -> Point: ...
    @property
    def velocity(self) -> Vector: ...
    def step(self, measured: Point, dt: float, noise: float, carried: Vector | None = None) -> Point: ...
    def configure(self, settings: Filter) -> None: ...


STABILIZERS: dict[str, Callable[[Point, Parts, Filter, LandmarkBasis], FaceFilter] | None] = {
    "none": None,
    "one_euro": OneEuroFilter,
    "kalman": KalmanFilter,
    "default": StillpointFilter,
}
"""Method -> what makes one face's filter from its first measurement. None leaves results as they are."""


@dataclass(slots=True, eq=False)
class _Track:
    """`face`: as last given. `missed`: it was not in the last result; `skipped`: it was there but could not be used."""

    filter: FaceFilter
    parts: Parts
    time: float
    face: Face
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
        """The same frame with filtered faces, in the same order, then those that are held; `result` itself stays as it
        is."""
        if self._make is None:
            return result
        time = result.frame.time
        faces = tuple(self._face(face, time) for face in result.faces)
        if len(self._tracks) > len(faces):
            faces += self._held(result.faces, time)
        return replace(result, faces=faces)

    def _face(self, face: Face, time: float) -> Face:
        track = self._tracks.get(face.id)
        parts = parts_of(face.state)
        if track is None or track.parts != parts or (math.isfinite(time) and self._starts_anew(track, time)):
            return self._start(face, parts, time)
        dt = time - track.time
        measured = measured_point(face.state) if 0.0 < dt < math.inf else None
        if measured is None:
            track.skipped = True
            return face.with_state(track.face.state)
        carried = None if track.missed or track.skipped else face.carried
        estimate = track.filter.step(measured, dt, measured_noise(face), carried)
        track.time, track.missed, track.skipped = time, False, False
        ahead = self._settings.ahead_ms
        shown = estimate if ahead <= 0.0 else _later(estimate, track.filter.velocity, ahead / 1000.0)
        track.face = face.with_state(state_of(shown, face.state))
        return track.face

    def _start(self, face: Face, parts: Parts, time: float) -> Face:
        self._tracks.pop(face.id, None)
        measured = measured_point(face.state) if math.isfinite(time) else None
        if self._make is not None and measured is not None:
            self._tracks[face.id] = _Track(self._make(measured, parts, self._settings, face.basis), parts, time, face)
        return face

    def _starts_anew(self, track: _Track, time: float) -> bool:
        gap = abs(time - track.time)  # a clock that went far back is a source that began again
        longest = max(self._settings.loss_s, self._settings.hold_s)
        return gap > longest and (track.missed or time < track.time or gap > _LONGEST_STEP)

    def _held(self, faces: tuple[Face, ...], time: float) -> tuple[Face, ...]:
        """The lost faces that are still given; those that were away for too long are forgotten."""
        seen = {face.id for face in faces}
        held: list[Face] = []
        for name in [name for name in self._tracks if name not in seen]:
            track = self._tracks[name]
            track.missed = True
            if math.isfinite(time) and self._starts_anew(track, time):
                del self._tracks[name]
                continue
            away, longest = time - track.time, self._settings.hold_s
            if 0.0 < away < longest and not any(_overlap(track.face, face) for face in faces):
                # As a recording keeps it, so that the same filter says the same of what was recorded.
                left = float(np.float32(track.face.presence)) * (1.0 - away / longest)
                held.append(track.face.with_state(track.face.state, held=away, presence=left, carried=None))
        return tuple(held)


def _later(estimate: Point, velocity: Vector, seconds: float) -> Point:
    """Where the pose will be, if it goes on."""
    ahead = np.zeros(estimate.values.size)
    ahead[POSE] = velocity * _COAST_S * (1.0 - math.exp(-min(seconds, _MOST_AHEAD_S) / _COAST_S))
    return estimate.plus(ahead)


def _overlap(one: Face, other: Face) -> bool:
    """Whether a face has come to where the other one was: found again under another name, or another in front of it."""
    (x, y), (u, v) = one.state.centre.tolist(), other.state.centre.tolist()
    return math.hypot(x - u, y - v) < 0.5 * FACE_M * max(one.state.scale, other.state.scale)
