"""Many videos: which they are, that each is done once, and that nothing stops the rest."""

from __future__ import annotations

import csv
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pyarrow.parquet as pq
import pytest
from commands import run
from patience import PATIENCE_S

from tracker.batch import Job, Outcome, is_many, run_here, run_on_cluster, summary_of, track_one, videos_of
from tracker.capture import open_source
from tracker.errors import SettingsError, SourceError
from tracker.session.video import VideoWriter
from tracker.settings import Detection, Settings

SETTINGS = Settings(detection=Detection(engine="onnx"))


def film(path: Path, frames: int = 6, seed: int = 0) -> Path:
    """A tiny video of the demo."""
    path.parent.mkdir(parents=True, exist_ok=True)
    video = VideoWriter(path, 30.0)
    with open_source(f"demo:{seed}?frames={frames}&width=160&height=120") as source:
        for frame in source:
            video.add(frame.image, frame.time)
    video.close()
    return path


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    film(folder / "a.mp4", 6)
    film(folder / "b" / "a.mp4", 7, seed=1)
    film(folder / "b" / "c.mkv", 8, seed=2)
    (folder / "b" / "broken.mp4").write_bytes(b"no video at all")
    (folder / "notes.md").write_text("not a video")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_a_pattern_and_a_list_name_videos(clips: Path, tmp_path: Path) -> None:
    film(clips / "out" / "a.mp4" / "annotated.mp4", 1)  # of an earlier run
    out = clips / "out"
    assert list(videos_of(str(clips), out)) == ["a.mp4", "b/a.mp4", "b/broken.mp4", "b/c.mkv"]
    assert list(videos_of(str(clips / "b" / "*.mkv"), out)) == ["c.mkv"]
    assert list(videos_of(str(clips / "**" / "a.mp4"), out)) == ["a.mp4", "b/a.mp4"]
    (tmp_path / "list.txt").write_text("# two\nclips/b/c.mkv\n\nclips/a.mp4\nclips/b/../a.mp4\n", encoding="utf-8")
    assert list(videos_of(str(tmp_path / "list.txt"), out)) == ["b/c.mkv", "a.mp4"]
    for name in (clips, clips / "b" / "*.mkv", tmp_path / "list.txt"):
        assert is_many(str(name))
    for name in (clips / "a.mp4", "demo:0?frames=3", "0", "rtsp://host/a?b=[1]", clips / "notes.md", tmp_path / "no"):
        assert not is_many(str(name))
    with pytest.raises(SourceError, match="names no video"):
        videos_of(str(clips / "*.avi"), out)
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="cannot be read as a list"):
        videos_of(str(tmp_path / "list.txt"), out)


def test_a_folder_of_pictures_is_one_source(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"")
    assert not is_many(str(tmp_path))


def test_every_video_is_tracked_once_and_a_bad_one_stops_nothing(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    tokens = ("track", str(clips), "--out", str(out), "--workers", "2", "--engine", "onnx", "--no-video")
    assert run(*tokens) == 2
    told = capsys.readouterr()
    assert "1 of 4 videos could not be tracked" in told.err and "Traceback" not in told.out + told.err
    frames = {"a.mp4": 6, "b/a.mp4": 7, "b/c.mkv": 8}
    for name, count in frames.items():
        assert pq.read_table(out / name / "frames.parquet").num_rows == count
    assert not (out / "b" / "broken.mp4").exists()
    summary = {Path(row["folder"]).relative_to(out.resolve()).as_posix(): row for row in rows(out / "summary.csv")}
    assert {name: row["status"] for name, row in summary.items()} == {
        **dict.fromkeys(frames, "done"), "b/broken.mp4": "failed",
    }  # fmt: skip
    assert {name: int(summary[name]["frames"]) for name in frames} == frames
    failures = rows(out / "failures.csv")
    assert [Path(row["source"]).name for row in failures] == ["broken.mp4"] and failures[0]["kind"] == "SourceError"

    (clips / "b" / "broken.mp4").unlink()
    film(clips / "b" / "broken.mp4", 5)
    session = out / "b" / "c.mkv" / "session.json"  # of this one the recording was killed
    session.write_text(session.read_text().replace('"complete"', '"recording"'))
    (out / "b" / "c.mkv" / "frames.arrows").write_bytes(b"half")
    before = (out / "a.mp4" / "session.json").read_bytes()
    assert run(*tokens) == 0
    again = {Path(row["folder"]).relative_to(out.resolve()).as_posix(): row for row in rows(out / "summary.csv")}
    assert {name: row["status"] for name, row in again.items()} == {
        "a.mp4": "already done", "b/a.mp4": "already done", "b/broken.mp4": "done", "b/c.mkv": "done",
    }  # fmt: skip
    assert (out / "a.mp4" / "session.json").read_bytes() == before and again["a.mp4"]["frames"] == "6"
    assert not (out / "failures.csv").exists() and not (out / "b" / "c.mkv" / "frames.arrows").exists()
    assert run(*tokens, "--overwrite") == 0
    assert (out / "a.mp4" / "session.json").read_bytes() != before


def test_one_job_gives_the_same_wherever_it_runs(clips: Path, tmp_path: Path) -> None:
    """In this process, and in one of its own: the same numbers to the bit."""
    here = Job(str(clips / "a.mp4"), str(tmp_path / "here"), SETTINGS, annotated=False)
    assert track_one(here).status == "done"
    outcomes: list[Outcome] = []
    run_here([msgspec.structs.replace(here, out=str(tmp_path / "there"))], 1, outcomes.append)
    assert [one.status for one in outcomes] == ["done"]
    assert outcomes[0].worker.split(":")[1] != str(os.getpid())
    one, other = (pq.read_table(tmp_path / n / "frames.parquet").drop_columns(["step_s", "filter_s"])
                  for n in ("here", "there"))  # fmt: skip
    assert one.equals(other)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_worker_that_is_killed_is_replaced(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker, killed after its first video: the rest is done by another. It gets the third only after the kill, so
    that there is a rest however quick it is."""
    killed = threading.Event()

    class Held(queue.SimpleQueue):  # type: ignore[type-arg]
        taken = 0

        def get_nowait(self) -> object:
            assert self.taken < 2 or killed.wait(PATIENCE_S)
            self.taken += 1
            return super().get_nowait()

    monkeypatch.setattr("tracker.batch.workers.queue", SimpleNamespace(SimpleQueue=Held, Empty=queue.Empty))
    names = ["a.mp4", "b/a.mp4", "b/c.mkv"]
    jobs = [Job(str(clips / name), str(tmp_path / "out" / name), SETTINGS, annotated=False) for name in names]
    outcomes: list[Outcome] = []

    def each(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 1:
            os.kill(int(outcome.worker.split(":")[1]), signal.SIGKILL)
            killed.set()

    run_here(jobs, 1, each)
    assert sorted(one.source for one in outcomes) == sorted(job.source for job in jobs)
    assert {one.status for one in outcomes} <= {"done", "already done"}
    assert len({one.worker for one in outcomes}) == 2
    assert all(summary_of(Path(job.out)) is not None for job in jobs)


def test_bad_arguments_are_told(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("track", str(clips), "--out", str(tmp_path / "out"), "--workers", "0") == 2
    assert "--workers wants at least 1" in capsys.readouterr().err
    assert run("track", str(clips / "*.avi"), "--out", str(tmp_path / "out")) == 2
    assert "names no video" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SettingsError, match=r"stillpoint\[cluster\]"):
        run_on_cluster([Job("a", "b")], "tcp://127.0.0.1:1", lambda outcome: None)
