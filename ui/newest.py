"""Work that must not hold up the window: done in a thread of its own, always on what was asked for last."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Asked = TypeVar("Asked")
Made = TypeVar("Made")
LINGER_S = 0.3
"""The thread waits so long for more: where something is asked every frame, one thread does it all."""


class Newest(Generic[Asked, Made]):
    """`work` turns what was asked into what `ready` is called with, both in a thread that lives while there is work.

    What waits while it works is replaced by what is asked after it. `failed` is called in that thread with what was
    asked and why it came to nothing.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Asked], Made],
        ready: Callable[[Made], None],
        failed: Callable[[Asked, Exception], None] | None = None,
    ) -> None:
        self._name, self._work, self._ready, self._failed = name, work, ready, failed
        self._changed = threading.Condition()
        self._waiting: list[Asked] = []
        self._busy = self._closed = False
        self._thread: threading.Thread | None = None

    def ask(self, asked: Asked) -> None:
        """Work on this next. Returns at once."""
        with self._changed:
            if self._closed:
                return
            self._waiting = [asked]
            self._changed.notify()
            if not self._busy:
                self._busy = True
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Begin nothing any more; what is being worked on comes to nothing. Returns at once."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def join(self, wait_s: float) -> None:
        """Wait for what is being worked on."""
        with self._changed:
            thread = self._thread
        if thread is not None:
            thread.join(wait_s)

    def _run(self) -> None:
        while (asked := self._next()) is not None:
            try:
                made = self._work(asked)
            except Exception as error:
                log.warning("%s failed", self._name, exc_info=True)
                if self._failed is not None:
                    self._tell(self._failed, asked, error)
            else:
                self._tell(self._ready, made)

    def _tell(self, call: Callable[..., None], *what: object) -> None:
        with self._changed:
            if self._closed:
                return
        try:
            call(*what)
        except RuntimeError:  # how PyQt says that who asked was deleted just now
            log.debug("%s came too late", self._name)

    def _next(self) -> Asked | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, LINGER_S)
            if self._closed or not self._waiting:
                self._busy = False
                return None
            return self._waiting.pop()
