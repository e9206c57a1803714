"""Live streams to other programs: one file a protocol, each a pure `encode` and a sink.

sink = open_stream("vmc")                         # this computer, the protocol's own port
sink = open_stream("opentrack:127.0.0.1:4242", settings)
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from ..errors import SettingsError
from ..settings import Stream
from .sink import Sent, StreamSink
from .udp import OFF_HOST_BYTES, Codec, UdpStream, is_loopback, resolve

__all__ = ["STREAMS", "Sent", "StreamKind", "StreamSink", "Target", "UdpStream", "open_stream", "parse_target"]


@dataclass(frozen=True, slots=True)
class StreamKind:
    """`where`: "module:factory" in this package; `port`: its own; `udp`: the factory makes a `Codec`, else a sink."""

    where: str
    port: int
    line: str
    udp: bool = True


STREAMS: dict[str, StreamKind] = {
    "opentrack": StreamKind("opentrack:codec", 4242, "opentrack, UDP over network: the head's pose"),
    "openseeface": StreamKind("openseeface:codec", 11573, "OpenSeeFace: VSeeFace, VTube Studio and others"),
    "vmc": StreamKind("vmc:codec", 39539, "VMC protocol: avatars with VRM, Unity and others"),
    "livelink": StreamKind("livelink:codec", 11111, "Live Link Face: Unreal Engine"),
    "ifacialmocap": StreamKind("ifacialmocap:codec", 49983, "iFacialMocap's text frames"),
    "phone": StreamKind("phone:factory", 49983, "the iFacialMocap app itself: answers who asks", udp=False),
    "osc": StreamKind("generic_osc:codec", 9000, "plain OSC under /stillpoint"),
    "websocket": StreamKind("websocket:factory", 8765, "JSON over WebSocket, for web pages", udp=False),
    "vtubestudio": StreamKind("vtube_studio:factory", 8001, "VTube Studio's plugin API", udp=False),
    "lsl": StreamKind("lsl:factory", 0, "Lab Streaming Layer (extra `lsl`)", udp=False),
    "virtualcam": StreamKind("virtualcam:factory", 0, "a camera with the overlay (extra `virtualcam`)", udp=False),
}
"""Every protocol by its name; nothing of them is loaded for the list."""


@dataclass(frozen=True, slots=True)
class Target:
    protocol: str
    host: str
    port: int


def parse_target(text: str) -> Target:
    """ "vmc", "vmc:39540", "vmc:192.168.0.7", "vmc:192.168.0.7:39540" or "vmc:[::1]:39540".

    Raises SettingsError for an unknown protocol or a port that is no number.
    """
    name, _, rest = text.strip().partition(":")
    if name not in STREAMS:
        raise SettingsError(f"There is no stream {name!r}; choose one of {', '.join(STREAMS)}.")
    host, port = "127.0.0.1", str(STREAMS[name].port)
    if rest.startswith("["):
        host, _, behind = rest[1:].partition("]")
        port = behind.removeprefix(":") or port
    elif rest.isdecimal():
        port = rest
    elif rest:
        host, _, behind = rest.partition(":")
        port = behind or port
    if not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"{text!r} names no port: {port!r}; write {name}:HOST:PORT with a port from 1 to 65535.")
    return Target(name, host, int(port))


def open_stream(target: str | Target, settings: Stream | None = None, *, allow_remote: bool = False) -> StreamSink:
    """The sink of a target. Raises SettingsError for a target that is unknown, not found, or not on this computer
    without `allow_remote` (or the setting), or needs an extra that is not installed."""
    settings = settings or Stream()
    goal = parse_target(target) if isinstance(target, str) else target
    kind = STREAMS[goal.protocol]
    allow = allow_remote or settings.allow_remote
    module, name = kind.where.split(":")
    factory: Any = getattr(importlib.import_module(f".{module}", __name__), name)
    if not kind.udp:
        sink: StreamSink = factory(goal.host, goal.port, settings, allow_remote=allow)
        return sink
    _, (numeric, _) = resolve(goal.host, goal.port, allow)
    codec: Codec = factory(settings, 65507 if is_loopback(numeric) else OFF_HOST_BYTES)
    return UdpStream(codec, goal.host, goal.port, settings, allow_remote=allow)
