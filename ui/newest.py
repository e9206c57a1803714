"""Work that must not hold up the window: done in a thread of its own, always on what was asked for last."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Asked = TypeVar("Asked")
Made = TypeVar("Made")


class Newest(Generic[Asked, Made]):
    """`work` turns what was asked into what `ready` is called with, both in a thread that lives while there is work.

    What waits while it works is replaced by what is asked after it.
    """

    def __init__(self, name: str, work: Callable[[Asked], Made], ready: Callable[[Made], None]) -> None:
        self._name, self._work, self._ready = name, work, ready
        self._lock = threading.Lock()
        self._waiting: list[Asked] = []
        self._busy = self._closed = False

    def ask(self, asked: Asked) -> None:
        """Work on this next. Returns at once."""
        with self._lock:
            if self._closed:
                return
            self._waiting = [asked]
            start, self._busy = not self._busy, True
        if start:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def close(self) -> None:
        """Begin nothing any more; what is being worked on comes to nothing. Returns at once."""
        with self._lock:
            self._closed = True

    def _run(self) -> None:
        while (asked := self._next()) is not None:
            try:
                made = self._work(asked)
            except Exception:
                log.exception("%s failed", self._name)
                continue
            with self._lock:
                wanted = not self._closed
            if wanted:
                try:
                    self._ready(made)
                except RuntimeError:  # how PyQt says that who asked was deleted just now
                    log.debug("%s came too late", self._name)

    def _next(self) -> Asked | None:
        with self._lock:
            if self._closed or not self._waiting:
                self._busy = False
                return None
            return self._waiting.pop()
