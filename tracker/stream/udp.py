"""The sink of all datagram protocols: a socket, and silence where it is due. A codec says what is sent, purely."""

from __future__ import annotations

import errno
import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..capture import SourceInfo
from ..errors import OutputError, SettingsError
from ..settings import Stream
from .performance import Moment
from .sink import Pace, StreamSink

Address = tuple[str, int]

OFF_HOST_BYTES = 1400
"""A datagram that leaves the computer is no longer, where the protocol lets it be split: an MTU is 1500."""


def _silence(now: Moment, lost_s: float) -> Sequence[bytes]:
    return ()


@dataclass(frozen=True, slots=True)
class Codec:
    """A protocol: `encode` makes the packets of a frame with a face; `idle` those of a frame without one, `lost_s`
    seconds after the last (infinite before the first), asked every `idle_s` seconds."""

    encode: Callable[[Moment], Sequence[bytes]]
    idle: Callable[[Moment, float], Sequence[bytes]] = _silence
    idle_s: float = 1.0


def is_loopback(host: str) -> bool:
    """Whether an address, already resolved, stays on this computer."""
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def resolve(host: str, port: int, allow_remote: bool) -> tuple[socket.AddressFamily, Address]:
    """The address family and the numeric address of a target.

    Raises SettingsError for a port out of range, a name nobody knows, and a target beyond this computer that was not
    allowed.
    """
    if not 0 < port < 65536:
        raise SettingsError(f"{port} is no port; ports run from 1 to 65535.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"The address {host!r} cannot be found ({error}); check its spelling.") from error
    # "localhost" may be ::1 first, where few programs listen.
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    numeric = str(address[0])
    if not allow_remote and not is_loopback(numeric):
        raise SettingsError(
            f"{host} is not this computer: the tracked face would be sent over the network; allow other computers "
            "first (the window's switch, --allow-remote, or stream.allow_remote), or use 127.0.0.1."
        )
    return family, (numeric, port)


def not_listening(error: OSError, host: str, port: int) -> OutputError:
    """Why nobody can ask at this address, a sentence for people."""
    if error.errno in (errno.EADDRINUSE, errno.EACCES, 10013, 10048):  # the last two are Windows' own
        return OutputError(
            f"Port {port} of {host} is taken or blocked; end the program that has it, or choose another."
        )
    return OutputError(f"{host}:{port} cannot be listened on ({error.strerror or error}); choose another address.")


class UdpStream(StreamSink):
    """Sends what `codec` makes of each frame to one address. Raises SettingsError as `resolve` does."""

    def __init__(
        self,
        codec: Codec,
        host: str,
        port: int,
        settings: Stream | None = None,
        *,
        allow_remote: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(settings, now=now)
        self.codec = codec
        self._family, self.target = resolve(host, port, allow_remote or self.settings.allow_remote)
        self._idle_pace = Pace(1.0 / codec.idle_s)
        self._socket: socket.socket | None = None
        self._last_face: float | None = None

    def open(self, info: SourceInfo) -> None:
        try:
            self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            if not is_loopback(self.target[0]) and self._family == socket.AF_INET:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        except OSError as error:
            self.failed(error)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, now: Moment) -> None:
        for packet in self._packets(now):
            self._datagram(packet)

    def _packets(self, now: Moment) -> Sequence[bytes]:
        if not now.faces:
            lost = now.time - self._last_face if self._last_face is not None else float("inf")
            return self.codec.idle(now, lost) if self._idle_pace(now.time) else ()
        self._last_face = now.time
        return self.codec.encode(now) if self._allowed(now) else ()

    def _datagram(self, packet: bytes) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(packet, self.target)
        except OSError as error:
            self.failed(error)
            return
        self.count(packets=1, bytes=len(packet))
