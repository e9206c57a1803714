"""opentrack's "UDP over network": six little-endian doubles, TX TY TZ in cm and yaw, pitch, roll in degrees.

Signs as opentrack's own trackers give them (its Rift and paper trackers agree): TX to the user's left, TY up, TZ away
from the screen, yaw to the user's right, pitch up, roll to the user's left shoulder. Nothing is sent without a face;
the receiver holds the last pose.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from ..errors import SourceError
from ..settings import Stream
from .performance import Moment
from .udp import Codec

PORT = 4242
_LAYOUT = struct.Struct("<6d")
_FIELDS = ("tx_cm", "ty_cm", "tz_cm", "yaw_deg", "pitch_deg", "roll_deg")


def encode(now: Moment) -> bytes:
    """48 bytes of the first face."""
    face = now.faces[0]
    x, y, z = (100.0 * float(v) for v in face.shift)
    yaw, pitch, roll = face.angles
    return _LAYOUT.pack(x, y, -z, -yaw, pitch, -roll)


def decode(packet: bytes) -> Mapping[str, object]:
    """The fields by name. Raises SourceError for another length."""
    if len(packet) != _LAYOUT.size:
        raise SourceError(f"A packet of opentrack has 48 bytes, this one {len(packet)}.")
    return dict(zip(_FIELDS, _LAYOUT.unpack(packet), strict=True))


def codec(settings: Stream, limit: int) -> Codec:
    return Codec(lambda now: [encode(now)])
