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

from ..peers import MediaPipe, PeerFace
from ..pipeline import Tracker
from ..types import Frame, TrackResult
from .figures import figures_of
from .measures import Floats
from .own_motion import OwnMotion, own_motion
from .pixels import Pixels
from .signals import Signal
from .tracks import MEDIAPIPE_68 as MEDIAPIPE_68
from .tracks import OURS, RAW, Track, filtered, peer_track, track_of

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
class Trial:
    """One signal: `times` (T,) s, `motions` (T, 3, 3) or None, the raw `results` (their pictures thrown away), what
    each contestant said, and its figures; of a clip, how the head itself moved."""

    signal: Signal
    times: Floats
    motions: Floats | None
    results: tuple[TrackResult, ...]
    tracks: dict[str, Track]
    figures: dict[str, dict[str, Any]]
    own: OwnMotion | None = None

    @property
    def fps(self) -> float:
        """As played: the frames' own times, not what a container claims."""
        return _rate(self.times, self.signal)


def run_trial(
    signal: Signal,
    tracker: Tracker,
    peer: Peer | None = None,
    progress: Progress | None = None,
    ours: Sequence[str] = OURS,
) -> Trial:
    """Play one signal to every contestant: `ours` of our own (raw always), and the peer's modes.

    Raises SourceError and ModelError as sources and the peer do.
    """
    tracker.reset()
    results: list[TrackResult] = []
    motions: list[Floats | None] = []
    pixels = Pixels() if signal.kind == "clip" else None
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
            if pixels is not None:
                pixels.add(frame.image, result.seen[0].landmarks_px("ibug68") if result.seen else None)
            for name, other in others.items():
                heard[name].append(other.read(frame))
            if progress is not None:
                progress(signal.name, len(results), None)
    tracks = {RAW: track_of(results)}
    tracks |= {name: track_of(filtered(results, name)) for name in OURS if name in ours and name != RAW}
    tracks |= {name: peer_track(faces) for name, faces in heard.items()}
    times = np.array([r.frame.time for r in results])
    known = [m for m in motions if m is not None]
    truth = np.stack(known) if known and len(known) == len(motions) else None
    figures = figures_of(signal, _rate(times, signal), truth, tracks)
    own = own_motion(pixels, {name: track.points for name, track in tracks.items()}) if pixels is not None else None
    return Trial(signal, times, truth, tuple(results), tracks, figures, own)


def _rate(times: Floats, signal: Signal) -> float:
    gaps = np.diff(times)
    return float(1.0 / np.median(gaps)) if len(gaps) and np.median(gaps) > 0 else signal.fps
