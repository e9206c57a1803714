"""What is measured of heads: the figures of single frames and persons, and their means."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..types import Image
from .agreement import Person

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


@dataclass(frozen=True, slots=True)
class Gain:
    """What one contestant is worth over another on the same frames, dB: the `mean`, its standard `error` over the clips
    or persons (over the frames where all are of one), and in how many of the `frames` it is `better`."""

    mean: float
    error: float
    better: int
    frames: int


def gain(foretold: Sequence[Foretold], contestant: str, other: str) -> Gain | None:
    """Compare two contestants frame by frame; None where they have no frame in common."""
    values = {(f.task, f.clip, f.frame, f.contestant): f.psnr for f in foretold}
    pairs = [(f.clip, f.psnr - values[(f.task, f.clip, f.frame, other)]) for f in foretold
             if f.contestant == contestant and (f.task, f.clip, f.frame, other) in values]  # fmt: skip
    if not pairs:
        return None
    steps = np.array([step for _, step in pairs])
    whose = np.array([clip for clip, _ in pairs])
    # Frames of one clip err together: the clips are what is drawn at random.
    clips = np.unique(whose)
    drawn = np.array([(steps[whose == clip] - steps.mean()).sum() for clip in clips]) if len(clips) > 1 else None
    off = steps - steps.mean() if drawn is None else drawn
    error = float(np.sqrt((off**2).sum() * len(off) / max(len(off) - 1, 1)) / len(steps))
    return Gain(float(steps.mean()), error if len(off) > 1 else float("nan"), int((steps > 0).sum()), len(steps))
