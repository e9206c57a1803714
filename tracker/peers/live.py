"""MediaPipe beside a live source: it gets the newest frame whenever it is free, and nobody waits for it."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import assets
from ..errors import StillpointError
from ..types import Frame
from .mediapipe import MediaPipe, PeerFace

log = logging.getLogger(__name__)

MODEL_URL = "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker"
_STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Found:
    """A Python that has mediapipe and a FaceLandmarker .task file; or the sentence that says what is `missing`."""

    python: Path | None = None
    model: Path | None = None
    missing: str = ""


def find(python: str = "", model: str = "", root: Path | None = None) -> Found:
    """Look for MediaPipe: where the settings say, in this environment, or where `make compare` puts it below `root`
    (the clone)."""
    folder = root or assets.ROOT.parent
    name = Path("Scripts/python.exe") if os.name == "nt" else Path("bin/python")
    made = folder / ".venv-compare" / name
    named = Path(python).expanduser() if python else None
    if named is not None and not named.is_file():
        return Found(missing=f"compare.python names {named}, which is not there; give a Python that has mediapipe.")
    if named is None and importlib.util.find_spec("mediapipe") is not None:
        named = Path(sys.executable)
    if named is None and made.is_file():
        named = made
    if named is None:
        return Found(
            missing="MediaPipe is not installed here: `make compare`, or set compare.python to a Python that has it."
        )
    task = Path(model).expanduser() if model else folder / "face_landmarker.task"
    if not task.is_file():
        wanted = f"compare.model names {task}, which is not there" if model else "MediaPipe's model is not here"
        return Found(missing=f"{wanted}: download face_landmarker.task from {MODEL_URL} and set compare.model to it.")
    return Found(named, task)


class LivePeer:
    """A thread that feeds MediaPipe's process. Called from it: `ready` with whether the process has no network,
    `heard(frame, face)` for every answer, and `failed` with a sentence when it cannot go on."""

    def __init__(
        self,
        found: Found,
        ready: Callable[[bool], None],
        heard: Callable[[Frame, PeerFace], None],
        failed: Callable[[str], None],
    ) -> None:
        self._found, self._ready, self._heard, self._failed = found, ready, heard, failed
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._stopping = False
        self._peer: MediaPipe | None = None
        self.skipped = 0
        self._thread = threading.Thread(target=self._run, name="stillpoint-peer", daemon=True)
        self._thread.start()

    def offer(self, frame: Frame) -> None:
        """The newest frame; one that waited is forgotten. Returns at once."""
        with self._changed:
            self.skipped += self._newest is not None
            self._newest = frame
            self._changed.notify()

    def stop(self) -> None:
        """Ask it to end; returns at once."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def join(self) -> None:
        """Wait until it has ended; a process that hangs is ended."""
        self.stop()
        self._thread.join(_STOP_S)
        if self._thread.is_alive() and self._peer is not None:
            self._peer.kill()
            self._thread.join(_STOP_S)

    @property
    def alive(self) -> bool:
        """Whether its thread still runs."""
        return self._thread.is_alive()

    @property
    def pid(self) -> int | None:
        """Of the peer's process, once it runs."""
        return self._peer.pid if self._peer is not None else None

    def _run(self) -> None:
        assert self._found.model is not None
        try:
            with MediaPipe(self._found.model, "VIDEO", self._found.python) as peer:
                self._peer = peer
                self._ready(peer.offline)
                while (frame := self._next()) is not None:
                    self._heard(frame, peer.read(frame))
        except (StillpointError, OSError, ValueError) as error:
            if not self._stopping:
                log.warning("the live peer ended: %s", error)
                self._failed(f"MediaPipe ended ({error})" if isinstance(error, OSError) else str(error))

    def _next(self) -> Frame | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._newest is not None)
            frame, self._newest = self._newest, None
            return None if self._stopping else frame
