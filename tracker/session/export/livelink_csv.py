"""The CSV of the Live Link Face app: 61 values a frame by timecode, blank where there was no face.

Order as in the app's own takes, which have the right before the left for jaw and mouth; readers map by name. Angles
are radians with the signs of `tracker.types`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np

from ...head.axes import gaze_of
from ...head.model import EXPRESSIONS
from ...types import FaceState
from ..replay import Session
from . import Progress
from .lines import cells, write_lines

_TAKE = {"jawLeft": "jawRight", "jawRight": "jawLeft", "mouthLeft": "mouthRight", "mouthRight": "mouthLeft"}
SHAPES = tuple(_TAKE.get(name, name) for name in EXPRESSIONS)
NAMES = (*(name[0].upper() + name[1:] for name in SHAPES), *(f"Head{angle}" for angle in ("Yaw", "Pitch", "Roll")),
         *(f"{side}Eye{angle}" for side in ("Left", "Right") for angle in ("Yaw", "Pitch", "Roll")))  # fmt: skip
_ORDER = [EXPRESSIONS.index(name) for name in SHAPES]


def timecode(seconds: float, fps: float) -> str:
    """Seconds of the day -> HH:MM:SS:FF.mmm, frames with three decimals."""
    thousandths = int(seconds % 1.0 * fps * 1000.0)
    whole = int(seconds)
    hours, minutes = whole // 3600 % 24, whole // 60 % 60
    return f"{hours:02}:{minutes:02}:{whole % 60:02}:{thousandths // 1000:02}.{thousandths % 1000:03}"


def write(session: Session, path: Path, progress: Progress, face: int | None = None) -> None:
    """One line a captured frame, of one face."""
    take = session.take(face)
    start = _time_of_day(str(session.about.get("started_utc", "")))

    def rows() -> Iterator[list[str]]:
        for time, state in zip(take.time, take.states(), strict=True):
            values = [""] * len(NAMES) if state is None else cells(_values(state), 10)
            yield [timecode(start + float(time), session.fps), str(len(NAMES)), *values]

    write_lines(path, ["Timecode", "BlendShapeCount", *NAMES], rows(), len(take), progress)


def _values(state: FaceState) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    pose = state.pose
    left, right = gaze_of(np.nan_to_num(state.expression))
    angles = (pose.yaw_deg, pose.pitch_deg, pose.roll_deg, left.yaw, left.pitch, 0.0, right.yaw, right.pitch, 0.0)
    return np.concatenate([state.expression[_ORDER].astype(np.float64), np.radians(angles)])


def _time_of_day(started: str) -> float:
    """Seconds since midnight; 0 where the session does not say when it began."""
    try:
        at = datetime.fromisoformat(started)
    except ValueError:
        return 0.0
    return at.hour * 3600.0 + at.minute * 60.0 + at.second + at.microsecond / 1e6
