"""The files of one trained model: `assets/models/<name>/` with two ONNX graphs, the field of queries and a card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import assets
from ..errors import ModelError
from ..head import LearnedField
from .code import CODE, RESIDUALS, SPREADS

FORMAT = 1
"""Version of the code's layout; files of another are refused."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Paths of a model's parts, and its facts from `model.json`."""

    folder: Path
    normalizer: Path
    landmarks: Path
    locator: Path
    field: LearnedField
    facts: dict[str, Any]

    @property
    def landmarks_int8(self) -> Path:
        """The landmark network's eight-bit twin; need not be there."""
        return self.folder / "landmarks_int8.onnx"

    @property
    def reads_eyes(self) -> bool:
        """Whether sideways looks are read from the eyes' own pixels; else they stay as the network has them."""
        return bool(self.facts.get("reads_eyes", True))

    @property
    def info(self) -> dict[str, Any]:
        """Name, version and hashes: what a recording stores of the model."""
        files = (
            self.landmarks,
            self.landmarks_int8,
            self.normalizer,
            self.locator,
            self.locator.with_name("locator_check.onnx"),
            self.locator.with_name("gaze.npz"),
        )
        return {
            "name": self.folder.name,
            "format": FORMAT,
            "sha256": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.is_file()},
        }


@lru_cache(maxsize=4)
def load_weights(model: str = "default") -> Weights:
    """A shipped model by name, or the folder of another. Raises ModelError naming the file that is wrong."""
    folder = Path(model) if Path(model).is_dir() else assets.ROOT / "models" / model
    paths = {name: folder / name for name in ("normalizer.onnx", "landmarks.onnx", "field.npz", "model.json")}
    for path in paths.values():
        if not path.is_file():
            raise ModelError(
                f"Weights are missing: {path} was wanted; restore assets/models, or export a trained model."
            )
    locator = folder.parent / "locator.onnx"
    if not locator.is_file():
        raise ModelError(f"Weights are missing: {locator} was wanted; restore assets/models.")
    try:
        facts = json.loads(paths["model.json"].read_text(encoding="utf-8"))
        field = replace(_field(paths["field.npz"]), scales=_scales(facts))
    except (ValueError, KeyError, OSError) as error:
        raise ModelError(f"The model in {folder} is damaged ({error}); restore assets/models.") from error
    if facts.get("format") != FORMAT or facts.get("code") != CODE:
        raise ModelError(
            f"The model in {folder} has format {facts.get('format')} with {facts.get('code')} numbers; "
            f"this program reads format {FORMAT} with {CODE}. Export it again."
        )
    return Weights(folder, paths["normalizer.onnx"], paths["landmarks.onnx"], locator, field, facts)


def _scales(facts: dict[str, Any]) -> dict[str, float]:
    """By what each label set's deviations are multiplied, as `stillpoint evaluate --calibrate` found."""
    return {str(name): float(value) for name, value in facts.get("std_scale", {}).items() if 0.1 < float(value) < 10}


def _field(path: Path) -> LearnedField:
    with np.load(path) as data:
        return LearnedField(
            weights=(data["w0"], data["w1"], data["w2"]),
            biases=(data["b0"], data["b1"], data["b2"]),
            codes={str(name): data["codes"][i] for i, name in enumerate(data["sets"])},
            layouts={str(k): str(v) for k, v in zip(data["layout_names"], data["layout_sets"], strict=True)},
            residuals=RESIDUALS,
            spreads=SPREADS,
        )


def save_field(path: Path, field: LearnedField) -> None:
    """Write a field as `load_weights` reads it."""
    w0, w1, w2 = field.weights
    b0, b1, b2 = field.biases
    np.savez_compressed(
        path,
        w0=w0, w1=w1, w2=w2, b0=b0, b1=b1, b2=b2,
        sets=np.array(list(field.codes)), codes=np.stack(list(field.codes.values())),
        layout_names=np.array(list(field.layouts)), layout_sets=np.array(list(field.layouts.values())),
    )  # fmt: skip
