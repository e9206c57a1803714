"""Video files, decoded forwards with PyAV: constant memory, true presentation times, upright RGB pictures."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from ..errors import SourceError
from ..settings import Capture
from ..types import Image
from .source import Playback, Shot, SourceInfo

log = logging.getLogger(__name__)

_NOT_VIDEO = frozenset({"tty", "bin", "adf", "idf", "xbin"})  # FFmpeg draws text files as pictures
_UNSPECIFIED, _ITU709 = 2, 1
_HD_LINES = 720
_SHORT_S = 0.5
_FASTEST = 500.0


class VideoSource(Playback):
    """The frames of a video file, in order of presentation; a rotation flag is obeyed.

    A file that is cut short or damaged gives the frames that are good; `problem` then says how many.
    Raises SourceError where there is not one good frame.
    """

    def __init__(self, path: str | Path, *, realtime: bool = False, loop: bool = False) -> None:
        self._path = Path(path).expanduser()
        container, stream = self._open()
        rate = float(stream.average_rate or 0)
        if not 0.01 <= rate <= _FASTEST:  # some files give their clock's resolution as the rate
            rate = float(stream.guessed_rate or 30)
        super().__init__(1.0 / rate, realtime=realtime, loop=loop)
        self._opened: tuple[Any, Any] | None = (container, stream)
        self._length = container.duration / av.time_base if container.duration else None
        # Only the mp4 family counts its frames reliably.
        counted = stream.frames if "mp4" in container.format.name else 0
        self._expected: int | None = counted or None
        self._has_audio = bool(container.streams.audio)
        codec, pixels = stream.codec_context.name, stream.codec_context.pix_fmt
        self._first: tuple[Iterator[Shot], Shot] | None = None
        self._rgb = ToRgb()
        shots = self._pass()
        first = next(shots, None)
        if first is None:
            raise SourceError(
                f"{self._path} has a video's header but not one picture that can be decoded; "
                "it is damaged or was cut short while it was recorded."
            )
        self._first = (shots, first)
        height, width = first.image.shape[:2]
        got = f"{width}x{height} {rate:.4g} fps {codec} {pixels}"
        self._info = SourceInfo(
            self._path.name, "video", realtime, width, height, rate, self._expected, asked=str(path), got=got
        )

    @property
    def info(self) -> SourceInfo:
        return self._info

    def _open(self) -> tuple[Any, Any]:
        """(container, its video stream)."""
        path = self._path
        try:
            if path.stat().st_size == 0:
                raise SourceError(f"{path} is empty (0 bytes); a video file was wanted.")
            container = av.open(str(path))
        except PermissionError as error:
            raise SourceError(f"{path} may not be read by this user; change its permissions.") from error
        except (OSError, av.error.FFmpegError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SourceError(
                f"{path} cannot be read as a video ({reason}): it is not a video, it is damaged, "
                "or its recording was cut off before it was finished."
            ) from error
        streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if not streams or container.format.name in _NOT_VIDEO:
            inside = "text" if container.format.name in _NOT_VIDEO else container.format.long_name or "no pictures"
            container.close()
            raise SourceError(f"{path} holds no video ({inside}); a video file was wanted.")
        stream = streams[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = min(4, os.cpu_count() or 1)
        return container, stream

    def _play(self) -> Iterator[Shot]:
        if self._first is not None:  # the pass that the constructor began
            shots, first = self._first
            self._first = None
            yield first
        else:
            shots = self._pass()
        yield from shots

    def _pass(self) -> Iterator[Shot]:
        container, stream = self._opened or self._open()
        self._opened = None
        start = container.start_time / av.time_base if container.start_time else 0.0
        read = damaged = 0
        end = start
        try:
            for packet in self._packets(container, stream):
                try:
                    frames = packet.decode()
                except av.error.FFmpegError:
                    damaged += 1
                    continue
                for frame in frames:
                    if frame.is_corrupt:
                        damaged += 1
                        continue
                    read += 1
                    end = frame.time if frame.time is not None else end + self._period
                    yield Shot(self._rgb(frame), frame.time)
            self._judge(read, damaged, end - start + self._period)
        finally:
            container.close()

    def _packets(self, container: Any, stream: Any) -> Iterator[Any]:
        """All packets that can be read, and the empty one that flushes the decoder."""
        try:
            yield from container.demux(stream)
        except av.error.FFmpegError as error:
            log.warning("%s: reading stopped: %s", self._path, error)

    def _judge(self, read: int, damaged: int, length_s: float) -> None:
        """Say what is missing after a whole pass. Sound may go on longer than the pictures."""
        tolerance = max(_SHORT_S, 0.1 * (self._length or 0.0) if self._has_audio else 0.0)
        short = self._length is not None and self._length - length_s > tolerance
        if not short and not damaged:
            return
        expected = self._expected or (round(self._length / self._period) if self._length else None)
        of = f" of {'' if self._expected else 'about '}{expected}" if expected and expected >= read else ""
        what = "is cut short" if short else "is damaged in places"
        problem = f"{self._path.name} {what}: {read}{of} frames could be read."
        if problem != self.problem:
            self.problem = problem
            log.warning("%s", problem)

    def _release(self) -> None:
        if self._first is not None:
            shots: Any = self._first[0]
            shots.close()
        super()._release()


def open_video(text: str, settings: Capture, *, realtime: bool, loop: bool) -> VideoSource:
    """A video file by its path."""
    return VideoSource(text, realtime=realtime, loop=loop)


class ToRgb:
    """The decoded frames of one video, of any pixel format -> upright (H, W, 3) uint8 RGB. Alpha is left out.

    Which way is up is read only where the turn may have changed: a frame and its side data hold each other, and with
    them the picture, until Python collects garbage, by when a long video has filled the memory.
    """

    def __init__(self) -> None:
        self._turn: int | None = None
        self._matrix: np.ndarray[Any, Any] | None = None

    def __call__(self, frame: Any) -> Image:
        # Players take untagged HD for BT.709; swscale alone would take it for BT.601 and shift the colours.
        matrix = _ITU709 if frame.colorspace == _UNSPECIFIED and frame.height >= _HD_LINES else None
        image = frame.reformat(format="rgb24", src_colorspace=matrix, threads=1).to_ndarray()
        if frame.rotation != self._turn:
            self._turn, turn = frame.rotation, frame.side_data.get("DISPLAYMATRIX")
            self._matrix = None if turn is None else np.frombuffer(turn, np.int32).copy()
        return np.ascontiguousarray(image if self._matrix is None else _upright(image, self._matrix))


def _upright(image: Image, matrix: np.ndarray[Any, Any]) -> Any:
    """Apply a display matrix (9 numbers, row vectors: x' = a x + c y, y' = b x + d y) to the next quarter turn."""
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    swap = abs(b) > abs(a)
    across, down = (c, b) if swap else (a, d)
    if swap:
        image = np.asarray(cv2.transpose(image), np.uint8)
    flip = {(False, False): None, (True, False): 1, (False, True): 0, (True, True): -1}[across < 0, down < 0]
    return image if flip is None else cv2.flip(image, flip)
