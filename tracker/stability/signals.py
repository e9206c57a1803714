"""What contestants are shown: pictures whose motion is known exactly, and clips.

The photograph is shifted by any fraction of a pixel: it is enlarged once (Lanczos) and then sampled bilinearly with
float coordinates, so neither the place nor the sharpness wobbles with the fraction. The noise is fresh Gaussian noise
in 8-bit levels, a pure function of the frame's number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from ..capture.demo import PHOTO, DemoSource
from ..capture.source import open_source
from ..errors import SourceError
from ..types import Frame, Image

Kind = Literal["still", "wave", "step", "stop", "talk", "nod", "shake", "known", "clip"]
FPS = 30.0
WIDTH = 640
_LARGER = 2


@dataclass(frozen=True, slots=True)
class Signal:
    """A sequence that can be played again and again. `skip`: frames at the start that measures leave out.

    `amplitude` px and `period` frames of a wave; `event`: the first frame at the new place of a step or a stop, which
    moves by `amplitude` px (a stop: px per frame before it). `jaw` (T,): how far a head that is known to be still opens
    it. `turn` (T,): the true pitch of a nod, or yaw of a shake, degrees.
    """

    name: str
    kind: Kind
    play: Callable[[], Iterator[Frame]] = field(repr=False)
    fps: float = FPS
    skip: int = 0
    amplitude: float = 0.0
    period: float = 0.0
    event: int = 0
    jaw: npt.NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    turn: npt.NDArray[np.float64] | None = field(default=None, repr=False, compare=False)


class Picture:
    """A still (H, W, 3) RGB uint8 that is filmed under known shifts."""

    def __init__(self, image: Image) -> None:
        self.image = image
        height, width = image.shape[:2]
        size = (width * _LARGER, height * _LARGER)
        self._large = cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_LANCZOS4)

    @classmethod
    def read(cls, path: Path = PHOTO, width: int = WIDTH) -> Picture:
        """An image file scaled to `width`. Raises SourceError where it is none."""
        data = np.frombuffer(path.read_bytes(), np.uint8) if path.is_file() else np.zeros(0, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
        if image is None:
            raise SourceError(f"{path} is no picture that can be read; give a JPEG or PNG file.")
        height = round(image.shape[0] * width / image.shape[1])
        shrinks = width < image.shape[1]
        scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        return cls(np.asarray(scaled, np.uint8))

    def filmed(self, motion: npt.NDArray[np.float64], noise: float, number: int) -> Image:
        """The picture under `motion` (3, 3), from its pixels to the frame's, with noise of standard deviation
        `noise`."""
        seen = self.image.astype(np.float32) if np.array_equal(motion, np.eye(3)) else self._warped(motion)
        return sensed(seen, noise, number)

    def _warped(self, motion: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        height, width = self.image.shape[:2]
        # Both count a pixel's centre as +0.5; OpenCV counts it as whole numbers.
        to_large = np.diag([_LARGER, _LARGER, 1.0]) @ np.linalg.inv(motion)
        to_large[:2, 2] += to_large[:2, :2] @ (0.5, 0.5) - 0.5
        seen = cv2.warpAffine(
            self._large,
            to_large[:2],
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(seen, np.float32)

    def along(self, shifts: npt.NDArray[np.float64], noise: float) -> Iterator[Frame]:
        """One frame for each shift (T,) along x, pixels."""
        for number, shift in enumerate(shifts):
            motion = np.eye(3)
            motion[0, 2] = shift
            yield Frame(self.filmed(motion, noise, number), number / FPS, number, motion)


def sensed(seen: npt.NDArray[np.float32], noise: float, number: int) -> Image:
    """What a sensor makes of a picture (H, W, 3): noise of standard deviation `noise`, fresh for each number, and eight
    bits."""
    if noise > 0:
        seen = seen + np.random.default_rng([5, number]).standard_normal(seen.shape, np.float32) * noise
    return np.asarray(np.clip(np.rint(seen), 0, 255).astype(np.uint8))


def still(picture: Picture, noise: float = 5.0, frames: int = 150, skip: int = 30) -> Signal:
    """The same picture with fresh noise."""
    return Signal(f"still, noise {noise:g}", "still", lambda: picture.along(np.zeros(frames), noise), skip=skip)


def wave(
    picture: Picture,
    amplitude: float = 40.0,
    period: float = 45.0,
    noise: float = 2.0,
    frames: int = 225,
    skip: int = 45,
) -> Signal:
    """Shifted by amplitude * sin(2 pi t / period)."""
    shifts = np.asarray(amplitude * np.sin(2.0 * np.pi * np.arange(frames) / period), np.float64)
    name = f"{amplitude:g} px at {FPS / period:.2f} Hz"
    return Signal(name, "wave", lambda: picture.along(shifts, noise), skip=skip, amplitude=amplitude, period=period)


def step(picture: Picture, size: float = 20.0, noise: float = 2.0, still_frames: int = 45, after: int = 45) -> Signal:
    """At rest, then elsewhere from one frame to the next."""
    shifts = np.where(np.arange(still_frames + after) < still_frames, -size / 2, size / 2)
    name = f"step of {size:g} px"
    return Signal(name, "step", lambda: picture.along(shifts, noise), amplitude=size, event=still_frames)


def stop(picture: Picture, speed: float = 6.0, noise: float = 2.0, moving: int = 20, rest: int = 45) -> Signal:
    """At rest, then moving at `speed` px per frame, then at rest at once."""
    at = np.clip(np.arange(rest + moving + rest) - rest + 1, 0, moving) * speed
    name = f"stop from {speed:g} px a frame"
    shifts = np.asarray(at - moving * speed / 2, np.float64)
    return Signal(name, "stop", lambda: picture.along(shifts, noise), amplitude=speed, event=rest + moving - 1)


def standard(picture: Picture, quick: bool = False, prefix: str = "") -> list[Signal]:
    """What the marks are read from: noise at rest, the 40 px wave, a step and a stop."""
    if quick:
        found = [still(picture, frames=75, skip=15), wave(picture, frames=90, skip=45), step(picture), stop(picture)]
    else:
        found = [still(picture), wave(picture), step(picture), stop(picture)]
    return [replace(signal, name=prefix + signal.name) for signal in found]


def bode(picture: Picture, frames: int = 180) -> list[Signal]:
    """Waves from a slow nod to a tremor, 40 px as long as a head can do that."""
    table = ((1 / 3, 40.0), (2 / 3, 40.0), (4 / 3, 40.0), (2.0, 40.0), (4.0, 15.0), (7.5, 4.0))
    waves = [wave(picture, amplitude, FPS / hertz, frames=frames, skip=45) for hertz, amplitude in table]
    return [replace(signal, name=f"Bode, {signal.name}") for signal in waves]


def demo(seed: int = 0, frames: int = 300) -> Signal:
    """The built-in film of a photograph, whose motion is known."""
    return Signal(f"demo, seed {seed}", "known", lambda: iter(DemoSource(seed, frames=frames)), skip=30)


def clip(source: str | Path, most: int | None = None) -> Signal:
    """Any recording; its first `most` frames. Raises SourceError where it cannot be opened."""
    with open_source(source) as opened:
        info = opened.info

    def play() -> Iterator[Frame]:
        with open_source(source) as again:
            for number, frame in enumerate(again):
                if most is not None and number >= most:
                    return
                yield frame

    return Signal(Path(str(source)).stem, "clip", play, fps=info.fps or FPS)
