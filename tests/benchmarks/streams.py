"""Every stream at 60 packets a second to a receiver on loopback that decodes what comes: sizes, rates, memory.

    python tests/benchmarks/streams.py --minutes 10 --out FOLDER

Datagrams go to one socket a protocol and are decoded by the decoders of `stillpoint sniff`, the WebSocket by a client.
A face that moves is made up, so that nothing but the streams costs anything. Figures go to FOLDER/streams.json, memory
to FOLDER/streams.png (matplotlib).
"""

from __future__ import annotations

import argparse
import importlib
import json
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from memory import draw, rss_mib, slope
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tracker.capture import SourceInfo
from tracker.detection.follow import FaceTracker
from tracker.settings import Stream
from tracker.stream import STREAMS, open_stream
from tracker.stream.sink import StreamSink
from tracker.types import Face, FaceState, Frame, Tracked, TrackResult, rotation_from_angles

DATAGRAMS = ("opentrack", "openseeface", "vmc", "livelink", "ifacialmocap", "osc")
RATE = 60.0
INFO = SourceInfo("made up", "camera", True, 640, 480, RATE)


@dataclass
class Heard:
    """What one receiver got."""

    packets: int = 0
    wrong: int = 0
    sizes: Counter[int] = field(default_factory=Counter)


def listen(heard: Heard, name: str, receiver: socket.socket) -> None:
    """Decode until the socket is closed."""
    decode = importlib.import_module(f"tracker.stream.{STREAMS[name].where.split(':')[0]}").decode
    while True:
        try:
            packet = receiver.recv(65536)
        except OSError:
            return
        if not packet:
            return
        note(heard, packet, decode)


def note(heard: Heard, packet: bytes, decode: Any) -> None:
    heard.packets += 1
    heard.sizes[len(packet)] += 1
    try:
        decode(packet)
    except Exception:
        heard.wrong += 1


def follow(heard: Heard, port: int) -> None:
    from tracker.stream.websocket import decode

    try:
        with connect(f"ws://127.0.0.1:{port}/", compression=None) as client:
            while True:
                note(heard, client.recv(decode=False), decode)
    except ConnectionClosed:
        return


def frames(like: Face) -> Any:
    """A head that turns and a mouth that opens, frame after frame."""
    image = np.zeros((480, 640, 3), np.uint8)
    index = 0
    while True:
        at = index / RATE
        shapes = np.full(52, 0.5 + 0.5 * np.sin(at), np.float32)
        state = FaceState(
            rotation_from_angles(20 * np.sin(at), 5 * np.cos(at), 3.0), np.array([320, 240], np.float32), 900.0, 1.5,
            like.state.camera, like.state.identity, shapes, like.state.residual, like.state.spread,
        )  # fmt: skip
        result = TrackResult(Frame(image, at, index), (like.with_state(state),))
        yield Tracked(result, result)
        index += 1


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--minutes", type=float, default=10.0)
    asked.add_argument("--out", type=Path, required=True)
    options = asked.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    from tracker.capture import open_source

    tracker = FaceTracker("onnx")
    with open_source("demo:1?frames=1") as source:
        (like,) = tracker.detect(next(iter(source)).image)
    heard = {name: Heard() for name in (*DATAGRAMS, "websocket")}
    sinks: dict[str, StreamSink] = {}
    receivers: list[socket.socket] = []
    for name in DATAGRAMS:
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind(("127.0.0.1", 0))
        receivers.append(receiver)
        sinks[name] = open_stream(f"{name}:{receiver.getsockname()[1]}", Stream(rate=0.0))
        threading.Thread(target=listen, args=(heard[name], name, receiver), daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sinks["websocket"] = open_stream(f"websocket:{port}", Stream(rate=0.0))
    for sink in sinks.values():
        sink.open(INFO)
    threading.Thread(target=follow, args=(heard["websocket"], port), daemon=True).start()
    memory = [(0.0, rss_mib())]
    begun, cpu, sent, late = time.monotonic(), time.process_time(), 0, 0
    moving = frames(like)
    while (now := time.monotonic() - begun) < 60.0 * options.minutes:
        tracked = next(moving)
        for sink in sinks.values():
            sink.write(tracked)
        sent += 1
        if now - memory[-1][0] >= 5.0:
            memory.append((now, rss_mib()))
        due = sent / RATE - (time.monotonic() - begun)
        late += due < 0
        time.sleep(max(due, 0.0))
    took = time.monotonic() - begun
    time.sleep(1.0)
    figures: dict[str, Any] = {
        "frames": sent, "seconds": took, "a_second": sent / took, "frames_behind_time": late,
        "cpu_ms_per_frame_all_streams_and_receivers": 1e3 * (time.process_time() - cpu) / sent,
        "memory_mib": {"first": memory[0][1], "last": memory[-1][1]}, "streams": {},
    }  # fmt: skip
    figures["memory_mib"]["slope_per_minute"] = slope(memory, 60.0)
    for name, sink in sinks.items():
        got = heard[name]
        figures["streams"][name] = {
            "sent": sink.sent.packets, "heard": got.packets, "not_decoded": got.wrong, "errors": sink.sent.errors,
            "bytes": {str(size): count for size, count in sorted(got.sizes.items())[:6]}, "sizes": len(got.sizes),
            "least_and_most": [min(got.sizes, default=0), max(got.sizes, default=0)],
        }  # fmt: skip
    for sink in sinks.values():
        sink.close()
    for receiver in receivers:
        receiver.close()
    (options.out / "streams.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    draw(memory, options.out / "streams.png")


if __name__ == "__main__":
    main()
