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
    """ "onnx", "onnx:int8", "torch", "torch:cuda", or "auto": CUDA where torch and a driver answer, else ONNX Runtime,
    in eight bits where the CPU has instructions for them and the model has such weights."""
    if name == "auto":
        name = "torch:cuda" if _cuda() else cpu_engine(weights)
    if name in ("onnx", "onnx:int8"):
        from .onnx import OnnxEngine

        return OnnxEngine(weights, threads, int8=name.endswith("int8"))
    if name in ("torch", "torch:cuda"):
        try:
            from .torch import TorchEngine
        except ImportError as error:
            more = "install it with: pip install 'stillpoint[gpu]', or take onnx"
            raise ModelError(f"The engine {name} needs torch ({error}); {more}.") from error
        return TorchEngine(weights, "cuda" if name.endswith("cuda") else "cpu", threads)
    raise ModelError(f"There is no engine {name!r}; take auto, onnx, onnx:int8, torch or torch:cuda.")


def cpu_engine(weights: Weights) -> str:
    """The faster one here: "onnx:int8" where the model has eight-bit weights and this CPU the instructions for them."""
    return "onnx:int8" if _int8() and weights.landmarks_int8.is_file() else "onnx"


def _int8() -> bool:
    """Whether this CPU multiplies bytes: x86 without VNNI would be slower so, and might overflow."""
    import importlib

    try:
        features = vars(importlib.import_module("numpy._core._multiarray_umath")).get("__cpu_features__", {})
    except ImportError:
        return False
    return any(features.get(name, False) for name in ("AVX512VNNI", "ASIMDDP"))


def _cuda() -> bool:
    """Whether a CUDA device can be used, without importing torch where no driver is there."""
    import importlib.util
    import shutil

    if shutil.which("nvidia-smi") is None or importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())
