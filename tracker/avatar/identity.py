"""Which shape is expected before a picture is looked at: that of people as our landmarks show them, and how firmly.

The head model's own mean is not it: fits to photographs of many people lie some 3 mm (RMS over the face) to one side,
because what a landmark means differs a little between the model and the network's labels. Held to the wrong mean,
every shape is drawn away from all people, the more so the less its picture tells. Learnt by `stillpoint head
learn-identity`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import assets
from ..head.learnt import load_numbers
from ..head.model import IDENTITY_MODES
from ..types import Array

FILE = assets.ROOT / "head" / "identity.json"
_HOLD = 4.0
"""How much firmer the shape is held than N(mean, 1): of 1, 4 and 12 the best for other pictures of the same persons."""


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """The shape's prior: normal about `mean` (40,), each mode's variance 1 / `hold`."""

    mean: Array
    hold: float


MODEL = Expected(np.zeros(IDENTITY_MODES, np.float32), 1.0)
"""What the head model itself says: N(0, 1)."""


@lru_cache(maxsize=2)
def load_expected(file: Path | None = None) -> Expected:
    """What ships. Raises ModelError where the file is missing or damaged."""
    mean = load_numbers(file or FILE, "mean", (IDENTITY_MODES,), "The expected shape")
    return Expected(mean, _HOLD)


def save_expected(mean: Array, about: Mapping[str, Any], file: Path) -> None:
    """Write the mean (40,) and what it was learnt from."""
    file.parent.mkdir(parents=True, exist_ok=True)
    numbers = [round(float(x), 4) for x in mean]
    file.write_text(json.dumps({"mean": numbers, "about": dict(about)}, indent=1) + "\n", encoding="utf-8")
