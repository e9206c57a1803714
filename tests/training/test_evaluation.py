"""Evaluation of the shipped files: on clips with a truth, and on a pack whose labels are known."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")

from tracker import FaceTracker
from tracker.capture.demo import DemoSource
from tracker.errors import SourceError
from tracker.training.clips import clip_names, score_clip
from tracker.training.evaluate import evaluate
from tracker.training.pose import label_angles, label_rotation
from tracker.types import Pose


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker(engine="onnx")


def test_a_clip_is_scored_against_its_truth(tmp_path: Path, tracker: FaceTracker) -> None:
    """Twelve frames of the demo, six black ones, six of the demo again; two frames are declared hard."""
    with av.open(str(tmp_path / "clip.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for i, frame in enumerate(DemoSource(seed=2, frames=24)):
            image = np.zeros_like(frame.image) if 12 <= i < 18 else frame.image
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(stream.encode())
    truth = {"visible": [[0, 11], [18, 23]], "faces": 1, "hard": [[4, 5]]}
    (tmp_path / "clip.truth.json").write_text(json.dumps(truth))
    (clip,) = clip_names(tmp_path)
    score = score_clip(clip, tracker)
    assert (score.frames, score.visible, score.empty) == (24, 16, 6)
    assert score.found == 16
    assert score.share == 1.0
    assert score.false == 0


def test_a_folder_without_clips_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no video with a \.truth\.json"):
        clip_names(tmp_path)


def test_a_pack_is_scored_against_its_labels(tmp_path: Path, tracker: FaceTracker) -> None:
    """Labels made of the tracker's own points are met to the pixel; shifted ones are off by just the shift."""
    frame = next(iter(DemoSource(seed=2, frames=1))).image
    (face,) = tracker.detect(frame)
    points = face.landmarks_px("tddfa68")
    size = float(np.sqrt(np.prod(points.max(0) - points.min(0))))
    labels = np.concatenate([points - 0.5 + (0.1 * size, 0), np.zeros((68, 1))], axis=1).astype(np.float32)
    ok, blob = cv2.imencode(".png", frame[..., ::-1])
    assert ok
    names = [f"made/{i}" for i in range(120)]
    empty = pa.array([None] * 120, pa.list_(pa.float32()))
    table = pa.table(
        {
            "name": names,
            "image": [blob.tobytes()] * 120,
            "mediapipe478": empty,
            "mediapipe_blendshapes": empty,
            "mediapipe_spread": pa.array([None] * 120, pa.float32()),
        }
    ).replace_schema_metadata({"blendshape_names": json.dumps(["_neutral"])})
    pq.write_table(table, tmp_path / "fairface.parquet")
    pq.write_table(
        pa.table({"pack": ["fairface"] * 120, "name": names, "pts68": [labels.ravel()] * 120}),
        tmp_path / "tddfa68.parquet",
    )
    figures = evaluate(tmp_path, tracker, ("fairface",))
    assert figures["fairface"]["tddfa68"]["balanced"] == pytest.approx(10, abs=3)
    assert figures["fairface"]["tddfa68"]["n"] > 5


def test_label_angles_and_ours_differ_by_two_signs() -> None:
    for pitch, yaw, roll in ((0.0, 0.0, 0.0), (10.0, 40.0, -20.0), (-25.0, -70.0, 5.0)):
        rotation = label_rotation(pitch, yaw, roll)
        assert label_angles(rotation) == pytest.approx((pitch, yaw, roll), abs=1e-4)
        pose = Pose(rotation.astype(np.float32), np.zeros(3, np.float32))
        ours = (pose.pitch_deg, pose.yaw_deg, pose.roll_deg)
        assert ours == pytest.approx((pitch, -yaw, -roll), abs=1e-3)
