"""Recordings that end in every way: by themselves, at a signal, on a full disk, killed; and what `repair` makes of
the last."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import run
from patience import PATIENCE_S, until
from test_session import INFO, Stage

from tracker.errors import SourceError
from tracker.session.record import Recorder
from tracker.session.repair import needs_repair, repair
from tracker.session.replay import open_session

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")
ROOT = Path(__file__).parent.parent


def about(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "session.json").read_text(encoding="utf-8")))


def stamps(video: Path) -> np.ndarray:
    """Presentation times of every picture that is decoded, seconds."""
    with av.open(str(video)) as container:
        return np.array([float(frame.pts * frame.time_base) for frame in container.decode(video=0)])


def write(folder: Path, indices: list[int], close: bool = True, **options: Any) -> Recorder:
    """A live recording of frames with these indices."""
    recorder, stage = Recorder(folder, annotated=False, clean=True, **options), Stage()
    recorder.open(replace(INFO, live=True))
    for index in indices:
        recorder.write(stage(index))
    if close:
        recorder.close()
    return recorder


def agree(folder: Path) -> dict[str, list[Any]]:
    """The table, after checking that it and the video speak of the same pictures."""
    table = pq.read_table(folder / "frames.parquet")
    times = stamps(folder / "video.mkv")
    pictured = table.filter(table["video_index"].is_valid())
    index, first = np.unique(pictured["video_index"].to_numpy(), return_index=True)
    assert index.tolist() == list(range(len(times)))
    told = pictured["time_s"].to_numpy()[first]
    np.testing.assert_allclose(times, told - told[0], atol=1e-3)
    assert about(folder)["counts"]["stored"] == len(times)
    columns: dict[str, list[Any]] = table.select(["frame_index", "video_index", "time_s", "state"]).to_pydict()
    return columns


def test_frames_that_were_dropped_have_rows(tmp_path: Path) -> None:
    indices = [5, 6, 9, 10, 45, 46]
    recorder = write(tmp_path / "s", indices)
    table = agree(tmp_path / "s")
    assert table["frame_index"] == list(range(5, 47))
    assert [i for i, state in zip(table["frame_index"], table["state"], strict=True) if state != "dropped"] == indices
    assert [v for v in table["video_index"] if v is not None] == list(range(6))
    np.testing.assert_allclose(table["time_s"], np.arange(5, 47) / 30, atol=1e-9)
    counts = about(tmp_path / "s")["counts"]
    assert (counts["captured"], counts["dropped"], counts["stored"], counts["with_face"]) == (42, 36, 6, 4)
    assert recorder.summary is not None and recorder.summary.dropped == 36
    session = open_session(tmp_path / "s")
    assert len(session.take()) == 42 and session.take().found.sum() == 4
    assert np.isfinite(session.take().time).all()


def test_a_limit_ends_a_recording_to_the_frame(tmp_path: Path) -> None:
    recorder = write(tmp_path / "s", list(range(50, 85)), limit_s=1.0)
    assert recorder.full.is_set() and recorder.frames == 30
    assert pq.read_table(tmp_path / "s" / "frames.parquet")["frame_index"].to_pylist()[-1] == 79
    assert recorder.seconds == pytest.approx(29 / 30)


def test_the_session_file_has_clocks_and_versions(tmp_path: Path) -> None:
    write(tmp_path / "s", list(range(50, 60)))
    told = about(tmp_path / "s")
    anchors = told["clock"]["anchors"]
    assert [round(a["time_s"] * 30) for a in anchors] == [50, 59] and anchors[0]["utc"] <= anchors[1]["utc"]
    assert 0 < told["clock"]["resolution_s"] < 1e-3
    assert told["versions"]["numpy"] == np.__version__


def test_record_writes_what_the_camera_saw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shipped network; a file as fast as it goes, looped and ended by its duration."""
    out = tmp_path / "out"
    tokens = ("record", "demo:3?frames=20", "--loop", "--duration", "1.5", "--out", str(out), "--engine", "onnx")
    assert run(*tokens) == 0
    names = {path.name for path in out.iterdir()}
    wanted = {"video.mkv", "frames.csv", "frames.parquet", "session.json", "stability.png", "summary.json", "log.jsonl"}
    assert names == {*wanted, "markers.json", "markers.txt"}
    table = agree(out)
    assert table["frame_index"] == list(range(45)) and set(table["state"]) == {"tracked"}
    told = about(out)
    assert told["status"] == "complete" and told["counts"]["captured"] == told["counts"]["stored"] == 45
    networks = {"landmarks.onnx", "landmarks_int8.onnx", "normalizer.onnx", "locator.onnx", "locator_check.onnx"}
    assert set(told["model"]["sha256"]) == {*networks, "gaze.npz"}
    assert "45 in 1.47 s" in capsys.readouterr().out
    assert run(*tokens) == 2 and "--overwrite" in capsys.readouterr().err
    assert run("record", "demo", "--duration", "0", "--out", str(tmp_path / "no")) == 2


RECORD = """
import resource, signal, sys
limit = int(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from tracker.cli import main
main(["record", "demo:1?width=160&height=120", "--realtime", "--engine", "onnx", "--out", sys.argv[2]])
"""
KILLED = """
import sys, time
from pathlib import Path
from tracker.capture import CaptureThread
from tracker.detection.follow import FaceTracker
from tracker.pipeline import Pipeline
from tracker.session.record import Recorder
from tracker.temporal import Stabilizer

class Teller(Recorder):
    def write(self, tracked):
        super().write(tracked)
        print(tracked.raw.frame.index, flush=True)

source = CaptureThread("demo:1?width=160&height=120", realtime=True, loop=True)
recorder = Teller(Path(sys.argv[1]), annotated=False, clean=True)
Pipeline(source, FaceTracker("onnx"), Stabilizer(), [recorder]).run()
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    tokens = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(tokens, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_recording_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "out"
    with start(RECORD, 0, out) as process:
        video = out / "video.mkv"
        until(lambda: process.poll() is not None or (video.exists() and video.stat().st_size > 2000))
        process.send_signal(number)
        told, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, error
    assert about(out)["status"] == "complete" and "Written to" in told
    assert len(agree(out)["state"]) > 0


@posix
def test_a_disk_that_is_full_ends_a_recording_with_a_sentence(tmp_path: Path) -> None:
    """The system itself refuses to let a file grow beyond 300 kB."""
    out = tmp_path / "out"
    with start(RECORD, 300_000, out) as process:
        _, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "recording stopped" in error and "stillpoint repair" in error and "Traceback" not in error
    assert about(out)["status"] == "recording" and not (out / "frames.parquet.tmp").exists()
    done = repair(out)
    assert about(out)["status"] == "recovered" and done.pictures > 0
    agree(out)


@posix
@pytest.mark.parametrize("after", [3, 40, 75])
def test_a_killed_recording_loses_two_seconds_at_most(tmp_path: Path, after: int) -> None:
    out = tmp_path / "out"
    with start(KILLED, out) as process:
        assert process.stdout is not None
        told: list[int] = []
        for line in process.stdout:
            told.append(int(line))
            if told[-1] >= after:
                break
        with pytest.raises(SourceError, match="still being recorded"):
            repair(out)
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate(timeout=PATIENCE_S)
    told += map(int, rest.split())
    # Two seconds, or where the machine had time for less than three frames in them, what the encoder has in hand.
    least = min(told[-1] - 60, told[-3] if len(told) > 3 else -1)
    assert needs_repair(out)
    done = repair(out)
    assert about(out)["status"] == "recovered" and not needs_repair(out)
    table = pq.read_table(out / "frames.parquet")
    names = ("frame_index", "state", "video_index")
    rows = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    assert max((index for index, state, _ in rows if state != "unmeasured"), default=-1) >= least
    assert max((index for index, _, picture in rows if picture is not None), default=-1) >= least
    if done.pictures:
        agree(out)
        with av.open(str(out / "video.mkv")) as video:  # it can be sought in: it knows its length
            assert video.duration / 1e6 == pytest.approx(stamps(out / "video.mkv")[-1], abs=0.1)
    assert open_session(out).rows == done.rows
    with pytest.raises(SourceError, match="nothing to repair"):
        repair(out)


def killed(folder: Path, count: int = 75) -> Path:
    """What a kill leaves of so many frames: the recorder is never closed, its lock is let go."""
    recorder = write(folder / "live", list(range(count)), close=False)
    left = folder / "left"
    left.mkdir()
    for path in (folder / "live").iterdir():
        (left / path.name).write_bytes(path.read_bytes())
    recorder.close()
    return left


@pytest.mark.parametrize("share", [0.0, 0.02, 0.4, 0.9, 0.99])
def test_a_video_cut_anywhere_agrees_with_the_table(tmp_path: Path, share: float) -> None:
    folder = killed(tmp_path)
    data = (folder / "video.mkv").read_bytes()
    (folder / "video.mkv").write_bytes(data[: int(share * len(data))])
    done = repair(folder)
    assert done.frames >= 75 - 60  # two seconds at most; batches end by the wall clock, too
    if done.pictures:
        table = agree(folder)
        rows = zip(table["frame_index"], table["video_index"], strict=True)
        assert len({index for index, picture in rows if picture is None}) == done.without_picture
    else:
        assert share < 0.4 and not (folder / "video.mkv").exists() and (folder / "video.broken.mkv").exists()
        assert "No picture" in done.notes[0]
        assert set(pq.read_table(folder / "frames.parquet")["video_index"].to_pylist()) == {None}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_pictures_whose_rows_are_gone_get_rows(tmp_path: Path, share: float) -> None:
    folder = killed(tmp_path)
    data = (folder / "frames.arrows").read_bytes()
    (folder / "frames.arrows").write_bytes(data[: int(share * len(data))])
    done = repair(folder)
    table = agree(folder)
    assert done.unmeasured == table["state"].count("unmeasured") > 0
    np.testing.assert_allclose(table["time_s"], np.arange(len(table["time_s"])) / 30, atol=1e-3)
    assert table["frame_index"] == list(range(done.frames))
    assert about(folder)["counts"]["captured"] == done.frames


def test_a_repair_that_was_cut_off_can_be_run_again(tmp_path: Path) -> None:
    folder, again = killed(tmp_path), tmp_path / "again"
    again.mkdir()
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = repair(folder)
    for name in ("frames.parquet", "video.mkv"):  # everything but the last step was done
        (again / name).write_bytes((folder / name).read_bytes())
    for name in ("session.json", "frames.arrows"):
        (again / name).write_bytes(first[name])
    (again / "frames.parquet.tmp").write_bytes(b"half")
    assert repair(again) == done
    assert agree(again) == agree(folder)
    assert not (again / "frames.parquet.tmp").exists() and not (again / "frames.arrows").exists()


def test_repair_says_what_it_cannot_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="is no session"):
        repair(tmp_path)
    write(tmp_path / "whole", list(range(5)))
    assert run("repair", str(tmp_path / "whole")) == 2
    assert "is complete: there is nothing to repair" in capsys.readouterr().err
    assert run("repair", str(killed(tmp_path))) == 0
    assert "pictures" in capsys.readouterr().out


def test_repair_leaves_a_newer_session_alone(tmp_path: Path) -> None:
    folder = killed(tmp_path)
    told = {**about(folder), "schema_version": {"major": 9, "minor": 0}}
    (folder / "session.json").write_text(json.dumps(told))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(SourceError, match="newer Stillpoint"):
        repair(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
