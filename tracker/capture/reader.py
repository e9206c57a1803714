"""The thread that reads one opened source. It may hang in a driver for as long as the driver likes: whoever started it
looks at `sign`, and leaves it behind."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from ..errors import SourceError
from ..types import Frame
from .source import Kind, Source

log = logging.getLogger(__name__)

DEVICES: frozenset[Kind] = frozenset({"camera", "stream"})
"""Kinds that can hang or vanish and are worth opening again."""


class Taker(Protocol):
    """Who gets a reader's frames."""

    def wanted(self, reader: Reader) -> bool:
        """Whether the reader shall go on."""

    def take(self, reader: Reader, live: bool, frame: Frame) -> None:
        """A frame; may wait for space."""


class Reader(threading.Thread):
    """Opens a source, reads it to its end and closes it; `through` is called last of all.

    `sign`: the monotonic time of its last sign of life. `frames`: how many were taken. `ended`: it came to the source's
    end. `error`: a sentence about what went wrong.
    """

    def __init__(self, opener: Callable[[], Source], taker: Taker, through: Callable[[], None]) -> None:
        super().__init__(name="stillpoint-reader", daemon=True)
        self._opener, self._taker, self._through = opener, taker, through
        self.source: Source | None = None
        self.sign = time.monotonic()
        self.frames = 0
        self.ended = False
        self.error: str | None = None

    def can_hang(self, kind: Kind | None) -> bool:
        """Whether silence means trouble: a recording may be slow to open, and waits when its consumer does. `kind`: of
        the source before it is open, where that is known."""
        if self.source is None:
            return kind is None or kind in DEVICES
        return self.source.info.live and self.source.info.kind in DEVICES

    def run(self) -> None:
        try:
            source = self._opener()
            try:
                self.sign = time.monotonic()
                self.source = source
                self._read_all(source)
            finally:
                source.close()
        except SourceError as error:
            self.error = str(error)
        except Exception as error:
            log.exception("capture failed")
            self.error = f"The source failed unexpectedly ({type(error).__name__}: {error})."
        finally:
            self._through()

    def _read_all(self, source: Source) -> None:
        while self._taker.wanted(self):
            frame = source.read()
            if frame is None:
                self.ended = True
                return
            self.sign = time.monotonic()
            self._taker.take(self, source.info.live, frame)
