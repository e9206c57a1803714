"""What a recording does beside writing: the seconds before the button, a disk or an encoder that does not keep up, the
log, and what session.json says of who was recorded how."""

from __future__ import annotations

import json
import logging
import shutil
import threading
import uuid
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from patience import PATIENCE_S
from synthetic import make_face, make_state, result_of
from test_session import INFO, Stage

from tracker.errors import OutputError, SettingsError
from tracker.session.about import program_hash, recording_facts, uuid7
from tracker.session.columns import rows_of
from tracker.session.preroll import PreRoll
from tracker.session.record import Recorder
from tracker.session.replay import open_session
from tracker.session.room import END_S, WARN_S
from tracker.settings import Detection, Record, Settings
from tracker.types import Tracked, TrackResult

LIVE = replace(INFO, live=True)
Usage = namedtuple("Usage", "total used free")


def about(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "session.json").read_text(encoding="utf-8")))


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def write(folder: Path, indices: list[int], **options: Any) -> Recorder:
    recorder, stage = Recorder(folder, annotated=False, clean=True, **options), Stage()
    recorder.open(LIVE)
    for index in indices:
        recorder.write(stage(index))
    recorder.close()
    return recorder


def looks_at_every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the disk is here."""
    monkeypatch.setattr("tracker.session.record._LOOK_S", 0.0)
    monkeypatch.setattr("tracker.session.record._REST", 0.0)


# --- pre-roll


def test_a_preroll_keeps_the_last_seconds_only() -> None:
    ring, stage = PreRoll(1.0), Stage()
    for i in range(100):
        ring.write(stage(i))
        assert ring.held[0] <= 31
    taken = [one.raw.frame for one in ring.take(100)]
    assert [frame.index for frame in taken] == list(range(69, 100))
    for frame in taken:
        assert abs(float(frame.image.mean()) - (20 + 2 * frame.index)) < 1.5 and frame.image.shape == (48, 64, 3)
    assert ring.held == (0, 0)


def test_a_preroll_stays_within_its_memory() -> None:
    ring, stage = PreRoll(30.0, budget=10_000), Stage()
    for i in range(60):
        ring.write(stage(i))
    frames, size = ring.held
    assert 0 < size <= 10_000 and 0 < frames < 60
    with pytest.raises(SettingsError, match="from 0 to 30"):
        PreRoll(31.0)


def test_a_recording_begins_before_the_button(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a gap and without a frame twice, also where the ring is a frame ahead or behind."""
    monkeypatch.setattr("tracker.session.preroll._WAIT_S", PATIENCE_S)
    ring, stage = PreRoll(0.5), Stage()
    frames = [stage(i) for i in range(60)]
    recorder = Recorder(tmp_path / "s", annotated=False, clean=True, preroll=ring, limit_s=0.5)
    recorder.open(LIVE)
    for one in frames[:31]:
        ring.write(one)
    behind = threading.Thread(target=lambda: [ring.write(one) for one in frames[31:42]])
    behind.start()  # the recorder's first frame is 40: the ring has not seen all before it yet
    for one in frames[40:]:
        recorder.write(one)
    behind.join()
    assert recorder.full.is_set()
    recorder.close()
    index = pq.read_table(tmp_path / "s" / "frames.parquet")["frame_index"].to_pylist()
    assert index[0] in (25, 26) and index == list(range(index[0], 55))  # frame 41 was in the ring before, or not
    told = about(tmp_path / "s")["counts"]
    assert (told["before_the_button"], told["stored"], told["dropped"]) == (40 - index[0], len(index), 0)
    with av.open(str(tmp_path / "s" / "video.mkv")) as video:
        assert [round(frame.time * 30) for frame in video.decode(video=0)] == list(range(len(index)))
    ring.write(frames[50])
    assert ring.held[0] == 1  # it goes on when the recording is over


# --- disk and encoder


def test_a_disk_that_is_nearly_full_ends_the_recording_with_all_of_it_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([1 << 40, 20 << 20])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 40, 0, next(left, 1 << 20)))
    looks_at_every_frame(monkeypatch)
    told: list[str] = []
    recorder, stage = Recorder(tmp_path / "s", annotated=False, clean=True, on_message=told.append), Stage()
    recorder.open(LIVE)
    with pytest.raises(OutputError, match="nearly full"):
        for index in range(90):
            recorder.write(stage(index))
    count = recorder.frames
    recorder.write(stage(89))  # what still comes is left alone
    recorder.close()
    assert recorder.full.is_set() and recorder.problem is None and 1 < count < 90
    assert about(tmp_path / "s")["status"] == "complete" and "nearly full" in about(tmp_path / "s")["ended_by"]
    assert about(tmp_path / "s")["counts"]["stored"] == count == open_session(tmp_path / "s").rows
    assert WARN_S > END_S


def test_a_disk_with_little_room_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 40, 0, 30 << 20))
    looks_at_every_frame(monkeypatch)
    told: list[str] = []
    write(tmp_path / "s", list(range(90)), on_message=told.append)
    assert len(told) == 1 and "room for" in told[0]
    assert about(tmp_path / "s")["status"] == "complete"


def test_frames_that_the_recorder_had_no_time_for_are_counted_and_told(tmp_path: Path) -> None:
    """Frame 10 came after nine that were captured and tracked; frame 20 after nine that the camera's thread dropped."""
    told: list[str] = []
    recorder, stage = Recorder(tmp_path / "s", annotated=False, clean=True, on_message=told.append), Stage()
    recorder.open(LIVE)
    recorder._room.spent("encoder", 3600.0)  # whatever the disk takes here
    for index, dropped in ((0, 0), (10, 0), (20, 9), (21, 0)):
        one = stage(index)
        recorder.write(Tracked(replace(one.raw, dropped=dropped), one.stable))
    recorder.close()
    assert recorder.late == 9 and recorder.dropped == 18
    assert told == ["The encoder is too slow for this recording: 9 frames were not recorded so far."]
    counts = about(tmp_path / "s")["counts"]
    assert (counts["captured"], counts["dropped"], counts["dropped_by_recorder"]) == (22, 18, 9)
    assert [event["frames"] for event in events(tmp_path / "s") if event["event"] == "late"] == [9]


# --- log and session.json


def test_the_log_has_events_and_what_the_library_said(tmp_path: Path) -> None:
    recorder, stage = Recorder(tmp_path / "s", annotated=False), Stage()
    recorder.open(LIVE)
    recorder.write(stage(30))
    logging.getLogger("tracker.capture").warning("the cable is loose")
    recorder.close()
    logging.getLogger("tracker.capture").warning("too late")
    lines = events(tmp_path / "s")
    assert [line["event"] for line in lines] == ["opened", "log", "closed"]
    assert lines[1]["message"] == "the cable is loose" and lines[1]["time_s"] == 1.0
    assert lines[2]["frames"] == 1 and lines[0]["utc"] < lines[2]["utc"]


def test_the_session_says_who_and_how(tmp_path: Path) -> None:
    class Engine:
        engine_name = "onnx"

    settings = Settings(record=Record(subject="P07", consent="I agree to be filmed."), detection=Detection(focal=700.0))
    recorder, stage = Recorder(tmp_path / "s", clean=True, about=recording_facts(settings, Engine())), Stage()
    recorder.open(replace(LIVE, asked="1280x720 at 30", got="640x480 at 30"))
    recorder.write(stage(0))
    recorder.note("neutral_pose", {"time_s": 0.5, "rotation": np.eye(3).ravel().tolist()})
    recorder.close()
    told = about(tmp_path / "s")
    assert told["engine"] == "onnx" and told["detection"]["focal"] == 700.0
    assert told["subject"]["pseudonym"] == "P07" and told["consent"]["text"] == "I agree to be filmed."
    assert told["camera"]["asked"] == "1280x720 at 30" and told["camera"]["got"] == "640x480 at 30"
    assert told["camera"]["intrinsics"] == {"kind": "given", "f": 500.0, "cx": 320.0, "cy": 240.0, "distortion": []}
    assert told["neutral_pose"]["time_s"] == 0.5
    assert told["app"]["sha256"] == program_hash() and len(program_hash()) == 64
    assert uuid.UUID(told["session_id"]).version == 7


def test_identifiers_of_sessions_sort_by_time() -> None:
    made = [uuid.UUID(uuid7()) for _ in range(50)]
    assert len(set(made)) == 50 and all(one.version == 7 and one.variant == uuid.RFC_4122 for one in made)
    assert made[0].int >> 80 <= made[-1].int >> 80


def test_a_lossless_video_keeps_every_bit(tmp_path: Path) -> None:
    random, stage = np.random.default_rng(0), Stage()
    images = [random.integers(0, 256, (47, 65, 3), dtype=np.uint8) for _ in range(5)]
    recorder = Recorder(tmp_path / "s", annotated=False, clean=True, lossless=True)
    recorder.open(INFO)
    for i, image in enumerate(images):
        one = stage(i)
        frame = replace(one.raw.frame, image=image)
        recorder.write(Tracked(replace(one.raw, frame=frame), replace(one.stable, frame=frame)))
    recorder.close()
    with av.open(str(tmp_path / "s" / "video.mkv")) as video:
        shown = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(shown) == 5 and all(np.array_equal(a, b) for a, b in zip(shown, images, strict=True))


# --- rows


def test_a_face_that_only_the_filter_knows_is_held() -> None:
    """It has what the filter says and nothing that was measured."""
    face = make_face(make_state(angles=(10.0, 0.0, 0.0)), 3)
    lost = result_of(1.0, index=30)
    (row,) = rows_of(Tracked(lost, TrackResult(lost.frame, (face,))))
    assert (row["state"], row["face_id"]) == ("held", 3)
    np.testing.assert_array_equal(row["stable_ibug68"].reshape(68, 2), face.landmarks_px())
    assert not [name for name in row if name.startswith("raw_")] and "carried" not in row


def test_gaze_is_along_the_head_where_the_eyes_rest() -> None:
    face = make_face(make_state(angles=(20.0, -10.0, 5.0)))
    (row,) = rows_of(Tracked(result_of(0.0, face), result_of(0.0, face)))
    ahead = face.pose.rotation @ np.array([0.0, 0.0, 1.0])
    for side in ("left", "right"):
        np.testing.assert_allclose(row[f"raw_gaze_{side}"], ahead, atol=1e-6)
        np.testing.assert_allclose(row[f"stable_gaze_{side}"], ahead, atol=1e-6)
    assert ahead[2] < -0.9  # towards the camera


def test_rows_say_when_they_were_done() -> None:
    one = Stage()(3)
    (row,) = rows_of(replace(one, done=0.12))
    assert row["result_s"] == pytest.approx(0.12) and "result_s" not in rows_of(one)[0]
