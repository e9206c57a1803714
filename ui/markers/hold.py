"""Dropping markers: a press is a point at once, and becomes a span where the key or button is held."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from tracker.session.labels import Label
from tracker.session.markers import Track

HOLD_S = 0.35
"""Held for longer a press means a span."""

Now = Callable[[], tuple[float, int] | None]
"""The time, s, and the index of the frame that is on the screen; None: there is none."""


class Holding:
    """`put` keeps a label (again, with its id, when it has become a span) and returns it; `done` gets the final one.

    A marker is kept at the press, so that nothing is lost whatever happens before the release.
    """

    def __init__(
        self,
        now: Now,
        put: Callable[[Label], Label],
        done: Callable[[Label], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now, self._put, self._done, self._clock = now, put, done, clock
        self._held: dict[str, tuple[Label, float]] = {}

    def press(self, track: Track, text: str = "", author: str = "") -> None:
        """Nothing happens where no frame is shown or the track is held already."""
        now = self._now()
        if now is None or track.name in self._held:
            return
        at, index = now
        label = Label(at, None, text or track.name, track.name, frames=(index, index + 1), author=author)
        self._held[track.name] = (self._put(label), self._clock())

    def release(self, track: Track) -> None:
        held = self._held.pop(track.name, None)
        if held is None:
            return
        label, begun = held
        now = self._now()
        if now is not None and self._clock() - begun >= HOLD_S and now[0] > label.start:
            first = label.frames[0] if label.frames is not None else now[1]
            label = self._put(replace(label, end=now[0], frames=(first, max(now[1], first + 1))))
        self._done(label)

    def let_go(self) -> None:
        """Nothing is held any more: the recording ended."""
        self._held.clear()
