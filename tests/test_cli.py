"""The commands: what they print, what they leave, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from commands import run
from rich.console import Console
from synthetic import BLANK, make_face, make_state

import tracker.cli
from tracker.capture import SourceInfo
from tracker.cli import COMMANDS
from tracker.cli.settings import flat
from tracker.cli.track import report
from tracker.session.record import Recorder
from tracker.settings import Settings, settings_tree
from tracker.types import Frame, Tracked, TrackResult


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_can_be_loaded(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(name, "--help") == 0
    assert f"stillpoint {name}" in capsys.readouterr().out


def test_the_list_of_commands_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom tracker.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('torch', 'PyQt6', 'cv2', 'av', 'onnxruntime', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_settings_lists_every_key_with_default_and_value(
    own_settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_settings.write_text("[filter.one_euro]\nbeta = 7.5\n")
    assert run("settings") == 0
    lines = capsys.readouterr().out.splitlines()
    for key, default in flat(settings_tree(Settings())):
        row = next(line for line in lines if f" {key} " in line)
        assert repr(default)[:48] in row  # a long one goes on in the next line
    changed = next(line for line in lines if " filter.one_euro.beta " in line)
    assert "20.0" in changed and "7.5" in changed
    assert any(str(own_settings) in line for line in lines)


def test_an_unknown_settings_key_is_one_line_and_exit_2(own_settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own_settings.write_text("[capture]\nfsp = 60\n")
    assert run("settings") == 2
    told = capsys.readouterr().err
    assert "fsp" in told and "Traceback" not in told and len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (["absent.mp4"], "absent.mp4"),
        (["demo", "--filter", "median"], "one_euro"),
        (["demo", "--layout", "dlib5"], "mediapipe478"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    tokens: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("track", *tokens, "--out", str(tmp_path / "out")) == 2
    told = capsys.readouterr().err
    assert says in told and "Traceback" not in told and len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_an_unknown_command_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("trakc") != 0
    both = capsys.readouterr()
    assert "trakc" in both.out + both.err and "Traceback" not in both.out + both.err


def test_a_track_that_is_interrupted_says_so_in_its_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C comes with the tenth frame."""
    write = Recorder.write

    def interrupting(self: Recorder, tracked: Tracked) -> None:
        write(self, tracked)
        if self.frames == 10:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Recorder, "write", interrupting)
    out = tmp_path / "out"
    assert run("track", "demo:0?frames=4000", "--out", str(out), "--engine", "onnx", "--no-video") == 130
    about = json.loads((out / "session.json").read_text())
    assert about["status"] == "complete" and "interrupted after" in about["ended_by"] and "4000" in about["ended_by"]
    assert about["counts"]["frames"] == pq.read_table(out / "frames.parquet").num_rows < 4000
    assert "interrupted" in capsys.readouterr().out


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(tokens: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tracker.cli, "make_app", lambda: interrupted)
    assert run("track") == 130


def test_track_writes_a_session_of_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shipped network on the shipped photograph."""
    out = tmp_path / "out"
    assert run("track", "demo:0?frames=45", "--out", str(out), "--filter", "one_euro", "--engine", "onnx") == 0
    names = {path.name for path in out.iterdir()}
    wanted = {"annotated.mp4", "frames.csv", "frames.parquet", "session.json", "stability.png", "summary.json"}
    assert names == wanted | {"log.jsonl"}
    table = pq.read_table(out / "frames.parquet")
    assert table["frame_index"].to_pylist() == list(range(45))
    assert table["state"].to_pylist().count("tracked") >= 44
    assert "45 in 1.47 s" in capsys.readouterr().out
    assert run("track", "demo:0?frames=2", "--out", str(out)) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run("track", "demo:0?frames=2", "--out", str(out), "--overwrite", "--no-video") == 0
    assert not (out / "annotated.mp4").exists()


def test_the_report_shows_the_summary(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, annotated=False)
    recorder.open(SourceInfo("clip", "video", False, 64, 48, 30.0, 5))
    for i in range(5):
        frame = Frame(BLANK, i / 30, i)
        result = TrackResult(frame, (make_face(make_state((10.0 + i * i, 20.0))),), {"step": 0.004})
        recorder.write(Tracked(result, result))
    recorder.close()
    console = Console(record=True, width=160)
    assert recorder.summary is not None
    report(console, tmp_path, recorder.summary)
    text = console.export_text()
    assert "5 frames, 100.0%" in text and "step 4.00" in text and "frames.parquet" in text
    assert f"raw {recorder.summary.raw_acceleration:.3f}" in text


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_a_source_that_cannot_be_opened_replaces_no_session_and_is_told_once(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.mp4").write_bytes(content)
    old = tmp_path / "out" / "session.json"
    old.parent.mkdir()
    old.write_text("{}")
    for command in ("track", "record"):
        assert run(command, str(tmp_path / "bad.mp4"), "--out", str(old.parent), "--overwrite") == 2
        assert old.read_text() == "{}"
        assert run(command, str(tmp_path / "bad.mp4"), "--out", str(tmp_path / command)) == 2
    both = capsys.readouterr()
    assert "bad.mp4 is" not in both.out and "cannot be read" not in both.out
    assert len(both.err.splitlines()) == 4


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (["track", "demo", "--max-faces", "0"], "detection.max_faces"),
        (["record", "demo", "--engine", "fancy"], "onnx:int8"),
        (["stream", "demo", "--to", "vmc", "--duration", "-1"], "--duration"),
        (["sniff", "vmc", "--port", "70000"], "65535"),
        (["head", "evaluate", "absent.mp4"], "absent.mp4"),
        (["bench", "--json-out", "/dev/null/figures.json"], "cannot be written"),
        (["stability", "--out", "/dev/null/lab"], "cannot be written"),
        (["head", "export", "/dev/null", "--to", "obj"], "/dev/null"),
    ],
)
def test_a_value_out_of_range_is_one_line_and_exit_2(
    tokens: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out")] if tokens[0] in ("track", "record") else []
    assert run(*tokens, *out) == 2
    told = capsys.readouterr().err
    assert says in told and "Traceback" not in told and len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_file_is_no_folder_for_a_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("mine")
    assert run("track", "demo:0?frames=2", "--out", str(tmp_path / "taken"), "--overwrite") == 2
    assert "is a file" in capsys.readouterr().err and (tmp_path / "taken").read_text() == "mine"
