"""Which of the 68 points people call hidden by the head itself, by where the camera stands.

People say so sooner than geometry does: at 50 degrees of yaw the far corner of the mouth can still be made out, and
is flagged as hidden. Each point has a normal of its own, learnt from MERL-RAV's flags of training faces (Kumar et al.,
LUVLi, CVPR 2020) by logistic regression: `stillpoint head learn-occlusion`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import assets
from ..types import Array
from .learnt import load_numbers

FILE = assets.ROOT / "head" / "occlusion.json"
POINTS = 68
LAYOUTS = frozenset({"ibug68", "merl68", "aflw2000_68", "tddfa68"})


@lru_cache(maxsize=2)
def load_occlusion(file: Path | None = None) -> Array:
    """(68, 4): a point's threshold and normal, head frame. Raises ModelError where the file is missing or damaged."""
    return load_numbers(file or FILE, "seen", (POINTS, 4), "What hides the points")


def seen_share(rows: Array, towards: Array) -> Array:
    """(68,) 0..1: the share of people who would call each point seen, `towards` (3,) the camera in the head frame."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(rows[:, 0] + rows[:, 1:] @ towards, -50, 50))), dtype=np.float32)


def save_occlusion(rows: Array, about: Mapping[str, Any], file: Path) -> None:
    """Write the table (68, 4) and what it was learnt from."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n  ".join(json.dumps([round(float(x), 3) for x in row]) for row in rows)
    file.write_text(f'{{"about": {json.dumps(dict(about))},\n "seen": [\n  {lines}]}}\n', encoding="utf-8")
