"""The shipped networks on the demo's photograph: found, followed, lost, found again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tracker import FaceTracker, Frame, StillpointError
from tracker.capture.demo import DemoSource
from tracker.detection.engines import load_engine
from tracker.detection.weights import load_weights
from tracker.errors import ModelError, SettingsError, SourceError
from tracker.head import EXPRESSIONS


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return list(DemoSource(seed=1, frames=45))


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker(engine="onnx", max_faces=2)


def test_the_demo_is_found_and_followed_as_one_face(frames: list[Frame]) -> None:
    tracker = FaceTracker(engine="onnx")
    results = [tracker.step(frame) for frame in frames]
    assert all(len(r.faces) == 1 for r in results)
    assert {r.faces[0].id for r in results} == {0}
    assert all(r.faces[0].presence > 0.5 for r in results)
    assert {"locate", "normalize", "landmarks"} <= set(results[-1].timings)


def test_landmarks_move_as_the_camera_moves(frames: list[Frame]) -> None:
    """Carried back by the known motion of each frame, a landmark stays where it is: within 3 % of the face."""
    tracker = FaceTracker(engine="onnx")
    back = []
    for frame in frames:
        face = tracker.step(frame).faces[0]
        points = np.c_[face.landmarks_px("ibug68"), np.ones(68)]
        assert frame.motion is not None
        carried = points @ np.linalg.inv(frame.motion).T
        back.append(carried[:, :2] / carried[:, 2:])
    still = np.stack(back)
    size = np.sqrt(np.prod(still.mean(0).max(0) - still.mean(0).min(0)))
    assert np.linalg.norm(still - still.mean(0), axis=-1).mean() / size < 0.03


def test_a_face_looks_as_it_should(frames: list[Frame], tracker: FaceTracker) -> None:
    (face,) = tracker.detect(frames[0].image)
    points = face.landmarks_px("ibug68")
    assert points[36:42, 0].mean() < points[42:48, 0].mean()  # the subject's right eye is on the image's left
    assert points[36:48, 1].mean() < points[30, 1] < points[48:68, 1].mean() < points[8, 1]
    assert abs(face.pose.yaw_deg) < 40
    assert 0.2 < face.pose.translation[2] < 5
    assert face.landmarks_px("mediapipe478").shape == (478, 2)
    assert face.landmarks_head("dense").shape == (1201, 3)
    assert (face.std_px("ibug68") > 0).all()
    assert ((face.visibility("ibug68") >= 0) & (face.visibility("ibug68") <= 1)).all()
    assert face.landmarks_px(np.full((5, 3), 0.04)).shape == (5, 2)


def test_boxes_given_bypass_the_locator_and_keep_their_order(frames: list[Frame], tracker: FaceTracker) -> None:
    (face,) = tracker.detect(frames[0].image)
    x0, y0, x1, y1 = face.bbox
    again, corner = tracker.detect(frames[0].image, bboxes=[face.bbox, (0.0, 0.0, 40.0, 40.0)])
    off = np.linalg.norm(again.landmarks_px() - face.landmarks_px(), axis=1).mean()
    assert off < 0.05 * (x1 - x0 + y1 - y0)
    assert (again.id, corner.id) == (0, 1)
    assert corner.presence < again.presence


def test_a_black_frame_loses_the_face_and_a_return_keeps_its_id(frames: list[Frame]) -> None:
    tracker = FaceTracker(engine="onnx")
    tracker.step(frames[0])
    black = Frame(np.zeros_like(frames[0].image), frames[1].time, 1)
    assert tracker.step(black).faces == ()
    assert tracker.step(frames[2]).faces[0].presence > 0.5
    tracker.reset()
    assert tracker.step(frames[3]).faces[0].id == 0


def test_a_face_that_comes_back_within_a_second_keeps_its_id_and_no_longer(frames: list[Frame]) -> None:
    tracker = FaceTracker(engine="onnx")
    empty = np.zeros_like(frames[0].image)
    shown = {0.0: frames[0].image, 0.1: empty, 0.5: empty, 0.9: frames[0].image, 1.0: empty, 2.5: frames[0].image}
    ids = [[face.id for face in tracker.step(Frame(image, t, i)).faces] for i, (t, image) in enumerate(shown.items())]
    assert ids == [[0], [], [], [0], [], [1]]


def test_of_two_faces_the_one_that_went_is_looked_for_in_every_frame(frames: list[Frame]) -> None:
    tracker = FaceTracker(engine="onnx", max_faces=2)
    both = np.concatenate([frames[0].image, frames[0].image[:, ::-1]], axis=1)
    one = both.copy()
    one[:, frames[0].image.shape[1] :] = 0
    shown = [both, both, one, one, one, both]
    ids = [sorted(f.id for f in tracker.step(Frame(image, i / 30, i)).faces) for i, image in enumerate(shown)]
    assert ids[1] == [0, 1] and len(ids[2]) == len(ids[4]) == 1
    assert ids[5] == [0, 1]


def test_a_second_face_is_found_within_half_a_second_at_any_pace(frames: list[Frame]) -> None:
    tracker = FaceTracker(engine="onnx", max_faces=2)
    both = np.concatenate([frames[0].image, frames[0].image[:, ::-1]], axis=1)
    one = both.copy()
    one[:, frames[0].image.shape[1] :] = 0
    found = [len(tracker.step(Frame(one if i < 2 else both, i / 8, i)).faces) for i in range(5)]
    assert found[:2] == [1, 1] and found[4] == 2


def test_a_followed_face_says_how_its_pixels_moved(frames: list[Frame]) -> None:
    tracker = FaceTracker(engine="onnx")
    before = tracker.step(frames[0])
    for frame in frames[1:8]:
        result = tracker.step(frame)
        assert frame.motion is not None and before.frame.motion is not None and result.faces[0].carried is not None
        place = np.append(before.faces[0].state.centre, 1.0)
        truth = frame.motion @ np.linalg.solve(before.frame.motion, place)
        assert np.linalg.norm(result.faces[0].carried[:, :3] @ place - truth[:2] / truth[2]) < 0.3  # it moved by 1 to 3
        before = result


def test_a_head_that_passes_before_another_keeps_its_id(frames: list[Frame], tracker: FaceTracker) -> None:
    """Though the one behind was there first, and gets its own id back."""
    photo = np.ascontiguousarray(frames[0].image[::2, ::2])
    height, width = photo.shape[:2]
    (x0, y0, x1, y1) = tracker.detect(photo)[0].bbox
    head = np.zeros((height, width), np.uint8)
    middle, half = ((x0 + x1) / 2, (y0 + y1) / 2 - 8), (0.62 * (x1 - x0), 0.8 * (y1 - y0))
    cv2.ellipse(head, (middle, (2 * half[0], 2 * half[1]), 0.0), 1, -1)
    behind = np.full((height, 3 * width, 3), 90, np.uint8)
    behind[:, width : 2 * width] = photo[:, ::-1]
    tracker = FaceTracker(engine="onnx", max_faces=2)
    assert len(tracker.step(Frame(behind, 0.0, 0)).faces) == 1
    where: dict[int, list[float]] = {}
    for i, x in enumerate(np.r_[np.zeros(16), np.linspace(0, 2 * width, 34)].astype(int)):
        image = behind.copy()
        image[:, x : x + width][head > 0] = photo[head > 0]
        for face in tracker.step(Frame(image, (1 + i) / 30, i)).faces:
            where.setdefault(face.id, []).append((face.bbox[0] + face.bbox[2]) / 2)
    assert sorted(where) == [0, 1]
    assert where[1][0] < width and where[1][-1] > 2 * width
    assert np.ptp(where[0]) < 0.3 * width and len(where[0]) > 30


@pytest.mark.parametrize("turn", [cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE])
def test_a_head_that_lies_on_its_side_is_found_within_a_third_of_a_second(frames: list[Frame], turn: int) -> None:
    tracker = FaceTracker(engine="onnx")
    lying = np.asarray(cv2.rotate(frames[0].image, turn), np.uint8)
    found = [tracker.step(Frame(lying, i / 30, i)).faces for i in range(10)]
    (face,) = found[-1]
    wanted = -90 if turn == cv2.ROTATE_90_CLOCKWISE else 90
    assert abs(face.pose.roll_deg - wanted) < 30 and face.presence > 0.5


def test_where_nobody_is_no_view_shows_anybody() -> None:
    tracker = FaceTracker(engine="onnx")
    noise = np.random.default_rng(3).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    ramp = np.broadcast_to(np.arange(320, dtype=np.uint8)[None, :, None] // 2, (240, 320, 3)).copy()
    assert not any(tracker.step(Frame(image, i / 30, i)).faces for i in range(10) for image in (noise, ramp))


def test_two_faces_keep_their_ids(frames: list[Frame]) -> None:
    tracker = FaceTracker(engine="onnx", max_faces=2)
    sides: dict[int, set[bool]] = {}
    for frame in frames[:10]:
        pair = np.concatenate([frame.image, frame.image[:, ::-1]], axis=1)
        for face in tracker.step(Frame(pair, frame.time, frame.index)).faces:
            sides.setdefault(face.id, set()).add(face.bbox[0] < frame.image.shape[1])
    assert sorted(sides) == [0, 1]
    assert all(len(where) == 1 for where in sides.values())


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 400, 3), (2160, 3840, 3)])
def test_frames_of_any_size_are_taken(shape: tuple[int, ...], tracker: FaceTracker) -> None:
    assert tracker.detect(np.zeros(shape, np.uint8)) == []


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused_with_their_shape(image: np.ndarray, tracker: FaceTracker) -> None:
    with pytest.raises(SourceError, match="found"):
        tracker.detect(image)


def test_a_box_must_be_a_box(frames: list[Frame], tracker: FaceTracker) -> None:
    with pytest.raises(SourceError, match="x1 > x0"):
        tracker.detect(frames[0].image, bboxes=[(10, 10, 5, 20)])
    with pytest.raises(SourceError, match="one a face"):
        tracker.detect(frames[0].image, bboxes=(10, 10, 50, 60))  # type: ignore[arg-type]


def test_a_picture_is_no_frame_of_a_video(frames: list[Frame], tracker: FaceTracker) -> None:
    with pytest.raises(SourceError, match="found ndarray; `detect` takes a still"):
        tracker.step(frames[0].image)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match=r"found uint8 \(8, 8\)"):
        tracker.step(Frame(np.zeros((8, 8), np.uint8), 0.0))


@pytest.mark.parametrize("wrong", [{"max_faces": 0}, {"threads": -1}, {"focal": -500.0}])
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="at least"):
        FaceTracker(engine="onnx", **wrong)


def test_an_engine_without_its_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "tracker.detection.engines.torch", raising=False)
    with pytest.raises(ModelError, match=r"needs torch .* pip install"):
        FaceTracker(engine="torch")


def test_engines_agree(frames: list[Frame]) -> None:
    pytest.importorskip("torch")
    weights = load_weights()
    onnx, torch = load_engine("onnx", weights, 1), load_engine("torch", weights, 1)
    crops = np.stack([frames[0].image[100:212, 200:312], frames[9].image[100:212, 200:312]])
    assert np.abs(onnx.landmarks(crops) - torch.landmarks(crops)).max() < 1e-3
    view = frames[0].image[:48, :48]
    assert np.abs(onnx.normalize(view) - torch.normalize(view)).max() < 1e-4


def test_missing_and_foreign_weights_are_named(tmp_path: object) -> None:
    with pytest.raises(ModelError, match="Weights are missing"):
        FaceTracker(model="no-such-model")
    with pytest.raises(StillpointError, match="no engine 'tpu'"):
        FaceTracker(engine="tpu")


@pytest.mark.parametrize("name", ["default", "fast"])
def test_the_models_own_facts_say_whether_the_eyes_pixels_are_read(
    frames: list[Frame], tmp_path: Path, name: str
) -> None:
    """One model with the fact and without it."""
    shipped = load_weights(name)
    (tmp_path / "locator.onnx").symlink_to(shipped.locator)
    (tmp_path / "locator_check.onnx").symlink_to(shipped.locator.with_name("locator_check.onnx"))
    assert shipped.reads_eyes == (name == "default")
    told = []
    for reads in (True, False):
        folder = tmp_path / str(reads)
        folder.mkdir()
        for file in shipped.folder.iterdir():
            if file.name != "model.json":
                (folder / file.name).symlink_to(file)
        (folder / "model.json").write_text(json.dumps({**shipped.facts, "reads_eyes": reads}))
        (face,) = FaceTracker(engine="onnx", model=str(folder)).step(frames[0]).faces
        told.append(face.state.expression)
    aside = [EXPRESSIONS.index(f"eyeLook{way}{side}") for way in ("In", "Out") for side in ("Left", "Right")]
    assert np.abs(told[0] - told[1])[aside].max() > 0.01
