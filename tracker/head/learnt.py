"""Numbers that were learnt from faces and ship as JSON beside the head."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..types import Array


def load_numbers(file: Path, key: str, shape: tuple[int, ...], what: str) -> Array:
    """The array under `key`. Raises ModelError, which calls it `what`, where it is missing, damaged or of another
    shape."""
    try:
        numbers = np.array(json.loads(file.read_text(encoding="utf-8"))[key], dtype=np.float32)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{what}, {file}, is missing or damaged ({error}); restore assets/head.") from error
    if numbers.shape != shape or not np.isfinite(numbers).all():
        size = " x ".join(str(n) for n in shape)
        kind = "list" if len(shape) == 1 else "table"
        raise ModelError(f"{what}, {file}, is no {kind} of {size} numbers; restore assets/head.")
    return numbers
