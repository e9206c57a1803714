"""Streams on the loopback, heard by real receivers; what they do without a face, too fast, or where they may not go."""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from patience import PATIENCE_S
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer
from synthetic import BLANK, make_face, make_state
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tracker.capture import SourceInfo
from tracker.errors import SettingsError
from tracker.pipeline import Pipeline
from tracker.settings import Stream
from tracker.stream import (
    STREAMS,
    Target,
    ifacialmocap,
    livelink,
    open_stream,
    openseeface,
    opentrack,
    osc,
    parse_target,
)
from tracker.stream.phone import PhoneStream
from tracker.stream.sink import Pace, StreamSink
from tracker.stream.udp import Codec, UdpStream
from tracker.stream.websocket import WebSocketStream
from tracker.types import Frame, Tracked, TrackResult

INFO = SourceInfo("clip", "camera", True, 64, 48, 30.0)
LAST = b"the last word"


def tracked(
    index: int, found: bool = True, fps: float = 30.0, angles: tuple[float, float, float] = (5, 2, 1)
) -> Tracked:
    faces = (make_face(make_state((32.0, 24.0), angles=angles), 1),) if found else ()
    result = TrackResult(Frame(BLANK, index / fps, index), faces)
    return Tracked(result, result)


def port_of(heard: socket.socket) -> int:
    return int(heard.getsockname()[1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def waiting(heard: socket.socket) -> list[bytes]:
    """Everything that was sent before now: up to a word that is sent after it."""
    heard.sendto(LAST, heard.getsockname())
    packets = []
    while (packet := heard.recv(65536)) != LAST:
        packets.append(packet)
    return packets


def sent_by(name: str, heard: socket.socket, frames: list[Tracked], **settings: Any) -> tuple[list[bytes], StreamSink]:
    sink = open_stream(f"{name}:{port_of(heard)}", Stream(**{"rate": 0.0, **settings}))
    sink.open(INFO)
    for one in frames:
        sink.write(one)
    sink.close()
    return waiting(heard), sink


@pytest.mark.parametrize("name", [name for name, kind in STREAMS.items() if kind.udp])
def test_every_frame_with_a_face_arrives(name: str, receiver: socket.socket) -> None:
    packets, sink = sent_by(name, receiver, [tracked(i) for i in range(5)])
    assert len(packets) == 5 == sink.sent.packets
    assert sink.sent.bytes == sum(map(len, packets)) and sink.sent.errors == 0
    decode: Any = {
        "opentrack": opentrack.decode, "openseeface": openseeface.decode, "livelink": livelink.decode,
        "ifacialmocap": ifacialmocap.decode, "vmc": osc.parse, "osc": osc.parse,
    }[name]  # fmt: skip
    assert all(decode(packet) for packet in packets)


def test_vmc_is_heard_by_python_osc() -> None:
    heard: list[tuple[str, tuple[Any, ...]]] = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *arguments: heard.append((address, arguments)))
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        server.timeout = PATIENCE_S
        sink = open_stream(f"vmc:127.0.0.1:{server.server_address[1]}", Stream(names="camel"))
        sink.open(INFO)
        sink.write(tracked(0))
        server.handle_request()
        sink.close()
    shapes = [arguments for address, arguments in heard if address == "/VMC/Ext/Blend/Val"]
    assert len(shapes) == 52 and shapes[0][0] == "eyeBlinkLeft"
    assert [address for address, _ in heard][-1] == "/VMC/Ext/Blend/Apply"
    assert any(arguments[:1] == ("Head",) for _, arguments in heard)


@pytest.mark.parametrize("name", ["opentrack", "openseeface"])
def test_silence_without_a_face(name: str, receiver: socket.socket) -> None:
    frames = [*(tracked(i) for i in range(3)), *(tracked(i, found=False) for i in range(3, 100))]
    packets, sink = sent_by(name, receiver, frames)
    assert len(packets) == 3 and sink.sent.errors == 0


@pytest.mark.parametrize("name", ["vmc", "livelink", "osc"])
def test_a_sign_of_life_once_a_second_without_a_face(name: str, receiver: socket.socket) -> None:
    frames = [*(tracked(i) for i in range(30)), *(tracked(i, found=False) for i in range(30, 30 + 90))]
    packets, _ = sent_by(name, receiver, frames)
    idle = packets[30:]
    assert len(idle) == 3
    for packet in idle:
        if name == "vmc":
            assert osc.parse(packet)[0] == ("/VMC/Ext/OK", (0,))
        elif name == "osc":
            assert osc.parse(packet) == [("/stillpoint/state", (4,))]
        else:
            assert livelink.decode(packet)["values"] == {} and packet[0] == 6


def test_ifacialmocap_holds_for_a_second_and_falls_silent(receiver: socket.socket) -> None:
    frames = [*(tracked(i) for i in range(2)), *(tracked(i, found=False) for i in range(2, 150))]
    packets, _ = sent_by("ifacialmocap", receiver, frames)
    assert 9 <= len(packets) - 2 <= 11
    assert set(packets[2:]) == {packets[1]}


def test_nothing_of_ifacialmocap_before_the_first_face(receiver: socket.socket) -> None:
    packets, _ = sent_by("ifacialmocap", receiver, [tracked(i, found=False) for i in range(50)])
    assert packets == []


@pytest.mark.parametrize(
    ("fps", "rate", "least", "most"),
    [(120.0, 60.0, 119, 121), (60.0, 60.0, 238, 240), (30.0, 60.0, 240, 240), (90.0, 60.0, 155, 181),
     (30.0, 0.0, 240, 240)],
)  # fmt: skip
def test_the_rate_is_limited(fps: float, rate: float, least: int, most: int) -> None:
    random = np.random.default_rng(1)
    pace = Pace(rate)
    times = np.arange(240) / fps + random.uniform(-0.1, 0.1, 240) / fps
    assert least <= sum(pace(float(t)) for t in times) <= most


def test_a_clock_that_is_set_back_does_not_silence_a_stream() -> None:
    pace = Pace(60.0)
    assert pace(100.0) and pace(1.0) and pace(1.1)


def test_skipped_frames_are_counted(receiver: socket.socket) -> None:
    packets, sink = sent_by("opentrack", receiver, [tracked(i, fps=120.0) for i in range(120)], rate=30.0)
    assert 29 <= len(packets) <= 31 and sink.sent.skipped == 120 - len(packets)


def test_recentring_takes_the_next_face_as_straight_ahead(receiver: socket.socket) -> None:
    sink = open_stream(f"opentrack:{port_of(receiver)}", Stream(rate=0.0))
    sink.open(INFO)
    sink.write(tracked(0, angles=(20.0, 10.0, 0.0)))
    sink.recentre()
    sink.write(tracked(1, found=False))
    sink.write(tracked(2, angles=(20.0, 10.0, 0.0)))
    sink.close()
    before, after = (struct.unpack("<6d", packet) for packet in waiting(receiver))
    assert before[3] == pytest.approx(-tracked(0, angles=(20.0, 10.0, 0.0)).raw.faces[0].pose.yaw_deg, abs=1e-3)
    assert abs(before[3]) > 10.0
    assert after == pytest.approx([0.0] * 6, abs=1e-4)


@pytest.mark.parametrize("host", ["192.0.2.1", "8.8.8.8", "::ffff:192.0.2.1"])
@pytest.mark.parametrize("name", ["opentrack", "websocket"])
def test_leaving_the_computer_must_be_allowed(host: str, name: str) -> None:
    with pytest.raises(SettingsError, match="--allow-remote"):
        open_stream(Target(name, host, 4242))


def test_leaving_the_computer_can_be_allowed() -> None:
    sink = open_stream("opentrack:192.0.2.1:4242", allow_remote=True)
    assert isinstance(sink, UdpStream) and sink.target == ("192.0.2.1", 4242)
    open_stream("opentrack:192.0.2.1", Stream(allow_remote=True))
    with pytest.raises(SettingsError, match="token"):
        open_stream("websocket:192.0.2.1", allow_remote=True)


@pytest.mark.parametrize(
    ("text", "target"),
    [("vmc", ("vmc", "127.0.0.1", 39539)), ("vmc:4000", ("vmc", "127.0.0.1", 4000)),
     ("opentrack:localhost:4243", ("opentrack", "localhost", 4243)), ("osc:10.0.0.1", ("osc", "10.0.0.1", 9000)),
     ("osc:[::1]:77", ("osc", "::1", 77)), ("osc:[::1]", ("osc", "::1", 9000))],
)  # fmt: skip
def test_targets(text: str, target: tuple[str, str, int]) -> None:
    assert parse_target(text) == Target(*target)


def test_ports_are_those_that_other_programs_listen_at() -> None:
    assert {name: kind.port for name, kind in STREAMS.items() if kind.port} == {
        "opentrack": 4242, "openseeface": 11573, "vmc": 39539, "livelink": 11111, "ifacialmocap": 49983,
        "phone": 49983, "osc": 9000, "websocket": 8765, "vtubestudio": 8001,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [("vcm", "vmc"), ("", "opentrack"), ("vmc:a:b", "no port"), ("vmc:1.2.3.4:99999", "no port"), ("vmc:0", "no port"),
     ("osc:no.such.host.invalid", "cannot be found")],
)  # fmt: skip
def test_targets_that_are_none(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        open_stream(text)


def test_ipv6_works_too() -> None:
    try:
        heard = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        heard.bind(("::1", 0))
    except OSError:
        pytest.skip("this system has no IPv6")
    with heard:
        heard.settimeout(PATIENCE_S)
        sink = open_stream(f"opentrack:[::1]:{port_of(heard)}")
        sink.open(INFO)
        sink.write(tracked(0))
        sink.close()
        assert len(waiting(heard)[0]) == 48


def test_errors_are_counted_and_stay_here() -> None:
    def broken(now: object) -> list[bytes]:
        raise ValueError("no such thing")

    for codec, problem in ((Codec(broken), "no such thing"), (Codec(lambda now: [b"x" * 70000]), "")):
        sink = UdpStream(codec, "127.0.0.1", 9, Stream(rate=0.0))
        sink.open(INFO)
        for i in range(3):
            sink.write(tracked(i))
        sink.close()
        sink.write(tracked(9))  # after closing: silence
        assert sink.sent.packets == 0 and sink.sent.errors in (3, 4) and problem in sink.sent.problem


class Nod:
    """A tracker that needs no network."""

    def step(self, frame: Frame) -> TrackResult:
        return TrackResult(frame, tracked(frame.index).raw.faces)

    def reset(self) -> None: ...


class Nothing:
    def apply(self, result: TrackResult) -> TrackResult:
        return result

    def reset(self) -> None: ...


def test_a_whole_pipeline_streams_to_two_places(receiver: socket.socket) -> None:
    sinks = [open_stream(f"{name}:{port_of(receiver)}", Stream(rate=0.0)) for name in ("opentrack", "livelink")]
    counters = Pipeline("demo:0?frames=10", Nod(), Nothing(), sinks).run()
    packets = waiting(receiver)
    assert counters.tracked == 10 and counters.errors == 0
    assert [len(p) for p in packets].count(48) == 10 and len(packets) == 20


# --- the phone


def test_the_phone_answers_who_asks_until_five_seconds_later(receiver: socket.socket) -> None:
    phone = PhoneStream("127.0.0.1", free_port(), Stream(rate=0.0), reply_port=port_of(receiver))
    phone.open(INFO)
    phone.write(tracked(0))
    assert waiting(receiver) == []
    receiver.sendto(b"who is there", phone.target)
    phone.write(tracked(1))
    assert phone.askers == () and waiting(receiver) == []
    for handshake, parting in ((ifacialmocap.HANDSHAKE, b"jawOpen-"),
                               (ifacialmocap.HANDSHAKE + ifacialmocap.WANTS_V2, b"jawOpen&")):  # fmt: skip
        receiver.sendto(handshake, phone.target)
        phone.write(tracked(2))
        (packet,) = waiting(receiver)
        assert parting in packet and phone.askers == ("127.0.0.1",)
    answers = 0
    for i in range(3, 300):
        phone.write(tracked(i))
        answers += len(waiting(receiver))
    assert 149 <= answers <= 150 and phone.askers == ()
    phone.close()
    assert phone.sent.errors == 0


def test_the_phone_holds_for_a_second_without_a_face(receiver: socket.socket) -> None:
    phone = PhoneStream("127.0.0.1", free_port(), Stream(rate=0.0), reply_port=port_of(receiver))
    phone.open(INFO)
    receiver.sendto(ifacialmocap.HANDSHAKE, phone.target)
    for i in range(100):
        phone.write(tracked(i, found=i == 0))
    phone.close()
    packets = waiting(receiver)
    assert len(packets) == 31 and len(set(packets)) == 1


# --- WebSocket


@pytest.fixture
def served() -> Iterator[WebSocketStream]:
    marks: list[str] = []
    sink = WebSocketStream("127.0.0.1", free_port(), Stream(rate=0.0), on_mark=marks.append)
    sink.marks = marks  # type: ignore[attr-defined]
    sink.open(INFO)
    yield sink
    sink.close()


def client_of(sink: WebSocketStream, **options: Any) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{sink.target[1]}/", compression=None, **options)


def next_of(client: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        message = json.loads(client.recv(PATIENCE_S))
        if message["type"] == kind:
            return dict(message)


def frames_until(sink: WebSocketStream, client: ClientConnection, wanted: Any) -> dict[str, Any]:
    """Writes frames until one comes that is `wanted`."""
    for i in range(1000):
        sink.write(tracked(i))
        frame = next_of(client, "frame")
        if wanted(frame):
            return frame
    raise AssertionError("it never came")


def test_a_client_gets_hello_and_frames(served: WebSocketStream) -> None:
    with client_of(served) as client:
        hello = json.loads(client.recv(PATIENCE_S))
        assert (hello["type"], hello["schema"], hello["version"]) == ("hello", "stillpoint.ws", 1)
        frame = frames_until(served, client, lambda frame: True)
        assert frame["faces"][0]["state"] == 2 and "lm" not in frame["faces"][0]
        client.send(json.dumps({"type": "subscribe", "landmarks": True}))
        frame = frames_until(served, client, lambda frame: "lm" in frame["faces"][0])
        assert len(frame["faces"][0]["lm"]) == 136
        client.send(json.dumps({"type": "recentre"}))
        frame = frames_until(served, client, lambda frame: frame["faces"][0]["head"]["q"][3] == 1.0)
        np.testing.assert_allclose(frame["faces"][0]["head"]["p"], 0.0, atol=1e-6)
    assert served.sent.packets >= 3 and served.sent.errors == 0


def test_a_mark_is_heard_by_all(served: WebSocketStream) -> None:
    with client_of(served) as one, client_of(served) as other:
        for client in (one, other):
            next_of(client, "hello")
        one.send(json.dumps({"type": "mark", "label": "smile"}))
        assert next_of(one, "marker")["label"] == next_of(other, "marker")["label"] == "smile"
        assert served.marks == ["smile"]  # type: ignore[attr-defined]
        one.send("no json")
        one.send(json.dumps({"type": "mark", "label": "after"}))
        assert next_of(one, "marker")["label"] == "after"
    assert served.sent.errors == 1


def test_a_slow_client_skips_frames_and_is_told(served: WebSocketStream) -> None:
    with client_of(served) as client:
        next_of(client, "hello")
        assert served._loop is not None
        blocked, go_on = threading.Event(), threading.Event()

        def block() -> None:
            blocked.set()
            go_on.wait(PATIENCE_S)

        served._loop.call_soon_threadsafe(block)  # the loop is busy while frames come
        assert blocked.wait(PATIENCE_S)
        for i in range(10):
            served.write(tracked(i))
        go_on.set()
        frame = next_of(client, "frame")
        assert (frame["i"], frame["dropped"]) == (9, 9)


def test_no_face_is_told_once_a_second(served: WebSocketStream) -> None:
    with client_of(served) as client:
        next_of(client, "hello")
        served.write(tracked(0, found=False))
        served.write(tracked(1, found=False))
        served.write(tracked(60, found=False))
        seen = next_of(client, "frame")
        assert seen["faces"] == [{"id": None, "state": 4}]
        assert seen["i"] in (0, 60)


def test_pages_of_other_hosts_are_refused(served: WebSocketStream) -> None:
    with pytest.raises(InvalidStatus, match="403"), client_of(served, origin="https://example.org"):
        pass
    with client_of(served, origin="http://localhost:8080") as client:
        next_of(client, "hello")


def test_beyond_the_computer_a_token_is_asked_for() -> None:
    port = free_port()
    sink = WebSocketStream("0.0.0.0", port, Stream(token="open sesame"), allow_remote=True)
    sink.open(INFO)
    try:
        for path in ("", "?token=wrong"):
            with pytest.raises(InvalidStatus, match="401"), connect(f"ws://127.0.0.1:{port}/{path}"):
                pass
        with connect(f"ws://127.0.0.1:{port}/?token=open%20sesame") as client:
            next_of(client, "hello")
    finally:
        sink.close()


def test_a_port_that_is_taken_is_an_error_that_is_counted(served: WebSocketStream) -> None:
    second = WebSocketStream("127.0.0.1", served.target[1])
    second.open(INFO)
    second.write(tracked(0))
    second.close()
    assert second.sent.errors == 1 and "is taken or blocked" in second.sent.problem


# --- LSL


def test_lsl_without_its_library_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(SettingsError, match=r"pip install 'stillpoint\[lsl\]'"):
        open_stream("lsl", allow_remote=True)
    with pytest.raises(SettingsError, match="whole network"):
        open_stream("lsl")


def test_lsl_samples_carry_the_capture_times() -> None:
    pylsl = pytest.importorskip("pylsl")
    subject = f"test {free_port()}"
    sink = open_stream("lsl", Stream(subject=subject, rate=0.0), allow_remote=True)
    sink.open(INFO)
    try:
        found = pylsl.resolve_byprop("source_id", f"stillpoint-{subject}", timeout=2.0)
        if not found:
            pytest.skip("no multicast on this machine")
        inlet = pylsl.StreamInlet(found[0])
        inlet.open_stream(PATIENCE_S)
        for i in range(4):
            sink.write(tracked(i))
        got = [inlet.pull_sample(PATIENCE_S) for _ in range(4)]
        assert all(len(sample) == 65 for sample, _ in got)
        np.testing.assert_allclose(np.diff([stamp for _, stamp in got]), 1 / 30, atol=1e-6)
        label = inlet.info(PATIENCE_S).desc().child("channels").child("channel").child_value("label")
        assert label == "head_x"
        assert sink.sent.packets == 4
    finally:
        sink.close()


def test_settings_reach_the_packets(receiver: socket.socket) -> None:
    packets, _ = sent_by("opentrack", receiver, [tracked(0)], invert_yaw=True)
    plain, _ = sent_by("opentrack", receiver, [tracked(0)])
    assert struct.unpack("<6d", packets[0])[3] == pytest.approx(-struct.unpack("<6d", plain[0])[3])
    (renamed,), _ = sent_by("livelink", receiver, [tracked(0)], subject="Ann")
    assert livelink.decode(renamed)["subject"] == "Ann"
    (prefixed,), _ = sent_by("osc", receiver, [tracked(0)], osc_prefix="mine/")
    assert osc.parse(prefixed)[0][0] == "/mine/1/state"
    two = replace(tracked(0).stable, faces=(make_face(make_state(), 1), make_face(make_state(), 2)))
    (pair,), _ = sent_by("openseeface", receiver, [Tracked(two, two)])
    assert len(pair) == 2 * 1785
