"""Writes the locator's networks as ONNX and proves that ONNX Runtime says what torch says."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn

from ..detection.locator import VERSION
from ..errors import ModelError

log = logging.getLogger(__name__)

TOLERANCE = 1e-4


def export(
    model: nn.Module,
    sample: Tensor,
    free: Mapping[str, Mapping[int, str]],
    facts: Mapping[str, object],
    shapes: Iterable[tuple[int, ...]],
    path: Path,
) -> Path:
    """Write a network of one uint8 input and one output; `facts` and the version go into its metadata.

    `free` names the input and those of its axes that may change. Raises ModelError where torch and ONNX Runtime
    differ by more than 1e-4 on pictures of the given shapes.
    """
    (name,) = free
    with warnings.catch_warnings():
        # The exporter that warns is the one that needs no further package.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(), (sample,), str(path), input_names=[name], output_names=["answers"], dynamo=False,
            opset_version=17, dynamic_axes={name: dict(free[name]), "answers": {0: "n"}} | _free_maps(free[name]),
        )  # fmt: skip
    proto = onnx.load(str(path))
    onnx.helper.set_model_props(proto, {k: str(v) for k, v in {**facts, "version": VERSION}.items()})
    onnx.save(proto, str(path))
    difference = parity(model, path, shapes)
    if difference > TOLERANCE:
        raise ModelError(f"{path.name} differs from torch by {difference:.2e}, wanted at most {TOLERANCE}.")
    log.info("%s: %.0f kB, differs from torch by %.1e", path, path.stat().st_size / 1e3, difference)
    return path


def _free_maps(axes: Mapping[int, str]) -> dict[str, dict[int, str]]:
    """The output's free axes: rows and columns where the input's height and width are free."""
    return {"answers": {2: "rows", 3: "columns"}} if 1 in axes else {}


def parity(model: nn.Module, path: Path, shapes: Iterable[tuple[int, ...]], seed: int = 0) -> float:
    """The largest difference of torch's and ONNX Runtime's answers on pictures of noise.

    The first channel is compared where both say more than zero: a cell is a peak or not, and where two neighbours
    tie within rounding the engines may choose differently.
    """
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(seed)
    worst = 0.0
    for count, height, width, channels in shapes:
        coarse = random.integers(0, 256, (count, height // 8, width // 8, channels), dtype=np.uint8)
        image = coarse.repeat(8, 1).repeat(8, 2)
        (theirs,) = session.run(None, {session.get_inputs()[0].name: image})
        with torch.no_grad():
            ours = model(torch.from_numpy(image)).numpy()
        both = (ours[:, :1] > 0) & (theirs[:, :1] > 0)
        worst = max(worst, float(np.abs(ours[:, 1:] - theirs[:, 1:]).max()))
        worst = max(worst, float(np.abs(ours[:, :1] - theirs[:, :1])[both].max(initial=0.0)))
    return worst
