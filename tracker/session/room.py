"""Whether the disk and the encoder keep up with a recording: what is said of it, and when it has to end."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from .table import STREAM

log = logging.getLogger(__name__)

WARN_S, END_S = 120.0, 5.0
"""So many seconds before the disk is full it is said, and the recording is ended."""
_SPARE = 1 << 20
_LEARN_S = 2.0
_AGAIN_S = 10.0


class Room:
    """Watches one recording's folder; `tell` gets sentences for people. All times are the recording's own seconds."""

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._folder, self._tell = folder, tell
        self._spent = {"encoder": 0.0, "disk": 0.0}
        self._warned = False
        self._late, self._told_at = 0, -_AGAIN_S
        self.ended: str | None = None
        """Why there is no room to go on, a sentence for people."""

    def spent(self, on: str, seconds: float) -> None:
        """Time that the "encoder" or the "disk" took."""
        self._spent[on] += seconds

    def late(self, count: int, now: float) -> None:
        """So many tracked frames never came to the recorder: its queue was full."""
        self._late += count
        if now - self._told_at < _AGAIN_S:
            return
        self._told_at = now
        slow = max(self._spent, key=lambda name: self._spent[name])
        text = f"The {slow} is too slow for this recording: {self._late} frames were not recorded so far."
        log.warning(text)
        self._tell(text)

    def look(self, seconds: float) -> bool:
        """Call once a second, `seconds` after the beginning; False where the recording has to end now."""
        free, written = shutil.disk_usage(self._folder).free, folder_bytes(self._folder)
        rate = written / max(seconds, _LEARN_S)
        stream = self._folder / STREAM  # written once more at the end, as Parquet
        needed = _SPARE + (stream.stat().st_size if stream.is_file() else 0)
        left = (free - needed) / max(rate, 1.0)
        if left < END_S:
            self.ended = (
                f"The disk of {self._folder} is nearly full ({free / 2**20:.1f} MiB free): the recording was ended, "
                "and all of it is saved. Free some space, or choose another folder."
            )
            return False
        if left < WARN_S and seconds >= _LEARN_S and not self._warned:
            self._warned = True
            self._tell(f"The disk of {self._folder} has room for {left:.0f} s more of this recording.")
        return True


def folder_bytes(folder: Path) -> int:
    """Of all files of a session, also while they are written and replaced."""
    total = 0
    for path in folder.iterdir():
        try:
            total += path.stat().st_size
        except OSError:  # renamed since it was listed
            continue
    return total
