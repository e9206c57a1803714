"""A real MJPEG server on loopback, as a phone's camera app runs one."""

from __future__ import annotations

import io
import itertools
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import cv2
import numpy as np
import pytest
from patience import PATIENCE_S

from tracker.capture import CaptureThread, Message, open_source
from tracker.errors import SourceError
from tracker.settings import Capture


class PhoneServer(ThreadingHTTPServer):
    """Sends `frames` pictures of rising brightness to /video, then hangs (until `over`) or closes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Phone)
        self.frames = 40
        self.hang = False
        self.file = b""
        self.over = threading.Event()

    def url(self, path: str = "video") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Phone(BaseHTTPRequestHandler):
    server: PhoneServer

    def do_GET(self) -> None:
        if self.path == "/clip.mp4":
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(len(self.server.file)))
            self.end_headers()
            self.wfile.write(self.server.file)
            return
        if self.path != "/video":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            for i in range(self.server.frames):
                jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 20 + 5 * i, np.uint8))[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                if self.server.over.wait(0.005):
                    return
            if self.server.hang:
                self.server.over.wait()
        except (BrokenPipeError, ConnectionResetError):
            pass

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def phone() -> Iterator[PhoneServer]:
    with PhoneServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def test_pictures_of_an_mjpeg_stream_then_its_end_is_a_dead_source(phone: PhoneServer) -> None:
    with open_source(phone.url()) as source:
        assert (source.info.kind, source.info.live) == ("stream", True)
        assert (source.info.width, source.info.height) == (64, 48)
        frames = [source.read() for _ in range(30)]
        greys = [int(f.image[24, 32, 0]) for f in frames if f is not None]
        assert greys == pytest.approx([20 + 5 * i for i in range(30)], abs=3)
        times = [f.time for f in frames if f is not None]
        assert times[0] == 0
        assert all(b > a for a, b in itertools.pairwise(times))
        with pytest.raises(SourceError, match="broke off: its sender closed"):
            for _ in range(20):
                source.read()


def test_silence_is_reported_not_waited_out(phone: PhoneServer) -> None:
    phone.hang = True
    settings = Capture(stall_s=1.0, retry_s=1.0)
    with open_source(phone.url(), settings) as source, pytest.raises(SourceError, match="sent nothing"):
        for _ in range(50):
            source.read()


def test_a_stream_that_breaks_off_is_joined_again(phone: PhoneServer) -> None:
    phone.frames = 8
    thread = CaptureThread(phone.url(), Capture(stall_s=5.0, retry_s=0.02))
    thread.start()
    try:
        frames = []
        while thread.counters.reopened < 2:
            frame = thread.get(PATIENCE_S)
            assert frame is not None, thread.message
            frames.append(frame)
    finally:
        thread.stop(PATIENCE_S)
    assert all(a.time < b.time and a.index < b.index for a, b in itertools.pairwise(frames))
    assert thread.counters.captured > 16


def test_a_file_behind_an_address_plays_at_its_own_times_and_ends(phone: PhoneServer) -> None:
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(5):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * i, np.uint8), "rgb24")))
        file.mux(stream.encode(None))
    phone.file = memory.getvalue()
    with open_source(phone.url("clip.mp4")) as source:
        assert not source.info.live
        frames = list(source)
    np.testing.assert_allclose([f.time for f in frames], np.arange(5) / 10, atol=1e-6)


def test_a_wrong_address_is_explained(phone: PhoneServer) -> None:
    with pytest.raises(SourceError, match="refused"):
        open_source(phone.url("nothing"))


def test_nobody_there_is_explained() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SourceError, match="connection refused"):
        open_source(f"http://127.0.0.1:{port}/video")


def test_a_password_is_in_no_message_and_in_no_recordings_facts(phone: PhoneServer) -> None:
    secret = phone.url().replace("http://", "http://me:s3:cr@t@")
    with open_source(secret) as stream:
        assert stream.info.name == stream.info.asked == phone.url().replace("http://", "http://me:***@")
    for bad in (secret.replace("/video", "/none"), "rtsp://me:s3:cr@t@127.0.0.1:1/x"):
        told: list[Message] = []
        thread = CaptureThread(bad, Capture(retry_s=0.01, give_up_s=0.01), on_message=told.append)
        thread.start()
        assert thread.get(PATIENCE_S) is None and thread.ended
        thread.stop(PATIENCE_S)
        assert told and all("me:***@127.0.0.1" in m.text and "cr@t" not in m.text for m in told)
