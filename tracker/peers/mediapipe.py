"""MediaPipe's FaceLandmarker in its own process."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from ..errors import ModelError
from ..types import Array, Frame
from .mediapipe_worker import ANSWER, HEADER


@dataclass(frozen=True, slots=True, eq=False)
class PeerFace:
    """`points` (478, 3) pixels, or None where no face was found; `blendshapes` (52,); `seconds` the call took."""

    points: Array | None
    blendshapes: Array
    seconds: float


class MediaPipe:
    """`model` is a FaceLandmarker .task file; `python` an interpreter that has mediapipe; mode "VIDEO" or "IMAGE".

    Raises ModelError where the file or the library is not there.
    """

    def __init__(self, model: Path, mode: str = "VIDEO", python: Path | None = None) -> None:
        if not model.is_file():
            raise ModelError(f"{model} is not there: a FaceLandmarker .task file was wanted.")
        command = [
            str(python or sys.executable),
            str(Path(__file__).with_name("mediapipe_worker.py")),
            str(model),
            mode,
        ]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise ModelError(f"{command[0]} cannot be started ({error}); give a Python that has mediapipe.") from error
        answer = self._out.readline()
        self.offline = answer == b"ready offline\n"
        """Whether the process has no network at all."""
        if not answer.startswith(b"ready"):
            self.close()
            raise ModelError(
                f"MediaPipe did not start from {command[0]}: install it there (`make compare` makes "
                f"`.venv-compare`) and give that Python with --peer-python."
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self, frame: Frame) -> PeerFace:
        """One frame in, its face out; the seconds are measured inside the peer's process."""
        height, width = frame.image.shape[:2]
        self._in.write(HEADER.pack(height, width, frame.time) + np.ascontiguousarray(frame.image).tobytes())
        self._in.flush()
        header = self._out.read(ANSWER.size)
        if len(header) < ANSWER.size:
            raise ModelError("MediaPipe's process ended; run the command again, or leave the peer out.")
        seconds, points, shapes = ANSWER.unpack(header)
        found = np.frombuffer(self._out.read(points * 12), np.float32).reshape(-1, 3)
        blend = np.frombuffer(self._out.read(shapes * 4), np.float32)
        return PeerFace(found if points else None, blend, seconds)

    def close(self) -> None:
        with suppress(OSError):  # a process that died leaves what it did not read
            self._in.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # a busy machine, or the library hangs on its way out
            self._process.kill()
            self._process.wait()
        self._out.close()

    def kill(self) -> None:
        """End the process at once, from any thread; a `read` that waits then raises."""
        self._process.kill()

    def __enter__(self) -> MediaPipe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _in(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _out(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout
