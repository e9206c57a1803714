"""The seconds before the button was pressed: a sink that remembers the newest frames, compressed, in bounded memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ..capture import SourceInfo
from ..errors import SettingsError
from ..sinks import Drop
from ..types import Image, Tracked

LONGEST_S = 30.0
BUDGET_BYTES = 96 << 20
"""Of the compressed pictures; with larger ones the pre-roll is shorter."""
_QUALITY = 95
_NONE = np.zeros((1, 1, 3), np.uint8)
_WAIT_S = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    tracked: Tracked
    jpeg: npt.NDArray[np.uint8]


class PreRoll:
    """Keeps the frames of the last `seconds`; a `Recorder` of the same pipeline begins with them.

    Pictures are kept as JPEG (quality 95), so those of a pre-roll are not lossless. Raises SettingsError for less
    than 0 or more than 30 seconds.
    """

    drop: Drop = "never"

    def __init__(self, seconds: float, budget: int = BUDGET_BYTES) -> None:
        if not 0.0 <= seconds <= LONGEST_S:
            raise SettingsError(f"A pre-roll of {seconds:g} s cannot be kept; record.preroll_s goes from 0 to 30.")
        self.seconds, self._budget = seconds, budget
        self._changed = threading.Condition()
        self._kept: deque[_Kept] = deque()
        self._bytes = 0
        self._seen = -1
        self._paused = self._closed = False

    @property
    def held(self) -> tuple[int, int]:
        """Frames and bytes that are kept now."""
        with self._changed:
            return len(self._kept), self._bytes

    # --- the sink

    def open(self, info: SourceInfo) -> None: ...

    def write(self, tracked: Tracked) -> None:
        with self._changed:
            paused = self._paused
        done, jpeg = (False, None) if paused else _compressed(tracked.raw.frame.image)
        with self._changed:
            if done and jpeg is not None and not self._paused:
                self._kept.append(_Kept(_with_image(tracked, _NONE), jpeg))
                self._bytes += jpeg.nbytes
                self._forget(tracked.raw.frame.time)
            self._seen = tracked.raw.frame.index
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._kept.clear()
            self._bytes, self._closed = 0, True
            self._changed.notify_all()

    # --- the recorder's side, in its own thread

    def take(self, before: int) -> Iterator[Tracked]:
        """The frames that are kept with an index below `before`, oldest first, and no more until `resume`.

        Waits for those that are still being compressed, two seconds at most.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._seen >= before or self._closed, _WAIT_S)
            self._paused = True
            kept, self._kept = self._kept, deque()
            self._bytes = 0
        while kept:
            one = kept.popleft()
            if one.tracked.raw.frame.index < before:
                yield _with_image(one.tracked, _pictured(one.jpeg))

    def resume(self) -> None:
        """Keep frames again: the recording is over."""
        with self._changed:
            self._paused = False

    def _forget(self, now: float) -> None:
        while self._kept and (now - self._kept[0].tracked.raw.frame.time > self.seconds or self._bytes > self._budget):
            self._bytes -= self._kept.popleft().jpeg.nbytes


def _compressed(image: Image) -> tuple[bool, npt.NDArray[np.uint8]]:
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    return done, np.asarray(data, np.uint8)


def _pictured(jpeg: npt.NDArray[np.uint8]) -> Image:
    return np.ascontiguousarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def _with_image(tracked: Tracked, image: Image) -> Tracked:
    frame = replace(tracked.raw.frame, image=image)
    return replace(tracked, raw=replace(tracked.raw, frame=frame), stable=replace(tracked.stable, frame=frame))
