"""A photograph that talks: its jaw opens and shuts, and nothing else of it moves.

On a clip a head may well nod while it talks, so a pitch that follows the jaw is no error by itself. Here the head is
known to be still, and whatever of the pitch follows the jaw was leaked by it. The head model says where the jaw takes
each point of the face; the picture is pulled along, and the open mouth is painted dark.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from ..head.model import EXPRESSIONS
from ..types import Array, Face, Frame, Image
from .signals import FPS, Picture, Signal, sensed

_JAW = EXPRESSIONS.index("jawOpen")
_LAYOUT = "mediapipe478"
_INNER_LIPS = slice(60, 68)
_MOUTH = np.array([48.0, 18.0, 18.0])
_SYLLABLES = ((0.5, 0.45), (0.5, 1.3), (0.4, 2.7), (0.25, 4.1))
"""Shares and Hz of the waves that a talker's jaw is made of here."""
_REST_S = 0.7
_NEAR = 0.02
"""Face sizes: a pixel goes where the points about so near go."""
_FAR = 0.02
"""So much weight has what stays where it is: beyond the face nothing moves."""


def jaw_way(frames: int) -> npt.NDArray[np.float64]:
    """(frames,) 0..0.7: how far the jaw opens beyond how the photograph has it, shut at first."""
    t = np.arange(frames) / FPS
    wave = sum(share * np.sin(2.0 * np.pi * hertz * t + n) for n, (share, hertz) in enumerate(_SYLLABLES))
    return np.asarray(np.clip(0.22 + 0.28 * wave, 0.0, 0.7) * np.clip((t - _REST_S) / 0.5, 0.0, 1.0))


def talk(picture: Picture, face: Face, noise: float = 2.0, frames: int = 150, skip: int = 30) -> Signal:
    """`face`: the picture's own, as the tracker reads it."""
    way = jaw_way(frames)

    def play() -> Iterator[Frame]:
        for number, jaw in enumerate(way.tolist()):
            spoken = opened(picture.image, face, jaw).astype(np.float32)
            yield Frame(sensed(spoken, noise, number), number / FPS, number)

    return Signal("talking photograph", "talk", play, skip=skip, jaw=way)


def opened(image: Image, face: Face, jaw: float) -> Image:
    """The picture (H, W, 3) with the jaw opened by `jaw`, 0..1, beyond how it is."""
    if jaw <= 0.0:
        return image
    expression = face.state.expression.copy()
    expression[_JAW] += jaw
    talking = face.with_state(replace(face.state, expression=expression))
    before, after = face.landmarks_px(_LAYOUT), talking.landmarks_px(_LAYOUT)
    x0, y0, x1, y1 = talking.bbox
    room = 0.25 * face.size_px
    height, width = image.shape[:2]
    left, top = (max(int(v - room), 0) for v in (x0, y0))
    right, bottom = min(int(x1 + room), width), min(int(y1 + room), height)
    columns, rows = np.meshgrid(np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32))
    shift = pulled(after, after - before, _NEAR * face.size_px, (left, top, right, bottom))
    columns, rows = columns - shift[..., 0], rows - shift[..., 1]
    moved = cv2.remap(image, columns, rows, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE)
    lips = talking.landmarks_px("ibug68")[_INNER_LIPS] - (left, top)
    mouth = np.zeros(moved.shape[:2], np.uint8)
    cv2.fillPoly(mouth, [np.rint(lips * 16.0).astype(np.int32)], 255, cv2.LINE_AA, 4)
    share = cv2.GaussianBlur(mouth, (0, 0), max(0.008 * face.size_px, 0.5)).astype(np.float32)[..., None] / 255.0
    out = image.copy()
    out[top:bottom, left:right] = np.rint(share * _MOUTH + (1.0 - share) * moved).astype(np.uint8)
    return out


def pulled(at: Array, way: Array, near: float, part: tuple[int, int, int, int]) -> Array:
    """(h, w, 2) by how much each pixel of a part of the picture comes from elsewhere: the mean `way` (N, 2) of the
    points `at` (N, 2), each counting the more the nearer it is."""
    left, top, right, bottom = part
    step = max(round(near / 2.0), 1)
    x, y = (np.arange(low, high + step, step) for low, high in ((left, right), (top, bottom)))
    across = np.exp(-0.5 * ((x[:, None] - at[:, 0]) / near) ** 2)  # a Gaussian of two numbers is a product
    down = np.exp(-0.5 * ((y[:, None] - at[:, 1]) / near) ** 2)
    weight = down @ across.T + _FAR
    coarse = np.stack([(down * way[:, i]) @ across.T / weight for i in (0, 1)], axis=-1).astype(np.float32)
    fine_x = (np.arange(left, right, dtype=np.float32) - left) / step
    fine_y = (np.arange(top, bottom, dtype=np.float32) - top) / step
    columns, rows = np.meshgrid(fine_x, fine_y)
    return np.asarray(cv2.remap(coarse, columns, rows, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE), np.float32)
