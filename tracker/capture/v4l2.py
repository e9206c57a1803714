"""What a Linux camera can send, asked of its driver (Video4Linux2, linux/videodev2.h)."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_ENUM_FMT = 0xC0405602  # _IOWR('V', 2, struct v4l2_fmtdesc), 64 bytes
_ENUM_FRAMESIZES = 0xC02C564A  # _IOWR('V', 74, struct v4l2_frmsizeenum), 44 bytes
_ENUM_FRAMEINTERVALS = 0xC034564B  # _IOWR('V', 75, struct v4l2_frmivalenum), 52 bytes
_VIDEO_CAPTURE = 1
_DISCRETE = 1
_ENDLESS = 256  # a driver that never says "no more" is not believed


@dataclass(frozen=True, slots=True)
class CameraFormat:
    """One way a camera can send: four-letter `fourcc`, pixels, and the frame rates it knows there (highest first)."""

    fourcc: str
    width: int
    height: int
    fps: tuple[float, ...] = ()


Ask = Callable[[int, bytearray], None]
"""Sends an ioctl with a buffer that the driver fills in; raises OSError at the end of a list."""


def formats(path: str) -> tuple[CameraFormat, ...]:
    """The formats of the device at `path`; empty where the platform, the driver or the permissions do not tell."""
    if sys.platform != "linux":
        return ()
    import fcntl

    try:
        device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return ()

    def ask(request: int, buffer: bytearray) -> None:
        fcntl.ioctl(device, request, buffer, True)

    try:
        return tuple(read_formats(ask))
    finally:
        os.close(device)


def read_formats(ask: Ask) -> Iterator[CameraFormat]:
    """All formats, sizes and rates, in the driver's order; a stepwise size counts as its largest."""
    for entry in _entries(ask, _ENUM_FMT, 64, struct.pack("=II", 0, _VIDEO_CAPTURE)):
        pixel_format = entry[44:48]
        fourcc = pixel_format.decode("latin-1").strip("\0 ")
        for size in _entries(ask, _ENUM_FRAMESIZES, 44, b"\0\0\0\0" + pixel_format):
            kind, width, height = struct.unpack_from("=III", size, 8)
            if kind != _DISCRETE:  # min, max, step of the width, then of the height
                _, width, _, _, height, _ = struct.unpack_from("=6I", size, 12)
            head = b"\0\0\0\0" + pixel_format + struct.pack("=II", width, height)
            rates = {_rate(interval) for interval in _entries(ask, _ENUM_FRAMEINTERVALS, 52, head)}
            yield CameraFormat(fourcc, width, height, tuple(sorted(rates - {0.0}, reverse=True)))


def _rate(interval: bytes) -> float:
    # A list or, for ranges, the shortest interval: both put their fraction first.
    numerator, denominator = struct.unpack_from("=II", interval, 20)
    return round(denominator / numerator, 3) if numerator else 0.0


def _entries(ask: Ask, request: int, size: int, head: bytes) -> Iterator[bytes]:
    """The entries of a list, asked one by one until the driver says that there are no more."""
    previous = b""
    for index in range(_ENDLESS):
        buffer = bytearray(size)
        buffer[: len(head)] = head
        struct.pack_into("=I", buffer, 0, index)
        try:
            ask(request, buffer)
        except OSError:
            return
        entry = bytes(buffer)
        if entry[4:] == previous[4:]:  # a range has one entry, and some drivers repeat it for ever
            return
        previous = entry
        yield entry
