"""What is wrong with a camera's picture or rate, and the likely cause: sentences for `SourceInfo.notes`."""

from __future__ import annotations

from collections import deque

import numpy as np

from ..types import Image

BLACK = "The camera sends a black picture: look for a shutter, a privacy switch, or another program that uses it."
UNIFORM = "The camera sends a picture of one colour: look for a cover on the lens, or try another port."
FROZEN = "The picture does not change at all: the camera is frozen, or it is a virtual camera with a still image."

_BYTES_PER_PIXEL = {
    **dict.fromkeys(("YUYV", "YUY2", "UYVY", "YVYU"), 2.0),
    **dict.fromkeys(("NV12", "YU12"), 1.5),
    **dict.fromkeys(("RGB3", "BGR3"), 3.0),
}
_USB2_BYTES_S = 37e6  # what is left of 480 Mbit/s for pictures
_WINDOW_S = 3.0
_WARM_UP_S = 0.5
_FALLS_SHORT = 0.8
_PERSISTS_S = 1.0
_BLACK_LEVEL = 16
_UNIFORM_SPREAD = 0.8
_DARK_ROOM = 60.0
_SAMPLES = 48


class Health:
    """Looks at every frame of a live camera (a sparse grid of it) and keeps `notes` and the measured `fps`."""

    def __init__(self, asked_fps: float, fourcc: str, width: int, height: int) -> None:
        self._asked_fps, self._fourcc, self._width, self._height = asked_fps, fourcc, width, height
        self.fps: float | None = None
        self.exposure_s: float | None = None
        self._rate_note = ""
        self._times: deque[float] = deque()
        self._since: dict[str, float] = {}
        self._last: Image | None = None
        self._picture_note = ""

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(note for note in (self._rate_note, self._picture_note) if note)

    def look(self, image: Image, time: float) -> None:
        """`time` in seconds from the camera's first frame."""
        step = max(min(image.shape[:2]) // _SAMPLES, 1)
        sample = np.ascontiguousarray(image[::step, ::step])
        self._look_at_picture(sample, time)
        self._count(time, float(sample.mean()))

    def _look_at_picture(self, sample: Image, time: float) -> None:
        found = {
            BLACK: int(sample.max()) < _BLACK_LEVEL,
            UNIFORM: float(sample.std(axis=(0, 1)).max()) < _UNIFORM_SPREAD,
            FROZEN: self._last is not None and np.array_equal(sample, self._last),
        }
        self._last = sample
        self._since = {note: self._since.get(note, time) for note, is_so in found.items() if is_so}
        lasting = (note for note, since in self._since.items() if time - since >= _PERSISTS_S)
        self._picture_note = next(lasting, "")

    def _count(self, time: float, brightness: float) -> None:
        if time < _WARM_UP_S:
            return
        self._times.append(time)
        span = time - self._times[0]
        if span < _WINDOW_S:
            return
        self.fps = (len(self._times) - 1) / span
        self._times.clear()
        self._times.append(time)
        self._rate_note = ""
        if self._asked_fps and self.fps < _FALLS_SHORT * self._asked_fps:
            cause = likely_cause(self._asked_fps, self._fourcc, self._width, self._height, self.exposure_s, brightness)
            self._rate_note = f"{self.fps:.0f} of {self._asked_fps:g} frames a second arrive: {cause}"


def likely_cause(
    asked_fps: float, fourcc: str, width: int, height: int, exposure_s: float | None, brightness: float
) -> str:
    """Why a camera delivers less than `asked_fps`; `brightness` is the picture's mean, 0..255."""
    load = _BYTES_PER_PIXEL.get(fourcc, 0.0) * width * height
    if load * asked_fps > _USB2_BYTES_S:
        return (
            f"it sends {width}x{height} uncompressed ({fourcc}), of which USB 2 carries about "
            f"{_USB2_BYTES_S / load:.0f} a second; choose MJPG or a smaller picture."
        )
    if exposure_s is not None and exposure_s > 1.0 / asked_fps:
        return (
            f"it exposes for {1e3 * exposure_s:.0f} ms, longer than a frame ({1e3 / asked_fps:.0f} ms); "
            "make more light, or fix a shorter exposure."
        )
    if brightness < _DARK_ROOM:
        return "there is little light, so it exposes for longer than a frame; make more light, or fix the exposure."
    return "the camera, its USB hub or another program limits it; try another port or a smaller picture."
