"""What is measured of heads: the figures of single frames and persons, and their means."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..types import Array, Image

BINS = ((0.0, 15.0), (15.0, 30.0), (30.0, 60.0))
"""Degrees of |yaw| that figures are given for."""
TASKS = ("one frame", "one picture", "turn")
"""Clips' frames from one of them; a pack's persons from one picture; clips' frames from every fifth held out."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """One held-out frame, drawn by one contestant. `psnr` takes the drawing as it is, `evened` after one gain a channel
    that brings its mean colour nearest to the frame's: a camera's exposure is not the head's business. `landmarks`: the
    mean error of the 68 points found again in the drawing, % of the face's size (NaN where no face is found in it)."""

    clip: str
    half: str
    task: str
    contestant: str
    frame: str
    yaw: float
    psnr: float
    evened: float
    ssim: float
    landmarks: float


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One clip's person: `shapes` (frames, vertices, 3) m of the face as fitted to single frames, and `network` as the
    network says by itself."""

    clip: str
    half: str
    shapes: Array
    network: Array


@dataclass(slots=True, eq=False)
class Outcome:
    """All figures of a run, and for each clip rows of pictures: the frame, then each contestant's drawing."""

    foretold: list[Foretold] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    builds: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[tuple[str, list[tuple[str, Image]]]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def half_of(name: str) -> str:
    """Which half of the clips a name belongs to: "tune" or "report"."""
    return "tune" if zlib.crc32(name.encode()) % 2 == 0 else "report"


def identity_figures(people: Sequence[Person]) -> dict[str, dict[str, float]]:
    """Of "fitted" and "network" shapes: RMS deviation in mm of a vertex over one person's frames ("within"), of the
    persons' means from one another ("between"), and their ratio; and "found_again", the share of frames whose nearest
    other frame by shape is the same person's: a shape that is everybody's agrees with itself, but finds nobody."""
    out = {}
    for key, shapes in (("fitted", [p.shapes for p in people]), ("network", [p.network for p in people])):
        within = np.sqrt(np.mean([((s - s.mean(0)) ** 2).sum(-1).mean() for s in shapes]))
        means = np.stack([s.mean(0) for s in shapes])
        between = np.sqrt((((means - means.mean(0)) ** 2).sum(-1)).mean() * len(means) / max(len(means) - 1, 1))
        ratio = float(within / between) if between > 0 else float("nan")
        out[key] = {
            "within_mm": 1000 * float(within), "between_mm": 1000 * float(between), "ratio": ratio,
            "found_again": _found_again(shapes),
        }  # fmt: skip
    return out


def _found_again(shapes: Sequence[Array]) -> float:
    """`shapes`: each person's (frames, vertices, 3)."""
    flat = np.concatenate([s.reshape(len(s), -1) for s in shapes]).astype(np.float64)
    flat -= flat.mean(0)
    whose = np.repeat(np.arange(len(shapes)), [len(s) for s in shapes])
    length = (flat**2).sum(1)
    apart = length[:, None] + length[None] - 2 * flat @ flat.T
    np.fill_diagonal(apart, np.inf)
    return float((whose[apart.argmin(1)] == whose).mean())


def summary(foretold: Sequence[Foretold]) -> list[dict[str, Any]]:
    """Means for every half, task, bin of |yaw| and contestant; the bin "all" has every frame."""
    rows: list[dict[str, Any]] = []
    bins: list[tuple[str, float, float]] = [("all", 0.0, 180.0)]
    bins += [(f"{low:.0f}-{high:.0f}", low, high) for low, high in BINS]
    names = list(dict.fromkeys(f.contestant for f in foretold))
    for half in ("tune", "report"):
        for task in TASKS:
            for label, low, high in bins:
                for name in names:
                    some = [
                        f
                        for f in foretold
                        if (f.half, f.task, f.contestant) == (half, task, name) and low <= abs(f.yaw) < high
                    ]
                    if some:
                        marks = [f.landmarks for f in some if np.isfinite(f.landmarks)]
                        rows.append({
                            "half": half, "task": task, "yaw": label, "contestant": name, "frames": len(some),
                            "clips": len({f.clip for f in some}),
                            "psnr": float(np.mean([f.psnr for f in some])),
                            "evened": float(np.mean([f.evened for f in some])),
                            "ssim": float(np.mean([f.ssim for f in some])),
                            "landmarks": float(np.mean(marks)) if marks else float("nan"),
                        })  # fmt: skip
    return rows
