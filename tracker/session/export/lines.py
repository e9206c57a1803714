"""Tables of text, written line by line with progress: what the exports in CSV and TSV share."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...whole import whole
from . import Progress

_EVERY = 500


def write_lines(
    path: Path, header: Sequence[str] | None, rows: Iterable[Sequence[str]], count: int, progress: Progress,
    delimiter: str = ",",
) -> None:  # fmt: skip
    """Beside it first, then renamed: a file is there whole or not at all."""
    with whole(path) as scratch, scratch.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        if header is not None:
            writer.writerow(header)
        for done, row in enumerate(rows):
            writer.writerow(row)
            if done % _EVERY == 0:
                progress(done / max(count, 1))
    progress(1.0)


def cells(values: npt.NDArray[np.floating], digits: int, missing: str = "") -> list[str]:
    """Numbers with so many decimals; NaN as `missing`."""
    return [f"{value:.{digits}f}" if value == value else missing for value in values.tolist()]
