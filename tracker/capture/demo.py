"""The built-in demonstration: a photograph on a wall, filmed by a simulated hand-held camera.

Every frame is a pure function of (seed, index), and its `Frame.motion` is the exact transform from pixels of
the photograph to pixels of the frame, so what a tracker says of two frames can be held against the truth.

The sensor: linear light -> photo-electrons (Poisson) + read noise -> 8 bit, encoded again. Under Anscombe's
transform, 2 sqrt(n + 3/8 + read^2), such noise has nearly the same spread everywhere (Anscombe, Biometrika 35,
1948; with read noise: Starck, Murtagh and Bijaoui 1998). So a frame costs two look-up tables and one addition of
a precomputed Gaussian field, taken at a random offset, instead of a draw for each pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import cv2
import numpy as np
import numpy.typing as npt

from ..assets import ROOT
from ..errors import SourceError
from ..settings import Capture
from ..types import Image
from .source import Playback, Shot, SourceInfo

PHOTO = ROOT / "demo" / "grace_hopper.jpg"
FACE_CENTRE = (266.0, 246.0)
"""The middle of the face in the photograph, pixels."""

_OVERSAMPLE = 2  # of the board, so that bilinear sampling neither blurs nor aliases visibly
_MARGIN = 260  # wall around the photograph, pixels of the photograph
_FRAME_PX = 12  # white frame
_GAMMA = 2.2
_FULL_WELL = 3500.0  # electrons at white: a small webcam sensor in a room
_READ = 3.0  # electrons
_FLOOR = _READ**2 + 3.0 / 8.0
_OFFSET = 16  # code that stands for no noise
_SPAN = 255 - 2 * _OFFSET
_GAIN = _SPAN / (2.0 * math.sqrt(_FULL_WELL + _FLOOR))  # codes per standard deviation
_FIELD_PAD = 160  # possible offsets of the noise field, each way


def _load_photo() -> Image:
    """(600, 512, 3) RGB."""
    data = np.frombuffer(PHOTO.read_bytes(), np.uint8) if PHOTO.is_file() else np.zeros(0, np.uint8)
    photo = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
    if photo is None:
        raise SourceError(f"The demo's photograph {PHOTO} is missing or damaged; install Stillpoint again.")
    return np.asarray(photo, np.uint8)


@cache
def _board() -> Image:
    """The photograph in a white frame on a wall, oversampled; never written to."""
    photo = _load_photo()
    height, width = photo.shape[0] + 2 * _MARGIN, photo.shape[1] + 2 * _MARGIN
    rng = np.random.default_rng(1948)
    grain = rng.normal(0, 6, (height // 20, width // 20)).astype(np.float32)
    plaster = cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
    wall = np.linspace(172, 138, height, dtype=np.float32)[:, None] + plaster
    top, left, e = _MARGIN, _MARGIN, _FRAME_PX
    bottom, right = top + photo.shape[0], left + photo.shape[1]
    shadow = np.zeros((height, width), np.float32)
    shadow[top - e + 8 : bottom + e + 12, left - e + 6 : right + e + 10] = 1.0
    wall *= 1.0 - 0.45 * cv2.GaussianBlur(shadow, (0, 0), 9)
    tinted = wall[..., None] * np.array([1.0, 0.97, 0.92], np.float32)
    tinted[top - e : bottom + e, left - e : right + e] = 236.0
    board = tinted.astype(np.uint8)
    board = np.asarray(cv2.resize(board, None, fx=_OVERSAMPLE, fy=_OVERSAMPLE), np.uint8)
    large = cv2.resize(photo, None, fx=_OVERSAMPLE, fy=_OVERSAMPLE, interpolation=cv2.INTER_LANCZOS4)
    at = _OVERSAMPLE * _MARGIN
    board[at : at + large.shape[0], at : at + large.shape[1]] = large
    board.flags.writeable = False
    return board


@dataclass(frozen=True)
class HandHeld:
    """The camera's way: sums of sinusoids whose frequencies have no common period, drawn from `seed`.

    `amount` 1 is a calm hand, 0 a tripod; it scales movement and exposure alike. `size` (width, height) pixels.
    """

    seed: int
    amount: float = 1.0
    size: tuple[int, int] = (640, 480)
    _waves: npt.NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 1])
        base = np.array([0.11, 0.13, 0.07, 0.09, 0.06, 5.3, 6.1])  # Hz: x, y, zoom, roll, exposure, tremor x, y
        ratio = np.array([1.0, math.sqrt(2.0), (1 + math.sqrt(5.0)) ** 2 / 4])
        frequency = base[:, None] * ratio * rng.uniform(0.85, 1.15, (7, 3))
        phase = rng.uniform(0, 2 * np.pi, (7, 3))
        object.__setattr__(self, "_waves", np.stack([2 * np.pi * frequency, phase]))

    def _at(self, time: float) -> npt.NDArray[np.float64]:
        """(7,) each within -amount..amount."""
        omega, phase = self._waves
        value: npt.NDArray[np.float64] = np.sin(omega * time + phase) @ np.array([0.5, 0.3, 0.2])
        return self.amount * value

    def motion(self, time: float) -> npt.NDArray[np.float64]:
        """(3, 3) from pixels of the photograph to pixels of the frame at `time` seconds."""
        x, y, zoom, roll, _, tremor_x, tremor_y = self._at(time)
        width, height = self.size
        unit = min(width / 640.0, height / 480.0)
        scale = 0.93 * unit * math.exp(0.13 * zoom)
        c, s = scale * math.cos(math.radians(9.0 * roll)), scale * math.sin(math.radians(9.0 * roll))
        px, py = FACE_CENTRE
        tx = 0.5 * width + unit * (95.0 * x + 0.5 * tremor_x)
        ty = 0.5 * height + unit * (42.0 * y + 0.5 * tremor_y)
        return np.array([[c, -s, tx - c * px + s * py], [s, c, ty - s * px - c * py], [0.0, 0.0, 1.0]])

    def exposure(self, time: float) -> float:
        """Gain on linear light: 1 is the photograph as it is."""
        return 0.95 * math.exp(0.2 * float(self._at(time)[4]))


class DemoSource(Playback):
    """The film. `frames` None never ends; `motion` 0 is a still camera with fresh noise; `noise` scales that noise."""

    def __init__(
        self,
        seed: int = 0,
        *,
        frames: int | None = None,
        motion: float = 1.0,
        noise: float = 1.0,
        width: int = 640,
        height: int = 480,
        fps: float = 30.0,
        realtime: bool = False,
        loop: bool = False,
    ) -> None:
        if width < 16 or height < 16 or fps <= 0 or (frames is not None and frames < 1):
            raise SourceError(
                f"A demo of {frames} frames, {width}x{height} at {fps:g} fps cannot be filmed; "
                "it needs at least one frame, 16x16 pixels and a positive frame rate."
            )
        super().__init__(1.0 / fps, realtime=realtime, loop=loop)
        self.seed, self.frames, self.fps = seed, frames, fps
        self.camera = HandHeld(seed, motion, (width, height))
        self._size = (width, height)
        self._live = realtime
        self._board = _board()
        self._develop = _develop_table()
        self._expose: tuple[float, Image] | None = None
        shape = (height + _FIELD_PAD, width + _FIELD_PAD, 3)
        drawn = np.random.default_rng([seed, 2]).standard_normal(shape, dtype=np.float32) * (noise * _GAIN)
        self._field = np.clip(np.rint(drawn) + _OFFSET, 0, 2 * _OFFSET).astype(np.uint8)

    @property
    def info(self) -> SourceInfo:
        width, height = self._size
        name = f"demo photograph, seed {self.seed}"
        got = f"{width}x{height} {self.fps:g} fps"
        return SourceInfo(name, "demo", self._live, width, height, self.fps, self.frames, asked=got, got=got)

    def render(self, index: int) -> Shot:
        """Frame number `index`, whatever was read before."""
        time = index / self.fps
        motion = self.camera.motion(time)
        k = 1.0 / _OVERSAMPLE  # board index b, whose centre is b + 0.5, to photograph: (b + 0.5) k - margin
        board = np.array([[k, 0, 0.5 * k - _MARGIN], [0, k, 0.5 * k - _MARGIN], [0, 0, 1.0]])
        warp = motion @ board
        warp[:2, 2] -= 0.5  # OpenCV counts the first pixel's centre as 0
        seen = cv2.warpAffine(self._board, warp[:2], self._size, flags=cv2.INTER_LINEAR, borderValue=(150, 145, 138))
        seen = cv2.LUT(seen, self._expose_table(self.camera.exposure(time)), dst=seen)
        y, x = np.random.default_rng([self.seed, 3, index]).integers(0, _FIELD_PAD, 2)
        width, height = self._size
        cv2.add(seen, self._field[y : y + height, x : x + width], dst=seen)
        return Shot(cv2.LUT(seen, self._develop, dst=seen), time, motion)

    def _play(self) -> Iterator[Shot]:
        index = 0
        while self.frames is None or index < self.frames:
            yield self.render(index)
            index += 1

    def _expose_table(self, gain: float) -> Image:
        """8-bit picture -> code of the noise-free signal under Anscombe's transform."""
        if self._expose is None or self._expose[0] != gain:
            light = np.minimum(gain * (np.arange(256) / 255.0) ** _GAMMA, 1.0)
            code = _GAIN * 2.0 * np.sqrt(_FULL_WELL * light + _FLOOR)
            self._expose = (gain, np.rint(code).astype(np.uint8))
        return self._expose[1]


def _develop_table() -> Image:
    """Code + offset + noise -> 8-bit picture: the inverse of the exposure."""
    root = np.maximum(np.arange(256) - _OFFSET, 0.0) / (2.0 * _GAIN)
    light = np.clip((root**2 - _FLOOR) / _FULL_WELL, 0.0, 1.0)
    return np.rint(255.0 * light ** (1.0 / _GAMMA)).astype(np.uint8)


_OPTIONS: dict[str, type] = {"frames": int, "motion": float, "noise": float, "width": int, "height": int, "fps": float}


def open_demo(text: str, settings: Capture, *, realtime: bool, loop: bool) -> DemoSource:
    """ "demo", "demo:7", "demo:7?frames=300&motion=0.5&noise=1&width=640&height=480&fps=30".

    Without `frames` it is endless where it is live or looped, and 10 s long otherwise.
    """
    head, _, query = text.partition("?")
    seed = int(head.partition(":")[2] or 0)
    options: dict[str, Any] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _OPTIONS:
            raise SourceError(f"The demo has no option {key!r}; it has {', '.join(_OPTIONS)}.")
        try:
            options[key] = _OPTIONS[key](value)
        except ValueError as error:
            raise SourceError(f"The demo's option {key} is {value!r}; a number was wanted.") from error
    if "frames" not in options and not (realtime or loop):
        options["frames"] = round(10 * options.get("fps", 30.0))
    return DemoSource(seed, realtime=realtime, loop=loop, **options)
