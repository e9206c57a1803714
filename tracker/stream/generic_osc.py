"""Stillpoint's own OSC: /stillpoint/<face>/head/pos, /head/quat, /shape/<name>, /gaze/left, /gaze/right, /state.

Places in metres and quaternions (x, y, z, w) in upright axes (ARKit's), gaze as unit vectors in the same. State 2:
tracked, 4: lost. Nothing but the state is sent without a face.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import SettingsError
from ..head.axes import Gaze, gaze_turn, quaternion
from ..head.model import EXPRESSIONS
from ..settings import Stream
from .osc import bundles, message, parse
from .performance import Moment, Performance
from .udp import Codec

PORT = 9000
TRACKED, LOST = 2, 4


def encode(now: Moment, prefix: str = "/stillpoint", limit: int = 65507) -> list[bytes]:
    """All faces, in as few bundles as `limit` bytes allow."""
    messages: list[bytes] = []
    for face in now.faces:
        root = f"{prefix}/{face.id}"
        messages.append(message(f"{root}/state", TRACKED))
        messages.append(message(f"{root}/head/pos", *map(float, face.shift)))
        messages.append(message(f"{root}/head/quat", *quaternion(face.turn)))
        messages.append(message(f"{root}/gaze/left", *_look(face, face.left)))
        messages.append(message(f"{root}/gaze/right", *_look(face, face.right)))
        values = zip(EXPRESSIONS, map(float, face.shapes), strict=True)
        messages.extend(message(f"{root}/shape/{name}", value) for name, value in values)
    return bundles(messages, limit)


def _look(face: Performance, gaze: Gaze) -> tuple[float, float, float]:
    x, y, z = (face.turn @ gaze_turn(gaze))[:, 2]
    return float(x), float(y), float(z)


def decode(packet: bytes) -> Sequence[object]:
    return parse(packet)


def codec(settings: Stream, limit: int) -> Codec:
    prefix = "/" + settings.osc_prefix.strip("/")
    if not prefix.isascii() or any(c in prefix for c in " #*,?[]{}"):
        raise SettingsError(f"{settings.osc_prefix!r} cannot begin an OSC address; use letters, digits and slashes.")
    return Codec(lambda now: encode(now, prefix, limit), lambda now, lost: bundles([message(f"{prefix}/state", LOST)]))
