"""Streams from the network by PyAV: MJPEG or any other video over http, rtsp, rtmp. Errors come within seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import av

from ..errors import SourceError
from ..settings import Capture
from ..types import Frame
from .message import name_of
from .source import BaseSource, SourceInfo
from .video import ToRgb

_OPEN_TIMEOUT_S = 5.0
_MIN_STEP_S = 1e-4
_DAMAGED_IN_A_ROW = 300
_SILENT = (av.error.ExitError, TimeoutError)  # how PyAV's timeouts show


class StreamSource(BaseSource):
    """A live stream; a frame's time is when it arrived, on the monotonic clock, from the first frame on.

    `read_timeout_s` of silence, a closed connection or data that cannot be decoded is a dead stream: `read`
    raises SourceError. A file behind an http address ends with None like any file, but is not rewound.
    """

    def __init__(self, url: str, *, read_timeout_s: float = 5.0) -> None:
        super().__init__()
        self._name = name = name_of(url)
        options = {"flags": "low_delay", "analyzeduration": "1000000"}  # µs
        if url.lower().startswith("rtsp"):
            options["rtsp_transport"] = "tcp"  # lost UDP packets show as torn pictures
        try:
            self._container = av.open(url, options=options, timeout=(_OPEN_TIMEOUT_S, read_timeout_s))
        except (OSError, av.error.FFmpegError) as error:
            raise SourceError(_explain(name, error)) from error
        self._rgb = ToRgb()
        try:
            self._info, self._frames, self._ahead = self._begin()
        except BaseException:
            self._container.close()
            raise
        self._start = time.monotonic()
        self._time = -1.0
        self._index = 0

    def _begin(self) -> tuple[SourceInfo, Any, Any]:
        """Read the first frame: only then is the size known."""
        if not self._container.streams.video:
            raise SourceError(f"The stream {self._name} carries no video; check its address.")
        stream = self._container.streams.video[0]
        frames = self._decode(stream)
        try:
            first = next(frames)
        except (StopIteration, OSError, av.error.FFmpegError) as error:
            raise SourceError(_explain(self._name, error)) from error
        height, width = self._rgb(first).shape[:2]
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        live = not self._container.duration
        got = f"{width}x{height} {stream.codec_context.name}"
        info = SourceInfo(self._name, "stream", live, width, height, rate, asked=self._name, got=got)
        return info, frames, first

    def _decode(self, stream: Any) -> Iterator[Any]:
        """Frames; packets that do not decode are passed over, because one may join in the middle of a stream."""
        damaged = 0
        for packet in self._container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                damaged += 1
                if damaged > _DAMAGED_IN_A_ROW:
                    raise
                continue
            for frame in frames:
                damaged = 0
                yield frame

    @property
    def info(self) -> SourceInfo:
        return self._info

    def _read(self) -> Frame | None:
        frame, self._ahead = self._ahead, None
        try:
            frame = frame or next(self._frames)
        except StopIteration as error:
            if not self._info.live:
                return None
            raise SourceError(_broke_off(self._name)) from error
        except (OSError, av.error.FFmpegError) as error:
            silent = isinstance(error, _SILENT)
            raise SourceError(_explain(self._name, error) if silent else _broke_off(self._name)) from error
        # Live: arrival, not the stream's stamps, which cameras set to anything. A file: its own times.
        stamp = frame.time if not self._info.live and frame.time is not None else time.monotonic() - self._start
        self._time = max(stamp, self._time + _MIN_STEP_S) if self._index else 0.0
        shown = Frame(self._rgb(frame), self._time, self._index)
        self._index += 1
        return shown

    def _release(self) -> None:
        self._container.close()


def _broke_off(name: str) -> str:
    return f"The stream {name} broke off: its sender closed the connection, or the network lost it."


def _explain(name: str, error: BaseException) -> str:
    """One sentence about a stream that does not open or has fallen silent."""
    if isinstance(error, _SILENT):
        return f"The stream {name} sent nothing for several seconds; check that its sender runs and is reachable."
    if isinstance(error, ConnectionRefusedError):
        return f"Nothing answers at {name} (connection refused); check the address, the port and that the sender runs."
    if isinstance(error, av.error.HTTPClientError | av.error.HTTPServerError):
        return f"The server of {name} refused ({error.strerror}); check the address and its password."
    if isinstance(error, StopIteration):
        return f"The stream {name} ended before its first picture."
    reason = getattr(error, "strerror", None) or str(error)
    return f"The stream {name} cannot be read ({reason}); check the address and that it carries video."


def open_stream(text: str, settings: Capture, *, realtime: bool, loop: bool) -> StreamSource:
    """A stream by its URL; `realtime` and `loop` mean nothing for it."""
    return StreamSource(text, read_timeout_s=max(settings.stall_s + settings.retry_s, 1.0))
