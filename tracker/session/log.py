"""`log.jsonl`: what happened while a session was recorded, one JSON object a line."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from .about import now_utc

LOG = "log.jsonl"
_MOST = 20_000
"""Lines; a camera that comes and goes all night must not fill the disk."""


class SessionLog(logging.Handler):
    """Appends events of the recording and what the library itself logs; every line is in the file at once.

    Nothing here ever raises: a log that cannot be written must not end the recording it is about.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(logging.INFO)
        self.path = folder / LOG
        self.time_s: float | None = None
        """Of the newest frame, on the capture clock."""
        self._lines = 0
        self._writing = threading.Lock()
        self._library = logging.getLogger("tracker")
        self._library.addHandler(self)

    def event(self, name: str, **facts: Any) -> None:
        """One line: when (on both clocks), what, and what there is to know."""
        self._write({"level": "info", "event": name, **facts})

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        facts = {"error": f"{type(error).__name__}: {error}"} if error is not None else {}
        told = {"level": record.levelname.lower(), "event": "log", "logger": record.name}
        self._write({**told, "message": record.getMessage(), **facts})

    def close(self) -> None:
        self._library.removeHandler(self)
        super().close()

    def _write(self, facts: Mapping[str, Any]) -> None:
        with self._writing:
            self._lines += 1
            if self._lines > _MOST:
                return
            line = msgspec.json.encode({"utc": now_utc(), "time_s": self.time_s, **facts}, enc_hook=str)
            try:
                with self.path.open("ab") as file:
                    file.write(line + b"\n")
            except OSError:
                self._lines = _MOST  # the recording itself finds out, and says so
