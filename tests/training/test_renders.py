"""Rendered heads: labels lie where the head is drawn, in every pose, and training reads them as exact."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tracker.errors import SourceError
from tracker.training import renders
from tracker.training.batches import row_weights
from tracker.training.packs import FREE_PACKS, RENDERED, SLICES, Rows, free_packs, load_rows
from tracker.training.renders import SIDE, Skins, draw, random_light, random_state

GREY = [np.full((64, 64, 3), 128, np.uint8)]


def skins() -> Skins:
    red = np.zeros((renders.TEXTURE, renders.TEXTURE, 3), np.uint8)
    red[..., 0] = 220
    return Skins([red], np.random.default_rng(0).uniform(0, 0.4, (4, 52)).astype(np.float32))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    folder = tmp_path_factory.mktemp("packs")
    assert free_packs(folder) == FREE_PACKS
    made = list(draw(skins(), GREY, 16, 3))
    pq.write_table(pa.Table.from_pylist(made, renders._SCHEMA), folder / f"{RENDERED}.parquet")
    assert free_packs(folder) == (*FREE_PACKS, RENDERED)
    return load_rows(folder, (RENDERED,))


def test_every_pose_has_all_its_labels_and_its_own_rotation(rows: Rows) -> None:
    assert len(rows) == 16 and rows.trainable.all()
    for name in ("aflw2000_68", "ibug68"):
        assert (rows.weights[:, SLICES[name]] == 1).all()
    assert not rows.weights[:, SLICES["mediapipe478"]].any()
    for i in range(16):
        state = random_state(np.random.default_rng((3, i)), skins().expressions)
        np.testing.assert_allclose(rows.rotation[i], state.rotation, atol=1e-6)
        np.testing.assert_allclose(rows.blend[i][0], state.expression[0] if abs(rows.yaw[i]) < 45 else np.nan)
    assert np.abs(rows.yaw).max() > 60 and (row_weights(rows) > 0).all()


def test_labels_lie_on_the_drawn_head(rows: Rows) -> None:
    for image, points in zip(rows.images, rows.points[:, SLICES["aflw2000_68"]], strict=True):
        assert image.shape == (SIDE, SIDE, 3)
        red = (image[..., 0].astype(int) - image[..., 2] > 25).astype(np.uint8)
        near = cv2.dilate(red, np.ones((5, 5), np.uint8))
        x, y = np.clip(points[27:].astype(int), 0, SIDE - 1).T  # nose, eyes and mouth
        assert near[y, x].mean() > 0.85


def test_the_same_seed_draws_the_same_pack() -> None:
    one, two, other = (list(draw(skins(), GREY, 2, seed)) for seed in (5, 5, 6))
    assert one == two and one[0]["image"] != other[0]["image"]
    light = random_light(np.random.default_rng(1))
    assert light.shape == (9, 3) and np.isfinite(light).all()


def test_without_packs_nothing_is_rendered(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="fairface"):
        renders.write_pack(tmp_path, tmp_path / "out", 4)
    assert not (tmp_path / "out").exists()
