"""Work that takes longer than a frame: a thread each, the answer in the window's thread, nothing after the close."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from tracker.errors import StillpointError

log = logging.getLogger(__name__)


class Work(QObject):
    """`failed` tells what went wrong, a sentence; `busy` whether anything runs, and what."""

    failed = pyqtSignal(str)
    busy = pyqtSignal(str)
    progress = pyqtSignal(float)
    _over = pyqtSignal(object, object, str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._threads: list[threading.Thread] = []
        self._running = 0
        self._over.connect(self._done)

    def do(self, words: str, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """`then` gets what `work` returned."""
        self._running += 1
        self.busy.emit(words)
        thread = threading.Thread(target=self._run, args=(work, then), name="stillpoint-work", daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)
        thread.start()

    def close(self, timeout: float = 10.0) -> None:
        for thread in self._threads:
            thread.join(timeout)

    def _run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        problem, result = "", None
        try:
            result = work()
        except StillpointError as error:
            problem = str(error)
        except Exception as error:
            log.exception("work failed")
            problem = f"That failed ({type(error).__name__}: {error})."
        self._over.emit(then, result, problem)

    def _done(self, then: Callable[[Any], None], result: Any, problem: str) -> None:
        self._running -= 1
        if not self._running:
            self.busy.emit("")
        if problem:
            self.failed.emit(problem)
        else:
            then(result)
