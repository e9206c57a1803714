"""A head as pictures to look at: from all round as a video's frames, and from some sides on one sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from ..head import EXPRESSIONS
from ..types import Array, FaceState, Image
from .draw import SplatHead, over
from .lighting import WHITE
from .render import render_mesh, viewpoint
from .types import Avatar

BACKDROP = (52, 56, 64)
TURN_FRAMES, TURN_FPS = 90, 30.0
SHEET_YAWS = (-80.0, -40.0, 0.0, 40.0, 80.0, 180.0)
_CAPTION_PX = 26


class Drawer(Protocol):
    """Draws a head for a state: picture over black and opacity, as `SplatHead.draw` says."""

    avatar: Avatar

    def draw(
        self, state: FaceState, size: tuple[int, int], lighting: Array | None = None, tinted: bool = False
    ) -> tuple[Image, npt.NDArray[np.float32]]: ...


class MeshHead:
    """Draws one avatar's textured mesh."""

    def __init__(self, avatar: Avatar) -> None:
        self.avatar = avatar

    def draw(
        self, state: FaceState, size: tuple[int, int], lighting: Array | None = None, tinted: bool = False
    ) -> tuple[Image, npt.NDArray[np.float32]]:
        picture, cover, _ = render_mesh(self.avatar, state, size, lighting=lighting, provenance=tinted)
        return picture, cover


def drawer(avatar: Avatar, mesh: bool = False) -> Drawer:
    """What draws the head best: its splats, or its textured mesh where it has none or `mesh` is asked for."""
    return MeshHead(avatar) if mesh or avatar.splats is None else SplatHead(avatar)


def turntable(drawer: Drawer, size: int = 360, frames: int = TURN_FRAMES, tinted: bool = False) -> Iterator[Image]:
    """Pictures (size, size, 3) of one whole turn, beginning and ending at the front, in white light."""
    for yaw in np.linspace(0.0, 360.0, frames, endpoint=False):
        yield one(drawer, viewpoint(float(yaw), 0.0, size), size, tinted)


def one(drawer: Drawer, state: FaceState, size: int, tinted: bool = False) -> Image:
    """A picture (size, size, 3) in white light before the backdrop."""
    return over(*drawer.draw(state, (size, size), WHITE, tinted), BACKDROP)


def sheet(rows: Sequence[tuple[str, Drawer, bool]], size: int = 220) -> Image:
    """One row a head: from six sides, and with the mouth open and the eyes shut. Each row: a caption, what draws it,
    and whether it is tinted by what was seen."""
    lively = np.zeros(52, np.float32)
    for name, value in {"jawOpen": 0.35, "eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "mouthSmileLeft": 0.4}.items():
        lively[EXPRESSIONS.index(name)] = value
    states = [viewpoint(yaw, 0.0, size) for yaw in SHEET_YAWS]
    states.append(replace(viewpoint(15.0, 0.0, size), expression=lively))
    parts = []
    for caption, draws, tinted in rows:
        strip = np.concatenate([one(draws, state, size, tinted) for state in states], axis=1)
        parts.append(np.concatenate([_caption(caption, strip.shape[1]), strip]))
    return np.concatenate(parts)


def _caption(text: str, width: int) -> Image:
    band = np.full((_CAPTION_PX, width, 3), 30, np.uint8)
    plain = text.encode("ascii", "replace").decode()  # OpenCV draws no other letters
    return np.asarray(
        cv2.putText(band, plain, (8, _CAPTION_PX - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (230, 234, 240), 1, cv2.LINE_AA),
        np.uint8,
    )
