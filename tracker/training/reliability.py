"""Do the deviations tell the truth? Expected against actual error, by part of the face and by yaw.

A right deviation s per axis means E[e^2 / s^2] = 2 for the distance e of a landmark from its label (label noise
counted in). `factor` finds by what each label set's deviations must be multiplied; they are kept in `model.json`.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..types import Face
from .packs import SLICES, Rows
from .protocol import YAW_EDGES

Values = npt.NDArray[np.float64]
PARTS = {
    "contour": slice(0, 17),
    "brows": slice(17, 27),
    "nose": slice(27, 36),
    "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}
YAWS = ("yaw to 30", "yaw 30 to 60", "yaw over 60")
STEPS = 10
COLOURS = 64
WITHIN_50, WITHIN_95 = 1.1774, 2.4477
"""Radii of the circles that hold 50 and 95 % of a round Gaussian, in deviations."""
CLIPPED = 6.0
"""A label this many deviations off counts as this many: gross label errors would make every deviation too large."""


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Labels and what was expected of them: `error` and `std` (n, N) in face sizes, NaN where there is no sure
    label; `yaw` (n,) degrees."""

    error: Values
    std: Values
    yaw: Values


def expected(faces: list[Face], rows: Rows, layout: str, labels: str) -> Expected:
    """Errors and deviations of faces against a label set of their rows."""
    truth, sure = rows.points[:, SLICES[labels]], rows.weights[:, SLICES[labels]] > 0.9
    size = np.array([face.size_px for face in faces])[:, None]
    found = np.stack([face.landmarks_px(layout) for face in faces])
    error = np.where(sure, np.linalg.norm(found - truth, axis=-1) / size, np.nan)
    std = np.where(sure, np.stack([face.std_px(layout) for face in faces]) / size, np.nan)
    return Expected(error.astype(np.float64), std.astype(np.float64), rows.yaw.astype(np.float64))


def figures(e: Expected) -> dict[str, float]:
    """E[e^2 / std^2] / 2 (1 is right), shares within the 50 and 95 % circles, rank correlation with the error."""
    from scipy.stats import spearmanr

    known = np.isfinite(e.error)
    error, std = e.error[known], e.std[known]
    z = error / std
    return {
        "mean_square_ratio": round(float((z**2).mean() / 2), 3),
        "within_50": round(float((z < WITHIN_50).mean()), 3),
        "within_95": round(float((z < WITHIN_95).mean()), 3),
        "rank_correlation": round(float(spearmanr(std, error)[0]), 3),
    }


def factor(e: Expected) -> float:
    """By what these deviations must be multiplied so that E[e^2 / std^2] is 2, gross errors clipped."""
    z = e.error[np.isfinite(e.error)] / e.std[np.isfinite(e.error)]
    scale = 1.0
    for _ in range(20):
        scale = float(np.sqrt((np.minimum(z, CLIPPED * scale) ** 2).mean() / 2))
    return scale


def curves(e: Expected) -> dict[str, list[dict[str, float]]]:
    """By part of the face (68 points) and by yaw: tenths of the landmarks by expected deviation, each with the
    deviation expected and the one found (root mean square per axis), in percent of the face's size."""
    bins = np.digitize(np.abs(e.yaw), YAW_EDGES, right=True)
    out = {YAWS[b]: _curve(e.std[bins == b], e.error[bins == b]) for b in range(3) if (bins == b).any()}
    if e.error.shape[1] == 68:
        return out | {name: _curve(e.std[:, part], e.error[:, part]) for name, part in PARTS.items()}
    return out | {"all points": _curve(e.std, e.error)}


def _curve(std: Values, error: Values) -> list[dict[str, float]]:
    known = np.isfinite(error)
    std, error = std[known], error[known]
    if len(std) < 5 * STEPS:
        return []
    order = np.array_split(np.argsort(std), STEPS)
    return [
        {
            "expected": round(100 * float(np.sqrt((std[k] ** 2).mean())), 3),
            "found": round(100 * float(np.sqrt((error[k] ** 2).mean() / 2)), 3),
            "n": len(k),
        }
        for k in order
    ]


def write(folder: Path, sets: dict[str, Expected]) -> dict[str, Any]:
    """`reliability.json` and `reliability.png` in `folder`: one panel a set by yaw, one by part of the face."""
    folder.mkdir(parents=True, exist_ok=True)
    out = {
        name: {"figures": figures(e), "factor": round(factor(e), 3), "curves": curves(e)} for name, e in sets.items()
    }
    (folder / "reliability.json").write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")
    _draw(folder / "reliability.png", out)
    return out


def _draw(path: Path, sets: dict[str, Any]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image  # matplotlib's own

    figure = Figure(figsize=(9.5, 4.2 * len(sets)), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(sets), 2, squeeze=False)
    for row, (name, told) in zip(panels, sets.items(), strict=True):
        others = [key for key in told["curves"] if key not in YAWS]
        for panel, chosen in zip(row, (YAWS, others), strict=True):
            most = 0.5
            for key in chosen:
                curve = told["curves"].get(key, [])
                if not curve:
                    continue
                x, y = [p["expected"] for p in curve], [p["found"] for p in curve]
                panel.plot(x, y, marker="o", markersize=3, linewidth=1.3, label=key)
                most = max([most, *x, *y])
            panel.plot([0, most], [0, most], color="0.6", linewidth=1, linestyle="--")
            ratio = told["figures"]["mean_square_ratio"]
            panel.set(title=f"{name}: E[e²/σ²]/2 = {ratio:.2f}", xlim=(0, most * 1.05), ylim=(0, most * 1.05))
            panel.set(xlabel="expected deviation, % of the face", ylabel="found, % of the face")
            panel.legend(fontsize=8)
            panel.grid(alpha=0.3)
    drawn = io.BytesIO()
    figure.savefig(drawn)
    with Image.open(drawn) as picture:  # few colours: a fifth of the bytes
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


def store_factors(folder: Path, scales: dict[str, float]) -> None:
    """Put the factors of label sets into a model's `model.json`. Raises ModelError where it cannot be changed."""
    path = folder / "model.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        facts["std_scale"] = {name: round(value, 4) for name, value in scales.items()}
        path.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be changed ({error}); give a folder that can be written to.") from error
