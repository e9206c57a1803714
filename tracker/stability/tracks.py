"""What contestants say of a signal: their names, their 68 points, and our filters over the same raw results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..head import load_head
from ..head.model import EXPRESSIONS
from ..peers import PeerFace
from ..settings import Filter
from ..temporal import OFFLINE, STABILIZERS, Stabilizer
from ..types import Array, Face, Pose, TrackResult
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
_MOUTH_TOP = -0.045
"""Metres, head frame: what lies above is moved little by speech."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What one contestant said of a signal: the 68 `points` (T, 68, 2) pixels, `pitch` and `yaw` (T,) degrees, and
    `jaw` (T,) 0..1; NaN without a face. `parallax` (T,) degrees: the pitch since the first frame as far as the
    face's pixels tell it and are believed, NaN where they do not; a peer has none, and no jaw."""

    points: Floats
    pitch: Floats
    jaw: Floats
    yaw: Floats
    parallax: Floats


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
        np.array([np.nan if f is None else f.pose.yaw_deg for f in faces]),
        _parallax(faces),
    )


def _parallax(faces: Sequence[Face | None]) -> Floats:
    steps = np.array([np.nan if f is None else _nodded(f.carried) for f in faces])
    return np.where(np.isfinite(steps), np.degrees(np.nancumsum(steps)), np.nan)


def _nodded(motion: Floats | None) -> float:
    """Radians that the nose went up, see `Face.carried`."""
    if motion is None or motion.shape[1] < 4:
        return float("nan")
    return float(motion[1, 3] / np.hypot(motion[0, 0], motion[1, 0]))


def _jaw(face: Face) -> float:
    return float(face.state.expression[_JAW]) if face.state.expression.size > _JAW else float("nan")


def peer_track(faces: Sequence[PeerFace]) -> Track:
    """MediaPipe's faces as ours: 68 of its points, and the rotation that takes the mean head's points to its own."""
    points = _stack([None if f.points is None else MEDIAPIPE_68 @ f.points[:478, :2].astype(np.float64) for f in faces])
    none = np.full(len(faces), np.nan)
    poses = [None if f.points is None else Pose(_rotation(f.points[:478]), np.zeros(3, np.float32)) for f in faces]
    pitch, yaw = (
        np.array([np.nan if pose is None else getattr(pose, f"{name}_deg") for pose in poses])
        for name in ("pitch", "yaw")
    )
    return Track(points, pitch, none, yaw, none)


def _rotation(points: Array) -> Array:
    """(3, 3) camera_from_head of MediaPipe's points (478, 3), by those that speech moves little (Kabsch 1976)."""
    head = load_head()
    mean = head.layouts["mediapipe478"].of(head.mean)
    still = mean[:, 1] > _MOUTH_TOP
    a, b = (p[still].astype(np.float64) - p[still].mean(0) for p in (mean, points))
    u, _, v = np.linalg.svd(b.T @ a)
    return np.asarray(u @ np.diag([1.0, 1.0, np.linalg.det(u @ v)]) @ v, np.float32)


def _stack(points: Sequence[Any]) -> Floats:
    missing = np.full((68, 2), np.nan)
    return np.array([missing if p is None else np.asarray(p, np.float64) for p in points]).reshape(-1, 68, 2)
