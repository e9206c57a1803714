"""torch, for a CUDA device (and, for comparison, its CPU): the same ONNX weights, rebuilt as torch modules.

The shipped graphs are a handful of operators, so they are read from the ONNX files themselves: there is one set of
weights, and the two engines cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ModelError
from ...types import Array, Image
from ..weights import Weights


class TorchEngine:
    """Runs on `device`; raises ModelError where torch sees no such device."""

    def __init__(self, weights: Weights, device: str, threads: int) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise ModelError("torch sees no CUDA device; install an NVIDIA driver, or take the engine onnx.")
        if device == "cpu":
            torch.set_num_threads(max(1, threads))
        self.name = "torch" if device == "cpu" else "torch:cuda"
        self._device = torch.device(device)
        self._normalizer = Graph(str(weights.normalizer), self._device)
        self._landmarks = Graph(str(weights.landmarks), self._device)

    def normalize(self, view: Image) -> Array:
        return np.asarray(self._run(self._normalizer, view[None])[0])

    def landmarks(self, crops: Image) -> Array:
        return self._run(self._landmarks, crops)

    def _run(self, graph: Graph, pictures: Image) -> Array:
        with torch.inference_mode():
            out = graph(torch.from_numpy(np.ascontiguousarray(pictures)).to(self._device))
        return np.asarray(out.cpu().numpy(), dtype=np.float32)


class Graph:
    """An ONNX graph of the operators that our exports use, evaluated with torch. One input, one output."""

    def __init__(self, path: str, device: torch.device) -> None:
        try:
            import onnx
        except ImportError as error:
            raise ModelError("The torch engine reads ONNX files: install stillpoint[gpu].") from error
        from onnx import numpy_helper

        try:
            graph = onnx.load(path).graph
        except Exception as error:
            raise ModelError(f"The network {path} cannot be read ({error}); restore assets/models.") from error
        self._constants = {
            t.name: torch.from_numpy(np.array(numpy_helper.to_array(t))).to(device) for t in graph.initializer
        }
        self._input, self._output = graph.input[0].name, graph.output[0].name
        self._nodes = []
        for node in graph.node:
            if node.op_type not in _OPERATORS:
                raise ModelError(f"{path} holds the operator {node.op_type}, which the torch engine does not know.")
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Constant":
                value = numpy_helper.to_array(attributes["value"])
                self._constants[node.output[0]] = torch.from_numpy(np.array(value)).to(device)
            else:
                self._nodes.append((_OPERATORS[node.op_type], list(node.input), node.output[0], attributes))

    def __call__(self, x: Tensor) -> Tensor:
        values: dict[str, Tensor] = dict(self._constants)
        values[self._input] = x
        for run, inputs, output, attributes in self._nodes:
            values[output] = run(attributes, *(values[name] for name in inputs))
        return values[self._output]


def _conv(a: dict[str, Any], x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    if (top, left) != (bottom, right):
        x = F.pad(x, (left, right, top, bottom))
        top = left = 0
    out: Tensor = F.conv2d(x, weight, bias, a.get("strides", [1, 1]), (top, left), 1, a.get("group", 1))
    return out


def _gemm(a: dict[str, Any], x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    out: Tensor = F.linear(x.T if a.get("transA") else x, weight if a.get("transB") else weight.T, bias)
    return out


_OPERATORS: dict[str, Callable[..., Tensor]] = {
    "Add": lambda a, x, y: x + y,
    "Cast": lambda a, x: x.float(),
    "Constant": lambda a: torch.empty(0),
    "Conv": _conv,
    "Flatten": lambda a, x: x.flatten(a.get("axis", 1)),
    "Gemm": _gemm,
    "Mul": lambda a, x, y: x * y,
    "Relu": lambda a, x: torch.relu(x),
    "Reshape": lambda a, x, shape: x.reshape([int(v) if v != 0 else x.shape[i] for i, v in enumerate(shape)]),
    "Sub": lambda a, x, y: x - y,
    "Tanh": lambda a, x: torch.tanh(x),
    "Transpose": lambda a, x: x.permute(*a["perm"]),
}
