"""The virtual camera: a process of its own that gets every picture whole, says what is missing, and never hangs.

The camera's device is the one thing that is stood in for: the worker is the real one, in a real process.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_stream_sinks import INFO, tracked

from tracker.errors import SettingsError
from tracker.overlay import annotate
from tracker.pipeline import Pipeline
from tracker.settings import Stream
from tracker.stream import open_stream
from tracker.stream.virtualcam import VirtualCameraStream
from tracker.stream.virtualcam import sink as virtualcam
from tracker.types import Tracked

STAND_IN = """
import runpy, sys, types
kept, tells = open(sys.argv[1], "wb"), sys.argv[2]

class Camera:
    def __init__(self, width, height, fps, device=None):
        if tells == "none":
            raise RuntimeError("no /dev/video\\nwas found")
        self.device = device or f"Camera {width}x{height} at {fps:g}"
    def send(self, picture):
        kept.write(picture.tobytes())
        kept.flush()
        if tells == "dies":
            sys.exit(3)
    def __enter__(self):
        return self
    def __exit__(self, *_):
        kept.close()

sys.modules["pyvirtualcam"] = types.SimpleNamespace(Camera=Camera)
worker = sys.argv[3]
sys.argv = [worker, *sys.argv[4:]]
runpy.run_path(worker, run_name="__main__")
"""


def camera(folder: Path, tells: str = "ok", settings: Stream | None = None) -> VirtualCameraStream:
    script = folder / "stand_in.py"
    script.write_text(STAND_IN)
    command = [sys.executable, "-I", str(script), str(folder / "shown.rgb"), tells, str(virtualcam.WORKER)]
    return VirtualCameraStream(settings or Stream(rate=0.0), command=command)


def shot(index: int, size: tuple[int, int] = (48, 65)) -> Tracked:
    """A noisy picture with an odd width, and a face in it."""
    one = tracked(index)
    image = np.random.default_rng(index).integers(0, 256, (*size, 3), dtype=np.uint8)
    frame = replace(one.raw.frame, image=image)
    return Tracked(replace(one.raw, frame=frame), replace(one.stable, frame=frame))


def test_every_picture_arrives_with_its_overlay(tmp_path: Path) -> None:
    sink = camera(tmp_path)
    sink.open(INFO)
    shots = [shot(i) for i in range(4)]
    for one in shots:
        sink.write(one)
    sink.close()
    shown = np.frombuffer((tmp_path / "shown.rgb").read_bytes(), np.uint8).reshape(-1, 48, 64, 3)
    assert len(shown) == 4 and sink.sent.packets == 4 and sink.sent.bytes == shown.nbytes
    for picture, one in zip(shown, shots, strict=True):
        np.testing.assert_array_equal(picture, annotate(one)[:, :64])
        assert not np.array_equal(picture, one.raw.frame.image[:, :64])
    assert sink.device == "Camera 64x48 at 30" and sink.sent.problem == ""


def test_a_picture_of_another_size_is_made_to_fit(tmp_path: Path) -> None:
    sink = camera(tmp_path, settings=Stream(rate=0.0, camera="Second"))
    sink.open(INFO)
    for i, size in enumerate([(48, 64), (96, 128), (20, 20)]):
        sink.write(shot(i, size))
    sink.close()
    assert (tmp_path / "shown.rgb").stat().st_size == 3 * 48 * 64 * 3
    assert sink.device == "Second"


@pytest.mark.parametrize(("tells", "says"), [("none", "no /dev/video was found"), ("dies", "ended unexpectedly")])
def test_what_is_wrong_is_said_once_and_nothing_hangs(tells: str, says: str, tmp_path: Path) -> None:
    sink = camera(tmp_path, tells)
    sink.open(INFO)
    for i in range(40):  # more than a pipe holds
        sink.write(shot(i, (120, 160)))
    sink.close()
    assert says in sink.sent.problem and sink.sent.errors == 1
    assert tells != "none" or "There is no virtual camera" in sink.sent.problem


def test_in_a_pipeline_it_ends_with_it(tmp_path: Path) -> None:
    class Follower:
        def step(self, frame):
            return replace(tracked(frame.index).raw, frame=frame)

        def reset(self) -> None: ...

    class Same:
        def apply(self, result):
            return result

        def reset(self) -> None: ...

    sink = camera(tmp_path)
    Pipeline("demo:1?frames=8&width=64&height=48", Follower(), Same(), [sink]).run()
    assert (tmp_path / "shown.rgb").stat().st_size == 8 * 48 * 64 * 3
    assert not [thread for thread in threading.enumerate() if thread.name == "stillpoint-camera"]


def test_without_the_extra_it_says_how_to_get_it() -> None:
    if importlib.util.find_spec("pyvirtualcam") is not None:
        pytest.skip("the extra is installed")
    with pytest.raises(SettingsError, match=r"stillpoint\[virtualcam\]"):
        open_stream("virtualcam")
    assert "pyvirtualcam" not in sys.modules
