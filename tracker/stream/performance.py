"""A tracked face as protocols send it: seen from the neutral pose, with axes inverted and mirrored as asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.axes import SWAPPED, Floats, Gaze, Triple, angles_of, gaze_of, turn_of, upright
from ..settings import Stream
from ..types import Array, Face, Tracked

_FLIP = np.diag([-1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Neutral:
    """The pose that counts as straight ahead: `turn` (3, 3) in upright axes, `place` (3,) metres in upright axes."""

    turn: Floats
    place: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """One face as protocols send it, in upright axes, relative to the neutral pose.

    turn    (3, 3) rotation
    shift   (3,) metres
    shapes  (52,) ARKit's coefficients, 0..1
    """

    id: int
    turn: Floats
    shift: Floats
    shapes: Array
    left: Gaze
    right: Gaze
    face: Face

    @property
    def angles(self) -> Triple:
        """(yaw, pitch, roll) in degrees, signs as in `tracker.types`."""
        return angles_of(self.turn)


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame as protocols send it. `time` s on the capture clock, `wall` Unix seconds, size in pixels."""

    index: int
    time: float
    wall: float
    width: int
    height: int
    faces: tuple[Performance, ...] = ()


def neutral_of(face: Face) -> Neutral:
    """What recentring keeps: the face's pose now."""
    return Neutral(*upright(face.pose))


def performance(face: Face, neutral: Neutral | None = None, settings: Stream | None = None) -> Performance:
    """A face, seen from the neutral pose, with the axes inverted and mirrored as asked, in that order."""
    settings = settings or Stream()
    turn, shift = upright(face.pose)
    if neutral is not None:
        turn, shift = neutral.turn.T @ turn, neutral.turn.T @ (shift - neutral.place)
    turn, shift = inverted(turn, shift, settings)
    shapes = np.clip(np.nan_to_num(face.state.expression), 0.0, 1.0).astype(np.float32)
    if settings.mirror:
        turn, shift, shapes = _FLIP @ turn @ _FLIP, _FLIP @ shift, shapes[SWAPPED]
    left, right = gaze_of(shapes)
    return Performance(face.id, turn, shift, shapes, left, right, face)


def moment(tracked: Tracked, wall: float, neutral: Neutral | None, settings: Stream) -> Moment:
    """The stable faces that a frame shows, not those that are held; one whose pose is not finite is left out."""
    frame = tracked.stable.frame
    faces = tuple(
        performance(face, neutral, settings)
        for face in tracked.stable.seen
        if np.isfinite(face.pose.rotation).all() and np.isfinite(face.pose.translation).all()
    )
    height, width = frame.image.shape[:2]
    return Moment(frame.index, frame.time, wall, width, height, faces)


def inverted(turn: Floats, shift: Floats, settings: Stream) -> tuple[Floats, Floats]:
    """With the signs of the angles and axes flipped that `settings` names."""
    signs = [-1.0 if flag else 1.0 for flag in (settings.invert_yaw, settings.invert_pitch, settings.invert_roll)]
    if min(signs) < 0.0:
        yaw, pitch, roll = (sign * angle for sign, angle in zip(signs, angles_of(turn), strict=True))
        turn = turn_of(yaw, pitch, roll)
    axes = (settings.invert_x, settings.invert_y, settings.invert_z)
    return turn, shift * np.array([-1.0 if flag else 1.0 for flag in axes])
