"""VMC protocol (OSC over UDP) as a performer sends it: head, eyes and blend shapes to a marionette.

Bones turn in the avatar's own axes, local to their parents; their places are left to the avatar (zero). Names of the
shapes are case-sensitive and differ between programs, hence the spellings; VRM's presets are made from ARKit's shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from ..head.axes import avatar, gaze_turn
from ..head.model import EXPRESSIONS
from ..settings import Stream
from ..types import Array
from .osc import bundles, message, parse
from .performance import Moment
from .udp import Codec

PORT = 39539
_NO_TURN = (0.0, 0.0, 0.0, 1.0)
_VRM1 = {
    "Neutral": "neutral", "Joy": "happy", "Angry": "angry", "Sorrow": "sad", "Fun": "relaxed", "A": "aa", "I": "ih",
    "U": "ou", "E": "ee", "O": "oh", "Blink": "blink", "Blink_L": "blinkLeft", "Blink_R": "blinkRight",
    "LookUp": "lookUp", "LookDown": "lookDown", "LookLeft": "lookLeft", "LookRight": "lookRight",
}  # fmt: skip
"""VRM 0's presets and what VRM 1 calls them."""


def underscored(name: str) -> str:
    """eyeBlinkLeft -> eyeBlink_L; what names a direction and no side (jawLeft, mouthLeft) stays."""
    if name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
        return name
    for side in ("Left", "Right"):
        if name.endswith(side):
            return f"{name.removesuffix(side)}_{side[0]}"
    return name


_SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "pascal": lambda name: name[0].upper() + name[1:],
    "camel": lambda name: name,
    "underscore": underscored,
}


@cache
def spelled(names: str) -> tuple[str, ...]:
    """The 52 names in the spelling "pascal", "camel" or "underscore"."""
    return tuple(map(_SPELLINGS[names], EXPRESSIONS))


def presets(shapes: Array) -> dict[str, float]:
    """ARKit's coefficients (52,) -> VRM 0's presets, 0..1."""
    at = dict(zip(EXPRESSIONS, map(float, shapes), strict=True))

    def both(name: str) -> float:
        return (at[f"{name}Left"] + at[f"{name}Right"]) / 2.0

    left, right = at["eyeBlinkLeft"], at["eyeBlinkRight"]
    smile, frown, pucker, jaw = both("mouthSmile"), both("mouthFrown"), at["mouthPucker"], at["jawOpen"]
    funnel, stretch = at["mouthFunnel"], both("mouthStretch")
    values = {
        "Joy": smile,
        "Angry": both("browDown") * (1.0 - smile),
        "Sorrow": max(frown, at["browInnerUp"] * frown),
        "Fun": smile * (1.0 - jaw) * both("cheekSquint"),
        "A": jaw * (1.0 - max(pucker, funnel)),
        "I": stretch * (1.0 - jaw),
        "U": pucker * (1.0 - 0.5 * jaw),
        "E": smile * jaw,
        "O": funnel,
        "Blink": min(left, right),
        "Blink_L": left - min(left, right),
        "Blink_R": right - min(left, right),
        "LookUp": both("eyeLookUp"),
        "LookDown": both("eyeLookDown"),
        "LookLeft": (at["eyeLookOutLeft"] + at["eyeLookInRight"]) / 2.0,
        "LookRight": (at["eyeLookInLeft"] + at["eyeLookOutRight"]) / 2.0,
    }
    told = max(v for name, v in values.items() if name in ("Joy", "Angry", "Sorrow", "Fun"))
    return {"Neutral": 1.0 - told, **{name: float(np.clip(v, 0.0, 1.0)) for name, v in values.items()}}


def shapes_of(shapes: Array, names: str) -> list[tuple[str, float]]:
    """Names and values in the spelling or with the presets asked for."""
    if names == "vrm0":
        return list(presets(shapes).items())
    if names == "vrm1":
        return [(_VRM1[name], value) for name, value in presets(shapes).items()]
    return list(zip(spelled(names), map(float, shapes), strict=True))


def _bone(name: str, *place_and_turn: float) -> bytes:
    return message("/VMC/Ext/Bone/Pos", name, *place_and_turn)


def encode(now: Moment, names: str = "pascal", limit: int = 65507) -> list[bytes]:
    """The first face in one bundle, or several of at most `limit` bytes with Apply in the last."""
    face = now.faces[0]
    _, head = avatar(face.turn, face.shift)
    eyes = [avatar(gaze_turn(gaze), face.shift)[1] for gaze in (face.left, face.right)]
    messages = [
        message("/VMC/Ext/OK", 1),
        message("/VMC/Ext/T", float(now.time)),
        message("/VMC/Ext/Root/Pos", "root", 0.0, 0.0, 0.0, *_NO_TURN),
        _bone("Head", 0.0, 0.0, 0.0, *head),
        _bone("LeftEye", 0.0, 0.0, 0.0, *eyes[0]),
        _bone("RightEye", 0.0, 0.0, 0.0, *eyes[1]),
        *(message("/VMC/Ext/Blend/Val", name, value) for name, value in shapes_of(face.shapes, names)),
        message("/VMC/Ext/Blend/Apply"),
    ]
    return bundles(messages, limit)


def idle(now: Moment, lost_s: float) -> list[bytes]:
    """Alive, but nothing loaded: the marionette holds the last values."""
    return bundles([message("/VMC/Ext/OK", 0), message("/VMC/Ext/T", float(now.time))])


def decode(packet: bytes) -> Sequence[object]:
    return parse(packet)


def codec(settings: Stream, limit: int) -> Codec:
    return Codec(lambda now: encode(now, settings.names, limit), idle)
