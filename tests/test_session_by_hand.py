"""What people do to landmarks: corrections that fade over neighbours, points of their own, two passes compared."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import BASIS
from test_session import INFO, Stage

from tracker.errors import ModelError, OutputError, SettingsError, SourceError
from tracker.head import Basis, load_head
from tracker.session.compare import compare, jitter
from tracker.session.corrections import (
    CORRECTIONS,
    Correction,
    Layer,
    corrected,
    read_corrections,
    save_corrections,
    with_corrections,
)
from tracker.session.export import Choices, export, export_all
from tracker.session.own_points import POINTS_FILE, TABLE, OwnPoint, read_points, save_points
from tracker.session.record import Recorder
from tracker.session.replay import Session, open_session
from tracker.session.reprocess import reprocess
from tracker.settings import Filter
from tracker.types import Tracked

FRAMES = np.arange(100)
HEAD = Basis(load_head())


def point(frame: int, x: float, y: float, reach: tuple[int, int] = (0, 0), landmark: int = 3) -> Correction:
    return Correction(frame, frame / 30, 1, "ibug68", landmark, x, y, (10.0, 20.0), reach=reach, id=str(frame))


def still(landmarks: int = 5) -> np.ndarray:
    return np.tile(np.array([10.0, 20.0]), (100, landmarks, 1))


anchors = st.lists(
    st.builds(
        point, st.integers(0, 99), st.floats(-50, 50), st.floats(-50, 50),
        st.tuples(st.integers(0, 30), st.integers(0, 30)),
    ), max_size=6, unique_by=lambda one: one.frame,
)  # fmt: skip


@given(anchors)
@settings(max_examples=60, deadline=None)
def test_a_correction_holds_in_its_frame_and_moves_no_more_than_it_reaches(items: list[Correction]) -> None:
    points = still()
    moved = corrected(points, Layer(tuple(items)), FRAMES, "ibug68", 1)
    np.testing.assert_array_equal(np.delete(moved, 3, axis=1), np.delete(points, 3, axis=1))
    for one in items:
        assert moved[one.frame, 3].tolist() == [one.x, one.y]
    if items:
        first = min(one.frame - one.reach[0] for one in items)
        last = max(one.frame + one.reach[1] for one in items)
        untouched = (first > FRAMES) | (last < FRAMES)
        np.testing.assert_array_equal(moved[untouched], points[untouched])
        farthest = max(float(np.linalg.norm(one.moved)) for one in items)
        assert np.linalg.norm(moved[:, 3] - points[:, 3], axis=1).max() <= 2 * farthest + 1e-9
    assert np.array_equal(points, still())  # the measurement itself stays


def test_fading_is_smooth_and_two_that_reach_each_other_pass_into_one_another() -> None:
    alone = corrected(still(), Layer((point(50, 20.0, 20.0, (10, 10)),)), FRAMES, "ibug68", 1)[:, 3, 0] - 10
    assert alone[50] == 10 and alone[39] == 0 == alone[61]
    assert (np.diff(alone[39:51]) > 0).all() and np.abs(np.diff(alone)).max() < 2.0
    both = Layer((point(40, 20.0, 20.0, (0, 12)), point(60, 20.0, 20.0, (12, 0))))
    between = corrected(still(), both, FRAMES, "ibug68", 1)[40:61, 3, 0]
    np.testing.assert_allclose(between, 20.0)  # the same move on both sides stays between them
    apart = Layer((point(40, 20.0, 20.0, (0, 5)), point(60, 20.0, 20.0, (5, 0))))
    assert corrected(still(), apart, FRAMES, "ibug68", 1)[50, 3, 0] == 10.0


def test_what_cannot_be_corrected_stays_as_it_is() -> None:
    points = still()
    points[50] = np.nan
    layer = Layer((point(50, 1.0, 1.0, (3, 3)), point(10, 1.0, 1.0, landmark=99)))
    moved = corrected(points, layer, FRAMES, "ibug68", 1)
    assert np.isnan(moved[50]).all() and moved[51, 3, 0] < 10
    for layout, face in (("mediapipe478", 1), ("ibug68", 2)):
        np.testing.assert_array_equal(corrected(still(), layer, FRAMES, layout, face), still())


def test_a_layer_is_a_file_of_its_own(tmp_path: Path) -> None:
    layer = Layer().put(replace(point(7, 1.5, 2.5, (4, 5)), author="ada", which="raw", run="calm"))
    again = layer.put(replace(point(7, 3.0, 4.0), id="new"))
    assert len(again) == 1 and again.items[0].id == "new"  # one a place
    save_corrections(tmp_path, layer)
    (read,) = read_corrections(tmp_path).items
    assert read == layer.items[0] and read.created and read.author == "ada"
    about = json.loads((tmp_path / CORRECTIONS).read_text())
    strange = {"id": "x", "frame": "seven"}
    (tmp_path / CORRECTIONS).write_text(json.dumps({**about, "items": [*about["items"], strange]}))
    held = read_corrections(tmp_path)
    save_corrections(tmp_path, held.without([read.id]))
    assert json.loads((tmp_path / CORRECTIONS).read_text())["items"] == [strange]
    save_corrections(tmp_path, Layer())
    assert not (tmp_path / CORRECTIONS).exists() and len(read_corrections(tmp_path)) == 0
    for bad, says in (
        ("{", "damaged"),
        ('{"schema": "stillpoint.corrections", "schema_version": {"major": 9}}', "Update"),
    ):
        (tmp_path / CORRECTIONS).write_text(bad)
        with pytest.raises(SourceError, match=says):
            read_corrections(tmp_path)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("session") / "one"
    recorder, stage = Recorder(out, annotated=False), Stage()
    recorder.open(INFO)
    for i in range(60):
        recorder.write(stage(i))
    recorder.close()
    return out


@pytest.fixture
def session(recorded: Path, tmp_path: Path) -> Session:
    shutil.copytree(recorded, tmp_path / "copy")
    return replace(open_session(tmp_path / "copy"), basis=BASIS)


def test_every_export_can_have_the_corrections_in_it(session: Session, tmp_path: Path) -> None:
    was = session.showing("stable").values("ibug68")[20].reshape(-1, 2)[8]
    one = Correction(20, 0.6, 1, "ibug68", 8, 5.0, 6.0, (float(was[0]), float(was[1])), reach=(2, 0), author="ada")
    layer = Layer().put(one)
    fixed = with_corrections(session, layer)
    before, after = session.column("stable_ibug68"), fixed.column("stable_ibug68")
    assert after[20].reshape(-1, 2)[8].tolist() == [5.0, 6.0]
    changed = np.flatnonzero((before != after).any(1) & np.isfinite(before).all(1))
    assert changed.tolist() == [18, 19, 20]
    np.testing.assert_array_equal(session.column("raw_yaw_deg"), fixed.column("raw_yaw_deg"))
    export(fixed, "csv", tmp_path / "fixed.csv")
    line = (tmp_path / "fixed.csv").read_text().splitlines()
    cells = dict(zip(line[0].split(","), line[21].split(","), strict=True))
    assert (cells["stable_x8"], cells["stable_y8"]) == ("5.000", "6.000")
    for shown in (session, fixed):
        export(shown, "bids", tmp_path / str(shown is fixed))
        (sidecar,) = (tmp_path / str(shown is fixed)).rglob("*_motion.json")
        assert ("moved by hand" in sidecar.read_text()) is (shown is fixed)


def test_a_landmark_of_ones_own_is_computed_for_every_row(session: Session) -> None:
    """On the real head model: the column says what the basis says of each recorded state."""
    real = replace(session, basis=HEAD)
    nose = OwnPoint("nose_tip", (0.0, -0.03, 0.05), 4, 30.0, 20.0, "ada")
    shares: list[float] = []
    save_points(real, [nose, OwnPoint("brow", (0.03, 0.02, 0.03))], shares.append)
    table = pq.read_table(session.folder / TABLE)
    assert table.num_rows == session.rows and shares[-1] == 1.0
    queries = np.array([nose.query])
    for row in (0, 20, 59):
        for which in ("raw", "stable"):
            face = real.showing(which).face(row)  # type: ignore[arg-type]
            assert face is not None
            x, y = (table[f"{which}_nose_tip_{axis}"][row].as_py() for axis in "xy")
            np.testing.assert_allclose([x, y], face.landmarks_px(queries)[0], atol=1e-3)
    assert table["raw_brow_x"][45].as_py() is None is table["stable_brow_x"][49].as_py()  # the face was lost
    export(real, "csv", session.folder / "out.csv")
    header, line = (session.folder / "out.csv").read_text().splitlines()[:2]
    cells = dict(zip(header.split(","), line.split(","), strict=True))
    assert float(cells["raw_nose_tip_x"]) == pytest.approx(table["raw_nose_tip_x"][0].as_py(), abs=1e-3)
    (first, _) = read_points(session.folder)
    assert (first.name, first.author, first.frame) == ("nose_tip", "ada", 4) and first.created
    save_points(real, [])
    assert read_points(session.folder) == () and not (session.folder / TABLE).exists()


def test_names_and_models_that_cannot_be_are_told(session: Session) -> None:
    for names in (["a b"], ["x", "x"], [""]):
        with pytest.raises(SettingsError, match="cannot be called"):
            save_points(session, [OwnPoint(name, (0.0, 0.0, 0.05)) for name in names])
    with pytest.raises(ModelError, match="not installed"):
        save_points(replace(session, basis=None), [OwnPoint("a", (0.0, 0.0, 0.05))])
    assert not (session.folder / TABLE).exists()


def test_two_passes_are_compared(session: Session) -> None:
    same = compare(session, session)
    seen = int(np.isfinite(session.take().values("scale")).sum())
    assert same.figures.max_px == 0.0 and same.figures.both == seen >= 50 and same.figures.frames == 60
    assert same.figures.jitter[0] == same.figures.jitter[1] > 0
    reprocess(session, Filter(method="none"), "bare")
    bare = open_session(session.folder, "bare")
    found = compare(session, bare)
    one, two = (s.take().values("ibug68").reshape(60, -1, 2) for s in (session, bare))
    away = np.linalg.norm(one - two, axis=2)
    assert found.figures.mean_px == pytest.approx(np.nanmean(away)) and found.figures.max_px == np.nanmax(away)
    assert found.figures.jitter[1] > found.figures.jitter[0]  # the filter's work
    assert np.isnan(found.distance[49]) and found.distance[10] == pytest.approx(away[10].mean())
    assert 0 < found.figures.mean_share < found.figures.max_share


def test_sessions_of_one_video_are_matched_by_time(session: Session, tmp_path: Path) -> None:
    out = tmp_path / "half"
    recorder, stage = Recorder(out, annotated=False), Stage()
    recorder.open(INFO)
    for i in range(0, 60, 2):
        recorder.write(replace_index(stage(i, 7.0 + i / 30), i // 2))
    recorder.close()
    found = compare(session, open_session(out))
    assert found.other[::2].tolist() == list(range(30)) and (found.other[1::2] == -1).all()
    assert 25 <= found.figures.both <= 30


def replace_index(tracked: Tracked, index: int) -> Tracked:
    """The same frame under another number."""
    return replace(
        tracked,
        raw=replace(tracked.raw, frame=replace(tracked.raw.frame, index=index)),
        stable=replace(tracked.stable, frame=replace(tracked.stable.frame, index=index)),
    )


def test_jitter_of_a_straight_motion_is_none() -> None:
    points = still(68) + np.arange(100)[:, None, None] * 0.5
    points[:, 36] -= 5
    points[:, 45] += 5
    assert jitter(points) == pytest.approx(0.0, abs=1e-9)
    shaken = points + np.random.default_rng(0).normal(size=points.shape)
    assert jitter(shaken) > 5 and np.isnan(jitter(points[:2]))


def test_jitter_is_the_second_difference_in_percent_of_the_eyes_distance() -> None:
    points = np.zeros((20, 68, 2))
    points[:, 45, 0] = 80.0  # the other eye's outer corner, from landmark 36
    points[::2, :, 1] += 1.0  # up and down by a pixel: by two from one step to the next
    assert jitter(points) == pytest.approx(100.0 * 2.0 / 80.0)


def test_two_who_correct_one_session_keep_each_others(tmp_path: Path) -> None:
    """Each saves what it changed since it last read or saved."""
    start = save_corrections(tmp_path, Layer().put(point(1, 1.0, 1.0)).put(point(2, 2.0, 2.0)))
    save_corrections(tmp_path, start.without(["1"]).put(point(3, 3.0, 3.0)), start)
    merged = save_corrections(tmp_path, start.put(point(4, 4.0, 4.0)), start)
    assert {one.frame for one in merged.items} == {2, 3, 4} and merged.same(read_corrections(tmp_path))
    assert save_corrections(tmp_path, merged.without(["4"]), merged).same(merged.without(["4"]))


def test_two_who_add_landmarks_to_one_session_keep_each_others(session: Session) -> None:
    real = replace(session, basis=HEAD)
    start = save_points(real, [OwnPoint("nose", (0.0, -0.03, 0.05)), OwnPoint("brow", (0.03, 0.02, 0.03))])
    save_points(real, [start[0], OwnPoint("chin", (0.0, -0.1, 0.03))], before=start)
    merged = save_points(real, [*start, OwnPoint("ear", (0.05, 0.0, 0.0))], before=start)
    assert [one.name for one in merged] == ["nose", "chin", "ear"] and merged == read_points(session.folder)
    columns = pq.read_schema(session.folder / TABLE).names
    assert "raw_ear_x" in columns and "raw_chin_x" in columns and "raw_brow_x" not in columns


@pytest.mark.parametrize("text", ['{"half', "[]", '{"schema": "other", "schema_version": {"major": 1}, "items": []}'])
def test_files_that_cannot_be_read_stop_no_export_and_outlive_what_is_saved(
    session: Session, tmp_path: Path, text: str
) -> None:
    real, folder = replace(session, basis=HEAD), session.folder
    for name in (CORRECTIONS, POINTS_FILE, TABLE, "markers.json"):
        (folder / name).write_text(text)
    said: list[str] = []
    written = export_all(real, ["csv", "report", "bids", "bvh"], tmp_path / "out", Choices(), tell=said.append)
    assert all(path.exists() for path in written) and len(said) == 3
    assert [any(name in sentence for sentence in said) for name in (CORRECTIONS, TABLE, "markers.json")] == [True] * 3
    save_corrections(folder, Layer().put(point(1, 1.0, 1.0)), Layer())
    save_points(real, [OwnPoint("nose", (0.0, -0.03, 0.05))], before=())
    for name in (CORRECTIONS, POINTS_FILE):
        assert (folder / f"{name}.broken").read_text() == text
    assert len(read_corrections(folder)) == 1 == len(read_points(folder))


def test_a_format_that_cannot_be_written_does_not_stop_the_others(session: Session, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no markers"):
        export_all(replace(session, basis=HEAD), ["stills", "csv"], tmp_path)
    assert (tmp_path / "frames.csv").is_file()
    with pytest.raises(OutputError, match=r"no markers.*no clean video"):
        export_all(replace(session, basis=HEAD), ["stills", "overlay", "bvh"], tmp_path)
    assert (tmp_path / "head.bvh").is_file()


def test_an_overwritten_recording_takes_what_was_laid_over_it_along(recorded: Path, tmp_path: Path) -> None:
    shutil.copytree(recorded, tmp_path / "old")
    for name in (CORRECTIONS, POINTS_FILE, TABLE, "frames_calm.parquet", "notes.txt"):
        (tmp_path / "old" / name).write_text("old")
    Recorder(tmp_path / "old", overwrite=True)
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["notes.txt"]


def test_what_was_edited_beyond_use_is_told(session: Session, tmp_path: Path) -> None:
    for rate in (-3.0, 0.0, float("nan"), 1e9):
        with pytest.raises(SettingsError, match="1 to 1000"):
            export(session, "bvh", tmp_path / "a.bvh", rate=rate)
    with pytest.raises(SettingsError, match=r"default.*rts"):
        reprocess(session, Filter(method="nope"))
    about = json.loads((session.folder / "session.json").read_text())
    (session.folder / "session.json").write_text(json.dumps({**about, "source": None, "counts": 3}))
    with pytest.raises(SourceError, match="counts, source should be an object"):
        open_session(session.folder)


def test_a_table_that_another_program_saved_is_read(session: Session) -> None:
    """Lists of any length, counts as floats, words as categories: as data frames write them."""
    path = session.folder / "frames.parquet"
    table = pq.read_table(path)
    fields = []
    for field in table.schema:
        kind = field.type
        if pa.types.is_fixed_size_list(kind):
            kind = pa.large_list(pa.float64())
        elif pa.types.is_integer(kind):
            kind = pa.float64()
        elif pa.types.is_string(kind):
            kind = pa.dictionary(pa.int8(), pa.string())
        fields.append(pa.field(field.name, kind))
    columns = [pa.array(column.to_pylist(), field.type) for column, field in zip(table.columns, fields, strict=True)]
    pq.write_table(pa.table(columns, schema=pa.schema(fields)), path)
    again = replace(open_session(session.folder), basis=BASIS)
    assert again.column("state").tolist() == session.column("state").tolist()
    for name in ("frame_index", "stable_ibug68", "raw_rotation"):
        np.testing.assert_array_equal(again.column(name), session.column(name))
    assert again.face(0) is not None and (again.take().rows == session.take().rows).all()
