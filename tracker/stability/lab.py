"""Runs contestants over the same frames and measures them: Stillpoint raw, each of its filters, and MediaPipe.

Every signal is played once; each of its frames goes to our tracker and to the peers. The filters then work on the same
raw results, so that they differ by nothing but themselves. On clips, frames count only where all contestants have a
face.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..head.model import EXPRESSIONS
from ..peers import MediaPipe, PeerFace
from ..pipeline import Tracker
from ..settings import Filter
from ..temporal import STABILIZERS, Stabilizer
from ..types import Face, Frame, TrackResult
from . import measures
from .measures import Floats
from .signals import Signal

RAW = "raw"
VIDEO, IMAGE = "MediaPipe VIDEO", "MediaPipe IMAGE"
FILTERS = tuple(name for name, make in STABILIZERS.items() if make is not None)

# fmt: off
_OUTLINE = ((127,), (234,), (93,), (132, 58), (58, 172), (136,), (150,), (176,), (152,), (400,), (379,), (365,),
            (397, 288), (361,), (323,), (454,), (356,))
_INNER = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300, (168, 6), (197, 195), 5, 4, 75, 97, 2, 326, 305,
          33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
          61, 39, 37, 0, 267, 269, 291, 321, 314, 17, 84, 91, 78, 82, 13, 312, 308, 317, 14, 87)
# fmt: on
MEDIAPIPE_68 = np.zeros((68, 478), np.float64)
"""MediaPipe's points -> the 68: the published correspondence, the mean of two where it names two."""
for _row, _names in enumerate((*_OUTLINE, *((n,) if isinstance(n, int) else n for n in _INNER))):
    MEDIAPIPE_68[_row, list(_names)] = 1.0 / len(_names)

_JAW = EXPRESSIONS.index("jawOpen")
_BLANK = np.zeros((1, 1, 3), np.uint8)
Progress = Callable[[str, int, int | None], None]
"""(what, frames done, frames in all or None)."""


@dataclass(frozen=True, slots=True)
class Peer:
    """MediaPipe: a FaceLandmarker .task file, and a Python that has mediapipe where ours has not."""

    model: Path
    python: Path | None = None
    modes: tuple[str, ...] = ("VIDEO", "IMAGE")


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What one contestant said of a signal: the 68 `points` (T, 68, 2) pixels, `pitch` (T,) degrees and `jaw` (T,)
    0..1; NaN without a face. A peer has no pitch."""

    points: Floats
    pitch: Floats
    jaw: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One signal: `times` (T,) s, `motions` (T, 3, 3) or None, the raw `results` (their pictures thrown away), what
    each contestant said, and its figures."""

    signal: Signal
    times: Floats
    motions: Floats | None
    results: tuple[TrackResult, ...]
    tracks: dict[str, Track]
    figures: dict[str, dict[str, Any]]

    @property
    def fps(self) -> float:
        """As played: the frames' own times, not what a container claims."""
        gaps = np.diff(self.times)
        return float(1.0 / np.median(gaps)) if len(gaps) and np.median(gaps) > 0 else self.signal.fps


def run_trial(signal: Signal, tracker: Tracker, peer: Peer | None = None, progress: Progress | None = None) -> Trial:
    """Play one signal to every contestant. Raises SourceError and ModelError as sources and the peer do."""
    tracker.reset()
    results: list[TrackResult] = []
    motions: list[Floats | None] = []
    with ExitStack() as stack:
        # A fresh process for each signal: its filter must not know the last one.
        others: dict[str, MediaPipe] = {}
        if peer is not None:
            for mode in peer.modes:
                others[f"MediaPipe {mode}"] = stack.enter_context(MediaPipe(peer.model, mode, peer.python))
        heard: dict[str, list[PeerFace]] = {name: [] for name in others}
        for frame in signal.play():
            result = tracker.step(frame)
            results.append(replace(result, frame=Frame(_BLANK, frame.time, frame.index)))
            motions.append(frame.motion)
            for name, other in others.items():
                heard[name].append(other.read(frame))
            if progress is not None:
                progress(signal.name, len(results), None)
    tracks = {RAW: track_of(results)}
    tracks |= {name: track_of(filtered(results, name)) for name in FILTERS}
    tracks |= {name: _peer_track(faces) for name, faces in heard.items()}
    times = np.array([r.frame.time for r in results])
    known = [m for m in motions if m is not None]
    trial = Trial(
        signal, times, np.stack(known) if known and len(known) == len(motions) else None, tuple(results), tracks, {}
    )
    trial.figures.update(figures_of(trial))
    return trial


def filtered(results: Sequence[TrackResult], method: str, settings: Filter | None = None) -> list[TrackResult]:
    """The same raw results through a fresh filter."""
    stabilizer = Stabilizer(method, settings)
    return [stabilizer.apply(result) for result in results]


def track_of(results: Sequence[TrackResult]) -> Track:
    """The first face of each frame."""
    faces = [result.faces[0] if result.faces else None for result in results]
    return Track(
        _stack([None if f is None else f.landmarks_px("ibug68") for f in faces]),
        np.array([np.nan if f is None else f.pose.pitch_deg for f in faces]),
        np.array([np.nan if f is None else _jaw(f) for f in faces]),
    )


def _jaw(face: Face) -> float:
    return float(face.state.expression[_JAW]) if face.state.expression.size > _JAW else float("nan")


def _peer_track(faces: Sequence[PeerFace]) -> Track:
    points = _stack([None if f.points is None else MEDIAPIPE_68 @ f.points[:478, :2].astype(np.float64) for f in faces])
    none = np.full(len(faces), np.nan)
    return Track(points, none, none)


def _stack(points: Sequence[Any]) -> Floats:
    missing = np.full((68, 2), np.nan)
    return np.array([missing if p is None else np.asarray(p, np.float64) for p in points]).reshape(-1, 68, 2)


def figures_of(trial: Trial) -> dict[str, dict[str, Any]]:
    """Contestant -> the measures that fit the signal's kind, JSON values; None where they could not be taken."""
    signal, raw = trial.signal, trial.tracks[RAW]
    every = np.all([np.isfinite(t.points).all(axis=(1, 2)) for t in trial.tracks.values()], axis=0)
    out: dict[str, dict[str, Any]] = {}
    for name, track in trial.tracks.items():
        found = np.asarray(np.isfinite(track.points).all(axis=(1, 2)))
        row: dict[str, Any] = {"found": float(np.mean(found)) if found.size else 0.0}
        points = track.points[signal.skip :]
        if signal.kind == "still":
            row |= {"std": measures.still_std(points), "acceleration": measures.acceleration(points)}
            pitch = track.pitch[signal.skip :]
            row["pitch_std_deg"] = float(np.std(pitch[np.isfinite(pitch)])) if np.isfinite(pitch).any() else np.nan
        elif signal.kind == "wave":
            wave = measures.follow_wave(points, signal.amplitude, signal.period, signal.skip)
            row |= {"lag_frames": wave.lag, "lag_ms": wave.lag / signal.fps * 1e3, "gain": wave.gain}
            row["residual_px"] = wave.residual
        elif signal.kind in ("step", "stop"):
            after = measures.settle(points, signal.event - signal.skip, signal.fps)
            row |= {"overshoot": after.overshoot, "settling_s": after.seconds}
        elif signal.kind == "known" and trial.motions is not None:
            known = measures.against_motion(points, trial.motions[signal.skip :], signal.fps)
            row |= {"bias": known.bias, "lag_ms": known.lag_ms, "noise": known.noise}
        else:
            ours = name in (RAW, *FILTERS)
            unfiltered = raw if ours else trial.tracks.get(IMAGE)
            row |= _clip_figures(track, unfiltered, every, trial.fps)
            if ours:
                row["pitch_with_jaw_deg"] = measures.moved_along(track.pitch, raw.jaw, trial.fps)
        out[name] = {key: _plain(value) for key, value in row.items()}
    return out


def _clip_figures(track: Track, unfiltered: Track | None, every: Any, fps: float) -> dict[str, Any]:
    """`unfiltered`: the same contestant without its filter, which the relative figures are relative to."""
    points = np.where(every[:, None, None], track.points, np.nan)
    row: dict[str, Any] = {
        "acceleration": measures.acceleration(points),
        "residual": measures.smoother_residual(points),
        "groups": {k: {"acceleration": a, "residual": r} for k, (a, r) in measures.by_group(points).items()},
    }
    if unfiltered is not None:
        reference = np.where(every[:, None, None], unfiltered.points, np.nan)
        rough = measures.jerk(reference)
        row["jerk_ratio"] = measures.jerk(points) / rough if rough > 0 else float("nan")
        row["lag_ms"] = measures.delay(points, reference, fps) * 1e3
        row["blink_kept"] = measures.blink_kept(measures.lid_distance(reference), measures.lid_distance(points))
    return row


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    number = float(value)
    return round(number, 5) if np.isfinite(number) else None
