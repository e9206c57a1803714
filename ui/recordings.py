"""Where recordings go, how long the one that runs has lasted, and when Esc must ask before it stops it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

import platformdirs

ESCAPE_ASKS_AFTER_S = 10.0
ESCAPE_AGAIN_S = 3.0


class Recordings:
    """The window's recordings, one folder each below `base` (Videos/Stillpoint if not given)."""

    def __init__(self, base: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._base = base or Path(platformdirs.user_videos_dir()) / "Stillpoint"
        self._clock = clock
        self._began: float | None = None
        self._escaped = float("-inf")
        self.last: Path | None = None

    @property
    def base(self) -> Path:
        """The folder that all of them are in."""
        return self._base

    def new_folder(self) -> Path:
        """A folder that does not exist yet, named after the time."""
        name = datetime.now().strftime("%Y-%m-%d %H-%M-%S")
        folder, more = self._base / name, 1
        while folder.exists():
            more += 1
            folder = self._base / f"{name} ({more})"
        return folder

    def note(self, folder: Path | None) -> None:
        """What is being recorded into now (None: nothing)."""
        if folder is None:
            self._began = None
        elif self._began is None or folder != self.last:
            self._began, self.last = self._clock(), folder

    @property
    def seconds(self) -> float | None:
        """Since the recording began; None where nothing is recorded."""
        return None if self._began is None else self._clock() - self._began

    def escape(self) -> Literal["nothing", "stop", "ask"]:
        """What pressing Esc means now: a long recording stops only when it is pressed twice."""
        seconds, now = self.seconds, self._clock()
        if seconds is None:
            return "nothing"
        again, self._escaped = now - self._escaped < ESCAPE_AGAIN_S, now
        return "stop" if again or seconds < ESCAPE_ASKS_AFTER_S else "ask"
