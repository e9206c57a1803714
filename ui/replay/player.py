"""Where in a session the replay is: playing forwards and backwards at a speed, stepping, jumping."""

from __future__ import annotations

import time
from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from tracker.session.timeline import Timeline

TICK_MS = 8
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)


class Player(QObject):
    """`moved` tells the position of the frame that is due, `changed` that it plays, stopped, or plays otherwise."""

    moved = pyqtSignal(int)
    changed = pyqtSignal()

    def __init__(self, line: Timeline, parent: QObject, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._line, self._now = line, now
        self.position = 0
        self.speed = 1.0
        self._direction = 0
        self._began = (0.0, 0.0)  # (on the wall's clock, in the session)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)

    @property
    def playing(self) -> bool:
        return self._direction != 0

    @property
    def direction(self) -> int:
        """1 forwards, -1 backwards, 0 not at all."""
        return self._direction

    @property
    def time(self) -> float:
        """Of the frame that is shown, s."""
        return float(self._line.time[self.position]) if len(self._line) else 0.0

    def play(self, direction: int = 1) -> None:
        """Go on from here; at the end, from the beginning."""
        if not len(self._line):
            return
        if direction > 0 and self.position >= len(self._line) - 1:
            self.go(0)
        elif direction < 0 and self.position <= 0:
            self.go(len(self._line) - 1)
        self._direction = direction
        self._began = (self._now(), self.time)
        self._timer.start()
        self.changed.emit()

    def pause(self) -> None:
        if self._direction:
            self._direction = 0
            self._timer.stop()
            self.changed.emit()

    def toggle(self) -> None:
        if self.playing:
            self.pause()
        else:
            self.play()

    def set_speed(self, speed: float) -> None:
        self.speed = speed
        self._began = (self._now(), self.time)
        self.changed.emit()

    def go(self, position: int) -> None:
        """Show this frame; playing goes on from it."""
        position = min(max(position, 0), max(len(self._line) - 1, 0))
        self._began = (self._now(), float(self._line.time[position]) if len(self._line) else 0.0)
        if position != self.position:
            self.position = position
            self.moved.emit(position)

    def seek(self, seconds: float) -> None:
        """The frame that is shown at a time."""
        self.go(self._line.at(seconds))

    def step(self, frames: int) -> None:
        """So many frames on or back, standing still."""
        self.pause()
        self.go(self.position + frames)

    def tick(self) -> None:
        """Show what is due by now."""
        began, since = self._began
        due = self._line.at(since + (self._now() - began) * self.speed * self._direction)
        if due != self.position:
            self.position = due
            self.moved.emit(due)
        if due == (len(self._line) - 1 if self._direction > 0 else 0):
            self.pause()
