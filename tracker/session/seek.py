"""Any picture of a long video, quickly: the keyframes' index, what was decoded lately, and no step further than needed.

A reader belongs to one thread; `play.Feed` is such a thread.
"""

from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from ..errors import SourceError
from ..types import Image

CACHE_BYTES = 256 << 20
_AHEAD = 40
"""Pictures that are decoded through rather than sought; a recording has a keyframe every 30."""


class PictureReader:
    """The pictures of `path` by their number. `stamps` (P,) are their times in milliseconds, rising, from the table.

    `decoded` counts pictures that went through the decoder. Raises SourceError for a file that is no video.
    """

    def __init__(self, path: Path, stamps: npt.NDArray[np.int64], cache_bytes: int = CACHE_BYTES) -> None:
        self.decoded = 0
        self._path, self._stamps, self._room = path, stamps, cache_bytes
        self._cache: OrderedDict[int, Any] = OrderedDict()
        self._bytes = 0
        self._next: int | None = None
        self._frames: Iterator[Any] | None = None
        try:
            self._container: Any = av.open(str(path))
            self._stream = self._container.streams.video[0]
        except (av.error.FFmpegError, IndexError, OSError) as error:
            raise SourceError(f"{path} cannot be played ({error}); restore it from a copy.") from error
        self._to_ms = float(self._stream.time_base * 1000)

    @property
    def keyframes(self) -> list[int]:
        """Numbers of the pictures that can be decoded alone, as far as the file's index says."""
        entries = (entry for entry in self._stream.index_entries if entry.is_keyframe)
        return sorted({self._number(entry.timestamp) for entry in entries})

    def read(self, number: int, stale: Callable[[], bool] = lambda: False) -> tuple[int, Any] | None:
        """The number and the frame (PyAV's) of a picture; another one's where `stale` said on the way that this one is
        not wanted any more. None where there is no such picture.

        Raises SourceError where the file cannot be read any further.
        """
        if not 0 <= number < len(self._stamps):
            return None
        if number in self._cache:
            self._cache.move_to_end(number)
            return number, self._cache[number]
        try:
            if self._next is None or not 0 <= number - self._next < _AHEAD:
                self._seek(number)
            return self._forward(number, stale)
        except (av.error.FFmpegError, OSError) as error:
            self._next = None
            raise SourceError(f"{self._path} cannot be read at picture {number} ({error}).") from error

    def close(self) -> None:
        self._frames = None
        self._cache.clear()
        self._container.close()

    def _seek(self, number: int) -> None:
        self._container.seek(int(self._stamps[number] / self._to_ms), stream=self._stream, backward=True)
        self._frames = self._container.decode(self._stream)

    def _forward(self, number: int, stale: Callable[[], bool]) -> tuple[int, Any] | None:
        last: tuple[int, Any] | None = None
        assert self._frames is not None
        for frame in self._frames:
            at = self._number(frame.pts)
            self._keep(at, frame)
            self._next, last = at + 1, (at, frame)
            if at >= number or stale():
                return last
        self._next = None
        return last  # the file ends before the table does

    def _number(self, pts: int) -> int:
        """The picture whose stamp is nearest."""
        stamp = pts * self._to_ms
        at = bisect.bisect_left(self._stamps, stamp)
        near = [i for i in (at - 1, at) if 0 <= i < len(self._stamps)]
        return min(near, key=lambda i: abs(float(self._stamps[i]) - stamp))

    def _keep(self, number: int, frame: Any) -> None:
        self.decoded += 1
        size = frame.width * frame.height * 3 // 2
        if number not in self._cache:
            self._bytes += size
        self._cache[number] = frame
        while self._bytes > self._room and len(self._cache) > 1:
            self._cache.popitem(last=False)
            self._bytes -= size


def stamps_of(times: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.int64]:
    """(P,) milliseconds of pictures in a recording's video from their times in seconds: as they were written."""
    stamps = np.round((times - times[0]) * 1000.0).astype(np.int64) if len(times) else np.zeros(0, np.int64)
    rising = np.maximum.accumulate(stamps - np.arange(len(stamps))) + np.arange(len(stamps))
    return np.asarray(rising, np.int64)


def rgb_of(frame: Any, size: tuple[int, int] = (0, 0)) -> Image:
    """(H, W, 3) uint8, without the edge that odd `size` (width, height) was padded by."""
    image = frame.to_ndarray(format="rgb24")
    width, height = size
    return np.ascontiguousarray(image[: height or None, : width or None], dtype=np.uint8)
