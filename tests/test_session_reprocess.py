"""Another filter over a recording: the same one gives the same bits, another one other numbers, and raw ones stay."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from commands import run
from synthetic import BASIS
from test_session import INFO, Stage

from tracker.errors import ModelError, OutputError, SettingsError, SourceError
from tracker.session.record import Recorder
from tracker.session.replay import Session, open_session
from tracker.session.reprocess import reprocess
from tracker.settings import Filter, OneEuro
from tracker.types import Frame, TrackResult

SEEN = ("tracked", "dropped")
"""States of rows that a filter does not choose: a lost face may be held."""
GAP = range(55, 60)
"""Frames that were dropped before the tracker saw them."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A noisy head, lost for a while, frames dropped, then a second face; filtered by the default method."""
    out = tmp_path_factory.mktemp("session") / "one"
    recorder, stage = Recorder(out, annotated=False, clean=True), Stage()
    recorder.open(INFO)
    for i in range(90):
        if i not in GAP:
            recorder.write(stage(i, 100.0 + i / 30 + 0.003 * (i % 3)))
    recorder.close()
    return out


@pytest.fixture
def session(recorded: Path, tmp_path: Path) -> Session:
    shutil.copytree(recorded, tmp_path / "copy")
    return replace(open_session(tmp_path / "copy"), basis=BASIS)


def timeless(path: Path) -> pa.Table:
    """Without the one thing that no second run can repeat: how long the filter took."""
    return pq.read_table(path).drop_columns(["filter_s"])


def test_the_same_filter_gives_the_same_bits(session: Session) -> None:
    shares: list[float] = []
    target = reprocess(session, Filter(), "again", progress=shares.append)
    assert target.name == "frames_again.parquet"
    assert timeless(target).equals(timeless(session.folder / "frames.parquet"))
    assert pq.read_table(target)["state"].to_pylist().count("dropped") == len(GAP)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("method", ["none", "one_euro", "kalman"])
def test_another_filter_changes_only_what_it_makes(session: Session, method: str) -> None:
    original = timeless(session.folder / "frames.parquet")
    after = timeless(reprocess(session, Filter(method=method)))
    assert timeless(session.folder / "frames.parquet").equals(original)
    before, after = (table.filter(pc.is_in(table["state"], pa.array(SEEN))) for table in (original, after))
    for name in before.column_names:
        if name.startswith("stable_ibug68"):
            assert not after[name].equals(before[name])
            assert after[name].equals(before["raw_ibug68"]) == (method == "none")
        elif not name.startswith(("stable_", "bbox_", "visibility_", "presence")):
            assert after[name].equals(before[name]), name


def test_parameters_count(session: Session) -> None:
    calm = Filter(method="one_euro", one_euro=OneEuro(min_cutoff=0.05, beta=0.0))
    one = pq.read_table(reprocess(session, Filter(method="one_euro"), "one"))
    two = pq.read_table(reprocess(session, calm, "two"))
    assert not one["stable_rotation"].equals(two["stable_rotation"])
    passes = json.loads((session.folder / "session.json").read_text())["passes"]
    assert set(passes) == {"one", "two"} and passes["two"]["filter"]["one_euro"]["min_cutoff"] == 0.05


def test_a_pass_is_opened_by_its_name(session: Session) -> None:
    reprocess(session, Filter(method="none"), "bare")
    bare = open_session(session.folder, "bare")
    np.testing.assert_array_equal(bare.values("ibug68"), bare.showing("raw").values("ibug68"))
    with pytest.raises(SourceError, match="no pass 'other'"):
        open_session(session.folder, "other")


def test_what_cannot_be_done_is_told_and_leaves_nothing(session: Session) -> None:
    with pytest.raises(SettingsError, match="median"):
        reprocess(session, Filter(method="median"), "x")
    for name in ("../up", "a b", ".", "x" * 80):
        with pytest.raises(SettingsError, match="cannot be called"):
            reprocess(session, Filter(), name)
    with pytest.raises(ModelError, match="not installed"):
        reprocess(replace(session, basis=None), Filter(), "x")
    reprocess(session, Filter(), "x")
    with pytest.raises(OutputError, match="--overwrite"):
        reprocess(session, Filter(), "x")
    assert sorted(path.name for path in session.folder.glob("frames*")) == [
        "frames.csv", "frames.parquet", "frames_x.parquet",
    ]  # fmt: skip


def test_the_shipped_network_on_the_demo_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    tokens = ("record", "demo:2?frames=50&width=320&height=240", "--out", str(out), "--engine", "onnx")
    assert run(*tokens) == 0
    assert run("reprocess", str(out), "--filter", "default", "--name", "same") == 0
    assert "frames_same.parquet" in capsys.readouterr().out
    assert timeless(out / "frames_same.parquet").equals(timeless(out / "frames.parquet"))
    assert run("reprocess", str(out), "--filter", "one_euro") == 0
    assert not timeless(out / "frames_one_euro.parquet").equals(timeless(out / "frames.parquet"))


def test_the_same_model_on_the_same_pictures_gives_the_same_bits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shipped network on the CPU, from a lossless video; an odd size, so that nothing of it is padding."""
    out = tmp_path / "out"
    tokens = ("record", "demo:2?frames=25&width=161&height=121", "--lossless", "--out", str(out), "--engine", "onnx")
    assert run(*tokens) == 0
    assert run("reprocess", str(out), "--model", "default", "--name", "again") == 0
    again, before = timeless(out / "frames_again.parquet"), timeless(out / "frames.parquet")
    assert again.drop_columns(["step_s"]).equals(before.drop_columns(["step_s"]))
    assert set(before["state"].to_pylist()) == {"tracked"}
    passes = json.loads((out / "session.json").read_text())["passes"]
    assert passes["again"]["engine"] == "onnx" and passes["again"]["model"]["name"] == "default"
    assert run("reprocess", str(out), "--engine", "abacus") == 2
    assert "abacus" in capsys.readouterr().err


class Blind:
    """Sees no face."""

    def step(self, frame: Frame) -> TrackResult:
        return TrackResult(frame, ())

    def reset(self) -> None: ...


def test_another_tracker_says_what_it_sees(session: Session) -> None:
    shares: list[float] = []
    target = reprocess(session, Filter(method="none"), "blind", tracker=Blind(), progress=shares.append)
    state = pq.read_table(target)["state"].to_pylist()
    assert state.count("lost") == 90 - len(GAP) and state.count("dropped") == len(GAP)
    assert shares[-1] == 1.0 and shares == sorted(shares)


def test_the_smoother_is_calmer_and_sees_the_same_frames(session: Session) -> None:
    shares: list[float] = []
    target = reprocess(session, Filter(method="rts"), progress=shares.append)
    assert target.name == "frames_rts.parquet" and shares == sorted(shares) and shares[-1] == 1.0
    before, after = timeless(session.folder / "frames.parquet"), timeless(target)
    for name in ("frame_index", "time_s"):
        assert np.unique(after[name].to_numpy()).tolist() == np.unique(before[name].to_numpy()).tolist()
    assert after["state"].to_pylist().count("dropped") == len(GAP)

    def bend(table: pa.Table) -> float:
        rows = [row for row in table.to_pylist() if row["face_id"] == 1 and row["frame_index"] < 40]
        return float(np.abs(np.diff([row["stable_centre_x"] for row in rows], 2)).mean())

    assert bend(after) < bend(before)


def test_another_model_needs_the_clean_video(session: Session) -> None:
    for damage, told in ((b"no video", "cannot be read"), (None, "no clean video")):
        video = session.folder / "video.mkv"
        video.write_bytes(damage) if damage is not None else video.unlink()
        with pytest.raises(SourceError, match=told):
            reprocess(session, Filter(), "x", tracker=Blind())
    assert not (session.folder / "frames_x.parquet").exists()


def test_the_zero_phase_smoother_is_a_method_of_a_recording(session: Session) -> None:
    target = reprocess(session, Filter(method="rts"))
    after, before = pq.read_table(target), pq.read_table(session.folder / "frames.parquet")
    assert target.name == "frames_rts.parquet"
    assert set(after["state"].to_pylist()) == {"tracked", "lost", "dropped"}
    before, after = (table.filter(pc.is_in(table["state"], pa.array(SEEN))) for table in (before, after))
    assert after["raw_ibug68"].equals(before["raw_ibug68"])
    assert not after["stable_ibug68"].equals(before["stable_ibug68"])
