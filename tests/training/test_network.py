"""Training's twins of the run time: they must say the same."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")

from tracker.detection.code import CODE, EXPRESSION, decode  # noqa: E402
from tracker.detection.crop import CROP, ROI, apply, sample, similarity  # noqa: E402
from tracker.detection.normalizer import crop_of  # noqa: E402
from tracker.errors import ModelError  # noqa: E402
from tracker.head import Basis, load_head  # noqa: E402
from tracker.training.export import _field, export, load_checkpoint  # noqa: E402
from tracker.training.network import SIZES, Model  # noqa: E402
from tracker.training.packs import SETS, SLICES  # noqa: E402
from tracker.training.quantize import kept, quantize  # noqa: E402
from tracker.training.sampling import crop_affine, cut  # noqa: E402
from tracker.training.train import TrainConfig, _Run  # noqa: E402
from tracker.types import Camera  # noqa: E402


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    return Model(SIZES["fast"]).eval()


def test_points_in_torch_are_points_in_numpy(model: Model) -> None:
    rng = np.random.default_rng(0)
    code = rng.normal(0, 0.5, CODE).astype(np.float32)
    code[:6] += (1, 0, 0, 0, -1, 0)
    code[EXPRESSION] = rng.uniform(0, 1, 52)
    field = _field(model)
    basis = Basis(load_head(), field)
    identity = similarity((CROP / 2, CROP / 2), CROP, 0.0, CROP)
    state = decode(code, identity, Camera(500.0, 56.0, 56.0))
    with torch.no_grad():
        seen = model.read(torch.from_numpy(code)[None])
    for name, layout in (("mediapipe478", "mediapipe478"), ("aflw2000_68", "aflw2000_68"), ("ibug68", "ibug68")):
        assert SETS  # the layouts are read with the sets of the same names
        points = state.project(basis.points(state, layout))
        assert np.abs(points - seen.points[0, SLICES[name]].numpy()).max() < 2e-2
        std = np.exp(np.clip(seen.log_std[0, SLICES[name]].numpy(), np.log(0.002), np.log(0.5)))
        assert np.allclose(basis.std(state, layout), std, rtol=1e-3)


def test_the_crop_is_cut_in_training_where_it_is_at_run_time() -> None:
    rng = np.random.default_rng(1)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (ROI, ROI, 3), dtype=np.uint8), (0, 0), 3)
    o = np.array([0.3, -0.4, 0.5, -0.6], np.float32)
    affine = crop_affine(torch.from_numpy(o)[None])
    region = similarity((ROI / 2, ROI / 2), ROI, 0.0, ROI)
    assert np.allclose(affine[0].numpy(), crop_of(region, o), atol=1e-4)
    trained = cut(torch.from_numpy(picture).permute(2, 0, 1)[None].float(), affine)[0].permute(1, 2, 0).numpy()
    running = sample(picture, crop_of(region, o), CROP).astype(np.float32)
    inside = apply(crop_of(region, o), np.stack(np.meshgrid(*[np.arange(CROP) + 0.5] * 2), -1).reshape(-1, 2))
    keep = ((inside > 2) & (inside < ROI - 2)).all(1).reshape(CROP, CROP)
    assert np.abs(trained - running)[keep].max() <= 1.5  # of 255: rounding and OpenCV's fixed point


def test_export_writes_a_model_that_loads_and_refuses_what_is_none(tmp_path: Path) -> None:
    config = TrainConfig(data="data", out=str(tmp_path), size="fast")
    run = _Run(config, tmp_path)
    checkpoint = run.save()
    differences = export(checkpoint, tmp_path / "model")
    assert set(differences) == {"normalizer", "landmarks"}
    assert "data" not in (tmp_path / "model" / "model.json").read_text().split('"')
    assert (
        json.loads((tmp_path / "model" / "model.json").read_text())["reads_eyes"] is SIZES["fast"].reads_eyes is False
    )
    twin = tmp_path / "model" / "landmarks_int8.onnx"
    crops = np.random.default_rng(0).integers(0, 256, (64, CROP, CROP, 3), dtype=np.uint8)
    assert quantize(tmp_path / "model" / "landmarks.onnx", twin, crops) < 1.0
    graph = onnx.load(twin).graph
    stay = kept(onnx.load(tmp_path / "model" / "landmarks.onnx"))
    read_exactly = [n for n in graph.node if n.op_type == "Conv" and not n.input[0].endswith("DequantizeLinear_Output")]
    assert len(read_exactly) == len(stay) > 0
    assert any(n.op_type == "QuantizeLinear" for n in graph.node)
    assert twin.stat().st_size < (tmp_path / "model" / "landmarks.onnx").stat().st_size
    model, saved = load_checkpoint(checkpoint)
    assert saved["step"] == 0
    assert not model.training
    (tmp_path / "not.pt").write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match="no checkpoint"):
        load_checkpoint(tmp_path / "not.pt")
