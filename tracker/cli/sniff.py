"""`stillpoint sniff`: listen as another program would, and print what arrives."""

from __future__ import annotations

import importlib
import select
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from rich.console import Console

from ..errors import SettingsError, SourceError
from ..stream import STREAMS

_MOST_BYTES = 65536
_NOT_HEARD = ("lsl", "phone", "virtualcam", "vtubestudio")
_SHOWN = 4
"""Of a long list of numbers."""


def sniff(
    protocol: str,
    *,
    port: int | None = None,
    host: str = "127.0.0.1",
    count: int | None = None,
    seconds: float | None = None,
    full: bool = False,
) -> int:
    """Listen on a port, decode what arrives and print a line for each packet, until Ctrl-C.

    Parameters
    ----------
    protocol:
        opentrack, openseeface, vmc, livelink, ifacialmocap, osc or websocket.
    port:
        Where to listen (for websocket: to connect to); without it the protocol's own.
    host:
        The address to listen on; 0.0.0.0 hears other computers too.
    count:
        Stop after so many packets.
    seconds:
        Stop after so many seconds.
    full:
        Print long lists of numbers whole.
    """
    known = [name for name in STREAMS if name not in _NOT_HEARD]
    if protocol not in known:
        raise SettingsError(f"{protocol!r} cannot be listened to; choose one of {', '.join(known)}.")
    if port is not None and not 1 <= port <= 65535:
        raise SettingsError(f"There is no port {port}; --port wants 1 to 65535.")
    kind = STREAMS[protocol]
    decode = importlib.import_module(f"tracker.stream.{kind.where.split(':')[0]}").decode
    come = _datagrams if kind.udp else _messages
    console = Console()
    begun, packets, size, wrong = time.monotonic(), 0, 0, 0
    console.print(f"Listening for {protocol} on {host}:{port or kind.port}; Ctrl-C ends it.", markup=False)
    try:
        for packet in come(host, port or kind.port, None if seconds is None else begun + seconds):
            packets, size = packets + 1, size + len(packet)
            try:
                value = decode(packet)
            except (SourceError, msgspec.DecodeError) as error:
                wrong += 1
                console.print(f"{len(packet)} bytes: {error}", markup=False, soft_wrap=True)
            else:
                line = shown(value, full)
                console.print(f"{len(packet)} bytes: {line}", markup=False, highlight=False, soft_wrap=True)
            if count is not None and packets >= count:
                break
    except KeyboardInterrupt:
        console.print("Stopped.")
    took = time.monotonic() - begun
    console.print(f"{packets} packets, {size} bytes, {packets / max(took, 1e-6):.1f} a second, {wrong} not understood.")
    return 0 if packets and not wrong else 1


def shown(value: object, full: bool = False) -> str:
    """What was decoded as one line of JSON; long lists of numbers are cut unless `full`."""
    return msgspec.json.encode(value if full else _cut(value)).decode("utf-8")


def _cut(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _cut(inner) for key, inner in value.items()}
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, (list, tuple)):
        if len(value) > _SHOWN and all(isinstance(inner, float) for inner in value):
            return [*map(_cut, value[:_SHOWN]), f"... {len(value) - _SHOWN} more"]
        return [_cut(inner) for inner in value]
    return value


def _datagrams(host: str, port: int, until: float | None) -> Iterator[bytes]:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as heard:
        try:
            heard.bind((host, port))
        except (OSError, OverflowError) as error:
            raise SourceError(
                f"{host}:{port} cannot be listened on ({error}); end the program that does, or choose a --port."
            ) from error
        while until is None or time.monotonic() < until:
            wait = 1.0 if until is None else max(until - time.monotonic(), 0.0)
            if select.select([heard], [], [], min(wait, 1.0))[0]:
                yield heard.recv(_MOST_BYTES)


def _messages(host: str, port: int, until: float | None) -> Iterator[bytes]:
    from websockets.exceptions import ConnectionClosed, InvalidHandshake
    from websockets.sync.client import connect

    address = f"ws://[{host}]:{port}/" if ":" in host else f"ws://{host}:{port}/"
    try:
        with connect(address, compression=None) as client:
            while until is None or time.monotonic() < until:
                wait = 1.0 if until is None else max(until - time.monotonic(), 0.0)
                try:
                    yield client.recv(min(wait, 1.0), decode=False)
                except TimeoutError:
                    continue
    except ConnectionClosed:
        return
    except (OSError, InvalidHandshake) as error:
        raise SourceError(f"There is no WebSocket at {address} ({error}); start the stream first.") from error
