"""Plain CSV: the table's numbers as `frames.csv` of a recording has them, one line a row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..columns import COLUMNS
from ..layers import readable
from ..own_points import NOWHERE, own_columns
from ..replay import Session
from . import Progress
from .lines import cells, write_lines


def write(session: Session, path: Path, progress: Progress) -> None:
    """Columns that an edited table lacks are left out; what is null is empty. A person's own landmarks come last."""
    columns = [column for column in COLUMNS if column.csv and column.name in session.names]
    values = [session.column(column.name) for column in columns]
    own, _ = readable(lambda _: own_columns(session), session.folder, NOWHERE)

    def rows() -> Iterator[list[str]]:
        for row in range(session.rows):
            line: list[str] = []
            for column, all_values in zip(columns, values, strict=True):
                value = all_values[row]
                if all_values.dtype == object:
                    line.append("" if value is None else str(value))
                else:
                    line += cells(np.atleast_1d(value), column.digits)
            yield line + [text for column in own.values() for text in cells(column[row : row + 1], 3)]

    header = [*(name for column in columns for name in column.csv), *own]
    write_lines(path, header, rows(), session.rows, progress)
