"""The sink of the virtual camera: draws the overlay and hands the picture to the worker's process."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np

from ...capture import SourceInfo
from ...errors import OutputError, SettingsError
from ...overlay import annotate
from ...settings import Stream
from ...types import Image, Tracked
from ..sink import StreamSink

WORKER = Path(__file__).with_name("worker.py")
PATIENCE_S, START_S = 2.0, 20.0
"""A worker that takes no picture for so long is given up; until its camera is there it gets longer."""
_HELP = {
    "linux": "Linux needs the kernel module v4l2loopback (sudo modprobe v4l2loopback)",
    "darwin": "macOS needs OBS; start and stop its virtual camera once",
    "win32": "Windows needs OBS or Unity Capture",
}


def installed() -> bool:
    """Whether the extra is there; nothing of it is loaded into this process."""
    return importlib.util.find_spec("pyvirtualcam") is not None


def even(image: Image, size: tuple[int, int] | None = None) -> Image:
    """The picture with even sides, which cameras want; made to fit `size` (width, height) where that is given."""
    height, width = image.shape[:2]
    image = image[: height - height % 2, : width - width % 2]
    if size is not None and (image.shape[1], image.shape[0]) != size:
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(image)


class VirtualCameraStream(StreamSink):
    """Shows what is tracked as a camera. The first picture gives the size, others are fitted into it.

    `command`: the worker and its interpreter. Raises SettingsError where the extra is not installed.
    """

    def __init__(self, settings: Stream | None = None, *, command: Sequence[str] | None = None) -> None:
        super().__init__(settings)
        if command is None and not installed():
            raise SettingsError(
                "The virtual camera is not installed; add it with: pip install 'stillpoint[virtualcam]'"
            )
        self._command = list(command or (sys.executable, "-I", str(WORKER)))
        self._worker: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self._fps = 30.0
        self._size: tuple[int, int] | None = None
        self._given_up = False
        self.device: str | None = None
        """The camera's name, once it is there."""

    def open(self, info: SourceInfo) -> None:
        self._fps = min(info.fps, self.settings.rate or info.fps) if info.fps > 0 else 30.0

    def write(self, tracked: Tracked) -> None:
        if self._given_up:
            return
        try:
            if not self._pace(tracked.raw.frame.time):
                self.count(skipped=1)
                return
            picture = even(annotate(tracked), self._size)
            if self._worker is None:
                self._begin(picture)
            self._hand_over(picture)
        except Exception as error:  # the tracker must not stop for what a camera cannot take
            self._give_up(error)

    def close(self) -> None:
        worker, listener, self._worker, self._listener = self._worker, self._listener, None, None
        if worker is None:
            return
        if worker.stdin is not None:
            with contextlib.suppress(OSError):
                worker.stdin.close()
        try:
            worker.wait(self._patience)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        if listener is not None:
            listener.join(PATIENCE_S)

    @property
    def _patience(self) -> float:
        return START_S if self.device is None else PATIENCE_S

    def _begin(self, picture: Image) -> None:
        height, width = picture.shape[:2]
        self._size = width, height
        asked = [*self._command, str(width), str(height), f"{self._fps:g}"]
        asked += [self.settings.camera] if self.settings.camera else []
        self._worker = subprocess.Popen(
            asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        if self._worker.stdin is not None and sys.platform != "win32":
            os.set_blocking(self._worker.stdin.fileno(), False)
        self._listener = threading.Thread(target=self._listen, args=(self._worker,), name="stillpoint-camera")
        self._listener.start()

    def _listen(self, worker: subprocess.Popen[bytes]) -> None:
        assert worker.stdout is not None
        with worker.stdout as said:
            for line in said:
                try:
                    facts = msgspec.json.decode(line, type=dict[str, str])
                except msgspec.DecodeError:
                    continue
                self.device = facts.get("device", self.device)
                if "error" in facts:
                    system = _HELP.get(sys.platform, "this system has no virtual cameras")
                    self._give_up(OutputError(f"There is no virtual camera: {system} ({facts['error']})."))

    def _hand_over(self, picture: Image) -> None:
        worker = self._worker
        if worker is None or worker.stdin is None:
            return
        rest = memoryview(picture.tobytes())
        while len(rest):
            if sys.platform != "win32" and not select.select([], [worker.stdin], [], self._patience)[1]:
                raise OutputError("The virtual camera takes no pictures any more; switch it off and on again.")
            rest = rest[worker.stdin.write(rest) or 0 :]
        self.count(packets=1, bytes=picture.nbytes)

    def _give_up(self, error: Exception) -> None:
        """Say the first reason; what breaks after it (the pipe) says less."""
        if isinstance(error, BrokenPipeError) and self._listener is not None:
            self._listener.join(self._patience)  # the worker said why before it went
        with self._lock:
            first, self._given_up = not self._given_up, True
        if first:
            gone = OutputError("The virtual camera's program ended unexpectedly; switch it off and on again.")
            self.failed(gone if isinstance(error, BrokenPipeError) else error)


def factory(host: str, port: int, settings: Stream, *, allow_remote: bool = False) -> VirtualCameraStream:
    return VirtualCameraStream(settings)
