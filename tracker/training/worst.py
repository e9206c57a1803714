"""Contact sheets of the faces that are read worst, set by set: labels in green, what was read in white."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..types import Array, Face
from .packs import SLICES, Rows
from .reliability import PARTS
from .sheets import Marks, Tile, sheet

COUNT = 50
GREEN, RED, WHITE = (90, 255, 90), (255, 70, 70), (255, 255, 255)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A set's rows as they were read: `error` (n,) share of the face's size, against `labels`, read as `layout`."""

    name: str
    rows: Rows
    faces: list[Face]
    layout: str
    labels: str
    error: npt.NDArray[np.float64]


def write_worst(folder: Path, scored: list[Scored]) -> dict[str, Any]:
    """`<set>.png` with the worst 50 of every set, and `worst.json`: their names, errors and worst parts."""
    folder.mkdir(parents=True, exist_ok=True)
    out: dict[str, Any] = {}
    for s in scored:
        order = np.argsort(-np.nan_to_num(s.error))[:COUNT]
        out[s.name] = [_told(s, int(i)) for i in order]
        picture = sheet([_tile(s, int(i)) for i in order], columns=10)
        cv2.imwrite(str(folder / f"{s.name.replace(', ', '_').replace(' ', '_')}.png"), picture[..., ::-1])
    (folder / "worst.json").write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")
    return out


def _read(s: Scored, i: int) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """What was read (N, 2), the labels (N, 2), and which of them are sure (N,)."""
    part = SLICES[s.labels]
    return s.faces[i].landmarks_px(s.layout), s.rows.points[i, part], s.rows.weights[i, part] > 0.3


def _told(s: Scored, i: int) -> dict[str, Any]:
    found, truth, sure = _read(s, i)
    size = s.faces[i].size_px
    off = np.where(sure, np.linalg.norm(found - truth, axis=-1) / size, np.nan)
    told: dict[str, Any] = {
        "name": str(s.rows.name[i]),
        "error": round(100 * float(s.error[i]), 2),
        "yaw": round(float(s.rows.yaw[i]), 1),
        "expected": round(100 * float(s.faces[i].std_px(s.layout).mean()) / size, 2),
        "shift": round(100 * float(np.linalg.norm((found - truth)[sure].mean(0))) / size, 2),
    }
    if len(off) == 68:
        parts = {name: off[part] for name, part in PARTS.items() if np.isfinite(off[part]).any()}
        told["parts"] = {name: round(100 * float(np.nanmean(values)), 1) for name, values in parts.items()}
    return told


def _tile(s: Scored, i: int) -> Tile:
    found, truth, sure = _read(s, i)
    joined = len(found) == 68
    marks = [Marks(found, WHITE, joined), Marks(truth[sure], GREEN)]
    label = f"{str(s.rows.name[i])[-14:]} {100 * s.error[i]:.1f}% y{s.rows.yaw[i]:.0f}"
    return Tile(s.rows.images[i], label, tuple(marks))
