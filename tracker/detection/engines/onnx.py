"""ONNX Runtime on the CPU: the engine that every laptop has."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort

from ...errors import ModelError
from ...types import Array, Image
from ..weights import Weights


def session(path: str, threads: int) -> ort.InferenceSession:
    """A session that keeps to `threads` threads and does not spin between frames."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no base class.
        raise ModelError(f"The network {path} cannot be loaded ({error}); restore assets/models.") from error


class OnnxEngine:
    """Two sessions, pictures in as uint8."""

    def __init__(self, weights: Weights, threads: int, int8: bool = False) -> None:
        if int8 and not weights.landmarks_int8.is_file():
            raise ModelError(f"The model {weights.folder.name} has no eight-bit weights; take the engine onnx.")
        self.name = "onnx:int8" if int8 else "onnx"
        self._normalizer = session(str(weights.normalizer), threads)
        self._landmarks = session(str(weights.landmarks_int8 if int8 else weights.landmarks), threads)

    def normalize(self, view: Image) -> Array:
        return np.asarray(self._normalizer.run(None, {"view": view[None]})[0][0], dtype=np.float32)

    def landmarks(self, crops: Image) -> Array:
        return np.asarray(self._landmarks.run(None, {"crops": crops})[0], dtype=np.float32)
