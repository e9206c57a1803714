"""A checkpoint -> the files that ship: two ONNX graphs, the field of queries, and the facts beside them.

Every graph is run once more after writing, by ONNX Runtime against torch; a difference stops the export.
"""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from ..detection.code import CODE, RESIDUALS, SPREADS
from ..detection.crop import CROP, VIEW
from ..detection.weights import FORMAT, save_field
from ..errors import ModelError
from ..head import LearnedField
from .network import SIZES, Model
from .packs import SETS
from .units import merged
from .variants import Variant

TOLERANCE = 1e-3
"""Largest difference allowed in the network's numbers (half crop sides, standard deviations, radians)."""
_PLACES = ("data", "out", "negatives", "start", "teacher", "lifted", "device", "threads", "workers")
"""Of the configuration, what says where and not how."""
LAYOUTS = {
    "ibug68": "ibug68",
    "merl68": "merl68",
    "tddfa68": "tddfa68",
    "aflw21": "aflw21",
    "mediapipe478": "mediapipe478",
    "aflw2000_68": "aflw2000_68",
    "*": "mediapipe478",
}
"""Which label set each layout is read with; the dense teacher's stands for any other point."""


class _Uint8(nn.Module):
    """Pictures come as (n, S, S, 3) uint8, as OpenCV has them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        out: Tensor = self.network(pictures.permute(0, 3, 1, 2).float())
        return out


def load_checkpoint(path: Path) -> tuple[Model, dict[str, Any]]:
    """The averaged model of a checkpoint, ready to run, and the run's configuration. Raises ModelError."""
    try:
        saved = torch.load(path, weights_only=True, map_location="cpu")
        model = Model.of(saved["config"])
        model.load_state_dict(saved["average"])
    except (OSError, RuntimeError, KeyError, ValueError, pickle.UnpicklingError, msgspec.ValidationError) as error:
        raise ModelError(
            f"{path} is no checkpoint of this version ({error}); give the last.pt of a training run."
        ) from error
    return model.eval(), dict(saved["config"]) | {"step": saved["step"], "seconds": round(saved["seconds"])}


def export(checkpoint: Path, out: Path) -> dict[str, float]:
    """Write the model into the folder `out`; returns the largest difference to torch, by graph. Raises ModelError."""
    model, config = load_checkpoint(checkpoint)
    if not msgspec.convert(config.get("variant", {}), Variant).runs:
        raise ModelError(
            f"{checkpoint} was trained with a switch that the tracker does not know ({config['variant']}); it can be "
            "measured by `stillpoint ablate` alone."
        )
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    differences = {}
    for name, network, size, batch in (
        ("normalizer", model.normalizer, VIEW, 1),
        ("landmarks", model.landmarks, CROP, 3),
    ):
        pictures = rng.integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
        path = out / f"{name}.onnx"
        differences[name] = _write(_Uint8(merged(network)).eval(), path, pictures, "view" if batch == 1 else "crops")
    save_field(out / "field.npz", _field(model))
    training = {k: v for k, v in config.items() if k not in _PLACES}
    size = config["size"]
    facts = {"format": FORMAT, "code": CODE, "size": size, "reads_eyes": SIZES[size].reads_eyes, "training": training}
    (out / "model.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return differences


def _write(network: nn.Module, path: Path, pictures: np.ndarray[Any, Any], input_name: str) -> float:
    example = torch.from_numpy(pictures)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter announces its own future
        torch.onnx.export(
            network, (example,), str(path), input_names=[input_name], output_names=["code"], opset_version=17,
            dynamic_axes={input_name: {0: "n"}, "code": {0: "n"}}, dynamo=False,
        )  # fmt: skip
    with torch.no_grad():
        expected = network(example).numpy()
    _check(path, input_name, pictures, expected, TOLERANCE)
    store_halves(path)
    return _check(path, input_name, pictures, expected, 5 * TOLERANCE)


def _check(
    path: Path, input_name: str, pictures: np.ndarray[Any, Any], expected: np.ndarray[Any, Any], most: float
) -> float:
    got = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {input_name: pictures})[0]
    difference = float(np.abs(got - expected).max())
    if not difference <= most:
        raise ModelError(
            f"{path} differs from torch by {difference:.2g}, more than {most:g}: it was not exported rightly."
        )
    return difference


def store_halves(path: Path) -> None:
    """Keep the file's larger weights in 16 bits, to be read back into 32 when it is loaded: half the size."""
    model = onnx.load(path)
    graph = model.graph
    for tensor in [t for t in graph.initializer if t.data_type == TensorProto.FLOAT and np.prod(t.dims) > 1000]:
        halves = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name + "_half")
        cast = helper.make_node("Cast", [halves.name], [tensor.name], name=tensor.name + "_whole", to=TensorProto.FLOAT)
        graph.initializer.remove(tensor)
        graph.initializer.append(halves)
        graph.node.insert(0, cast)
    onnx.save(model, path)


def _field(model: Model) -> LearnedField:
    field = model.field
    state = {name: value.detach().numpy() for name, value in field.state_dict().items()}
    weights = [state[f"layers.{i}.weight"].T.copy() for i in range(3)]
    biases = [state[f"layers.{i}.bias"].copy() for i in range(3)]
    codes = {s.name: field.codes[i].detach().numpy().copy() for i, s in enumerate(SETS)}
    return LearnedField(
        (weights[0], weights[1], weights[2]), (biases[0], biases[1], biases[2]), codes, LAYOUTS, RESIDUALS, SPREADS
    )
