"""Which shape is expected before a picture is looked at, and what of one picture's shape is the person's.

The head model's own mean is not what is expected: fits to photographs of many people lie some millimetres (RMS over the
face) to one side, because what a landmark means differs a little between the model and the network's labels. Held to
the wrong mean, every shape is drawn away from all people, the more so the less its picture tells.

And one picture's landmarks say more than the person's shape: how the mouth is held, the camera, the light. Which
differences tell persons apart and which come and go is learnt from people who are seen several times; of a single
picture's shape more is kept of the former. After Prince and Elder, Probabilistic Linear Discriminant Analysis, ICCV
2007. All is learnt by `stillpoint head learn-identity`.
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
HOLD = 4.0
"""How much firmer a shape is held than N(mean, 1): of 1, 4 and 12 the best for other pictures of
the same persons."""


@dataclass(frozen=True, slots=True, eq=False)
class Alone:
    """What one picture tells of a person. Shapes of single pictures lie about `held` (40,) where the prior holds them,
    about `loose` (40,) where hardly anything does; `telling` (40, 40): what of a loose difference is the person's."""

    held: Array
    loose: Array
    telling: Array

    def told(self, held: Array, loose: Array) -> Array:
        """The shape (40,) of a person one picture of whom gave these two (40,): the mean of what its landmarks say and
        of what tells persons apart. The latter alone agrees no better, and leaves more of the landmarks."""
        return np.asarray((held + self.held + self.telling @ (loose - self.loose)) / 2, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """The shape's prior: normal about `mean` (40,), each mode's variance 1 / `hold`. `alone`: what is known of
    single pictures' shapes besides."""

    mean: Array
    hold: float
    alone: Alone | None = None


MODEL = Expected(np.zeros(IDENTITY_MODES, np.float32), 1.0)
"""What the head model itself says: N(0, 1)."""


@lru_cache(maxsize=2)
def load_expected(file: Path | None = None) -> Expected:
    """What ships. Raises ModelError where the file is missing or damaged."""
    file, what = file or FILE, "The expected shape"
    mean, held, loose = (load_numbers(file, key, (IDENTITY_MODES,), what) for key in ("mean", "held", "loose"))
    telling = load_numbers(file, "telling", (IDENTITY_MODES, IDENTITY_MODES), what)
    return Expected(mean, HOLD, Alone(held, loose, telling))


def save_expected(mean: Array, alone: Alone, about: Mapping[str, Any], file: Path) -> None:
    """Write the mean (40,), what single pictures tell, and what both were learnt from."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = ",\n  ".join(_numbers(row) for row in alone.telling)
    parts = [
        f'"mean": {_numbers(mean)}',
        f'"held": {_numbers(alone.held)}',
        f'"loose": {_numbers(alone.loose)}',
        f'"telling": [\n  {rows}\n ]',
        f'"about": {json.dumps(dict(about))}',
    ]
    file.write_text("{\n " + ",\n ".join(parts) + "\n}\n", encoding="utf-8")


def _numbers(values: Array) -> str:
    return json.dumps([round(float(x), 4) for x in values])
