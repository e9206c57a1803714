"""A session read back: what was recorded comes back, and what is broken says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic import BASIS, BLANK, make_face, make_state, noisy

from tracker.capture import SourceInfo
from tracker.errors import ModelError, SourceError
from tracker.session.record import Recorder
from tracker.session.replay import open_session
from tracker.settings import Filter
from tracker.temporal import Stabilizer
from tracker.types import Face, Frame, Tracked, TrackResult

COUNT = 60
LOST = range(20, 30)


def stage() -> list[Tracked]:
    """A turning head, lost (and not held) from 20 to 29, with a second face from 40 on."""
    random, stabilizer = np.random.default_rng(0), Stabilizer("default", Filter(hold_s=0.0))
    frames = []
    for i in range(COUNT):
        shapes = np.clip(np.abs(np.sin(np.arange(52) + i / 10)), 0, 1).astype(np.float32)
        state = replace(make_state((32.0, 24.0), 180.0, (0.5 * i - 10, 5.0, 2.0)), expression=shapes)
        faces = [make_face(noisy(state, random, 0.2), 1)] if i not in LOST else []
        if i >= 40:
            faces.append(make_face(make_state((20.0, 20.0), 90.0), 2))
        raw = TrackResult(Frame(BLANK, 100.0 + i / 30, i), tuple(faces), {"step": 0.002})
        frames.append(Tracked(raw, stabilizer.apply(raw)))
    return frames


def record(out: Path, frames: list[Tracked]) -> Path:
    recorder = Recorder(out, annotated=False, clean=False)
    recorder.open(SourceInfo("clip", "video", False, 64, 48, 30.0, len(frames)))
    for one in frames:
        recorder.write(one)
    recorder.close()
    return out


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tracked]]:
    frames = stage()
    return record(tmp_path_factory.mktemp("session") / "one", frames), frames


def test_columns_come_back(recorded: tuple[Path, list[Tracked]]) -> None:
    folder, frames = recorded
    session = open_session(folder)
    assert session.rows == COUNT + 20 and session.frames.tolist() == list(range(COUNT))
    assert session.faces == (1, 2) and session.fps == 30.0 and session.size == (64, 48)
    points = session.values("ibug68")
    assert points.shape == (80, 136)
    np.testing.assert_array_equal(points[5].reshape(68, 2), frames[5].stable.faces[0].landmarks_px())
    raw = session.showing("raw").values("ibug68")
    np.testing.assert_array_equal(raw[5].reshape(68, 2), frames[5].raw.faces[0].landmarks_px())
    assert np.isnan(points[LOST.start : LOST.stop]).all() and np.isfinite(points[LOST.stop :]).all()
    assert session.column("state").tolist().count("lost") == len(LOST)
    assert session.values("mediapipe478").shape == (80, 956) and session.values("identity").shape == (80, 40)
    assert session.video is None


def test_states_are_rebuilt_exactly(recorded: tuple[Path, list[Tracked]]) -> None:
    folder, frames = recorded
    for which in ("raw", "stable"):
        session = open_session(folder).showing(which)  # type: ignore[arg-type]
        for index in (0, 7, 33):
            expected: Face = getattr(frames[index], which).faces[0]
            state = session.state(index)
            assert state is not None
            for name in ("rotation", "centre", "identity", "expression", "residual", "spread"):
                np.testing.assert_array_equal(getattr(state, name), getattr(expected.state, name))
            assert state.scale == pytest.approx(expected.state.scale, rel=1e-7)
            assert (state.camera.focal, state.camera.cx) == (expected.state.camera.focal, expected.state.camera.cx)
            np.testing.assert_allclose(state.pose.translation, expected.pose.translation, rtol=1e-6)
            face = replace(session, basis=BASIS).face(index)
            assert face is not None and (face.id, face.presence) == (1, pytest.approx(0.95))
            np.testing.assert_allclose(face.landmarks_px(), expected.landmarks_px(), atol=1e-3)
        assert session.state(LOST.start) is None
        with pytest.raises(ModelError, match="not installed"):
            session.face(0)


def test_what_the_pixels_told_comes_back(tmp_path: Path) -> None:
    """With a turn, without one, and not at all; recordings made before turns were told have six numbers."""
    told = [None, np.arange(1.0, 7.0).reshape(2, 3), np.arange(1.0, 9.0).reshape(2, 4)]
    frames = []
    for i, motion in enumerate(told):
        raw = TrackResult(
            Frame(BLANK, i / 30, i), (replace(make_face(make_state((32.0, 24.0), 180.0)), carried=motion),)
        )
        frames.append(Tracked(raw, raw))
    folder = record(tmp_path / "one", frames)
    session = replace(open_session(folder), basis=BASIS)
    for row, motion in enumerate(told):
        again = session.face(row)
        assert again is not None
        np.testing.assert_equal(again.carried, motion)
    table = pq.read_table(folder / "frames.parquet")
    place = table.column_names.index("carried")
    old = pa.array([None, *([1.0, 2.0, 3.0, 4.0, 5.0, 6.0],) * 2], pa.list_(pa.float64(), 6))
    pq.write_table(table.set_column(place, "carried", old), folder / "frames.parquet")
    faces = [replace(open_session(folder), basis=BASIS).face(row) for row in range(3)]
    np.testing.assert_equal([f.carried if f else f for f in faces[1:]], [told[1]] * 2)
    assert faces[0] is not None and faces[0].carried is None


def test_a_take_is_one_face_over_all_frames(recorded: tuple[Path, list[Tracked]]) -> None:
    session = open_session(recorded[0])
    take = session.take()
    assert take.face == 1 and len(take) == COUNT
    np.testing.assert_allclose(take.time, np.arange(COUNT) / 30, atol=1e-9)
    assert np.flatnonzero(~take.found).tolist() == list(LOST)
    assert [pose is None for pose in take.poses] == (~take.found).tolist()
    second = session.take(2)
    assert np.flatnonzero(second.found).tolist() == list(range(40, COUNT))
    np.testing.assert_allclose(second.values("centre_x")[40:], 20.0, atol=0.5)
    with pytest.raises(SourceError, match=r"no face 9; it has 1, 2"):
        session.take(9)


def test_a_session_without_a_face(tmp_path: Path) -> None:
    frames = [Tracked(result, result) for result in (TrackResult(Frame(BLANK, i / 30, i), ()) for i in range(5))]
    session = open_session(record(tmp_path / "none", frames))
    take = session.take()
    assert session.faces == () and len(take) == 5 and not take.found.any()
    assert take.values("identity").shape[0] == 5 and list(take.states()) == [None] * 5


def test_a_recording_that_was_cut_is_read_from_its_stream(tmp_path: Path) -> None:
    recorder, frames = Recorder(tmp_path / "live", annotated=False), stage()
    recorder.open(SourceInfo("clip", "camera", True, 64, 48, 30.0))
    for one in frames:
        recorder.write(one)
    shutil.copytree(tmp_path / "live", tmp_path / "killed")
    recorder.close()
    session = open_session(tmp_path / "killed")
    whole = open_session(tmp_path / "live")
    assert 25 <= session.rows <= 80
    np.testing.assert_array_equal(session.values("ibug68"), whole.values("ibug68")[: session.rows])


def broken(what: str) -> Callable[[Path], None]:
    def newer(folder: Path) -> None:
        about = json.loads((folder / "session.json").read_text())
        about["schema_version"]["major"] = 2
        (folder / "session.json").write_text(json.dumps(about))

    def columns(folder: Path) -> None:
        table = pq.read_table(folder / "frames.parquet")
        pq.write_table(table.drop_columns(["time_s", "face_id"]), folder / "frames.parquet")

    def cut(folder: Path) -> None:
        data = (folder / "frames.parquet").read_bytes()
        (folder / "frames.parquet").write_bytes(data[: len(data) // 2])

    def empty_stream(folder: Path) -> None:
        (folder / "frames.parquet").unlink()
        (folder / "frames.arrows").write_bytes(b"")

    ways: dict[str, Callable[[Path], None]] = {
        "newer": newer,
        "columns": columns,
        "cut": cut,
        "empty stream": empty_stream,
        "no table": lambda folder: (folder / "frames.parquet").unlink(),
        "no json": lambda folder: (folder / "session.json").unlink(),
        "bad json": lambda folder: (folder / "session.json").write_text("{"),
        "other json": lambda folder: (folder / "session.json").write_text('{"schema": "other"}'),
        "list": lambda folder: (folder / "session.json").write_text("[]"),
        "binary": lambda folder: (folder / "session.json").write_bytes(b"\xff\xfe\x00"),
    }  # fmt: skip
    return ways[what]


@pytest.mark.parametrize(
    ("what", "says"),
    [("newer", r"newer Stillpoint \(schema 2.*update"), ("columns", "lacks time_s, face_id"), ("cut", "damaged"),
     ("no table", "half a session"), ("no json", "is no session"), ("bad json", "cannot be read"),
     ("other json", "schema"), ("list", "schema"), ("binary", "cannot be read"), ("empty stream", "nothing whole")],
)  # fmt: skip
def test_what_is_broken_says_so(recorded: tuple[Path, list[Tracked]], tmp_path: Path, what: str, says: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(recorded[0], folder)
    broken(what)(folder)
    with pytest.raises(SourceError, match=says):
        open_session(folder)


def test_a_column_that_is_gone_is_named_when_it_is_needed(recorded: tuple[Path, list[Tracked]], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(recorded[0], folder)
    table = pq.read_table(folder / "frames.parquet")
    pq.write_table(table.drop_columns(["stable_ibug68"]), folder / "frames.parquet")
    session = open_session(folder)
    assert session.showing("raw").values("ibug68").shape == (80, 136)
    with pytest.raises(SourceError, match="no column 'stable_ibug68'"):
        session.values("ibug68")


def test_unknown_keys_of_a_newer_minor_version_are_ignored(
    recorded: tuple[Path, list[Tracked]], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(recorded[0], folder)
    about = json.loads((folder / "session.json").read_text())
    about["schema_version"]["minor"], about["novelty"] = 7, True
    (folder / "session.json").write_text(json.dumps(about))
    assert open_session(folder).rows == 80


def test_a_held_face_is_in_the_table_and_was_not_seen(tmp_path: Path) -> None:
    """For exports a face that only the filter gave is not there; its row has what was shown."""
    frames, stabilizer = stage(), Stabilizer("default", Filter(hold_s=0.15))
    session = open_session(record(tmp_path / "s", [Tracked(one.raw, stabilizer.apply(one.raw)) for one in frames]))
    assert np.flatnonzero(session.held).tolist() == [20, 21, 22, 23]
    assert np.flatnonzero(~session.take(1).found).tolist() == list(LOST)
    shown = replace(session, basis=BASIS)
    face = shown.face(21)
    assert face is not None and face.held == pytest.approx(2 / 30) and shown.showing("raw").face(21) is None
    assert face.presence < 0.95 and session.column("state")[24] == "lost"
