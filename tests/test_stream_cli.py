"""`stillpoint stream` and `stillpoint sniff`."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from commands import run
from patience import PATIENCE_S
from synthetic import BLANK, make_face, make_state
from test_stream_sinks import waiting

from tracker.capture import SourceInfo
from tracker.cli.sniff import shown
from tracker.settings import Stream
from tracker.stream import open_stream
from tracker.types import Frame, Tracked, TrackResult


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def sending(target: str) -> Iterator[None]:
    """Frames until the end of the block."""
    sink = open_stream(target, Stream(rate=0.0))
    sink.open(SourceInfo("clip", "camera", True, 64, 48, 30.0))
    result = TrackResult(Frame(BLANK, 1.0, 1), (make_face(make_state((32.0, 24.0)), 1),))
    over = threading.Event()

    def send() -> None:
        while not over.wait(0.02):
            sink.write(Tracked(result, result))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        sink.close()


@pytest.mark.parametrize(
    ("protocol", "says"),
    [("opentrack", '"yaw_deg"'), ("openseeface", '"... 132 more"'), ("vmc", "/VMC/Ext/Bone/Pos"),
     ("livelink", '"JawOpen"'), ("ifacialmocap", '"rightEye"'), ("osc", "/stillpoint/1/head/quat"),
     ("websocket", '"stillpoint.ws"')],
)  # fmt: skip
def test_sniff_prints_what_a_stream_sends(protocol: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    kind = socket.SOCK_STREAM if protocol == "websocket" else socket.SOCK_DGRAM
    port = str(free_port(kind))
    with sending(f"{protocol}:{port}"):
        assert run("sniff", protocol, "--port", port, "--count", "3", "--seconds", str(PATIENCE_S)) == 0
    told = capsys.readouterr().out
    assert says in told and "3 packets" in told and "0 not understood" in told


def test_sniff_says_what_it_does_not_understand(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port(socket.SOCK_DGRAM)
    with sending(f"livelink:{port}"):
        assert run("sniff", "opentrack", "--port", str(port), "--count", "1", "--seconds", str(PATIENCE_S)) == 1
    assert "48 bytes" in capsys.readouterr().out


def test_sniff_without_anything_to_hear_ends_in_time() -> None:
    assert run("sniff", "opentrack", "--port", str(free_port(socket.SOCK_DGRAM)), "--seconds", "0.1") == 1


@pytest.mark.parametrize(
    ("tokens", "says"),
    [(lambda: ("sniff", "morse"), "opentrack"), (lambda: ("sniff", "lsl"), "cannot be listened to"),
        (lambda: ("sniff", "osc", "--port", "70000"), "--port"),
     (lambda: ("sniff", "websocket", "--port", str(free_port(socket.SOCK_STREAM))), "start the stream first"),
     (lambda: ("stream", "demo"), "--to vmc"), (lambda: ("stream", "demo", "--to", "vcm"), "livelink"),
     (lambda: ("stream", "demo", "--to", "vmc:192.0.2.1"), "--allow-remote"),
     (lambda: ("stream", "absent.mp4", "--to", "vmc"), "absent.mp4")],
)  # fmt: skip
def test_bad_input_is_one_line(
    tokens: Callable[[], tuple[str, ...]], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*tokens()) == 2
    told = capsys.readouterr().err
    assert says in told and "Traceback" not in told and len(told.splitlines()) == 1


def test_stream_sends_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    """The shipped network on the shipped photograph."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.settimeout(PATIENCE_S)
        target = f"opentrack:{heard.getsockname()[1]}"
        assert run("stream", "demo:0?frames=12", "--to", target, "--recentre", "--engine", "onnx") == 0
        packets = waiting(heard)
    assert {len(packet) for packet in packets} == {48}
    np.testing.assert_allclose(np.frombuffer(packets[0], "<f8"), 0.0, atol=1e-4)  # the first pose is straight ahead
    assert np.abs(np.frombuffer(packets[-1], "<f8")).max() > 0.05
    told = capsys.readouterr().out
    assert f" {len(packets)} " in told and "frames tracked" in told


def test_what_is_shown_is_one_line_of_json() -> None:
    value = {"a": [0.123456789] * 9, "b": [1, "x"], "c": (0.5, 0.25)}
    assert json.loads(shown(value)) == {"a": [0.12346] * 4 + ["... 5 more"], "b": [1, "x"], "c": [0.5, 0.25]}
    assert json.loads(shown(value, full=True))["a"] == [0.123456789] * 9
