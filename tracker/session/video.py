"""Videos with the capture's own frame times."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from ..types import Image

VIDEO, ANNOTATED = "video.mkv", "annotated.mp4"
"""Of a session: the picture as it was, and with its overlay."""
_BT601, _LIMITED = 6, 1
"""FFmpeg's numbers for what OpenCV's conversion gives; players guess otherwise by the picture's size."""
_ROOM = 1 << 16
"""Bytes that the disk must take before FFmpeg is let at a new file."""


class VideoWriter:
    """H.264 in MP4 or Matroska, by the name's ending; every picture keeps its time, counted from the first one.

    MP4 keeps times to 1/90000 s but is only readable once closed; Matroska keeps milliseconds and survives a kill up
    to its last second. The first picture fixes the size; others are fitted into it. `lossless` keeps every bit of
    every RGB picture. Raises OSError and FFmpegError.
    """

    def __init__(self, path: Path, fps: float, *, crf: int = 20, lossless: bool = False) -> None:
        self.frames = 0
        self._path, self._fps, self._crf, self._lossless = path, fps if fps > 0 else 30.0, crf, lossless
        kill_safe = path.suffix == ".mkv"
        self._base = Fraction(1, 1000 if kill_safe else 90000)
        options = {"cluster_time_limit": "1000"} if kill_safe else {"movflags": "+faststart"}
        self._container: Any = av.open(str(path), "w", options={**options, "flush_packets": "1"})
        self._stream: Any = None
        self._size = (0, 0)
        self._start = 0.0
        self._last = -1

    def add(self, image: Image, time: float) -> None:
        """One RGB picture (H, W, 3) at `time` s; a time that does not go on is moved just behind the last one."""
        if self._stream is None:
            self._begin(image, time)
        stamp = round((time - self._start) / self._base) if np.isfinite(time) else self._last + 1
        self._last = max(stamp, self._last + 1)
        picture = _fit(image, *self._size)
        if self._lossless:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        else:  # OpenCV's conversion is six times faster than FFmpeg's
            frame = av.VideoFrame.from_ndarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
        frame.pts, frame.time_base = self._last, self._base
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        self.frames += 1

    def sync(self) -> None:
        """Let what was written so far reach the disk itself."""
        if not self._path.is_file():
            return  # FFmpeg makes the file when the encoder gives its first packet
        with self._path.open("r+b") as file:  # Windows asks for the right to write
            os.fsync(file.fileno())

    def close(self) -> None:
        """Finish the file; of a file without a picture nothing stays."""
        container, self._container = self._container, None
        if container is None:
            return
        if self._stream is None:
            container.close()
            self._path.unlink(missing_ok=True)
            return
        try:
            for packet in self._stream.encode(None):
                container.mux(packet)
        finally:
            container.close()

    def _begin(self, image: Image, time: float) -> None:
        # FFmpeg ends the whole process where not even the file's header can be written: that is tried first.
        self._path.write_bytes(bytes(_ROOM))
        self._path.unlink()
        height, width = image.shape[:2]
        odd = (0, 0) if self._lossless else (width % 2, height % 2)  # 4:2:0 halves its sides
        self._size = max(width + odd[0], 16), max(height + odd[1], 16)
        self._start = time if np.isfinite(time) else 0.0
        rate = Fraction(self._fps).limit_denominator(1001)
        options = {"preset": "ultrafast", "bf": "0", "g": "30"}
        options.update({"qp": "0"} if self._lossless else {"crf": str(self._crf)})
        stream = self._container.add_stream("libx264rgb" if self._lossless else "libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = *self._size, "rgb24" if self._lossless else "yuv420p"
        stream.codec_context.time_base = stream.time_base = self._base
        if not self._lossless:
            stream.codec_context.colorspace, stream.codec_context.color_range = _BT601, _LIMITED
        stream.codec_context.thread_count = 2  # the rest of the machine tracks
        self._stream = stream


def _fit(image: Image, width: int, height: int) -> Image:
    """The picture at the top left of a canvas of that size, made smaller where it does not fit."""
    h, w = image.shape[:2]
    if (w, h) == (width, height):
        return np.ascontiguousarray(image)
    shrink = min(width / w, height / h, 1.0)
    if shrink < 1.0:
        image = np.asarray(
            cv2.resize(image, (max(int(w * shrink), 1), max(int(h * shrink), 1)), interpolation=cv2.INTER_AREA),
            np.uint8,
        )
        h, w = image.shape[:2]
    return np.asarray(np.pad(image, ((0, height - h), (0, width - w), (0, 0)), mode="edge"))
