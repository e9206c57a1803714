"""The continuous landmarks of the head model."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.detection.weights import load_weights
from tracker.errors import ModelError
from tracker.head import EXPRESSIONS, Basis, load_head
from tracker.types import FACING, Camera, Face, FaceState, rotation_from_angles


def state(**changes: object) -> FaceState:
    values: dict[str, object] = {
        "rotation": FACING.copy(),
        "centre": np.array([320.0, 240.0], np.float32),
        "scale": 1000.0,
        "nearness": 0.0,
        "camera": Camera(500.0, 320.0, 240.0),
        "identity": np.zeros(40, np.float32),
        "expression": np.zeros(52, np.float32),
        "residual": np.zeros(32, np.float32),
        "spread": np.zeros(8, np.float32),
    }
    return FaceState(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def basis() -> Basis:
    return Basis(load_head())


def test_queries_at_a_layouts_own_points_give_the_layout(basis: Basis) -> None:
    head = basis.head
    queries = head.layouts["ibug68"].of(head.mean)
    moved = state(identity=np.full(40, 0.5, np.float32))
    moved.expression[EXPRESSIONS.index("jawOpen")] = 0.5
    named, asked = basis.points(moved, "ibug68"), basis.points(moved, queries)
    assert np.abs(named - asked).max() < 2e-3


def test_jaw_open_lowers_the_chin_and_leaves_the_brows(basis: Basis) -> None:
    still, opened = state(), state()
    opened.expression[EXPRESSIONS.index("jawOpen")] = 1.0
    change = basis.points(opened, "ibug68") - basis.points(still, "ibug68")
    assert change[8, 1] < -0.02
    assert np.abs(change[17:27]).max() < 0.003


def test_blinks_are_the_subjects_own_sides(basis: Basis) -> None:
    blink = state()
    blink.expression[EXPRESSIONS.index("eyeBlinkLeft")] = 1.0
    change = np.abs(basis.points(blink, "ibug68") - basis.points(state(), "ibug68")).max(1)
    assert change[42:48].max() > 0.004  # 42..47: the subject's left eye
    assert change[36:42].max() < 0.001


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0, 0, 0), (40, 0, 0), (-70, 10, 5), (10, -30, 0), (0, 0, 45), (30, 20, -25)]
)
def test_angles_come_back_from_rotations(yaw: float, pitch: float, roll: float, basis: Basis) -> None:
    pose = state(rotation=rotation_from_angles(yaw, pitch, roll)).pose
    assert np.allclose([pose.yaw_deg, pose.pitch_deg, pose.roll_deg], [yaw, pitch, roll], atol=1e-3)


def test_angles_have_the_signs_that_they_are_said_to_have(basis: Basis) -> None:
    def nose_and_crown(**angles: float) -> tuple[np.ndarray, np.ndarray]:
        rotation = rotation_from_angles(**angles)
        return rotation[:, 2], rotation[:, 1]

    nose, _ = nose_and_crown(yaw_deg=20)
    assert nose[0] > 0.3  # to the image's right, the subject's left
    nose, _ = nose_and_crown(yaw_deg=0, pitch_deg=20)
    assert nose[1] < -0.3  # up: image y points down
    _, crown = nose_and_crown(yaw_deg=0, roll_deg=20)
    assert crown[0] < -0.3  # to the image's left


def test_the_pose_of_a_face_off_axis_is_turned_with_its_ray() -> None:
    """One head looking along its own ray: straight at the camera wherever it is in the picture."""
    middle, border = (
        state().pose,
        state(centre=np.array([320.0 + 500.0 * np.tan(np.radians(30)), 240.0], np.float32)).pose,
    )
    assert abs(middle.yaw_deg) < 1e-3
    assert border.translation[0] == pytest.approx(border.translation[2] * np.tan(np.radians(30)), rel=1e-5)
    towards_camera = -border.translation / np.linalg.norm(border.translation)
    assert float(border.rotation[:, 2] @ towards_camera) == pytest.approx(1.0, abs=1e-5)


def test_translation_is_the_distance_that_size_and_focal_length_tell() -> None:
    assert state(scale=1000.0).pose.translation[2] == pytest.approx(0.5)
    assert state(scale=500.0).pose.translation[2] == pytest.approx(1.0)


def test_hidden_points_are_called_hidden(basis: Basis) -> None:
    """With the nose to the image's right the subject's right side (image left) faces the camera."""
    seen = basis.visibility(state(rotation=rotation_from_angles(70)), "ibug68")
    assert seen[:8].mean() > 0.8
    assert seen[9:17].mean() < 0.4


@pytest.mark.parametrize("yaw", [60.0, -60.0, 80.0, -80.0])
def test_what_the_nose_hides_is_hidden_though_it_faces_the_camera(basis: Basis, yaw: float) -> None:
    head, rotation = load_head(), rotation_from_angles(yaw)
    rows = head.layouts["mediapipe478"]
    side, normals = rows.of(head.mean)[:, 0] * np.sign(yaw), rows.of(head.normals)
    facing = normals @ rotation.T[:, 2] / np.linalg.norm(normals, axis=1) < -0.3
    hidden = facing & (basis.visibility(state(rotation=rotation), "mediapipe478") < 0.3)
    assert (hidden & (side > 0.004)).sum() >= 4 and not (hidden & (side < -0.004)).any()


def test_unknown_layouts_and_bad_queries_are_named(basis: Basis) -> None:
    with pytest.raises(ModelError, match="no landmark layout 'ibug86'"):
        basis.points(state(), "ibug86")
    with pytest.raises(ModelError, match=r"\(N, 3\)"):
        basis.points(state(), np.zeros((4, 2)))


def test_a_face_keeps_what_it_evaluated_and_hands_it_out_read_only(basis: Basis) -> None:
    face = Face(state(), basis)
    assert face.landmarks_px("dense") is face.landmarks_px("dense")
    with pytest.raises(ValueError, match="read-only"):
        face.landmarks_px("dense")[0] = 0


def test_projection_and_head_points_agree_with_perspective(basis: Basis) -> None:
    near = state(nearness=1.5, rotation=rotation_from_angles(25, 5, 10))
    face = Face(near, basis)
    seen = face.landmarks_head("ibug68") @ near.rotation.T
    expected = near.centre + near.scale * seen[:, :2] / (1 + 1.5 * seen[:, 2:])
    assert np.allclose(face.landmarks_px("ibug68"), expected, atol=1e-3)


def test_the_shipped_field_is_symmetric_and_small() -> None:
    field = load_weights().field
    head = load_head()
    rows = head.layouts["ibug68"]
    offset, _, _ = field(rows.of(head.mean), field.code("ibug68"))
    mirrored = offset[rows.flip] * np.array([-1, 1, 1], np.float32)
    assert np.abs(offset - mirrored).max() < 1e-3
    assert np.linalg.norm(offset, axis=1).max() < 0.02


def test_a_part_hides_as_people_say_it_hides(basis: Basis) -> None:
    """At 30 degrees the far brow's end is hidden while the outline beside it, further back, still counts as seen."""
    seen = basis.visibility(state(rotation=rotation_from_angles(30)), "ibug68")  # looks to its left: that side is far
    assert seen[26] < 0.5
    assert seen[[13, 14, 15]].min() > 0.5
    assert seen[[0, 4, 17, 19, 31, 36, 48]].min() > 0.5
    front = basis.visibility(state(), "ibug68")
    assert front.min() > 0.5
    mirrored = basis.visibility(state(rotation=rotation_from_angles(-30)), "ibug68")
    assert np.abs(mirrored[basis.head.layouts["ibug68"].flip] - seen).max() < 0.1
