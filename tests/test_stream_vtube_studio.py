"""VTube Studio's API, spoken with a server that answers as it is documented to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from patience import PATIENCE_S, until
from test_stream_sinks import INFO, tracked
from websockets.sync.server import Server, ServerConnection, serve

from tracker.errors import SettingsError
from tracker.settings import Stream
from tracker.stream import open_stream
from tracker.stream.vtube_studio import VTubeStudioStream

GOOD = "a-good-token"


class Studio:
    """Gives one token, lets in who has it, and keeps what it is told to set."""

    def __init__(self) -> None:
        self.asked = 0
        self.refuses = ""
        self.injected: Queue[dict[str, Any]] = Queue()

    def __call__(self, client: ServerConnection) -> None:
        inside = False
        for message in client:
            said = json.loads(message)
            assert said["apiName"] == "VTubeStudioPublicAPI" and said["apiVersion"] == "1.0" and said["requestID"]
            kind, data, answer = said["messageType"], said.get("data", {}), {}
            if kind == "AuthenticationTokenRequest":
                assert data["pluginName"] and data["pluginDeveloper"]
                self.asked += 1
                answer = {"authenticationToken": GOOD}
            elif kind == "AuthenticationRequest":
                inside = data["authenticationToken"] == GOOD
                answer = {"authenticated": inside, "reason": "" if inside else "token invalid"}
            elif kind == "InjectParameterDataRequest":
                assert inside and data["mode"] == "set"
                self.injected.put(data)
            kind = kind.replace("Request", "Response")
            if self.refuses and kind.startswith("Inject"):
                kind, answer = "APIError", {"errorID": 453, "message": self.refuses}
            client.send(json.dumps({**said, "messageType": kind, "data": answer}))


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture
def server(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("tracker.stream.vtube_studio._ANSWER_S", PATIENCE_S)
    with serve(studio, "127.0.0.1", 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def sink_to(server: Server, folder: Path) -> VTubeStudioStream:
    port = server.socket.getsockname()[1]
    sink = VTubeStudioStream("127.0.0.1", port, Stream(rate=0.0), token_path=folder / "token")
    sink.open(INFO)
    return sink


def test_it_is_let_in_once_and_sets_parameters(server: Server, studio: Studio, tmp_path: Path) -> None:
    for attempt in (1, 2):
        sink = sink_to(server, tmp_path)
        shown = tracked(0, angles=(12.0, -5.0, 3.0))
        sink.write(shown)
        told = studio.injected.get(timeout=PATIENCE_S)
        values = {one["id"]: one["value"] for one in told["parameterValues"]}
        assert told["faceFound"] and len(values) == 15
        pose = shown.stable.faces[0].pose
        angles = [values[f"FaceAngle{axis}"] for axis in "XYZ"]
        assert angles == pytest.approx([pose.yaw_deg, pose.pitch_deg, pose.roll_deg], abs=1e-3)
        assert values["EyeOpenLeft"] == 1.0 and values["MouthOpen"] == 0.0
        sink.write(tracked(60, found=False))
        assert studio.injected.get(timeout=PATIENCE_S)["faceFound"] is False
        sink.close()
        assert studio.asked == 1 and sink.sent.packets == 2 and sink.sent.problem == "", attempt
    assert (tmp_path / "token").read_text() == GOOD


def test_an_old_token_is_asked_for_anew(server: Server, studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from another time")
    sink = sink_to(server, tmp_path)
    sink.write(tracked(0))
    studio.injected.get(timeout=PATIENCE_S)
    sink.close()
    assert studio.asked == 1 and (tmp_path / "token").read_text() == GOOD


def test_what_it_refuses_is_told(server: Server, studio: Studio, tmp_path: Path) -> None:
    studio.refuses = "no such parameter"
    sink = sink_to(server, tmp_path)
    sink.write(tracked(0))
    studio.injected.get(timeout=PATIENCE_S)
    until(lambda: "no such parameter" in sink.sent.problem)
    sink.close()
    assert "VTube Studio refused: no such parameter" in sink.sent.problem


def test_where_nobody_answers_it_says_so(tmp_path: Path) -> None:
    sink = VTubeStudioStream("127.0.0.1", 1, Stream(), token_path=tmp_path / "token")
    sink.open(INFO)
    sink.write(tracked(0))
    until(lambda: sink.sent.problem)
    sink.close()
    assert "does not answer at ws://127.0.0.1:1" in sink.sent.problem and sink.sent.packets == 0
    with pytest.raises(SettingsError, match="not this computer"):
        open_stream("vtubestudio:192.0.2.1")
