"""What a recording leaves on the disk, read back by independent readers."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from synthetic import BASIS, make_face, make_state, noisy

from tracker.capture import SourceInfo, open_source
from tracker.errors import OutputError
from tracker.overlay import Style, annotate, draw_overlay
from tracker.pipeline import Pipeline
from tracker.session.columns import COLUMNS, CSV_HEADER, rows_of
from tracker.session.figure import calmest, draw_figure, read_track, smooth
from tracker.session.record import Recorder
from tracker.session.summary import Acceleration, Samples
from tracker.session.table import TableWriter, parquet_from_stream, read_stream
from tracker.session.video import VideoWriter
from tracker.settings import Filter
from tracker.temporal import Stabilizer
from tracker.types import Face, Frame, Tracked, TrackResult

INFO = SourceInfo("clip", "video", False, 64, 48, 30.0, 90)


def picture(index: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Grey that tells its index: 2 levels a frame."""
    return np.full((height, width, 3), 20 + 2 * (index % 100), np.uint8)


class Stage:
    """Tracked frames as a pipeline makes them: noise on a turning head, lost from 40 to 49, two faces from 70."""

    def __init__(self, width: int = 64, height: int = 48) -> None:
        self.random = np.random.default_rng(0)
        self.stabilizer = Stabilizer("default")
        self.size = width, height

    def __call__(self, index: int, time: float | None = None) -> Tracked:
        frame = Frame(picture(index, *self.size), index / 30 if time is None else time, index)
        state = make_state((32.0, 24.0), 180.0, (0.3 * index - 10, 5.0, 0.0))
        faces = [make_face(noisy(state, self.random, 0.2), 1)] if not 40 <= index < 50 else []
        if index >= 70:
            faces.append(make_face(make_state((20.0, 20.0), 90.0), 2))
        raw = TrackResult(frame, tuple(faces), {"step": 0.002})
        return Tracked(raw, replace(self.stabilizer.apply(raw), timings={"filter": 0.0002}))


def record(out: Path, count: int = 90, **options: Any) -> tuple[Recorder, list[Tracked]]:
    recorder, stage = Recorder(out, **options), Stage()
    recorder.open(INFO)
    tracked = [stage(i) for i in range(count)]
    for one in tracked:
        recorder.write(one)
    recorder.close()
    return recorder, tracked


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tracked]]:
    out = tmp_path_factory.mktemp("session") / "one"
    _, tracked = record(out, clean=True, filter=Filter(loss_s=0.25), model={"sha256": "abc"})
    return out, tracked


def test_one_row_a_frame_and_face(session: tuple[Path, list[Tracked]]) -> None:
    out, tracked = session
    table = pq.read_table(out / "frames.parquet")
    assert table.num_rows == 90 + 20  # twenty frames have two faces
    assert table["frame_index"].to_pylist() == sorted([*range(90), *range(70, 90)])
    lost = [row for row in table.to_pylist() if row["state"] == "lost"]
    held = [row["frame_index"] for row in table.to_pylist() if row["state"] == "held"]
    assert held == list(range(40, 47))  # the filter holds a lost face for a quarter of a second
    assert [row["frame_index"] for row in lost] == list(range(47, 50))
    for row in lost:
        named = {"frame_index", "video_index", "time_s", "state", "dropped_before", "step_s", "filter_s"}
        assert all(value is None for name, value in row.items() if name not in named)
    np.testing.assert_allclose(table["time_s"].to_numpy()[:90], [t.raw.frame.time for t in tracked[:70]] + [
        t for i in range(70, 80) for t in (i / 30, i / 30)])  # fmt: skip
    assert not (out / "frames.arrows").exists()


def test_the_table_holds_what_was_measured(session: tuple[Path, list[Tracked]]) -> None:
    out, tracked = session
    rows = pq.read_table(out / "frames.parquet").to_pylist()
    for index in (0, 33, 69):
        row, raw, stable = rows[index], tracked[index].raw.faces[0], tracked[index].stable.faces[0]
        for prefix, face in (("raw", raw), ("stable", stable)):
            for layout in ("ibug68", "mediapipe478"):
                points = np.array(row[f"{prefix}_{layout}"]).reshape(-1, 2)
                np.testing.assert_array_equal(points, face.landmarks_px(layout))
            np.testing.assert_array_equal(row[f"{prefix}_blendshapes"], face.state.expression)
            np.testing.assert_array_equal(row[f"{prefix}_identity"], face.state.identity)
            np.testing.assert_array_equal(np.reshape(row[f"{prefix}_rotation"], (3, 3)), face.state.rotation)
            assert row[f"{prefix}_yaw_deg"] == pytest.approx(face.pose.yaw_deg, abs=1e-4)
            assert row[f"{prefix}_tz_m"] == pytest.approx(face.pose.translation[2], rel=1e-6)
        assert row["raw_ibug68"] != row["stable_ibug68"] or index == 0
        assert row["face_id"] == 1 and row["state"] == "tracked"
        np.testing.assert_allclose([row[f"bbox_{c}"] for c in ("x0", "y0", "x1", "y1")], stable.bbox, rtol=1e-6)
        np.testing.assert_array_equal(row["std_px_ibug68"], raw.std_px("ibug68"))
        np.testing.assert_array_equal(row["visibility_ibug68"], stable.visibility("ibug68"))
        assert row["step_s"] == pytest.approx(0.002) and row["filter_s"] == pytest.approx(0.0002)


def test_a_state_can_be_made_from_a_row_again(session: tuple[Path, list[Tracked]]) -> None:
    """Re-processing starts from the table: the whole state is in there."""
    out, tracked = session
    row = pq.read_table(out / "frames.parquet").to_pylist()[5]
    names = ("rotation", "identity", "residual", "spread")
    arrays = {name: np.array(row[f"raw_{name}"], np.float32) for name in names}
    arrays["rotation"] = arrays["rotation"].reshape(3, 3)
    state = replace(
        make_state(),
        centre=np.array([row["raw_centre_x"], row["raw_centre_y"]], np.float32),
        scale=row["raw_scale"],
        nearness=row["raw_nearness"],
        expression=np.array(row["raw_blendshapes"], np.float32),
        **arrays,
    )
    expected = tracked[5].raw.faces[0].landmarks_px()
    np.testing.assert_allclose(Face(state, BASIS).landmarks_px(), expected, atol=1e-4)


def test_the_csv_says_the_same(session: tuple[Path, list[Tracked]]) -> None:
    out, _ = session
    with (out / "frames.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    rows = pq.read_table(out / "frames.parquet").to_pylist()
    assert tuple(lines[0]) == CSV_HEADER
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert int(line["frame_index"]) == row["frame_index"] and line["state"] == row["state"]
        if row["state"] == "lost":
            assert line["stable_x0"] == line["jawOpen"] == line["raw_yaw_deg"] == ""
        elif row["state"] == "held":
            assert line["raw_x30"] == "" and line["stable_x0"] != ""
        else:
            assert float(line["raw_x30"]) == pytest.approx(row["raw_ibug68"][60], abs=6e-4)
            assert float(line["stable_y67"]) == pytest.approx(row["stable_ibug68"][135], abs=6e-4)
            assert float(line["jawOpen"]) == pytest.approx(row["stable_blendshapes"][17], abs=6e-5)
            assert float(line["stable_yaw_deg"]) == pytest.approx(row["stable_yaw_deg"], abs=6e-4)


def decode(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as container:
        return [(float(f.pts * f.time_base), f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]


def test_both_videos_have_every_frame_at_its_time(session: tuple[Path, list[Tracked]]) -> None:
    out, tracked = session
    for name, exact in (("annotated.mp4", 1e-4), ("video.mkv", 6e-4)):
        frames = decode(out / name)
        assert len(frames) == 90
        np.testing.assert_allclose([t for t, _ in frames], [t.raw.frame.time for t in tracked], atol=exact)
    for index, (_, image) in enumerate(decode(out / "video.mkv")):
        assert abs(float(image.mean()) - (20 + 2 * index)) < 2.5


def test_the_session_file_says_what_it_is(session: tuple[Path, list[Tracked]]) -> None:
    out, _ = session
    about = json.loads((out / "session.json").read_text(encoding="utf-8"))
    assert about["schema"] == "stillpoint.session" and about["schema_version"] == {"major": 1, "minor": 2}
    assert about["status"] == "complete"
    counts = {"captured": 90, "stored": 90, "frames": 90, "rows": 110, "with_face": 80, "dropped": 0}
    counts.update(dropped_by_recorder=0, before_the_button=0, held=7)
    assert about["counts"] == counts
    assert about["source"]["name"] == "clip" and about["source"]["fps"] == 30.0
    assert about["filter"]["loss_s"] == 0.25 and about["model"] == {"sha256": "abc"}
    parquet = (out / "frames.parquet").read_bytes()
    told = {"bytes": len(parquet), "sha256": hashlib.sha256(parquet).hexdigest()}
    assert about["files"]["frames.parquet"] == told
    assert len(about["blendshapes"]) == 52


def test_the_summary_shows_a_calmer_face(session: tuple[Path, list[Tracked]]) -> None:
    out, tracked = session
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert (summary["frames"], summary["found"], summary["faces"]) == (90, 80, 2)
    assert summary["found_share"] == pytest.approx(80 / 90)
    assert summary["stages_ms"] == pytest.approx({"step": 2.0, "filter": 0.2})
    assert 0 < summary["stable_acceleration"] < summary["raw_acceleration"]
    yaws = [face.pose.yaw_deg for one in tracked for face in one.stable.faces]
    assert summary["yaw_deg"] == pytest.approx([min(yaws), max(yaws)], abs=1e-4)


def test_acceleration_is_the_second_difference_in_eye_distances() -> None:
    """A parabola of 2 px per frame^2: every point's second difference is 2 px long, eyes are 0.09 m apart."""
    measure = Acceleration()
    for i in range(10):
        measure.add((make_face(make_state((100.0 + i * i, 50.0), 1000.0, nearness=0.0)),))
    assert measure.mean() == pytest.approx(2.0 / 90.0 * 100.0, rel=1e-4)


def test_acceleration_needs_three_frames_of_one_face() -> None:
    measure = Acceleration()
    face, other = make_face(make_state(), 0), make_face(make_state((0.0, 0.0)), 1)
    for faces in ((face,), (face,), (), (face,), (other,), (face,), (face,)):
        measure.add(faces)
    assert measure.mean() is None


def test_samples_keep_the_median_in_little_memory() -> None:
    samples = Samples(64)
    for value in range(100_001):
        samples.add(float(value))
    assert samples.median() == pytest.approx(50_000, rel=0.05)
    assert len(samples._kept) < 64


def test_the_figure_shows_both_curves(session: tuple[Path, list[Tracked]]) -> None:
    out, tracked = session
    track = read_track(out / "frames.parquet")
    assert track.time.size == 90
    assert np.isnan(track.yaw[0][40:50]).all() and np.isfinite(track.yaw[0][:40]).all()
    np.testing.assert_allclose(track.x[1][7], tracked[7].stable.faces[0].landmarks_px()[30, 0], rtol=1e-6)
    path = smooth(track.time, track.x[0])
    assert np.isnan(path[40:50]).all() and np.isfinite(path[:40]).all()
    bent = 3.0 + 2.0 * track.time + 5.0 * track.time**2
    np.testing.assert_allclose(smooth(track.time, bent), bent, atol=1e-9)  # a head's own motion is no shaking
    image = cv2.imread(str(out / "stability.png"))
    assert image is not None and image.shape[1] == 1200
    colours = {tuple(c) for c in image.reshape(-1, 3).tolist()}
    assert (50, 120, 214) in colours and (190, 100, 20) in colours


def test_the_calmest_stretch_is_found() -> None:
    time = np.arange(600) / 30
    x = np.where((time > 8) & (time < 12), 5.0, 5 + 10 * np.sin(3 * time))
    from tracker.session.figure import Track

    where = calmest(Track(time, (x, x), (x, x), (x * 0, x * 0)))
    assert time[where.start] >= 8.0 and time[where.stop - 1] <= 12.0
    assert time[where.stop - 1] - time[where.start] > 2.8


def test_a_session_without_a_face_is_complete_too(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.open(INFO)
    for i in range(40, 50):
        recorder.write(Stage()(i))
    recorder.close()
    assert pq.read_table(tmp_path / "frames.parquet").num_rows == 10
    assert recorder.summary is not None
    assert recorder.summary.found == 0 and recorder.summary.raw_acceleration is None
    track = read_track(tmp_path / "frames.parquet")
    assert draw_figure(track, recorder.summary).shape[2] == 3


def test_a_kill_leaves_all_but_the_last_second_readable(tmp_path: Path) -> None:
    """The folder copied in the middle of a recording is what a kill would leave."""
    recorder, stage = Recorder(tmp_path / "live", clean=True), Stage()
    recorder.open(replace(INFO, live=True))
    for i in range(80):
        recorder.write(stage(i))
    shutil.copytree(tmp_path / "live", tmp_path / "killed")
    recorder.close()
    rows = sum(batch.num_rows for batch in read_stream(tmp_path / "killed" / "frames.arrows"))
    assert rows >= 80 - 31
    with (tmp_path / "killed" / "frames.csv").open(encoding="utf-8") as file:
        assert sum(1 for _ in file) - 1 == rows
    assert json.loads((tmp_path / "killed" / "session.json").read_text())["status"] == "recording"
    assert len(decode(tmp_path / "killed" / "video.mkv")) >= 80 - 40


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.77, 0.999])
def test_a_stream_cut_anywhere_gives_its_whole_batches(tmp_path: Path, share: float) -> None:
    table, stage = TableWriter(tmp_path), Stage()
    for i in range(150):
        table.add(rows_of(stage(i)))
    whole = (tmp_path / "frames.arrows").read_bytes()
    complete = sum(batch.num_rows for batch in read_stream(tmp_path / "frames.arrows"))
    table.close()
    cut = tmp_path / "cut.arrows"
    cut.write_bytes(whole[: int(share * len(whole))])
    rows = parquet_from_stream(cut, tmp_path / "repaired.parquet")
    kept = pq.read_table(tmp_path / "repaired.parquet")
    assert rows == kept.num_rows <= complete
    assert rows >= complete * share - 62  # of a batch of one second nothing is left
    original = pq.read_table(tmp_path / "frames.parquet")
    assert kept.equals(original.slice(0, rows))


def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    table, stage = TableWriter(tmp_path), Stage()
    for i in range(200):
        table.add(rows_of(stage(i)))
        assert len(table._waiting) <= 62
    table.close()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(OutputError, match="--overwrite"):
        Recorder(tmp_path)
    record(tmp_path, 10, overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "precious"
    with pytest.raises(OutputError, match="already holds a session"):
        Recorder(tmp_path)
    record(tmp_path, 5, overwrite=True, annotated=False)
    assert pq.read_table(tmp_path / "frames.parquet").num_rows == 5
    assert not (tmp_path / "annotated.mp4").exists()


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file.*cannot be written"):
        Recorder(tmp_path / "file" / "session")


def test_a_full_disk_ends_the_recording_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, stage = Recorder(tmp_path, annotated=False), Stage()
    recorder.open(INFO)
    for i in range(70):
        recorder.write(stage(i))

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(TableWriter, "flush", full)
        with pytest.raises(OutputError, match=r"No space left on device.*recording stopped"):
            for i in range(70, 200):
                recorder.write(stage(i % 90))
    recorder.close()  # the disk has space again: what was kept is finished
    assert pq.read_table(tmp_path / "frames.parquet").num_rows >= 70


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_video_on_a_disk_without_any_room_is_an_error_and_not_the_end_of_the_process(
    tmp_path: Path, name: str
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / name).symlink_to("/dev/full")
    video = VideoWriter(tmp_path / name, 30.0)
    with pytest.raises(OSError, match="No space left"):
        video.add(picture(0), 0.0)
    video.close()
    assert not list(tmp_path.iterdir())


def test_a_real_full_device_is_told_apart_from_a_bug() -> None:
    """/dev/full refuses every byte."""
    device = Path("/dev/full")
    if not device.exists():
        pytest.skip("this system has no /dev/full")
    recorder = Recorder.__new__(Recorder)
    recorder.out = device
    with pytest.raises(OutputError, match="No space left"), recorder._writing(), device.open("wb", buffering=0) as file:
        file.write(b"x")


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (63, 47), (640, 360)])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_any_size_can_be_encoded(tmp_path: Path, size: tuple[int, int], name: str) -> None:
    video = VideoWriter(tmp_path / name, 30.0)
    for i in range(5):
        video.add(picture(10 * i, *size), i / 30)
    video.close()
    frames = decode(tmp_path / name)
    assert len(frames) == 5
    assert abs(float(frames[4][1][: size[1], : size[0]].mean()) - 100) < 4


def test_sizes_that_change_are_fitted_into_the_first(tmp_path: Path) -> None:
    video = VideoWriter(tmp_path / "a.mp4", 30.0)
    for i, size in enumerate([(64, 48), (640, 480), (32, 200), (16, 16)]):
        video.add(picture(i, *size), i / 30)
    video.close()
    assert [image.shape for _, image in decode(tmp_path / "a.mp4")] == [(48, 64, 3)] * 4


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_uneven_and_repeated_times(tmp_path: Path, name: str) -> None:
    times = [5.0, 5.0, 5.033, 5.2, 5.1, float("nan"), 6.0]
    video = VideoWriter(tmp_path / name, 0.0)
    for i, time in enumerate(times):
        video.add(picture(i), time)
    video.close()
    got = [t for t, _ in decode(tmp_path / name)]
    assert len(got) == len(times)
    assert (np.diff(got) > 0).all()
    assert (got[0], got[-1]) == (0.0, 1.0)
    assert got[3] == pytest.approx(0.2, abs=1e-3)


def test_a_video_without_a_picture_leaves_no_file(tmp_path: Path) -> None:
    VideoWriter(tmp_path / "a.mkv", 30.0).close()
    assert not list(tmp_path.iterdir())


def _dots(centre: tuple[float, float], zoom: float = 1.0) -> np.ndarray:
    """Where a face whose 68 points all lie in `centre` is drawn: the weighted middle, Stillpoint's coordinates."""

    class Spot:
        def points(self, state: Any, layout: Any) -> np.ndarray:
            return np.zeros((68, 3), np.float32)

        def std(self, state: Any, layout: Any) -> np.ndarray:
            return np.full(68, 0.02, np.float32)

        def visibility(self, state: Any, layout: Any) -> np.ndarray:
            return np.ones(68, np.float32)

    face = Face(make_state(centre), Spot())
    result = TrackResult(Frame(np.zeros((100, 120, 3), np.uint8), 0.0), (face,))
    style = Style(box=False, axes=False, text=False, zoom=zoom)
    drawn = draw_overlay(result.frame.image, result, None, style).astype(float).sum(2)
    ys, xs = np.mgrid[:100, :120]
    return np.array([(drawn * xs).sum(), (drawn * ys).sum()]) / drawn.sum() + 0.5


@pytest.mark.parametrize("centre", [(60.5, 50.5), (60.0, 50.0), (33.25, 71.75)])
def test_points_are_drawn_where_they_are(centre: tuple[float, float]) -> None:
    """The middle of what is drawn, pixel centres at +0.5, is the point to a tenth of a pixel."""
    np.testing.assert_allclose(_dots(centre), centre, atol=0.05)
    np.testing.assert_allclose(_dots(centre, zoom=0.5), np.array(centre) / 2, atol=0.05)


def test_drawing_leaves_the_frame_as_it_is_and_survives_nonsense() -> None:
    tracked = Stage(320, 240)(10)
    before = tracked.raw.frame.image.copy()
    drawn = annotate(tracked, "mediapipe478")
    assert (tracked.raw.frame.image == before).all() and (drawn != before).any()
    nan = make_face(make_state((float("nan"), 3.0)))
    far = make_face(make_state((1e9, -1e9), 1e6))
    tiny = make_face(make_state((5.0, 5.0), 1e-3))
    for face in (nan, far, tiny):
        result = TrackResult(tracked.raw.frame, (face,))
        assert draw_overlay(before, result, result).shape == before.shape


def test_a_lost_face_is_written_on_the_picture() -> None:
    frame = Frame(picture(0, 320, 240), 0.0)
    result = TrackResult(frame, ())
    assert (draw_overlay(frame.image, result) != frame.image).any()
    assert (draw_overlay(frame.image, result, None, Style(text=False)) == frame.image).all()


def test_a_huge_frame_is_annotated_smaller() -> None:
    frame = Frame(np.zeros((4320, 7680, 3), np.uint8), 0.0)
    result = TrackResult(frame, (make_face(make_state((3840, 2160), 9000)),))
    image = annotate(Tracked(result, result))
    assert image.shape == (1080, 1920, 3)
    assert image[500:580, 900:1020].any()


def test_every_column_is_named_once() -> None:
    names = [column.name for column in COLUMNS]
    assert len(set(names)) == len(names)
    assert len(set(CSV_HEADER)) == len(CSV_HEADER)


def test_a_real_video_through_the_whole_pipeline(tmp_path: Path) -> None:
    """File in, session out: rows = frames = pictures, times to the millisecond."""
    times = np.cumsum([0.0, *np.tile([0.02, 0.05, 0.033], 20)])
    clip = VideoWriter(tmp_path / "clip.mp4", 30.0)
    for i, time in enumerate(times):
        clip.add(picture(i), float(time))
    clip.close()

    class Still:
        def step(self, frame: Frame) -> TrackResult:
            return TrackResult(frame, (make_face(make_state((32.0, 24.0), 180.0)),))

        def reset(self) -> None: ...

    recorder = Recorder(tmp_path / "out", clean=True)
    source = open_source(tmp_path / "clip.mp4")
    counters = Pipeline(source, Still(), Stabilizer(), [recorder]).run()
    assert counters.tracked == len(times)
    table = pq.read_table(tmp_path / "out" / "frames.parquet")
    np.testing.assert_allclose(table["time_s"].to_numpy(), times, atol=1e-3)
    assert len(decode(tmp_path / "out" / "annotated.mp4")) == len(times)
    np.testing.assert_allclose([t for t, _ in decode(tmp_path / "out" / "video.mkv")], times, atol=2e-3)
    assert recorder.summary is not None
    assert recorder.summary.stable_acceleration == pytest.approx(0.0, abs=1e-4)
