"""Eight-bit weights and activations for the middle of the landmark network: half the time where the CPU multiplies
bytes (VNNI, ARM's dot product).

Left in floating point are the layers whose rounding shows as jitter: the first, those that halve the picture, and all
of the last, coarsest stage. The ranges are percentiles over real crops: a rare bright texel must not make every step
coarser.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from ..types import Image
from .augment import Sampler
from .export import store_halves
from .packs import ALL_PACKS, load_rows

CROPS = 512
STEP = 32


class _Crops(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, crops: Image) -> None:
        self._waiting = [{"crops": crops[i : i + STEP]} for i in range(0, len(crops), STEP)]

    def get_next(self) -> dict[str, Image] | None:
        return self._waiting.pop(0) if self._waiting else None


def calibration_crops(data: Path, seed: int = 0) -> Image:
    """(CROPS, S, S, 3) uint8: crops of training rows, augmented as in training."""
    rows = load_rows(data, ALL_PACKS)
    sampler = Sampler(rows.take(rows.trainable), [])
    rng = np.random.default_rng(seed)
    return np.stack([sampler.face(int(rng.integers(len(sampler.rows))), rng, False).image for _ in range(CROPS)])


def quantize(source: Path, out: Path, crops: Image) -> float:
    """Write the eight-bit twin of landmarks.onnx; returns the mean distance of the two's centres, crop pixels."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared))
        quantize_static(
            str(prepared),
            str(out),
            _Crops(crops),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=kept(onnx.load(prepared)),
            calibrate_method=CalibrationMethod.Percentile,
        )
    store_halves(out)
    codes = [
        ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"crops": crops})[0]
        for path in (source, out)
    ]
    apart = (codes[1] - codes[0])[:, 6:8] * crops.shape[1] / 2
    return float(np.linalg.norm(apart, axis=1).mean())


def kept(model: Any) -> list[str]:
    """Names of the convolutions of an ONNX model that stay in floating point: those that do not keep their input's
    width (the stem, the strides, the last 1x1) and those of the widest stage."""
    nodes = model.graph.node
    dims = {t.name: tuple(t.dims) for t in model.graph.initializer}
    dims |= {n.output[0]: dims[n.input[0]] for n in nodes if n.op_type == "Cast" and n.input[0] in dims}
    shapes = {n.name: dims[n.input[1]] for n in nodes if n.op_type == "Conv"}
    widest = max(shape[0] for shape in shapes.values())
    return [name for name, (outputs, inputs, *_) in shapes.items() if outputs != inputs or outputs == widest]
