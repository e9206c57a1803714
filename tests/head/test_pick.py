"""A pixel of a face and the query that is drawn there."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.detection.weights import load_weights
from tracker.head import EXPRESSIONS, Basis, load_head
from tracker.types import Camera, Face, FaceState, rotation_from_angles


def turned(yaw: float, nearness: float = 1.5) -> FaceState:
    random = np.random.default_rng(int(abs(yaw)))
    expression = np.zeros(52, np.float32)
    expression[EXPRESSIONS.index("jawOpen")] = 0.4
    expression[EXPRESSIONS.index("mouthSmileLeft")] = 0.6
    return FaceState(
        rotation=rotation_from_angles(yaw, 10.0, -15.0),
        centre=np.array([400.0, 300.0], np.float32),
        scale=1500.0,
        nearness=nearness,
        camera=Camera(900.0, 320.0, 240.0),
        identity=random.normal(size=40).astype(np.float32),
        expression=expression,
        residual=0.2 * random.normal(size=32).astype(np.float32),
        spread=np.zeros(8, np.float32),
    )


@pytest.fixture(scope="module")
def basis() -> Basis:
    return Basis(load_head(), load_weights().field)


@pytest.mark.parametrize("yaw", [0.0, -40.0, 75.0])
def test_a_pixel_of_the_face_comes_back_from_its_query(basis: Basis, yaw: float) -> None:
    face = Face(turned(yaw), basis)
    head = basis.head
    towards = face.state.rotation.T @ np.array([0.0, 0.0, -1.0])
    shown = np.flatnonzero((head.normals @ towards > 0.6) & (head.region == 0))[::60]
    pixels = face.state.project(basis.mesh(face.state))[shown]
    found = [face.query_at(float(x), float(y)) for x, y in pixels]
    queries = np.array([q for q in found if q is not None])
    assert len(queries) > 0.95 * len(found) > 5
    kept = np.array([q is not None for q in found])
    off = np.linalg.norm(face.landmarks_px(queries) - pixels[kept], axis=1)
    assert off.max() < 0.5


def test_a_visible_point_of_the_mean_head_is_its_own_query(basis: Basis) -> None:
    face = Face(turned(0.0), basis)
    cheek = basis.head.mean[(np.abs(basis.head.mean - (0.035, -0.04, 0.02)).sum(1)).argmin()]
    x, y = face.landmarks_px(cheek[None])[0]
    query = face.query_at(float(x), float(y))
    assert query is not None
    assert np.linalg.norm(query - cheek) < 2e-4


def test_the_nearer_skin_is_picked_where_two_layers_lie_behind_each_other(basis: Basis) -> None:
    face = Face(turned(75.0), basis)  # looks to its left: its right cheek and ear are towards the camera
    middle = face.landmarks_px("ibug68")[1:16].mean(0)
    query = face.query_at(*map(float, middle))
    assert query is not None
    assert query[0] < 0.0


@pytest.mark.parametrize("pixel", [(5.0, 5.0), (float("nan"), 10.0), (-1e9, 4.0)])
def test_off_the_face_there_is_no_query(basis: Basis, pixel: tuple[float, float]) -> None:
    assert Face(turned(20.0), basis).query_at(*pixel) is None


def test_an_open_eye_is_no_skin(basis: Basis) -> None:
    face = Face(turned(0.0), basis)
    x, y = face.landmarks_px("mediapipe478")[468]
    assert face.query_at(float(x), float(y)) is None
