"""Pipeline -> window: a sink that keeps only the newest frame and asks the window's thread at most once at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from PyQt6.QtCore import QObject, pyqtSignal

from tracker.capture import SourceInfo
from tracker.types import Tracked

from .history import History
from .scene import Scene, Wish, compose

HEAD_PERIOD_S = 1 / 31
"""The 3D head is deformed no more often than this: its view needs no more, and a phone gives 60 frames a second."""
FLOWING_S = 0.15
"""While frames came so lately the next one shows a changed wish; the window's thread need not compose anything."""


class Bridge(QObject):
    """A sink for one window. `arrived` is emitted with a Scene, in the window's thread.

    While the window is busy newer frames replace the waiting one (`skipped` counts them), so that what is painted
    is never more than one frame behind, however slow painting is.
    """

    drop: Literal["oldest", "never"] = "oldest"

    arrived = pyqtSignal(object)
    _posted = pyqtSignal()

    def __init__(self, history: History | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.history = history or History()
        self.skipped = 0
        self._lock = threading.Lock()
        self._wish = Wish()
        self._waiting: Scene | None = None
        self._asked = False
        self._last: Tracked | None = None
        self._forgotten = False
        self._head_time = self._written = float("-inf")
        self._taps: list[Callable[[Tracked], None]] = []
        self._posted.connect(self._deliver)  # queued, when the sink's thread emits it

    # The sink's side: called by the pipeline's thread for this sink.

    def open(self, info: SourceInfo) -> None:
        """A source begins: the curves of the last one mean nothing any more."""
        self.history.clear()
        self._head_time = float("-inf")
        with self._lock:
            self._forgotten = False

    def write(self, tracked: Tracked) -> None:
        """Work out the scene of a frame and leave it for the window."""
        with self._lock:
            if self._forgotten:
                return
        self.history.append(tracked)
        for tap in self._taps:
            tap(tracked)
        now = tracked.raw.frame.time
        due = not 0.0 <= now - self._head_time < HEAD_PERIOD_S
        if due:
            self._head_time = now
        with self._lock:
            if not self._forgotten:
                self._last, self._written = tracked, time.monotonic()
            wish = self._wish
        self._leave(compose(tracked, wish if due else replace(wish, head=False)))

    def close(self) -> None:
        """The source ended; the last picture stays, as it is wished for now: no frame will come to show that."""
        with self._lock:
            last, wish, self._written = self._last, self._wish, float("-inf")
        if last is not None:
            self._leave(compose(last, wish))

    # The window's side.

    def add_tap(self, tap: Callable[[Tracked], None]) -> None:
        """Call this with every frame, in the sink's thread. Before the first source opens."""
        self._taps.append(tap)

    @property
    def wish(self) -> Wish:
        return self._wish

    def change(self, edit: Callable[[Wish], Wish]) -> None:
        """Change what scenes show, from the next frame on, and for the frame that is shown now."""
        with self._lock:
            wish = edit(self._wish)
            last, same = self._last, wish == self._wish
            flowing = time.monotonic() - self._written < FLOWING_S
            self._wish = wish
        if last is not None and not same and not flowing:
            self._leave(compose(last, wish))

    def forget(self) -> None:
        """Drop the last frame, and what the source still sends until it is let go: there is nothing to show before the
        next one opens."""
        with self._lock:
            self._last = self._waiting = None
            self._forgotten = True

    def _leave(self, scene: Scene) -> None:
        with self._lock:
            if scene.tracked is not self._last:
                return  # a newer frame came while this one was composed
            if self._waiting is not None:
                self.skipped += 1
            self._waiting = scene
            ask, self._asked = not self._asked, True
        if ask:
            self._posted.emit()

    def _deliver(self) -> None:
        with self._lock:
            scene, self._waiting, self._asked = self._waiting, None, False
        if scene is not None:
            self.arrived.emit(scene)
