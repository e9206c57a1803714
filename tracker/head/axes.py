"""Axes in which heads are sent and written elsewhere, the quaternions to go with them, and where the eyes look.

Three right- or left-handed worlds meet here, all with metres and with quaternions as (x, y, z, w):

    camera  OpenCV's, see `tracker.types`: x right, y down, z forward
    upright ARKit's and glTF's: x right in the picture (the subject's left), y up, z towards the camera
    avatar  Unity's left-handed one, seen from a character that looks along +z: x to its right, y up

A face that looks straight into the camera is the identity in the last two; a `turn` is a rotation in upright axes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..types import FACING, Array, Pose, rotation_from_angles
from .model import EXPRESSIONS

Floats = npt.NDArray[np.float64]
Quaternion = tuple[float, float, float, float]
Triple = tuple[float, float, float]

_INDEX = {name: i for i, name in enumerate(EXPRESSIONS)}


def _other_side(name: str) -> str:
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    return name.removesuffix("Right") + "Left" if name.endswith("Right") else name


SWAPPED = np.array([_INDEX[_other_side(name)] for name in EXPRESSIONS], dtype=np.intp)
"""Of each of the 52 shapes, the one on the other side of the face (itself where there is none)."""

LOOK_ASIDE_DEG, LOOK_UP_DEG, LOOK_DOWN_DEG = 32.0, 25.0, 30.0
"""How far the head model's eyeballs turn at 1.0 of eyeLookIn and eyeLookOut, eyeLookUp, eyeLookDown."""


@dataclass(frozen=True, slots=True)
class Gaze:
    """Where one eye looks in the head: `yaw` to the subject's left, `pitch` up, degrees."""

    yaw: float
    pitch: float


def upright(pose: Pose) -> tuple[Floats, Floats]:
    """Turn (3, 3) and place (3,) of a pose in upright axes."""
    facing = FACING.astype(np.float64)
    return facing @ pose.rotation.astype(np.float64), facing @ pose.translation.astype(np.float64)


def angles_of(turn: Floats) -> Triple:
    """(yaw, pitch, roll) degrees of a turn: turn = Rx(-pitch) Ry(yaw) Rz(roll)."""
    yaw = np.arcsin(np.clip(turn[0, 2], -1.0, 1.0))
    pitch, roll = np.arctan2(turn[1, 2], turn[2, 2]), np.arctan2(-turn[0, 1], turn[0, 0])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


def turn_of(yaw: float, pitch: float, roll: float) -> Floats:
    """The inverse of `angles_of`."""
    return np.asarray(FACING @ rotation_from_angles(yaw, pitch, roll), dtype=np.float64)


def gaze_of(shapes: Array) -> tuple[Gaze, Gaze]:
    """Left and right eye, from the eyeLook shapes (52,)."""

    def at(name: str) -> float:
        return float(shapes[_INDEX[name]])

    def pitch(side: str) -> float:
        return LOOK_UP_DEG * at(f"eyeLookUp{side}") - LOOK_DOWN_DEG * at(f"eyeLookDown{side}")

    left = LOOK_ASIDE_DEG * (at("eyeLookOutLeft") - at("eyeLookInLeft"))
    right = LOOK_ASIDE_DEG * (at("eyeLookInRight") - at("eyeLookOutRight"))
    return Gaze(left, pitch("Left")), Gaze(right, pitch("Right"))


def quaternion(rotation: npt.NDArray[np.floating]) -> Quaternion:
    """(x, y, z, w) of a rotation (3, 3), w >= 0; by the largest component, so that half turns are exact too."""
    r = np.asarray(rotation, dtype=np.float64)
    trace = float(np.trace(r))
    scores = [r[0, 0], r[1, 1], r[2, 2], trace]
    i = int(np.argmax(scores))
    if i == 3:
        q = np.array([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], 1.0 + trace])
    else:
        j, k = (i + 1) % 3, (i + 2) % 3
        q = np.empty(4)
        q[i] = 1.0 - trace + 2.0 * r[i, i]
        q[j], q[k], q[3] = r[j, i] + r[i, j], r[k, i] + r[i, k], r[k, j] - r[j, k]
    q = q / np.linalg.norm(q)
    x, y, z, w = (float(v) for v in (q if q[3] >= 0.0 else -q))
    return x, y, z, w


def rotation_of(q: Quaternion) -> Floats:
    """(3, 3) of a unit quaternion (x, y, z, w)."""
    x, y, z, w = np.asarray(q, dtype=np.float64) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def avatar(turn: Floats, shift: Floats) -> tuple[Triple, Quaternion]:
    """A turn and a shift in upright axes -> position and quaternion in the avatar's own, left-handed axes."""
    x, y, z, w = quaternion(turn)
    return (-float(shift[0]), float(shift[1]), float(shift[2])), (x, -y, -z, w)


def unity_euler(q: Quaternion) -> Triple:
    """(x, y, z) degrees as `Quaternion.Euler` takes them: turned about z, then x, then y."""
    r = rotation_of(q)
    x = np.arcsin(np.clip(-r[1, 2], -1.0, 1.0))
    y, z = np.arctan2(r[0, 2], r[2, 2]), np.arctan2(r[1, 0], r[1, 1])
    return float(np.degrees(x)), float(np.degrees(y)), float(np.degrees(z))


def gaze_turn(gaze: Gaze) -> Floats:
    """The eye's turn in the head (3, 3), upright axes."""
    return turn_of(gaze.yaw, gaze.pitch, 0.0)


def gaze_direction(turn: Floats, gaze: Gaze) -> Triple:
    """The unit vector along which an eye looks, in the camera's axes (x right, y down, z forward)."""
    x, y, z = turn @ gaze_turn(gaze)[:, 2]
    return float(x), -float(y), -float(z)
