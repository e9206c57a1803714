"""Engines run the networks: ONNX Runtime on the CPU, torch on a GPU. An engine is two calls on uint8 pictures."""

from __future__ import annotations

from typing import Protocol

from ...errors import ModelError
from ...types import Array, Image
from ..weights import Weights


class Engine(Protocol):
    """`normalize` takes a view (48, 48, 3) and says (4,); `landmarks` takes crops (n, 112, 112, 3), says (n, CODE)."""

    name: str

    def normalize(self, view: Image) -> Array: ...
    def landmarks(self, crops: Image) -> Array: ...


def load_engine(name: str, weights: Weights, threads: int) -> Engine:
    """ "onnx", "torch", "torch:cuda", or "auto": CUDA where torch and a driver answer, else ONNX Runtime."""
    if name == "auto":
        name = "torch:cuda" if _cuda() else "onnx"
    if name == "onnx":
        from .onnx import OnnxEngine

        return OnnxEngine(weights, threads)
    if name in ("torch", "torch:cuda"):
        from .torch import TorchEngine

        return TorchEngine(weights, "cuda" if name.endswith("cuda") else "cpu", threads)
    raise ModelError(f"There is no engine {name!r}; take auto, onnx, torch or torch:cuda.")


def _cuda() -> bool:
    """Whether a CUDA device can be used, without importing torch where no driver is there."""
    import importlib.util
    import shutil

    if shutil.which("nvidia-smi") is None or importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())
