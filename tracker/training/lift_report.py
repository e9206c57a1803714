"""What came of the fits: a table of figures, and contact sheets of the worst and of some drawn at random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .lift import KEPT, Fits
from .lift_points import BROWS, CONTOUR, INNER, LiftPoints
from .lift_table import Lifted
from .packs import SETS, Rows
from .protocol import YAW_EDGES
from .sheets import Marks, Tile, sheet

SHOWN = 48
COLORS = {
    "merl68": (80, 255, 80),
    "aflw21": (255, 220, 0),
    "mediapipe478": (90, 170, 255),
    "tddfa68": (255, 90, 220),
}


def figures(rows: Rows, lifted: Lifted, fits: Fits, table: LiftPoints) -> dict[str, Any]:
    """Residuals (percent of the face's size) by set, part of the face and yaw; shares of labels, sets and pictures
    that were given up; by pack the share of good fits."""
    bins = np.digitize(np.abs(_yaw(lifted)), YAW_EDGES, right=True)
    out: dict[str, Any] = {"rows": len(lifted), "good": round(float(lifted.good.mean()), 4)}
    for name, part in table.place.items():
        labelled = rows.weights[:, table.columns[part]] > 0
        residual = np.where(labelled, fits.residual[:, part], np.nan)
        has = labelled.any(1)
        kept = (fits.inlier[:, part] > KEPT) & labelled
        number = [s.name for s in SETS].index(name)
        out[name] = {
            "rows": int(has.sum()),
            "residual_by_yaw": [_percent(residual[(bins == b) & has]) for b in range(3)],
            "points_given_up": round(float(1 - kept.sum() / max(labelled.sum(), 1)), 4),
            "sets_given_up": round(float((np.nan_to_num(lifted.kept[:, number], nan=1.0) == 0).mean()), 4),
        }
        if part.stop - part.start == 68:
            out[name] |= {
                "inner": _percent(residual[:, INNER]),
                "brows": _percent(residual[:, BROWS]),
                "contour": _percent(residual[:, CONTOUR]),
            }
    turn = _between(rows.rotation, lifted.rotation)
    out["turned_from_procrustes_deg"] = {
        "median": [_rounded(np.nanmedian(turn[bins == b])) if (bins == b).any() else None for b in range(3)],
        "95%": [_rounded(np.nanpercentile(turn[bins == b], 95)) if (bins == b).any() else None for b in range(3)],
    }
    for pack in np.unique(lifted.pack):
        out.setdefault("good_by_pack", {})[str(pack)] = round(float(lifted.good[lifted.pack == pack].mean()), 4)
    return out


def write_report(folder: Path, rows: Rows, lifted: Lifted, fits: Fits, table: LiftPoints) -> dict[str, Any]:
    """`report.json`, and sheets of the worst (`worst.png`) and of a random draw (`random.png`) in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    out = figures(rows, lifted, fits, table)
    (folder / "report.json").write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")
    order = np.argsort(lifted.quality)
    drawn = np.random.default_rng(0).permutation(len(lifted))[:SHOWN]
    for name, index in (("worst", order[:SHOWN]), ("random", drawn)):
        picture = sheet([_tile(rows, lifted, table, int(i)) for i in index])
        cv2.imwrite(str(folder / f"{name}.png"), picture[..., ::-1])
    return out


def _tile(rows: Rows, lifted: Lifted, table: LiftPoints, i: int) -> Tile:
    marks = []
    for name, part in table.place.items():
        sure = rows.weights[i, table.columns[part]] > 0
        marks.append(Marks(rows.points[i, table.columns[part]][sure], COLORS.get(name, (255, 255, 255))))
    marks.append(Marks(lifted.tddfa68[i, :, :2], (255, 255, 255), joined=True))
    label = f"{lifted.name[i]} q{lifted.quality[i]:.2f} y{_yaw(lifted)[i]:.0f}"
    return Tile(rows.images[i], label, tuple(marks))


def _yaw(lifted: Lifted) -> npt.NDArray[np.float64]:
    return np.asarray(np.degrees(np.arcsin(np.clip(lifted.rotation[:, 0, 2], -1, 1))))


def _between(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Degrees between rotations (n, 3, 3); NaN where one is unknown."""
    trace = np.einsum("nji,nji->n", a.astype(np.float64), b.astype(np.float64))
    return np.asarray(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))))


def _percent(values: npt.NDArray[Any]) -> float | None:
    return _rounded(100 * np.nanmean(values)) if np.isfinite(values).any() else None


def _rounded(value: Any) -> float:
    return round(float(value), 3)
