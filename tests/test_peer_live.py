"""A live peer gets the newest frame, keeps nobody waiting, and ends when it is told to; how it is found or missed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE_S

from tracker.peers import Found, LivePeer, PeerFace, find, mediapipe_worker
from tracker.types import Frame

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the stand-in is a shell script")

STAND_IN = """
import pathlib, struct, sys
line, seconds = sys.stdin.buffer, 0.001
pathlib.Path({gate!r}).read_bytes()
sys.stdout.buffer.write(b"ready offline\\n"); sys.stdout.buffer.flush()
for number in range({answers}):
    header = line.read(16)
    if len(header) < 16:
        break
    height, width, time = struct.unpack("<IId", header)
    line.read(height * width * 3)
    points = b"".join(struct.pack("<fff", time, width, height) for _ in range(478))
    sys.stdout.buffer.write(struct.pack("<dII", seconds, 478, 0) + points); sys.stdout.buffer.flush()
"""


def frame(index: int) -> Frame:
    return Frame(np.zeros((4, 6, 3), np.uint8), index / 30, index)


@pytest.fixture
def interpreter(tmp_path: Path) -> Callable[..., Found]:
    """A program that answers as the worker does, without MediaPipe; it is ready once `gate` lets it."""

    def make(answers: int = 10**6, gate: Path = Path(os.devnull)) -> Found:
        program, script, task = tmp_path / "stand_in.py", tmp_path / "python", tmp_path / "face.task"
        program.write_text(STAND_IN.format(answers=answers, gate=str(gate)))
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}"\n')
        script.chmod(0o755)
        task.touch()
        return Found(script, task)

    return make


class Ear:
    def __init__(self) -> None:
        self.ready: list[bool] = []
        self.heard: list[tuple[int, PeerFace]] = []
        self.failed: list[str] = []
        self.event = threading.Event()

    def listen(self, found: Found) -> LivePeer:
        return LivePeer(found, self._ready, self._heard, self._failed)

    def wait(self) -> None:
        assert self.event.wait(PATIENCE_S)
        self.event.clear()

    def _ready(self, offline: bool) -> None:
        self.ready.append(offline)
        self.event.set()

    def _heard(self, frame: Frame, face: PeerFace) -> None:
        self.heard.append((frame.index, face))
        self.event.set()

    def _failed(self, why: str) -> None:
        self.failed.append(why)
        self.event.set()


def test_it_answers_the_newest_frame_only(interpreter: Callable[..., Found], tmp_path: Path) -> None:
    ear, gate = Ear(), tmp_path / "gate"
    os.mkfifo(gate)
    peer = ear.listen(interpreter(gate=gate))
    for i in range(50):  # before it is ready: nobody waits, all but the last are forgotten
        peer.offer(frame(i))
    gate.write_bytes(b"go")
    ear.wait()
    while not ear.heard:
        ear.wait()
    index, face = ear.heard[0]
    assert ear.ready == [True] and index == 49 and peer.skipped == 49
    assert face.points is not None and face.points.shape == (478, 3)
    assert face.points[0].tolist() == pytest.approx([49 / 30, 6.0, 4.0])
    pid = peer.pid
    peer.join()
    assert not peer.alive and not ear.failed
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


def test_a_process_that_dies_is_told(interpreter: Callable[..., Found]) -> None:
    ear = Ear()
    peer = ear.listen(interpreter(1))
    while not ear.failed:
        peer.offer(frame(1))
        ear.wait()
    assert "ended" in ear.failed[0]
    peer.join()


def test_a_python_without_mediapipe_is_told(tmp_path: Path) -> None:
    (tmp_path / "face.task").touch()
    ear = Ear()
    with_none = tmp_path / "python"
    with_none.write_text("#!/bin/sh\nexit 1\n")
    with_none.chmod(0o755)
    peer = ear.listen(Found(with_none, tmp_path / "face.task"))
    ear.wait()
    assert "did not start" in ear.failed[0]
    peer.join()


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # as if it were not installed here
    assert "compare.python names" in find(str(tmp_path / "none"), root=tmp_path).missing
    python = tmp_path / ".venv-compare" / "bin" / "python"
    assert "make compare" in find(root=tmp_path).missing
    python.parent.mkdir(parents=True)
    python.touch()
    assert "face_landmarker.task" in find(root=tmp_path).missing
    assert "compare.model names" in find(model=str(tmp_path / "x.task"), root=tmp_path).missing
    (tmp_path / "face_landmarker.task").touch()
    assert find(root=tmp_path) == Found(python, tmp_path / "face_landmarker.task")


def test_a_process_that_left_the_network_sees_none() -> None:
    """Where the system does not allow it, that is said and nothing else changes."""
    words = "from mediapipe_worker import leave_network as leave; print(leave(), open('/proc/self/net/dev').read())"
    worker = Path(mediapipe_worker.__file__).parent
    run = subprocess.run([sys.executable, "-c", words], cwd=worker, capture_output=True, text=True, timeout=PATIENCE_S)
    left, _, devices = run.stdout.partition(" ")
    assert left in ("True", "False") and run.returncode == 0
    assert left == "False" or [line.split(":")[0].strip() for line in devices.splitlines() if ":" in line] == ["lo"]
