"""Stillpoint in the phone's place: programs for iFacialMocap ask it for frames, as they ask the app.

Whoever sends the app's handshake gets frames in the version it asked for, on the app's port of its own address, until
five seconds after its last handshake. Without a face the last frame is repeated for a second, then nothing comes.
"""

from __future__ import annotations

import socket

from ..capture import SourceInfo
from ..settings import Stream
from .ifacialmocap import HANDSHAKE, HELD_S, PORT, WANTS_V2, encode
from .performance import Moment
from .sink import StreamSink
from .udp import is_loopback, not_listening, resolve

ASKED_S = 5.0
_MOST_ASKERS = 16


class PhoneStream(StreamSink):
    """Listens on `host`:`port` and answers to `reply_port`. Raises SettingsError as `resolve` does."""

    def __init__(
        self,
        host: str,
        port: int,
        settings: Stream | None = None,
        *,
        allow_remote: bool = False,
        reply_port: int = PORT,
    ) -> None:
        super().__init__(settings)
        self._allow_remote = allow_remote or self.settings.allow_remote
        self._family, self.target = resolve(host, port, self._allow_remote)
        self._reply_port = reply_port
        self._socket: socket.socket | None = None
        self._askers: dict[str, tuple[float, str]] = {}
        self._last: tuple[float, dict[str, bytes]] | None = None

    @property
    def askers(self) -> tuple[str, ...]:
        """Addresses that get frames now."""
        return tuple(self._askers)

    def open(self, info: SourceInfo) -> None:
        listening = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            listening.setblocking(False)
            listening.bind(self.target)
        except OSError as error:
            listening.close()
            self.failed(not_listening(error, *self.target))
            return
        self._socket = listening

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, now: Moment) -> None:
        if self._socket is None:
            return
        self._hear(self._socket, now.time)
        if not self._askers or not self._allowed(now):
            return
        if now.faces:
            versions = {version for _, version in self._askers.values()}
            self._last = now.time, {version: encode(now, version) for version in versions}
        if self._last is None or not 0.0 <= now.time - self._last[0] <= HELD_S:
            return
        for asker, (_, version) in self._askers.items():
            packet = self._last[1].get(version)
            if packet is not None:
                self._answer(self._socket, packet, asker)

    def _hear(self, listening: socket.socket, time: float) -> None:
        while True:
            try:
                said, address = listening.recvfrom(1024)
            except BlockingIOError:
                break
            except OSError as error:  # on Windows an answer that nobody took comes back as an error here
                self.failed(error)
                break
            asker = str(address[0])
            if said.startswith(HANDSHAKE) and (self._allow_remote or is_loopback(asker)):
                known = asker in self._askers or len(self._askers) < _MOST_ASKERS
                if known:
                    self._askers[asker] = time, "v2" if WANTS_V2 in said else "v1"
        self._askers = {who: facts for who, facts in self._askers.items() if 0.0 <= time - facts[0] <= ASKED_S}

    def _answer(self, listening: socket.socket, packet: bytes, asker: str) -> None:
        try:
            listening.sendto(packet, (asker, self._reply_port))
        except OSError as error:
            self.failed(error)
            return
        self.count(packets=1, bytes=len(packet))


def factory(host: str, port: int, settings: Stream, *, allow_remote: bool = False) -> PhoneStream:
    return PhoneStream(host, port, settings, allow_remote=allow_remote)
