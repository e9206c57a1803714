"""Where frames come from: the protocol every source keeps, and `open_source`, which finds the right one.

A source is read by one thread and may be closed by any: `close()` never waits, and where a read is under
way the reader lets the device go as soon as it comes back.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from ..errors import SourceError
from ..settings import Capture
from ..types import Frame, Image

if sys.platform == "win32":
    # Media Foundation's hardware transforms take up to minutes to open a camera; read when cv2 is loaded.
    os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")

Kind = Literal["camera", "video", "stream", "images", "demo"]

_URL = re.compile(r"^(https?|rtsps?|rtmps?|srt|udp|tcp)://", re.IGNORECASE)
_DEMO = re.compile(r"^demo(:\d+)?(\?.*)?$")
_CAMERA = re.compile(r"^(\d+|/dev/video\d+|camera)$")
_LATE_S = 0.5

PICTURES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm", ".pnm", ".jp2", ".avif"}
)
"""Endings of the files that count as images, lower case."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source is, what was `asked` of it and what was `got`; `fps`, `width`, `height` are what was got.

    `frames` is None where the end is not known; `notes` are sentences for people: what falls short and why.
    """

    name: str
    kind: Kind
    live: bool
    width: int
    height: int
    fps: float
    frames: int | None = None
    asked: str = ""
    got: str = ""
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """Frames in order. `read` returns None at the end; a live source waits for a frame and raises SourceError when
    it is dead. `problem` says in a sentence what was wrong with a source that ended early."""

    problem: str | None

    @property
    def info(self) -> SourceInfo: ...
    def read(self) -> Frame | None: ...
    def close(self) -> None: ...
    def __iter__(self) -> Iterator[Frame]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BaseSource:
    """Iteration, `with`, and a `close` that any thread may call; a source adds `info`, `_read` and `_release`."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self._closed = threading.Event()
        self._busy = threading.Lock()
        self._released = False

    @property
    def info(self) -> SourceInfo:
        raise NotImplementedError

    def read(self) -> Frame | None:
        """The next frame; None at the end or after `close`. Raises SourceError where the source died."""
        try:
            with self._busy:
                frame = None if self._closed.is_set() else self._read()
        finally:
            if self._closed.is_set():
                self._let_go()
        return None if self._closed.is_set() else frame

    def close(self) -> None:
        self._closed.set()
        self._let_go()

    def _let_go(self) -> None:
        # Whoever gets the lock releases: the closer, or the reader on its way out of a read that was under way.
        if self._busy.acquire(blocking=False):
            try:
                if not self._released:
                    self._released = True
                    self._release()
            finally:
                self._busy.release()

    def _read(self) -> Frame | None:
        raise NotImplementedError

    def _release(self) -> None:
        """Give back what the source holds; called once, never during a read."""

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self.read()) is not None:
            yield frame

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Shot(NamedTuple):
    """A picture of a recording with its own clock's time in seconds (None where the recording does not say)."""

    image: Image
    time: float | None
    motion: npt.NDArray[np.float64] | None = None


class Playback(BaseSource):
    """A source that was recorded or is computed: one pass of `_play`, repeated where `loop`, paced where `realtime`.

    `Frame.time` starts at 0 and strictly increases: a clock that jumps back goes on from where it was.
    """

    def __init__(self, period: float, *, realtime: bool = False, loop: bool = False) -> None:
        super().__init__()
        self._period = period
        self._realtime, self._loop = realtime, loop
        self._shots: Iterator[Shot] | None = None
        self._index = 0
        self._time = -period
        self._shift: float | None = None
        self._zero: float | None = None

    def _play(self) -> Iterator[Shot]:
        """One pass from the start to the end."""
        raise NotImplementedError

    def _read(self) -> Frame | None:
        shot = self._next_shot()
        if shot is None:
            return None
        self._time = self._on_clock(shot.time)
        if self._realtime:
            self._wait()
        frame = Frame(shot.image, self._time, self._index, shot.motion)
        self._index += 1
        return frame

    def _next_shot(self) -> Shot | None:
        if self._shots is None:
            self._shots = self._play()
        shot = next(self._shots, None)
        if shot is None and self._loop and self._index:
            self._shots, self._shift = self._play(), None
            shot = next(self._shots, None)
        return shot

    def _on_clock(self, stamp: float | None) -> float:
        expected = self._time + self._period
        if stamp is None:
            return expected
        if self._shift is None:
            self._shift = expected - stamp
        now = stamp + self._shift
        if now > self._time:
            return now
        if self._time - now < 3 * self._period:  # a doubled or swapped stamp: nudge this frame only
            return self._time + min(1e-3, self._period / 10)
        self._shift = expected - stamp  # the clock was set back: everything after it moves too
        return expected

    def _wait(self) -> None:
        now = time.monotonic()
        if self._zero is None or now - (self._zero + self._time) > _LATE_S:
            self._zero = now - self._time  # after a pause of the reader the clock goes on, it does not catch up
        self._closed.wait(max(self._zero + self._time - now, 0.0))

    def _release(self) -> None:
        close = getattr(self._shots, "close", None)
        if close is not None:
            close()  # runs the generator's finally: files are closed here


SOURCES: dict[Kind, str] = {
    "demo": "demo:open_demo",
    "stream": "stream:open_stream",
    "images": "images:open_images",
    "camera": "camera:open_camera",
    "video": "video:open_video",
}
"""Kind -> "module:function" in this package, called as function(text, settings, realtime=, loop=)."""


def kind_of(source: str | int | Path) -> Kind:
    """Which kind of source a name means; looks at the name and at the disk, opens nothing.

    Raises SourceError for nothing, and for what can only be a path and does not exist.
    """
    text = str(source)
    if not text.strip():
        raise SourceError("No source is named; give a camera, a file, a folder of images, an address, or `demo`.")
    if not isinstance(source, Path):
        if isinstance(source, int) or _CAMERA.match(text):
            return "camera"
        if _DEMO.match(text):
            return "demo"
        if _URL.match(text):
            return "stream"
    path = Path(text).expanduser()
    if path.is_dir() or (path.is_file() and path.suffix.lower() in PICTURES):
        return "images"
    if path.exists():
        return "video"
    if isinstance(source, Path) or "/" in text or "\\" in text or re.search(r"\.\w{2,4}$", text):
        raise SourceError(f"There is no file or folder {text}; check the path, or use `demo`, which needs no camera.")
    return "camera"


def open_source(
    source: str | int | Path = "demo",
    settings: Capture | None = None,
    *,
    realtime: bool = False,
    loop: bool = False,
) -> Source:
    """Open any source: "demo", "demo:SEED", a camera's index or part of its name, a video file, a stream's URL
    (http, https, rtsp, rtmp), a folder of images, or one image.

    `realtime` plays a recording at its own speed as if it were live; `loop` repeats it with time going on.
    Cameras and streams take neither. Raises SourceError, with a sentence that can be shown as it is.
    """
    module, function = SOURCES[kind_of(source)].split(":")
    opener: Any = getattr(import_module(f".{module}", __package__), function)
    opened: Source = opener(str(source), settings or Capture(), realtime=realtime, loop=loop)
    return opened
