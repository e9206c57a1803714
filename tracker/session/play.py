"""A session shown frame by frame, in any order: a thread that is told which frame is wished for.

The newest wish wins. While wishes come faster than pictures (someone drags the playhead), what was decoded on the way
is shown with its own landmarks, so that picture and overlay always belong together.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import SourceError
from ..types import Face, Image, Tracked
from .corrections import Layer, corrected
from .rows import RECORDED, Rows
from .seek import PictureReader, rgb_of, stamps_of

log = logging.getLogger(__name__)

_BLANK_SIZE = (640, 480)
_LONG_WAY = 8
"""Pictures to decode after which the first of them is shown meanwhile."""
_GREY = 60


@dataclass(frozen=True, eq=False)
class Shown:
    """A frame as it is to be seen: `position` in the timeline; `tracked` with the corrections in it; `measured`
    without; `other`, the same frame of the session beside it; `final`: the one that was wished for, not one on the
    way to it."""

    position: int
    tracked: Tracked
    measured: Tracked
    other: Tracked | None = None
    final: bool = True


@dataclass(frozen=True, eq=False)
class Beside:
    """A second session: its rows, and which of its frames belongs to each of the first one's (-1: none)."""

    rows: Rows
    frames: Any


@dataclass(frozen=True, eq=False)
class View:
    """What a feed shows. `rows`: of the pass that was chosen."""

    rows: Rows
    layer: Layer = field(default_factory=Layer)
    beside: Beside | None = None


class Feed:
    """`deliver(Shown)` and `trouble(sentence)` are called in the feed's thread."""

    def __init__(self, view: View, deliver: Callable[[Shown], None], trouble: Callable[[str], None]) -> None:
        self._view, self._deliver, self._trouble = view, deliver, trouble
        self._changed = threading.Condition()
        self._wish: tuple[int, int] | None = None
        self._turn = 0
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="stillpoint-replay", daemon=True)
        self._thread.start()

    def wish(self, position: int) -> None:
        """This frame, instead of every one that was wished for before and has not come."""
        with self._changed:
            self._turn += 1
            self._wish = (self._turn, position)
            self._changed.notify_all()

    def look(self, view: View) -> None:
        """Another pass, other corrections, another session beside it: from the next wish on."""
        with self._changed:
            self._view = view

    def close(self, timeout: float = 10.0) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join(timeout)

    # --- the thread

    def _run(self) -> None:
        reader = self._open()
        try:
            while (wish := self._take()) is not None:
                try:
                    self._one(reader, *wish)
                except SourceError as error:
                    self._trouble(str(error))
        finally:
            if reader is not None:
                reader.close()

    def _open(self) -> PictureReader | None:
        session, line = self._view.rows.session, self._view.rows.timeline
        if session.video is None:
            return None
        try:
            return PictureReader(session.video, stamps_of(line.time[line.positions]))
        except SourceError as error:
            self._trouble(str(error))
            return None

    def _one(self, reader: PictureReader | None, turn: int, position: int) -> None:
        view = self._view
        line = view.rows.timeline
        if not 0 <= position < len(line):
            return
        image, final = None, True
        pictured = int(np.searchsorted(line.positions, position, "right")) - 1  # a dropped frame shows the last before
        if reader is not None and pictured >= 0:
            found = self._read(reader, view, turn, pictured)
            if found is None and self._is_old(turn):
                return
            if found is not None:
                number, frame = found
                final = number == pictured
                position = position if final else int(line.positions[number])
                image = rgb_of(frame, view.rows.session.size)
        self._deliver(shown(view, position, blank(view.rows) if image is None else image, final))

    def _read(self, reader: PictureReader, view: View, turn: int, pictured: int) -> tuple[int, Any] | None:
        """The picture, with its keyframe shown meanwhile where the way from there is long; None where a newer wish
        came and something was shown."""
        found = reader.read(pictured, lambda: True)
        if found is None or found[0] == pictured:
            return found
        if pictured - found[0] > _LONG_WAY:
            at = int(view.rows.timeline.positions[found[0]])
            self._deliver(shown(view, at, rgb_of(found[1], view.rows.session.size), False))
            if self._is_old(turn):
                return None
        return reader.read(pictured, lambda: self._is_old(turn))

    def _is_old(self, turn: int) -> bool:
        return self._turn != turn or self._ending

    def _take(self) -> tuple[int, int] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._wish is not None or self._ending)
            wish, self._wish = self._wish, None
            return None if self._ending else wish


def shown(view: View, position: int, image: Image, final: bool = True) -> Shown:
    """A frame with its picture, its corrections and the session beside it."""
    measured = view.rows.tracked(position, image)
    other = None
    if view.beside is not None and view.beside.frames[position] >= 0:
        other = view.beside.rows.tracked(int(view.beside.frames[position]), image)
    return Shown(position, _corrected(measured, view.layer), measured, other, final)


def blank(rows: Rows) -> Image:
    """A grey picture of the session's size, for one without a video."""
    width, height = rows.session.size
    width, height = (width, height) if width > 0 and height > 0 else _BLANK_SIZE
    return np.full((height, width, 3), _GREY, np.uint8)


def _corrected(tracked: Tracked, layer: Layer) -> Tracked:
    if not layer.items:
        return tracked
    index = tracked.raw.frame.index
    raw, stable = (
        replace(result, faces=tuple(_moved(face, layer, index) for face in result.faces))
        for result in (tracked.raw, tracked.stable)
    )
    return Tracked(raw, stable)


def _moved(face: Face, layer: Layer, index: int) -> Face:
    kept = copy(face._kept)
    for layout in RECORDED:
        points = kept.get(("px", layout))
        if points is not None and layer.of(layout, face.id):
            moved = corrected(points[None].astype(np.float64), layer, np.array([index]), layout, face.id)[0]
            kept["px", layout] = moved.astype(np.float32)
            kept["px", layout].flags.writeable = False
    return replace(face, _kept=kept)
