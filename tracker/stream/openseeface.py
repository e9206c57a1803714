"""OpenSeeFace's datagrams: 1785 little-endian bytes a face, for programs that speak to its face tracker.

Its working camera has rows for x (down in the picture) and columns for y, its head x to the subject's right, y up, z
out of the face, the origin at the tip of the nose, and a unit of about 139 mm. Its solver starts from zeros and so
ends at the twin of the true pose that lies behind the camera, with x, y and the translation's sign turned round: that
is what its receivers undo (a straight face has the angles 180, 0, 90), and what is sent here. The translation is only
good relative to a recentre, as it is in OpenSeeFace itself. Recentring, inverted axes and the mirror change the pose
and the features; the points stay where they were seen. Layout: its facetracker.py.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ..errors import SourceError
from ..head.axes import Floats, quaternion
from ..head.model import EXPRESSIONS
from ..settings import Stream
from ..types import FACING, Array
from .performance import Moment, Performance
from .udp import Codec

PORT = 11573
FACE_BYTES = 1785
MOST_FACES = 36
"""A datagram holds no more; its receivers take no part of a face."""

POINTS = (*range(48), 49, 50, 51, 52, 53, 55, 56, 57, 58, 59, 48, 61, 62, 63, 54, 65, 66, 67)
"""Its 66 points as indices of the 68: no inner corners of the mouth, the outer ones in their places."""

UNIT_M = 0.139
_NOSE, _RIGHT_IRIS, _LEFT_IRIS = 30, 468, 473
_EYE_DEPTH = 0.385  # of the eye corners' distance
_HEAD = struct.Struct("<di2f2fBf4f3f3f")
_FEATURES = (
    "eye_l", "eye_r", "eyebrow_steepness_l", "eyebrow_updown_l", "eyebrow_quirk_l", "eyebrow_steepness_r",
    "eyebrow_updown_r", "eyebrow_quirk_r", "mouth_corner_updown_l", "mouth_corner_inout_l", "mouth_corner_updown_r",
    "mouth_corner_inout_r", "mouth_open", "mouth_wide",
)  # fmt: skip
_SWAP = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
_TWIN = np.diag([-1.0, -1.0, 1.0])
_ACROSS = np.diag([-1.0, 1.0, 1.0])
_FACING = FACING.astype(np.float64)


def working_rotation(turn: Floats) -> Floats:
    """A turn in upright axes -> the rotation (3, 3) that OpenSeeFace's solver would find."""
    return np.asarray(_TWIN @ _SWAP @ _FACING @ turn @ _ACROSS)


def encode(now: Moment) -> bytes:
    """All faces, 36 at most, one behind the other."""
    return b"".join(_face(now, face) for face in now.faces[:MOST_FACES])


def _face(now: Moment, face: Performance) -> bytes:
    rotation = working_rotation(face.turn)
    euler = cv2.RQDecomp3x3(rotation)[0]
    solid, nose = _solid(face)
    place = -_SWAP @ (_FACING @ (face.turn @ nose + face.shift)) / UNIT_M
    open_right, open_left = (1.0 - _shape(face, f"eyeBlink{side}") for side in ("Right", "Left"))
    head = _HEAD.pack(
        now.wall, face.id, now.width, now.height, open_right, open_left, 1, 0.0, *quaternion(rotation), *euler, *place
    )
    points, confidence = _flat(face)
    solid[:, 1:] *= -1.0
    rest = np.concatenate([confidence, points.ravel(), solid.ravel(), features(face.shapes)])
    numbers: bytes = np.nan_to_num(rest, posinf=0.0, neginf=0.0).astype("<f4").tobytes()
    return head + numbers


def _flat(face: Performance) -> tuple[Floats, Floats]:
    """(68, 2) pixels and (68,) confidences: 66 points, the right and the left pupil."""
    dense = face.face.landmarks_px("mediapipe478")
    points = np.concatenate([face.face.landmarks_px("ibug68")[list(POINTS)], dense[[_RIGHT_IRIS, _LEFT_IRIS]]])
    sure = np.clip(1.0 - 10.0 * face.face.std_px("ibug68")[list(POINTS)] / face.face.size_px, 0.0, 1.0)
    pupils = [1.0 - _shape(face, "eyeBlinkRight"), 1.0 - _shape(face, "eyeBlinkLeft")]
    return points.astype(np.float64), np.concatenate([sure, pupils]).astype(np.float64)


def _solid(face: Performance) -> tuple[Floats, Floats]:
    """(70, 3) points in its head's axes and units, and our (3,) of the nose's tip in metres."""
    points = face.face.landmarks_head("ibug68").astype(np.float64)
    irises = face.face.landmarks_head("mediapipe478")[[_RIGHT_IRIS, _LEFT_IRIS]].astype(np.float64)
    balls = []
    for outer, inner in ((36, 39), (45, 42)):
        corners = points[outer], points[inner]
        depth = _EYE_DEPTH * float(np.linalg.norm(corners[0] - corners[1]))
        balls.append((corners[0] + corners[1]) / 2.0 - (0.0, 0.0, depth))
    nose = points[_NOSE]
    return (np.concatenate([points[list(POINTS)], irises, balls]) - nose) @ _ACROSS / UNIT_M, nose


def features(shapes: Array) -> Floats:
    """Its 14 features, about -1..1, from ARKit's shapes (52,): eyes -1 closed, brows and mouth corners +1 up."""
    at = dict(zip(EXPRESSIONS, map(float, shapes), strict=True))

    def eye(side: str) -> float:
        return at[f"eyeWide{side}"] - at[f"eyeBlink{side}"]

    def brow(side: str) -> tuple[float, float, float]:
        outer, inner, down = at[f"browOuterUp{side}"], at["browInnerUp"], at[f"browDown{side}"]
        return outer - inner + down, (outer + inner) / 2.0 - down, outer - (inner + down) / 2.0

    def corner(side: str) -> tuple[float, float]:
        wide = at[f"mouthStretch{side}"] + at[f"mouthDimple{side}"] - at["mouthPucker"]
        return at[f"mouthSmile{side}"] - at[f"mouthFrown{side}"], wide

    wide = (at["mouthStretchLeft"] + at["mouthStretchRight"]) / 2.0 - at["mouthPucker"]
    mouth = (max(at["jawOpen"] - at["mouthClose"], 0.0), wide)
    values = (eye("Left"), eye("Right"), *brow("Left"), *brow("Right"), *corner("Left"), *corner("Right"), *mouth)
    return np.asarray(np.clip(np.array(values), -1.0, 1.0), dtype=np.float64)


def _shape(face: Performance, name: str) -> float:
    return float(face.shapes[EXPRESSIONS.index(name)])


def decode(packet: bytes) -> Sequence[Mapping[str, object]]:
    """Every face's fields by name. Raises SourceError for a length that is no multiple of 1785."""
    if not packet or len(packet) % FACE_BYTES:
        raise SourceError(f"A packet of OpenSeeFace has a multiple of {FACE_BYTES} bytes, this one {len(packet)}.")
    return [_decoded(packet[at : at + FACE_BYTES]) for at in range(0, len(packet), FACE_BYTES)]


def _decoded(part: bytes) -> Mapping[str, object]:
    head = _HEAD.unpack_from(part)
    rest = np.frombuffer(part, "<f4", offset=_HEAD.size)
    keys = ("time", "id", "width", "height", "right_eye_open", "left_eye_open", "got_3d", "pnp_error")
    fields: dict[str, object] = dict(zip(keys, head, strict=False))
    fields.update(quaternion=head[8:12], euler=head[12:15], translation=head[15:18])
    fields.update(confidence=rest[:68].tolist(), points=rest[68:204].tolist(), points_3d=rest[204:414].tolist())
    return {**fields, "features": dict(zip(_FEATURES, rest[414:].tolist(), strict=True))}


def codec(settings: Stream, limit: int) -> Codec:
    return Codec(lambda now: [encode(now)])
