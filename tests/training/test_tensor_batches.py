"""Batches made on tensors: the same faces, labels and distribution as those that OpenCV makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from patience import PATIENCE_S

torch = pytest.importorskip("torch")

from tracker.detection.crop import ROI, similarity  # noqa: E402
from tracker.head import load_head  # noqa: E402
from tracker.training import glasses, tensor_augment  # noqa: E402
from tracker.training.augment import Sampler, degrade  # noqa: E402
from tracker.training.batches import _Stream  # noqa: E402
from tracker.training.packs import SLICES, Rows  # noqa: E402
from tracker.training.sampling import similarities  # noqa: E402
from tracker.training.tensor_augment import Draws  # noqa: E402
from tracker.training.tensor_augment import degrade as degrade_tensors  # noqa: E402
from tracker.training.tensor_batches import TensorSampler  # noqa: E402


def faceless() -> list[np.ndarray]:
    rng = np.random.default_rng(4)
    return [cv2.resize(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8), (300, 200)) for _ in range(6)]


def test_similarities_are_the_crops(rows: Rows) -> None:
    made = similarities(torch.tensor([[30.0, 40.0]]), torch.tensor([80.0]), torch.tensor([0.4]), 112)[0].numpy()
    assert np.allclose(made, similarity((30.0, 40.0), 80.0, 0.4, 112), atol=1e-4)


@pytest.mark.parametrize("region", [True, False])
def test_labels_move_with_the_picture(rows: Rows, region: bool) -> None:
    """Rotation and depth of an example describe its own points, and its points lie on the head's colours."""
    sampler = TensorSampler(rows, [], "cpu", 3)
    pictures, targets = sampler._faces(np.arange(24), region, Draws(torch.Generator().manual_seed(1)))
    assert pictures.shape[2] == (ROI if region else 112)
    model = load_head().layouts["aflw2000_68"].of(load_head().mean).astype(np.float64)
    for i in range(24):
        points = targets.points[i, SLICES["tddfa68"]].numpy()
        cloud = np.concatenate([points, -targets.depth[i, :, None].numpy()], axis=1).astype(np.float64)
        u, _, vt = np.linalg.svd((cloud - cloud.mean(0)).T @ (model - model.mean(0)))
        u[:, 2] *= np.sign(np.linalg.det(u @ vt))
        assert np.abs(u @ vt - targets.rotation[i].numpy()).max() < 0.02


def test_batches_have_the_distribution_that_opencv_gives(rows: Rows) -> None:
    """Light, contrast, sharpness, placement and roll: means over some hundred examples agree."""
    negatives, count = faceless(), 512
    for region in (False, True):
        step = 0 if region else 1
        mine = TensorSampler(rows, negatives, "cpu", 7).batch(count, step)
        theirs = _Stream(Sampler(rows, negatives), count, 8, 0).batch(step)
        assert mine.region == theirs.region == region
        assert mine.pictures.shape == theirs.pictures.shape
        for name, most in (("face", 0.06), ("size", 4.0)):
            gap = getattr(mine.targets, name).mean() - getattr(theirs.targets, name).mean()
            assert abs(float(gap)) < most, name
        seen = [figures(b.pictures.numpy()) for b in (mine, theirs)]
        for name, most in (("mean", 9.0), ("contrast", 6.0), ("edges", 0.25)):
            ours, other = (s[name] for s in seen)
            assert abs(ours - other) < (most if name != "edges" else most * other), (name, ours, other)
        spots = [b.targets.points[b.targets.face > 0][:, SLICES["tddfa68"]].mean(1) for b in (mine, theirs)]
        assert torch.allclose(spots[0].mean(0), spots[1].mean(0), atol=3.0)
        assert torch.allclose(spots[0].std(0), spots[1].std(0), rtol=0.2)


def figures(pictures: np.ndarray) -> dict[str, float]:
    whole = pictures.astype(np.float32)
    return {
        "mean": float(whole.mean()),
        "contrast": float(whole.std((1, 2)).mean()),
        "edges": float(np.abs(np.diff(whole, axis=2)).mean()),
    }


def test_degraded_pictures_look_alike() -> None:
    picture = cv2.resize(np.random.default_rng(2).integers(0, 256, (14, 14, 3), dtype=np.uint8), (112, 112))
    rng = np.random.default_rng(3)
    theirs = np.stack([degrade(picture, rng) for _ in range(400)])
    whole = torch.from_numpy(picture).permute(2, 0, 1).float().expand(400, -1, -1, -1)
    mine = degrade_tensors(whole, Draws(torch.Generator().manual_seed(0))).permute(0, 2, 3, 1).numpy()
    assert mine.min() >= 0
    assert mine.max() <= 255
    ours, other = figures(mine), figures(theirs)
    for name, share in (("mean", 0.06), ("contrast", 0.08), ("edges", 0.15)):
        assert abs(ours[name] - other[name]) < share * other[name], (name, ours, other)


def test_a_batch_is_the_same_for_the_same_seed_and_step(rows: Rows) -> None:
    one, two, other = (TensorSampler(rows, faceless(), "cpu", 5).batch(12, step) for step in (4, 4, 5))
    assert torch.equal(one.pictures, two.pictures)
    assert torch.equal(one.targets.points, two.targets.points)
    assert not torch.equal(one.pictures, other.pictures)


def test_two_processes_train_one_model(data: Path, tmp_path: Path) -> None:
    """torchrun, on the CPU: both end, one of them writes, and every picture of both is counted."""
    code = (
        "import sys; from tracker.training.train import TrainConfig, train; "
        "train(TrainConfig(data=sys.argv[1], out=sys.argv[2], size='fast', packs=('fairface',), images=64, batch=8, "
        "workers=0, tensors=True))"
    )
    (tmp_path / "go.py").write_text(code, encoding="utf-8")
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(tmp_path / "go.py"))
    environ = dict(os.environ) | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        (sys.executable, *launch, str(data), str(tmp_path / "run")), env=environ, capture_output=True, text=True,
        timeout=3 * PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert torch.load(tmp_path / "run" / "last.pt", weights_only=True)["step"] == 4
    assert '"images": 64' in (tmp_path / "run" / "log.jsonl").read_text()


def test_glasses_cover_the_eyes_and_nothing_below(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds, on faces that look into the camera: eyes change, the mouth does not, profiles stay bare."""
    monkeypatch.setattr(tensor_augment, "SHARE", 1.0)
    points = rows.points[:, SLICES["tddfa68"]]
    for i in np.flatnonzero(np.abs(rows.yaw) < 40)[:8]:
        pair = glasses.place(rows.points[i], rows.rotation[i], np.random.default_rng(int(i)))
        assert pair is not None
        worn = glasses.wear(rows.images[i], pair, np.random.default_rng(int(i))).astype(int)
        picture = torch.from_numpy(rows.images[i]).permute(2, 0, 1)[None].float()
        args = (torch.from_numpy(points[i])[None], torch.from_numpy(rows.rotation[i])[None])
        also = tensor_augment.wear(picture, *args, Draws(torch.Generator().manual_seed(int(i))))
        for changed in (worn, also[0].permute(1, 2, 0).numpy().astype(int)):
            off = np.abs(changed - rows.images[i]).max(-1) > 0
            mouth = points[i, 48:].mean(0).astype(int)
            assert off.sum() > 30
            assert not off[mouth[1] :, :].any()
    side = int(np.abs(rows.yaw).argmax())
    turned = rows.rotation[side].copy()
    turned[0, 0] = 0.1
    assert glasses.place(rows.points[side], turned, np.random.default_rng(0)) is None
