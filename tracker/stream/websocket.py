"""JSON over WebSocket, for web pages and scripts: ws://127.0.0.1:8765.

A client is greeted with `hello` {schema, version, layout, names}, then gets `frame` {i, t_ns, faces: [{id, state,
head {p, q}, shapes, gaze, lm}], dropped}; it may send `subscribe` {landmarks}, `recentre` and `mark` {label}, which
every client then hears as `marker`. Places and turns are in upright axes. A slow client skips frames and is told how
many. Web pages of other computers are refused, and beyond this computer everybody who does not know the token
(ws://host:8765/?token=...).
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from ..capture import SourceInfo
from ..errors import SettingsError
from ..head.axes import Gaze, gaze_turn, quaternion
from ..head.model import EXPRESSIONS
from ..settings import Stream
from .performance import Moment, Performance
from .sink import Pace, StreamSink
from .udp import is_loopback, not_listening, resolve

log = logging.getLogger(__name__)

PORT = 8765
LAYOUT = "ibug68"
TRACKED, LOST = 2, 4
_START_S = 5.0
_MOST_BYTES = 1 << 16
"""Of a message from a client."""


def hello() -> bytes:
    about = {"type": "hello", "schema": "stillpoint.ws", "version": 1, "layout": LAYOUT, "names": EXPRESSIONS}
    return msgspec.json.encode(about)


def encode(now: Moment, landmarks: bool = False, dropped: int = 0) -> bytes:
    """One frame; without a face its only entry has the state 4."""
    faces = [_face(face, landmarks) for face in now.faces] or [{"id": None, "state": LOST}]
    frame = {"type": "frame", "i": now.index, "t_ns": round(now.time * 1e9), "faces": faces, "dropped": dropped}
    return msgspec.json.encode(frame)


def decode(message: bytes | str) -> dict[str, Any]:
    value = msgspec.json.decode(message)
    if not isinstance(value, dict):
        raise msgspec.DecodeError("a message is an object")
    return value


def _face(face: Performance, landmarks: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": face.id,
        "state": TRACKED,
        "head": {"p": [round(float(v), 6) for v in face.shift], "q": [round(v, 6) for v in quaternion(face.turn)]},
        "shapes": [round(float(v), 4) for v in face.shapes],
        "gaze": {"left": _look(face, face.left), "right": _look(face, face.right)},
    }
    if landmarks:
        entry["lm"] = [round(float(v), 2) for v in face.face.landmarks_px(LAYOUT).ravel()]
    return entry


def _look(face: Performance, gaze: Gaze) -> list[float]:
    return [round(float(v), 5) for v in (face.turn @ gaze_turn(gaze))[:, 2]]


@dataclass(eq=False)
class _Client:
    """What one client waits for: the newest frame only."""

    connection: ServerConnection
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    newest: Moment | None = None
    dropped: int = 0
    landmarks: bool = False


class WebSocketStream(StreamSink):
    """Serves frames to any number of clients, from a thread and an event loop of its own.

    `on_mark` hears the labels that clients send, in that thread. Raises SettingsError as `resolve` does, and for an
    address beyond this computer without a token.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = PORT,
        settings: Stream | None = None,
        *,
        allow_remote: bool = False,
        on_mark: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(settings)
        _, self.target = resolve(host, port, allow_remote or self.settings.allow_remote)
        if not is_loopback(self.target[0]) and not self.settings.token:
            raise SettingsError("A WebSocket beyond this computer needs a token; set stream.token in the settings.")
        self._on_mark = on_mark
        self._idle_pace = Pace(1.0)
        self._clients: set[_Client] = set()  # of the loop's thread alone
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None

    # --- the sink

    def open(self, info: SourceInfo) -> None:
        self._thread = threading.Thread(target=self._run, name="stillpoint-websocket", daemon=True)
        self._thread.start()
        self._started.wait(_START_S)

    def _send(self, now: Moment) -> None:
        loop = self._loop
        if loop is not None and (self._allowed(now) if now.faces else self._idle_pace(now.time)):
            loop.call_soon_threadsafe(self._offer, now)

    def close(self) -> None:
        loop, stop, thread = self._loop, self._stop, self._thread
        if loop is not None and stop is not None:
            try:
                loop.call_soon_threadsafe(stop.set)
            except RuntimeError:
                log.debug("the WebSocket's loop had ended by itself")
        if thread is not None:
            thread.join(_START_S)
        self._loop = self._thread = None

    # --- the loop's thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self.failed(not_listening(error, *self.target))
        finally:
            self._loop = None
            self._started.set()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        host, port = self.target
        async with serve(self._client, host, port, process_request=self._admit, max_size=_MOST_BYTES, compression=None):
            self._loop = asyncio.get_running_loop()
            self._started.set()
            await self._stop.wait()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        asked = parse_qs(urlsplit(request.path).query).get("token", [""])[0]
        knows = bool(self.settings.token) and hmac.compare_digest(asked.encode(), self.settings.token.encode())
        if not knows and not is_loopback(self.target[0]):
            return connection.respond(HTTPStatus.UNAUTHORIZED, "The token is missing or wrong.\n")
        origin = urlsplit(request.headers.get("Origin", ""))
        if not knows and request.headers.get("Origin") and origin.hostname not in ("localhost", "127.0.0.1", "::1"):
            return connection.respond(HTTPStatus.FORBIDDEN, "Pages of other hosts need the token.\n")
        return None

    async def _client(self, connection: ServerConnection) -> None:
        client = _Client(connection)
        self._clients.add(client)
        sender = asyncio.create_task(self._feed(client))
        try:
            async for message in connection:
                self._hear(client, message)
        except ConnectionClosed:
            log.debug("a WebSocket client went without a goodbye")
        finally:
            self._clients.discard(client)
            sender.cancel()

    async def _feed(self, client: _Client) -> None:
        try:
            await client.connection.send(hello(), text=True)
            while True:
                await client.ready.wait()
                client.ready.clear()
                now, client.newest = client.newest, None
                if now is not None:
                    packet = encode(now, client.landmarks, client.dropped)
                    await client.connection.send(packet, text=True)
                    self.count(packets=1, bytes=len(packet))
        except ConnectionClosed:
            return

    def _offer(self, now: Moment) -> None:
        for client in self._clients:
            client.dropped += client.newest is not None
            client.newest = now
            client.ready.set()

    def _hear(self, client: _Client, message: bytes | str) -> None:
        try:
            said = decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.failed(error)
            return
        what = said.get("type")
        if what == "subscribe":
            client.landmarks = bool(said.get("landmarks"))
        elif what == "recentre":
            self.recentre()
        elif what == "mark":
            label = str(said.get("label", ""))[:200]
            self._announce(msgspec.json.encode({"type": "marker", "label": label}))
            if self._on_mark is not None:
                self._on_mark(label)

    def _announce(self, packet: bytes) -> None:
        for client in self._clients:
            task = asyncio.ensure_future(client.connection.send(packet, text=True))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # a client that went is no error


def factory(host: str, port: int, settings: Stream, *, allow_remote: bool = False) -> WebSocketStream:
    return WebSocketStream(host, port, settings, allow_remote=allow_remote)
