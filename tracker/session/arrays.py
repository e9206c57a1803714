"""Columns of an Arrow table as arrays of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def values_of(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """(rows,) or (rows, longest) float64 with NaN for null; words as (rows,) objects with None for null."""
    if pa.types.is_dictionary(column.type):  # as other programs may have saved it
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return np.array(column.to_pylist(), dtype=object)
    if not pa.types.is_nested(kind):
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    flat = column.combine_chunks()
    valid = flat.is_valid().to_numpy(zero_copy_only=False)
    numbers = flat.flatten().to_numpy(zero_copy_only=False)
    lengths = _lengths(column, kind)
    values = np.full((len(valid), lengths), np.nan)
    if numbers.size == valid.sum() * lengths:
        values[valid] = numbers.reshape(int(valid.sum()), lengths)
        return values
    for row, numbers in enumerate(column.to_pylist()):  # lists of several lengths
        if numbers is not None:
            values[row, : len(numbers)] = numbers
    return values


def _lengths(column: pa.ChunkedArray, kind: pa.DataType) -> int:
    if pa.types.is_fixed_size_list(kind):
        return int(kind.list_size)
    return max((len(value) for value in column.to_pylist() if value is not None), default=0)
