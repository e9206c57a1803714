"""Cameras through OpenCV: found by name, asked for a format in so many words, and believed only when measured."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from ..errors import SourceError
from ..settings import Capture
from ..types import Frame, Image
from .health import Health
from .source import BaseSource, SourceInfo
from .v4l2 import CameraFormat, formats

log = logging.getLogger(__name__)

_BACKENDS = {"linux": (cv2.CAP_V4L2,), "darwin": (cv2.CAP_AVFOUNDATION,), "win32": (cv2.CAP_MSMF, cv2.CAP_DSHOW)}
_BACKEND_NAMES = {
    cv2.CAP_V4L2: "V4L2",
    cv2.CAP_AVFOUNDATION: "AVFoundation",
    cv2.CAP_MSMF: "Media Foundation",
    cv2.CAP_DSHOW: "DirectShow",
}
_FAILED_IN_A_ROW = 5  # a torn MJPEG picture is no death; five in a row are
_MIN_STEP_S = 1e-4
NO_CAMERA = (
    "No camera found; connect one and check that no other program holds it, or use `demo`, a video file, "
    "a folder of images or the URL of a phone's stream."
)


class Driver(Protocol):
    """The part of an opened cv2.VideoCapture that is used."""

    def grab(self) -> bool: ...
    def retrieve(self) -> tuple[bool, Any]: ...
    def get(self, prop: int) -> float: ...
    def set(self, prop: int, value: float) -> bool: ...
    def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CameraEntry:
    """A camera as the system lists it; `path` is empty where the system has none."""

    index: int
    name: str
    backend: str
    path: str = ""
    formats: tuple[CameraFormat, ...] = ()


def list_cameras(*, with_formats: bool = False) -> tuple[CameraEntry, ...]:
    """The cameras of this machine, by index. Opens none of them (formats are asked of the driver, on Linux only)."""
    backends = _BACKENDS.get(sys.platform, ())
    for backend in backends:
        try:
            from cv2_enumerate_cameras import enumerate_cameras

            found = enumerate_cameras(backend)
        except (ImportError, NotImplementedError, OSError) as error:
            log.warning("cameras cannot be listed: %s", error)
            continue
        if found:
            entries = (
                CameraEntry(
                    camera.index,
                    camera.name or f"camera {camera.index}",
                    _BACKEND_NAMES[backend],
                    camera.path or "",
                    formats(camera.path) if with_formats and camera.path else (),
                )
                for camera in found
            )
            return tuple(sorted(entries, key=lambda entry: entry.index))
    return ()


def find_camera(text: str, cameras: tuple[CameraEntry, ...], platform: str = sys.platform) -> CameraEntry:
    """The camera that `text` means: "camera" (the first), an index, a path, or part of a name in any case.

    Raises SourceError that lists the cameras there are.
    """
    known = "; ".join(f"{camera.index}: {camera.name}" for camera in cameras)
    if text.startswith("/dev/video"):
        text = text.removeprefix("/dev/video")
    if text == "camera" and cameras:
        return cameras[0]
    if text.isdigit():
        listed = [camera for camera in cameras if camera.index == int(text)]
        if listed:
            return listed[0]
        # Only Linux's list is surely complete: elsewhere the library that lists may be missing.
        if platform != "linux" and not cameras:
            return CameraEntry(int(text), f"camera {text}", "", "")
        raise SourceError(f"There is no camera {text}; there are: {known}." if cameras else NO_CAMERA)
    named = [camera for camera in cameras if text.lower() in camera.name.lower()]
    if named:
        return named[0]
    if not cameras:
        raise SourceError(NO_CAMERA if text == "camera" else f"{text!r} is no file, and no camera either. {NO_CAMERA}")
    raise SourceError(f"{text!r} is no file and no camera's name; the cameras are: {known}.")


def open_driver(entry: CameraEntry) -> Driver:
    """The camera's driver, opened. Raises SourceError with the likely reason where it does not open."""
    if entry.path and Path(entry.path).exists() and not os.access(entry.path, os.R_OK | os.W_OK):
        raise SourceError(
            f"Your user may not use {entry.name} ({entry.path}): it is not in the group `video`. "
            "Run `sudo usermod -aG video $USER`, then log out and in again."
        )
    for backend in _BACKENDS.get(sys.platform, (cv2.CAP_ANY,)):
        capture = cv2.VideoCapture(entry.index, backend)
        if capture.isOpened():
            driver: Driver = capture
            return driver
        capture.release()
    raise SourceError(f"{entry.name} does not open; {open_hint(sys.platform)}")


def open_hint(platform: str) -> str:
    """What to do about a camera that is there and does not open."""
    return {
        "darwin": "macOS may block it: allow it for the program you started from (the terminal) in System Settings > "
        "Privacy & Security > Camera, then start again.",
        "win32": "another program may use it: close that; or Windows blocks it: Settings > Privacy & security > Camera "
        "> Let desktop apps access your camera.",
    }.get(platform, "another program may use it: close that, or pull the camera out and plug it in again.")


class CameraSource(BaseSource):
    """A camera. Times are monotonic seconds from its first frame, taken right after the grab."""

    def __init__(
        self, entry: CameraEntry, settings: Capture, driver: Callable[[CameraEntry], Driver] = open_driver
    ) -> None:
        super().__init__()
        self._entry = entry
        self._driver = driver(entry)
        try:
            self._info = negotiate(self._driver, entry, settings)
        except BaseException:
            self._driver.release()
            raise
        fourcc = _fourcc(self._driver)
        self._health = Health(settings.fps or self._info.fps, fourcc, self._info.width, self._info.height)
        self._claimed = self._info
        self._start: float | None = None
        self._time = -1.0
        self._index = 0

    @property
    def info(self) -> SourceInfo:
        """`fps` is what the driver claims until three seconds were measured; `notes` follow what is seen."""
        return self._info

    def _read(self) -> Frame:
        for _ in range(_FAILED_IN_A_ROW):
            grabbed = self._driver.grab()
            now = time.monotonic()
            if not grabbed:
                continue
            ok, image = self._driver.retrieve()
            if ok and image is not None and image.size:
                return self._stamp(_to_rgb(image), now)
        raise SourceError(f"{self._entry.name} stopped sending pictures; was it pulled out?")

    def _stamp(self, image: Image, now: float) -> Frame:
        if self._start is None:
            self._start = now
        self._time = max(now - self._start, self._time + _MIN_STEP_S) if self._index else 0.0
        frame = Frame(image, self._time, self._index)
        self._index += 1
        measured = self._health.fps
        self._health.look(image, self._time)
        if self._health.fps != measured:
            self._health.exposure_s = _exposure_s(self._driver.get(cv2.CAP_PROP_EXPOSURE))
        self._update(image)
        return frame

    def _update(self, image: Image) -> None:
        notes = (*self._claimed.notes, *self._health.notes)
        fps = self._health.fps or self._claimed.fps
        height, width = image.shape[:2]
        if (notes, fps, width, height) != (self._info.notes, self._info.fps, self._info.width, self._info.height):
            got = f"{width}x{height} {fps:.3g} fps {_fourcc(self._driver)}".rstrip()
            self._info = replace(self._info, notes=notes, fps=fps, width=width, height=height, got=got)

    def _release(self) -> None:
        self._driver.release()


def negotiate(driver: Driver, entry: CameraEntry, settings: Capture) -> SourceInfo:
    """Ask for format, size and rate, in this order (each may change those after it), and see what was got."""
    if settings.fourcc:
        driver.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*settings.fourcc.upper().ljust(4)[:4]))
    if settings.width and settings.height:
        driver.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
        driver.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
    if settings.fps:
        driver.set(cv2.CAP_PROP_FPS, settings.fps)
    width, height = int(driver.get(cv2.CAP_PROP_FRAME_WIDTH)), int(driver.get(cv2.CAP_PROP_FRAME_HEIGHT))
    fps, fourcc = float(driver.get(cv2.CAP_PROP_FPS)), _fourcc(driver)
    notes = []
    if settings.width and settings.height and (width, height) != (settings.width, settings.height):
        notes.append(
            f"{settings.width}x{settings.height} was asked, {width}x{height} is what the camera gives; "
            "`stillpoint cameras` lists its sizes."
        )
    if settings.fourcc and fourcc and fourcc != settings.fourcc.upper():
        notes.append(f"{settings.fourcc.upper()} was asked, the camera sends {fourcc}.")
    if settings.fps and fps and fps < 0.95 * settings.fps:
        notes.append(f"{settings.fps:g} fps were asked, the camera offers {fps:g} at this size and format.")
    wanted = (
        f"{settings.width}x{settings.height}" if settings.width and settings.height else "",
        f"{settings.fps:g} fps" if settings.fps else "",
        settings.fourcc.upper(),
    )
    asked = " ".join(filter(None, wanted)) or "the driver's choice"
    got = f"{width}x{height} {fps:.3g} fps {fourcc}".rstrip()
    for note in notes:
        log.warning("%s: %s", entry.name, note)
    return SourceInfo(entry.name, "camera", True, width, height, fps, None, asked, got, tuple(notes))


def _fourcc(driver: Driver) -> str:
    """Four letters, or "" where the driver does not tell."""
    code = int(driver.get(cv2.CAP_PROP_FOURCC))
    letters = "".join(chr((code >> shift) & 0xFF) for shift in (0, 8, 16, 24)).strip("\0 ") if code > 0 else ""
    return letters.upper() if letters.isascii() and letters.isprintable() else ""


def _exposure_s(value: float, platform: str = sys.platform) -> float | None:
    """A driver's exposure in seconds: V4L2 counts 100 µs, Windows log2 of seconds; None where it does not tell."""
    if platform == "linux":
        return value * 1e-4 if 0 < value <= 1e4 else None
    return 2.0**value if platform == "win32" and -20 < value < 0 else None


def _to_rgb(image: Any) -> Image:
    """What a driver gives (grey, 16-bit, BGR, BGRA) -> (H, W, 3) uint8 RGB."""
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    channels = 1 if image.ndim == 2 else image.shape[2]
    code = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}[channels]
    return np.asarray(cv2.cvtColor(image, code), np.uint8)


def open_camera(text: str, settings: Capture, *, realtime: bool, loop: bool) -> CameraSource:
    """A camera by index, path or name; `realtime` and `loop` mean nothing for it."""
    return CameraSource(find_camera(text, list_cameras()), settings)
