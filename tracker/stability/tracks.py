"""What contestants say of a signal: their names, their 68 points, and our filters over the same raw results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..head.model import EXPRESSIONS
from ..peers import PeerFace
from ..settings import Filter
from ..temporal import OFFLINE, STABILIZERS, Stabilizer
from ..types import Face, TrackResult
from .measures import Floats

RAW = "raw"
VIDEO, IMAGE = "MediaPipe VIDEO", "MediaPipe IMAGE"
FILTERS = tuple(name for name, make in STABILIZERS.items() if make is not None)
OURS = (RAW, *FILTERS, *OFFLINE)
"""Contestants that work on our tracker's own results; those of `OFFLINE` know what comes later: a bound, no rival."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What one contestant said of a signal: the 68 `points` (T, 68, 2) pixels, `pitch` (T,) degrees and `jaw` (T,)
    0..1; NaN without a face. A peer has no pitch."""

    points: Floats
    pitch: Floats
    jaw: Floats


def filtered(results: Sequence[TrackResult], method: str, settings: Filter | None = None) -> list[TrackResult]:
    """The same raw results through a fresh filter, or smoothed all at once."""
    if method in OFFLINE:
        return OFFLINE[method](results, settings or Filter(method=method))
    stabilizer = Stabilizer(method, settings)
    return [stabilizer.apply(result) for result in results]


def track_of(results: Sequence[TrackResult]) -> Track:
    """The first face of each frame."""
    faces = [result.seen[0] if result.seen else None for result in results]
    return Track(
        _stack([None if f is None else f.landmarks_px("ibug68") for f in faces]),
        np.array([np.nan if f is None else f.pose.pitch_deg for f in faces]),
        np.array([np.nan if f is None else _jaw(f) for f in faces]),
    )


def _jaw(face: Face) -> float:
    return float(face.state.expression[_JAW]) if face.state.expression.size > _JAW else float("nan")


def peer_track(faces: Sequence[PeerFace]) -> Track:
    """MediaPipe's faces as ours: 68 of its points."""
    points = _stack([None if f.points is None else MEDIAPIPE_68 @ f.points[:478, :2].astype(np.float64) for f in faces])
    none = np.full(len(faces), np.nan)
    return Track(points, none, none)


def _stack(points: Sequence[Any]) -> Floats:
    missing = np.full((68, 2), np.nan)
    return np.array([missing if p is None else np.asarray(p, np.float64) for p in points]).reshape(-1, 68, 2)
