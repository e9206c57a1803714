"""OSC 1.0: messages and bundles as bytes, and back. Big-endian, everything padded to four bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from ..errors import SourceError

Argument = int | float | str
Message = tuple[str, tuple[Argument, ...]]

_BUNDLE = b"#bundle\0" + struct.pack(">Q", 1)  # time tag 1: at once
LARGEST_DATAGRAM = 65507


def text(value: str) -> bytes:
    """UTF-8, one to four zero bytes behind it."""
    raw = value.encode("utf-8")
    return raw + b"\0" * (4 - len(raw) % 4)


def message(address: str, *arguments: Argument) -> bytes:
    """One message; ints are int32, floats float32. A number that is not finite, or too large, is sent as 0."""
    tags, body = ",", b""
    for value in arguments:
        if isinstance(value, str):
            tags, body = tags + "s", body + text(value)
        elif isinstance(value, int):
            tags, body = tags + "i", body + struct.pack(">i", value)
        else:
            tags, body = tags + "f", body + struct.pack(">f", value if abs(value) < 3e38 else 0.0)
    return text(address) + text(tags) + body


def bundles(messages: Iterable[bytes], limit: int = LARGEST_DATAGRAM) -> list[bytes]:
    """Messages in order, in as few bundles of at most `limit` bytes as that allows."""
    packets: list[bytes] = []
    current = _BUNDLE
    for one in messages:
        part = struct.pack(">i", len(one)) + one
        if len(current) + len(part) > limit and current != _BUNDLE:
            packets.append(current)
            current = _BUNDLE
        current += part
    return [*packets, current] if current != _BUNDLE else packets


def parse(packet: bytes) -> list[Message]:
    """All messages of a packet, bundles opened. Raises SourceError for what is no OSC."""
    try:
        return list(_parse(packet))
    except (struct.error, UnicodeDecodeError, ValueError, IndexError, RecursionError) as error:
        raise SourceError(f"A packet of {len(packet)} bytes is no OSC ({error}).") from error


def _parse(packet: bytes) -> Iterator[Message]:
    if packet.startswith(b"#bundle\0"):
        at = 16
        while at < len(packet):
            (size,) = struct.unpack_from(">i", packet, at)
            if size < 0 or at + 4 + size > len(packet):
                raise ValueError("a bundle's part is cut short")
            yield from _parse(packet[at + 4 : at + 4 + size])
            at += 4 + size
        return
    address, at = _text(packet, 0)
    tags, at = _text(packet, at)
    if not address.startswith("/") or not tags.startswith(","):
        raise ValueError("an address or its types are missing")
    arguments: list[Argument] = []
    for tag in tags[1:]:
        if tag == "s":
            value, at = _text(packet, at)
            arguments.append(value)
        elif tag in "if":
            arguments.append(struct.unpack_from(">" + tag, packet, at)[0])
            at += 4
        else:
            raise ValueError(f"arguments of the type {tag!r} are not known")
    yield address, tuple(arguments)


def _text(packet: bytes, at: int) -> tuple[str, int]:
    end = packet.index(b"\0", at)
    return packet[at:end].decode("utf-8"), end + 4 - (end - at) % 4
