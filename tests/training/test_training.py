"""Packs, augmentation and a few steps of training, on a pack that the test makes itself."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tracker.errors import SourceError  # noqa: E402
from tracker.head import EXPRESSIONS, expression_flip, load_head  # noqa: E402
from tracker.training.augment import Sampler, point_flip  # noqa: E402
from tracker.training.batches import _Stream, batches  # noqa: E402
from tracker.training.packs import SLICES, Rows, load_rows  # noqa: E402
from tracker.training.protocol import balanced, bin_means  # noqa: E402
from tracker.training.train import TrainConfig, _Run, train  # noqa: E402


def test_validation_rows_are_kept_apart(rows: Rows) -> None:
    expected = [zlib.crc32(str(name).encode()) % 10 == 0 for name in rows.name]
    assert rows.held_out.tolist() == expected
    assert 0 < rows.held_out.sum() < len(rows)
    assert rows.take(rows.trainable).held_out.sum() == 0


def test_rotations_are_found_from_the_fitted_points(rows: Rows) -> None:
    """The labels were projected by a known head: its yaw must come back."""
    assert np.abs(rows.yaw).max() > 55
    determinant = np.linalg.det(rows.rotation)
    assert np.allclose(determinant, 1, atol=1e-4)
    nose = rows.rotation[:, 0, 2]
    assert np.allclose(np.degrees(np.arcsin(nose)), rows.yaw, atol=1e-3)


def test_the_mesh_teacher_is_not_believed_in_profile(rows: Rows) -> None:
    trust = rows.weights[:, SLICES["mediapipe478"]].max(1)
    assert (trust[np.abs(rows.yaw) > 60] == 0).all()
    assert (trust[np.abs(rows.yaw) < 30] == 1).all()


def test_a_missing_pack_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"fairface\.parquet is missing"):
        load_rows(tmp_path, ("fairface",))


def test_flips_are_their_own_inverse() -> None:
    flip, expressions = point_flip(), expression_flip()
    assert (flip[flip] == np.arange(len(flip))).all()
    assert (expressions[expressions] == np.arange(52)).all()
    assert expressions[EXPRESSIONS.index("mouthLeft")] == EXPRESSIONS.index("mouthRight")


@pytest.mark.parametrize("region", [True, False])
def test_labels_move_with_the_picture(rows: Rows, region: bool) -> None:
    """Rotation and depth of an example describe its own points: its yaw and roll follow from them."""
    sampler = Sampler(rows, [])
    for i in range(12):
        example = sampler.face(i, np.random.default_rng(i), region)
        points = example.points[SLICES["tddfa68"]]
        cloud = np.concatenate([points, -example.depth[:, None]], axis=1).astype(np.float64)
        model = load_head().layouts["aflw2000_68"].of(load_head().mean).astype(np.float64)
        u, _, vt = np.linalg.svd((cloud - cloud.mean(0)).T @ (model - model.mean(0)))
        u[:, 2] *= np.sign(np.linalg.det(u @ vt))
        assert np.abs(u @ vt - example.rotation).max() < 0.02


def test_batches_are_the_same_for_the_same_seed_and_step(rows: Rows) -> None:
    streams = [_Stream(Sampler(rows, []), 6, 5, 0) for _ in range(2)]
    one, two, other = streams[0].batch(4), streams[1].batch(4), streams[0].batch(6)
    assert torch.equal(one.pictures, two.pictures)
    assert torch.equal(one.targets.points, two.targets.points)
    assert not one.region
    assert other.region


def test_training_learns_resumes_and_keeps_a_log(data: Path, rows: Rows, tmp_path: Path) -> None:
    config = TrainConfig(
        data=str(data), out=str(tmp_path), size="fast", packs=("fairface",), images=320, batch=16, workers=0
    )
    torch.manual_seed(1)
    run = _Run(config, tmp_path)
    stream = batches(Sampler(rows.take(rows.trainable), []), 16, 1, workers=0)
    first = [run.train_step(next(stream)) for _ in range(3)]
    run.log_losses()
    before = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["points"]
    run.save()
    last = train(config)
    saved = torch.load(last, weights_only=True)
    assert saved["step"] == 20
    assert len(first) == 3
    resumed = _Run(config, tmp_path)
    assert resumed.step == 20
    resumed._sums = {}
    for _ in range(4):
        resumed.train_step(next(stream))
    resumed.log_losses()
    after = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["points"]
    assert after < 0.95 * before  # 0.84 to 0.89 by twenty steps from four random beginnings
    last_row = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert last_row["blend"] > 0  # the pack knows all shapes but one
    kinds = {json.loads(line)["kind"] for line in (tmp_path / "log.jsonl").read_text().splitlines()}
    assert "loss" in kinds


def test_the_protocol_weighs_the_yaw_bins_equally() -> None:
    errors, yaws = np.array([0.02, 0.02, 0.02, 0.04, 0.06]), np.array([0, -10, 30, 45, -80])
    assert bin_means(errors, yaws) == pytest.approx([2, 4, 6])
    assert balanced(errors, yaws) == pytest.approx(4)
