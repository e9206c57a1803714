"""iFacialMocap's text frames, v1 and v2: shapes in percent, head and eyes in degrees, as a phone sends them.

Rotations are what Unity's `Quaternion.Euler` takes for an avatar; the head's place is in ARKit's axes, metres. v2
parts names and numbers with "&", v1 with "-". Without a face the last frame is repeated for a second, then silence.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import SourceError
from ..head.axes import Floats, Gaze, avatar, gaze_turn, unity_euler
from ..head.model import EXPRESSIONS
from ..settings import Stream
from .performance import Moment, Performance
from .udp import Codec
from .vmc import spelled

PORT = 49983
HANDSHAKE = b"iFacialMocap_sahuasouryya9218sauhuiayeta91555dy3719"
WANTS_V2 = b"|sendDataVersion=v2"
HELD_S = 1.0
_ARKIT = dict(zip(spelled("underscore"), EXPRESSIONS, strict=True))


def encode(now: Moment, version: str = "v2") -> bytes:
    """The first face as UTF-8 records with "|" behind each."""
    face = now.faces[0]
    parting = "&" if version == "v2" else "-"
    percent = (round(100.0 * float(value)) for value in face.shapes)
    shapes = "".join(f"{name}{parting}{value}|" for name, value in zip(spelled("underscore"), percent, strict=True))
    eyes = f"rightEye#{_eye(face, face.right)}|leftEye#{_eye(face, face.left)}|"
    return f"{shapes}=head#{_numbers(*_euler(face.turn, face), *map(float, face.shift))}|{eyes}".encode()


def _euler(turn: Floats, face: Performance) -> tuple[float, float, float]:
    return unity_euler(avatar(turn, face.shift)[1])


def _eye(face: Performance, gaze: Gaze) -> str:
    return _numbers(*_euler(gaze_turn(gaze), face))


def _numbers(*values: float) -> str:
    return ",".join(f"{value:.5f}" for value in values)


def decode(packet: bytes) -> Mapping[str, object]:
    """Shapes by ARKit's names, 0..1, and "head", "rightEye", "leftEye" as lists. Raises SourceError."""
    shapes: dict[str, float] = {}
    found: dict[str, object] = {"shapes": shapes}
    try:
        for record in packet.decode("utf-8").split("|"):
            if "#" in record:
                name, _, numbers = record.lstrip("=").partition("#")
                found[name] = [float(v) for v in numbers.split(",")]
            elif record:
                # v1: a number's sign looks like the dash that parts it from its name.
                parting = "&" if "&" in record else "-"
                name, _, value = record.partition(parting)
                shapes[_ARKIT.get(name, name)] = float(value) / 100.0
    except (UnicodeDecodeError, ValueError) as error:
        raise SourceError(f"A packet of {len(packet)} bytes is no frame of iFacialMocap ({error}).") from error
    if not shapes and "head" not in found:
        raise SourceError(f"A packet of {len(packet)} bytes is no frame of iFacialMocap: it names nothing.")
    return found


def codec(settings: Stream, limit: int) -> Codec:
    last: list[bytes] = []  # of one stream: what is repeated when the face is lost

    def send(now: Moment) -> list[bytes]:
        last[:] = [encode(now, settings.facial_mocap)]
        return last

    return Codec(send, lambda now, lost: list(last) if lost <= HELD_S else [], idle_s=0.1)
