"""VTube Studio's plugin API: we connect to ws://127.0.0.1:8001, are let in by the person once, and set its parameters.

Angles in degrees, the head's place in tenths of a metre, eyes and mouth 0..1, gaze -1..1. Signs are ours (see
`tracker.types`): turn them round in the outputs' settings where a model wants that. The token that VTube Studio gives
is kept beside the settings. Without a face `faceFound` is false, once a second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import platformdirs
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from ..capture import SourceInfo
from ..errors import OutputError
from ..head.axes import LOOK_ASIDE_DEG, LOOK_UP_DEG
from ..head.model import EXPRESSIONS
from ..settings import Stream
from .performance import Moment
from .sink import Pace, StreamSink
from .udp import resolve

PORT = 8001
PLUGIN = {"pluginName": "Stillpoint", "pluginDeveloper": "Stillpoint"}
_AGAIN_S, _ANSWER_S, _ASKED_S = 3.0, 2.0, 120.0
_AT = {name: i for i, name in enumerate(EXPRESSIONS)}


def parameters(now: Moment) -> dict[str, float]:
    """VTube Studio's own parameters of the first face."""
    face = now.faces[0]
    yaw, pitch, roll = face.angles
    x, y, z = (10.0 * float(v) for v in face.shift)

    def at(name: str) -> float:
        return float(face.shapes[_AT[name]])

    def both(name: str) -> float:
        return (at(f"{name}Left") + at(f"{name}Right")) / 2.0

    return {
        "FaceAngleX": yaw, "FaceAngleY": pitch, "FaceAngleZ": roll,
        "FacePositionX": x, "FacePositionY": y, "FacePositionZ": z,
        "EyeOpenLeft": 1.0 - at("eyeBlinkLeft"), "EyeOpenRight": 1.0 - at("eyeBlinkRight"),
        "EyeLeftX": face.left.yaw / LOOK_ASIDE_DEG, "EyeLeftY": face.left.pitch / LOOK_UP_DEG,
        "EyeRightX": face.right.yaw / LOOK_ASIDE_DEG, "EyeRightY": face.right.pitch / LOOK_UP_DEG,
        "MouthOpen": at("jawOpen"), "MouthSmile": both("mouthSmile"),
        "Brows": 0.5 + 0.5 * (at("browInnerUp") - both("browDown")),
    }  # fmt: skip


def request(kind: str, data: Any = None) -> bytes:
    """One message in the API's envelope."""
    about = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0", "requestID": kind, "messageType": kind}
    return msgspec.json.encode({**about, **({"data": data} if data is not None else {})})


def encode(values: dict[str, float], found: bool) -> bytes:
    """Parameters to set, as one message."""
    named = [{"id": name, "value": round(value, 4)} for name, value in values.items()]
    return request("InjectParameterDataRequest", {"faceFound": found, "mode": "set", "parameterValues": named})


def decode(message: bytes | str) -> dict[str, Any]:
    return msgspec.json.decode(message, type=dict[str, Any])


class VTubeStudioStream(StreamSink):
    """Connects, and connects again, from a thread of its own. Raises SettingsError as `resolve` does."""

    def __init__(
        self,
        host: str,
        port: int,
        settings: Stream | None = None,
        *,
        allow_remote: bool = False,
        token_path: Path | None = None,
    ) -> None:
        super().__init__(settings)
        _, (numeric, port) = resolve(host, port, allow_remote or self.settings.allow_remote)
        self.address = f"ws://[{numeric}]:{port}" if ":" in numeric else f"ws://{numeric}:{port}"
        self._token = token_path or Path(platformdirs.user_config_dir("stillpoint")) / "vtube_studio.token"
        self._idle_pace = Pace(1.0)
        self._changed = threading.Condition()
        self._waiting: bytes | None = None
        self._last: dict[str, float] = {}
        self._stopping = False
        self._connection: ClientConnection | None = None
        self._thread: threading.Thread | None = None

    def open(self, info: SourceInfo) -> None:
        self._thread = threading.Thread(target=self._run, name="stillpoint-vtube-studio", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            connection = self._connection
        if connection is not None:
            connection.close()
        if self._thread is not None:
            self._thread.join(_AGAIN_S)

    def _send(self, now: Moment) -> None:
        if now.faces:
            if not self._allowed(now):
                return
            self._last = parameters(now)
        elif not self._last or not self._idle_pace(now.time):
            return
        with self._changed:
            self._waiting = encode(self._last, bool(now.faces))
            self._changed.notify_all()

    # --- the thread

    def _run(self) -> None:
        while not self._stopping:
            try:
                with connect(self.address, open_timeout=_ANSWER_S, compression=None) as connection:
                    self._connection = connection
                    self._let_in(lambda kind, data, wait: _asked(connection, kind, data, wait))
                    self._feed(connection)
            except OutputError as error:
                self.failed(error)
            except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, msgspec.DecodeError):
                if not self._stopping:
                    self.failed(OutputError(
                        f"VTube Studio does not answer at {self.address}; start it and switch its plugin API on."
                    ))  # fmt: skip
            finally:
                self._connection = None
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, _AGAIN_S)

    def _let_in(self, ask: Callable[[str, Any, float], dict[str, Any]]) -> None:
        token = self._token.read_text(encoding="utf-8").strip() if self._token.is_file() else ""
        for wanted in (not token, True):
            if wanted:
                self.failed(OutputError("VTube Studio asks whether Stillpoint may send to it: allow it there."))
                token = str(ask("AuthenticationTokenRequest", PLUGIN, _ASKED_S).get("authenticationToken", ""))
                with suppress(OSError):  # without it the person is asked again the next time
                    self._token.parent.mkdir(parents=True, exist_ok=True)
                    self._token.write_text(token, encoding="utf-8")
            told = ask("AuthenticationRequest", {**PLUGIN, "authenticationToken": token}, _ANSWER_S)
            if told.get("authenticated"):
                self.mended()
                return
        raise OutputError(f"VTube Studio did not let Stillpoint in ({told.get('reason', 'no reason given')}).")

    def _feed(self, connection: ClientConnection) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._stopping)
                packet, self._waiting = self._waiting, None
            if self._stopping or packet is None:
                return
            connection.send(packet, text=True)
            self.count(packets=1, bytes=len(packet))
            _answer(connection, _ANSWER_S)


def _asked(connection: ClientConnection, kind: str, data: Any, wait: float) -> dict[str, Any]:
    connection.send(request(kind, data), text=True)
    return _answer(connection, wait)


def _answer(connection: ClientConnection, wait: float) -> dict[str, Any]:
    """What the next message says. Raises OutputError for an error of the API."""
    said = decode(connection.recv(wait))
    data: dict[str, Any] = said.get("data") or {}
    if said.get("messageType") == "APIError":
        raise OutputError(f"VTube Studio refused: {data.get('message', 'no reason given')}")
    return data


def factory(host: str, port: int, settings: Stream, *, allow_remote: bool = False) -> VTubeStudioStream:
    return VTubeStudioStream(host, port, settings, allow_remote=allow_remote)
