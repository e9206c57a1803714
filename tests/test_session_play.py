"""A session shown in any order: the right picture with the right landmarks, no step further than needed."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from patience import PATIENCE_S
from synthetic import BASIS
from test_session import INFO, Stage

from tracker.errors import SourceError
from tracker.session.corrections import Correction, Layer
from tracker.session.play import Beside, Feed, Shown, View
from tracker.session.record import Recorder
from tracker.session.replay import Session, open_session
from tracker.session.rows import Rows, read_values
from tracker.session.seek import PictureReader, rgb_of, stamps_of
from tracker.session.timeline import timeline_of
from tracker.types import Tracked

GAP = range(55, 60)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tracked]]:
    """100 frames of which five were dropped; grey levels tell the pictures."""
    out = tmp_path_factory.mktemp("session") / "one"
    recorder, stage = Recorder(out, annotated=False, clean=True), Stage()
    recorder.open(INFO)
    tracked = [stage(i, 50.0 + i / 30) for i in range(100) if i not in GAP]
    for one in tracked:
        recorder.write(one)
    recorder.close()
    return out, tracked


@pytest.fixture
def session(recorded: tuple[Path, list[Tracked]]) -> Session:
    return replace(open_session(recorded[0]), basis=BASIS)


def grey(image: np.ndarray) -> int:
    """Which frame a picture is of."""
    return round((float(image.mean()) - 20) / 2)


@pytest.fixture
def reader(session: Session) -> Iterator[PictureReader]:
    line = timeline_of(session)
    assert session.video is not None
    made = PictureReader(session.video, stamps_of(line.time[line.positions]))
    yield made
    made.close()


def test_the_timeline_knows_every_captured_frame(session: Session) -> None:
    line = timeline_of(session)
    assert len(line) == 100 and line.index.tolist() == list(range(100))
    assert [int(i) for i in np.flatnonzero(line.state == "dropped")] == list(GAP)
    assert [int(i) for i in np.flatnonzero(np.isin(line.state, ("lost", "held")))] == list(range(40, 50))
    assert line.picture[54] == 54 and line.picture[57] == -1 and line.picture[60] == 55
    assert line.time[30] == pytest.approx(1.0) and line.duration == pytest.approx(100 / 30)
    assert [line.at(t) for t in (-1.0, 0.0, 0.99, 1.0, 1.034, 99.0)] == [0, 0, 29, 30, 31, 99]


def test_any_picture_is_found_in_any_order(reader: PictureReader) -> None:
    for number in (94, 3, 50, 49, 51, 0, 94, 30, 29):
        found = reader.read(number)
        assert found is not None and found[0] == number
        frame = number if number < 55 else number + 5
        assert abs(grey(rgb_of(found[1])) - frame) <= 1  # the codec rounds
    assert reader.read(95) is None and reader.read(-1) is None


def test_no_more_is_decoded_than_a_keyframe_asks_for(session: Session) -> None:
    """Seeks go to the keyframe before; what was seen lately is not decoded again."""
    line = timeline_of(session)
    assert session.video is not None
    reader = PictureReader(session.video, stamps_of(line.time[line.positions]))
    reader.read(94)
    keys = reader.keyframes
    assert keys[0] == 0 and 90 in keys
    assert reader.decoded == 94 - max(key for key in keys if key <= 94) + 1
    before = reader.decoded
    assert [reader.read(n) is not None for n in (93, 92, 91, 94)] == [True] * 4
    assert reader.decoded == before
    reader.read(15)
    assert reader.decoded == before + 16
    reader.read(18)
    assert reader.decoded == before + 19  # on from where it stands
    reader.close()


def test_memory_has_a_bound(session: Session) -> None:
    line = timeline_of(session)
    assert session.video is not None
    reader = PictureReader(session.video, stamps_of(line.time[line.positions]), cache_bytes=10 * 64 * 48 * 3 // 2)
    for number in range(60):
        reader.read(number)
    assert len(reader._cache) <= 10
    found = reader.read(0)
    assert found is not None and found[0] == 0
    reader.close()


def test_a_wish_that_is_stale_is_left_on_the_way(reader: PictureReader) -> None:
    asked = iter([False, False, True])
    found = reader.read(20, lambda: next(asked))
    assert found is not None and found[0] == 2
    assert reader.read(20) is not None


def test_faces_have_the_points_of_the_table(recorded: tuple[Path, list[Tracked]], session: Session) -> None:
    rows = Rows(session)
    image = np.zeros((48, 64, 3), np.uint8)
    for position, original in ((0, 0), (33, 33), (60, 55), (80, 75)):
        tracked, wanted = rows.tracked(position, image), recorded[1][original]
        assert tracked.raw.frame.index == wanted.raw.frame.index
        for got, had in ((tracked.raw, wanted.raw), (tracked.stable, wanted.stable)):
            assert [face.id for face in got.faces] == [face.id for face in had.faces]
            for one, other in zip(got.faces, had.faces, strict=True):
                for layout in ("ibug68", "mediapipe478"):
                    np.testing.assert_array_equal(one.landmarks_px(layout), other.landmarks_px(layout))
                    if got is tracked.raw:
                        np.testing.assert_array_equal(one.std_px(layout), other.std_px(layout))
                np.testing.assert_array_equal(one.state.expression, other.state.expression)
    assert rows.tracked(45, image).raw.faces == () == rows.tracked(57, image).stable.faces
    held = rows.tracked(41, image).stable.faces[0]  # the filter's word, of a face that nobody saw
    np.testing.assert_array_equal(held.landmarks_px(), recorded[1][41].stable.faces[0].landmarks_px())
    assert held.held == pytest.approx(2 / 30) == recorded[1][41].stable.faces[0].held


def test_a_long_table_is_read_by_groups(recorded: tuple[Path, list[Tracked]], tmp_path: Path) -> None:
    """The same faces whether the table has one group of rows or many."""
    folder = tmp_path / "copy"
    shutil.copytree(recorded[0], folder)
    table = pq.read_table(folder / "frames.parquet")
    pq.write_table(table, folder / "frames.parquet", row_group_size=7)
    session = replace(open_session(folder), basis=BASIS)
    whole, parts = Rows(replace(open_session(recorded[0]), basis=BASIS)), Rows(session)
    for position in (99, 0, 41, 62, 13, 98):
        for row in (int(whole.timeline.row[position]),):
            one, other = whole.face(row, "stable"), parts.face(row, "stable")
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                np.testing.assert_array_equal(one.landmarks_px("mediapipe478"), other.landmarks_px("mediapipe478"))
    np.testing.assert_array_equal(
        read_values(session, "stable_mediapipe478", 5), session.column("stable_mediapipe478")[:, 5]
    )
    np.testing.assert_array_equal(read_values(session, "step_s"), session.column("step_s"))
    with pytest.raises(SourceError, match="no column 'novelty'"):
        read_values(session, "novelty", 1)
    with pytest.raises(SourceError, match="no single numbers"):
        read_values(session, "state")


def test_a_recording_that_was_cut_off_is_shown_from_its_stream(
    recorded: tuple[Path, list[Tracked]], tmp_path: Path
) -> None:
    folder = tmp_path / "cut"
    shutil.copytree(recorded[0], folder)
    table = pq.read_table(folder / "frames.parquet")
    (folder / "frames.parquet").unlink()
    with pa.OSFile(str(folder / "frames.arrows"), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        for batch in table.to_batches(max_chunksize=30):
            stream.write_batch(batch)
    data = (folder / "frames.arrows").read_bytes()
    (folder / "frames.arrows").write_bytes(data[: int(len(data) * 0.7)])
    session = replace(open_session(folder), basis=BASIS)
    rows = Rows(session)
    assert 30 <= len(rows.timeline) < 100
    face = rows.tracked(29, np.zeros((48, 64, 3), np.uint8)).stable.faces[0]
    np.testing.assert_array_equal(face.landmarks_px("ibug68"), recorded[1][29].stable.faces[0].landmarks_px("ibug68"))


class Watch:
    """What a feed delivered; `wait` for a frame with a timeout."""

    def __init__(self) -> None:
        self.seen: list[Shown] = []
        self.trouble: list[str] = []
        self._changed = threading.Condition()

    def show(self, shown: Shown) -> None:
        with self._changed:
            self.seen.append(shown)
            self._changed.notify_all()

    def wait(self, position: int) -> Shown:
        with self._changed:
            there = self._changed.wait_for(
                lambda: bool(self.seen) and self.seen[-1].position == position and self.seen[-1].final, PATIENCE_S
            )
            assert there, f"frame {position} never came: {[one.position for one in self.seen]} {self.trouble}"
            return self.seen[-1]


def test_the_newest_wish_is_shown_and_picture_and_landmarks_belong_together(session: Session) -> None:
    watch = Watch()
    feed = Feed(View(Rows(session)), watch.show, watch.trouble.append)
    for position in (90, 10, 75, 33, 62):
        feed.wish(position)
    watch.wait(62)
    for shown in watch.seen:  # also those on the way
        frame = shown.tracked.raw.frame
        assert abs(grey(frame.image) - shown.position) <= 1 and frame.index == shown.position
    feed.wish(57)  # dropped: the last picture before it, and no face
    shown = watch.wait(57)
    assert grey(shown.tracked.raw.frame.image) == 54 and shown.tracked.raw.faces == ()
    feed.close()
    assert not watch.trouble


def test_corrections_and_a_second_pass_come_along(session: Session) -> None:
    watch = Watch()
    was = session.take().values("ibug68").reshape(-1, 68, 2)[33, 5]
    one = Correction(33, 1.1, 1, "ibug68", 5, 40.0, 41.0, (float(was[0]), float(was[1])))
    beside = Beside(Rows(session.showing("raw")), np.arange(100))
    feed = Feed(View(Rows(session), Layer().put(one), beside), watch.show, watch.trouble.append)
    feed.wish(33)
    shown = watch.wait(33)
    feed.close()
    face, measured = shown.tracked.stable.faces[0], shown.measured.stable.faces[0]
    assert face.landmarks_px("ibug68")[5].tolist() == [40.0, 41.0]
    assert measured.landmarks_px("ibug68")[5].tolist() == pytest.approx(was.tolist())
    rest = np.delete(np.arange(68), 5)
    np.testing.assert_array_equal(face.landmarks_px("ibug68")[rest], measured.landmarks_px("ibug68")[rest])
    assert shown.other is not None and shown.other.raw.frame.index == 33


def test_a_long_way_shows_its_keyframe_meanwhile(session: Session) -> None:
    watch = Watch()
    feed = Feed(View(Rows(session)), watch.show, watch.trouble.append)
    feed.wish(94)  # picture 89: decoded from 60 on
    watch.wait(94)
    feed.close()
    assert [(one.position, one.final) for one in watch.seen] == [(65, False), (94, True)]


@pytest.mark.parametrize("video", ["missing", "broken"])
def test_without_its_video_a_session_still_shows_its_landmarks(
    recorded: tuple[Path, list[Tracked]], tmp_path: Path, video: str
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(recorded[0], folder)
    (folder / "video.mkv").unlink()
    if video == "broken":
        (folder / "video.mkv").write_bytes(b"no video at all")
    watch = Watch()
    feed = Feed(View(Rows(replace(open_session(folder), basis=BASIS))), watch.show, watch.trouble.append)
    feed.wish(12)
    shown = watch.wait(12)
    feed.close()
    assert shown.tracked.raw.frame.image.shape == (48, 64, 3) and len(shown.tracked.stable.faces) == 1
    assert bool(watch.trouble) == (video == "broken")


def test_a_column_that_is_gone_leaves_its_faces_out(recorded: tuple[Path, list[Tracked]], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(recorded[0], folder)
    table = pq.read_table(folder / "frames.parquet")
    pq.write_table(table.drop_columns(["stable_scale", "stable_ibug68"]), folder / "frames.parquet")
    tracked = Rows(replace(open_session(folder), basis=BASIS)).tracked(5, np.zeros((48, 64, 3), np.uint8))
    assert len(tracked.raw.faces) == 1 and tracked.stable.faces == ()


def test_stamps_always_rise() -> None:
    assert stamps_of(np.array([5.0, 5.0333, 5.0333, 5.0334, 5.1])).tolist() == [0, 33, 34, 35, 100]
    assert stamps_of(np.zeros(0)).size == 0
