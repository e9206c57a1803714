"""A pack of rendered heads that the training tests make themselves."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")

from tracker.head import EXPRESSIONS, Basis, load_head
from tracker.training.packs import Rows, load_rows
from tracker.types import Camera, FaceState, rotation_from_angles

SIDE = 160


def rendered(yaw: float, rng: np.random.Generator) -> tuple[bytes, np.ndarray, np.ndarray]:
    """A head as a cloud of coloured dots, its 478 points (with depth) and its 68 fitted ones, pack pixels."""
    head = load_head()
    basis = Basis(head)
    expression = np.zeros(52, np.float32)
    expression[EXPRESSIONS.index("jawOpen")] = rng.uniform(0, 0.6)
    centre = np.array([SIDE / 2, SIDE / 2], np.float32) + rng.uniform(-4, 4, 2).astype(np.float32)
    state = FaceState(
        rotation_from_angles(yaw, float(rng.uniform(-15, 15)), float(rng.uniform(-15, 15))), centre,
        float(rng.uniform(560, 680)), 0.0, Camera(900.0, 80.0, 80.0), np.zeros(40, np.float32), expression,
        np.zeros(32, np.float32), np.zeros(8, np.float32),
    )  # fmt: skip
    mesh = basis.mesh(state)
    image = np.full((SIDE, SIDE, 3), rng.integers(0, 256, 3), np.uint8)
    order = np.argsort(-(mesh @ state.rotation.T)[:, 2])
    for x, y, i in zip(*state.project(mesh)[order].T.astype(int), order, strict=True):
        cv2.circle(image, (int(x), int(y)), 2, tuple(int(c) for c in head.color[i]), -1)
    ok, blob = cv2.imencode(".png", image)
    assert ok

    def labels(layout: str) -> np.ndarray:
        points = basis.points(state, layout)
        depth = -(points @ state.rotation.T)[:, 2:] * state.scale
        return np.concatenate([state.project(points) - 0.5, depth], axis=1).astype(np.float32)

    return blob.tobytes(), labels("mediapipe478"), labels("aflw2000_68")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("packs"), np.random.default_rng(0)
    names = [f"made/{i:03}" for i in range(60)]
    rows = [rendered(float(rng.uniform(-75, 75)), rng) for _ in names]
    order = ["_neutral", *sorted(set(EXPRESSIONS) - {"tongueOut"})]
    table = pa.table(
        {
            "name": names,
            "image": [r[0] for r in rows],
            "mediapipe478": [r[1].ravel() for r in rows],
            "mediapipe_blendshapes": [np.zeros(52, np.float32) for _ in rows],
            "mediapipe_spread": pa.array([0.5] * 60, pa.float32()),
        }
    ).replace_schema_metadata({"blendshape_names": json.dumps(order)})
    pq.write_table(table, folder / "fairface.parquet")
    teacher = pa.table({"pack": ["fairface"] * 60, "name": names, "pts68": [r[2].ravel() for r in rows]})
    pq.write_table(teacher, folder / "tddfa68.parquet")
    return folder


@pytest.fixture(scope="module")
def rows(data: Path) -> Rows:
    return load_rows(data, ("fairface",))
