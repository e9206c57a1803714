"""Lab Streaming Layer: one irregular float stream a session, for LabRecorder and its kin (extra `lsl`).

`Stillpoint-Face`, type MoCap: head place (3, m) and quaternion (x, y, z, w), gaze (two unit vectors), all in upright
axes, and the 52 shapes. Samples carry the capture's own times, mapped to LSL's clock once a minute.
"""

from __future__ import annotations

import importlib
from typing import Any

from ..capture import SourceInfo
from ..errors import SettingsError
from ..head.axes import gaze_turn, quaternion
from ..head.model import EXPRESSIONS
from ..settings import Stream
from .performance import Moment
from .sink import StreamSink

NAME, TYPE = "Stillpoint-Face", "MoCap"
CHANNELS: tuple[tuple[str, str, str], ...] = (
    *((f"head_{axis}", "m", f"Position{axis.upper()}") for axis in "xyz"),
    *((f"head_q{axis}", "", f"Orientation{axis.upper()}") for axis in "xyzw"),
    *((f"gaze_{side}_{axis}", "", f"Direction{axis.upper()}") for side in ("left", "right") for axis in "xyz"),
    *((name, "", "Expression") for name in EXPRESSIONS),
)
"""Label, unit and type of each of the 65 channels."""

_REMAP_S = 60.0


def encode(now: Moment) -> list[float]:
    """The 65 values of the first face."""
    face = now.faces[0]
    looks = [float(v) for gaze in (face.left, face.right) for v in (face.turn @ gaze_turn(gaze))[:, 2]]
    return [*map(float, face.shift), *quaternion(face.turn), *looks, *map(float, face.shapes)]


class LslStream(StreamSink):
    """One LSL outlet. Raises SettingsError where pylsl or its library is not there.

    LSL finds its listeners by multicast: whoever asks on the same network may listen, so it is used only where
    `allow_remote`.
    """

    def __init__(self, settings: Stream | None = None, *, allow_remote: bool = False) -> None:
        super().__init__(settings)
        if not (allow_remote or self.settings.allow_remote):
            raise SettingsError(
                "Lab Streaming Layer announces itself to the whole network; allow other computers first (the window's "
                "switch, --allow-remote, or stream.allow_remote)."
            )
        self._lsl = _library()
        self._outlet: Any = None
        self._offset, self._mapped = 0.0, float("-inf")

    def open(self, info: SourceInfo) -> None:
        about = self._lsl.StreamInfo(NAME, TYPE, len(CHANNELS), 0.0, "float32", f"stillpoint-{self.settings.subject}")
        channels = about.desc().append_child("channels")
        for label, unit, kind in CHANNELS:
            channel = channels.append_child("channel")
            for key, value in (("label", label), ("unit", unit), ("type", kind)):
                channel.append_child_value(key, value)
        self._outlet = self._lsl.StreamOutlet(about)

    def _send(self, now: Moment) -> None:
        if now.faces and self._outlet is not None and self._allowed(now):
            values = encode(now)
            self._outlet.push_sample(values, self._stamp(now.time))
            self.count(packets=1, bytes=4 * len(values))

    def close(self) -> None:
        self._outlet = None

    def _stamp(self, time: float) -> float:
        if not 0.0 <= time - self._mapped < _REMAP_S:
            self._offset, self._mapped = self._lsl.local_clock() - time, time
        return time + self._offset


def _library() -> Any:
    try:
        return importlib.import_module("pylsl")
    except (ImportError, RuntimeError, OSError) as error:
        raise SettingsError(
            f"Lab Streaming Layer is not installed ({error}); install it with: pip install 'stillpoint[lsl]'"
        ) from error


def factory(host: str, port: int, settings: Stream, *, allow_remote: bool = False) -> LslStream:
    return LslStream(settings, allow_remote=allow_remote)
