"""Live Link Face, packet version 6, big-endian: what Unreal's Live Link listens for on port 11111.

Shapes in ARKit's order, then yaw, pitch and roll of the head and of both eyes in radians (signs as in
`tracker.types`). A phone that sees no face sends only the header: so do we, once a second.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from ..errors import SourceError
from ..head.axes import Gaze
from ..head.model import EXPRESSIONS
from ..settings import Stream
from .performance import Moment
from .udp import Codec

PORT = 11111
VERSION, COUNT = 6, 61
ANGLES = ("HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll",
          "RightEyeYaw", "RightEyePitch", "RightEyeRoll")  # fmt: skip
NAMES: tuple[str, ...] = (*(name[0].upper() + name[1:] for name in EXPRESSIONS), *ANGLES)
"""The 61 values in the packet's order."""

FRAME_RATE = Fraction(60)


def device_id(subject: str) -> str:
    """An upper-case UUID that stays the same for one subject."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"stillpoint.{subject}")).upper()


def header(now: Moment, device: str, subject: str, rate: Fraction = FRAME_RATE) -> bytes:
    """Everything before the count of values."""
    frames = now.time * float(rate)
    whole = int(np.floor(frames))
    part = min(np.float32(frames - whole), np.nextafter(np.float32(1), np.float32(0)))
    names = b"".join(struct.pack(">i", len(raw)) + raw for raw in (device.encode(), subject.encode()))
    number = (whole + 2**31) % 2**32 - 2**31
    clock = struct.pack(">ifii", number, float(part), rate.numerator, rate.denominator)
    return struct.pack(">B", VERSION) + names + clock


def values(now: Moment) -> list[float]:
    """The 61 values of the first face."""
    face = now.faces[0]

    def eye(gaze: Gaze) -> tuple[float, float, float]:
        return gaze.yaw, gaze.pitch, 0.0

    angles = (*face.angles, *eye(face.left), *eye(face.right))
    return [*map(float, face.shapes), *(float(np.radians(angle)) for angle in angles)]


def encode(now: Moment, device: str, subject: str, rate: Fraction = FRAME_RATE) -> bytes:
    """270 bytes and the two names."""
    return header(now, device, subject, rate) + struct.pack(f">B{COUNT}f", COUNT, *values(now))


def decode(packet: bytes) -> Mapping[str, object]:
    """The fields by name, `values` by name in them (empty where only the header came). Raises SourceError."""
    try:
        version = packet[0]
        if version != VERSION:
            raise SourceError(f"A Live Link packet of version {version} came; version {VERSION} is understood.")
        device, at = _name(packet, 1)
        subject, at = _name(packet, at)
        frame, part, numerator, denominator = struct.unpack_from(">ifii", packet, at)
        rest = packet[at + 16 :]
        found = dict(zip(NAMES, struct.unpack(f">{COUNT}f", rest[1:]), strict=True)) if rest else {}
    except (struct.error, IndexError, ValueError) as error:
        raise SourceError(f"A packet of {len(packet)} bytes is no Live Link Face packet ({error}).") from error
    head = {"device": device, "subject": subject, "frame": frame, "sub_frame": part}
    return {**head, "rate": f"{numerator}/{denominator}", "values": found}


def _name(packet: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">i", packet, at)
    if not 0 <= length <= len(packet) - at - 4:
        raise ValueError("a name is longer than the packet")
    return packet[at + 4 : at + 4 + length].decode("utf-8", "replace").rstrip("\0"), at + 4 + length


def codec(settings: Stream, limit: int) -> Codec:
    device = device_id(settings.subject)
    return Codec(
        lambda now: [encode(now, device, settings.subject)], lambda now, lost: [header(now, device, settings.subject)]
    )
