"""A session's table while it is written and afterwards.

While recording: `frames.arrows`, an Arrow IPC stream of which a kill leaves everything up to the last batch readable,
and `frames.csv`. At the end the stream becomes `frames.parquet`, whose footer a kill would have cost everything.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..types import Tracked
from .columns import CSV_HEADER, Row, batch_of, csv_row, rows_of, schema

STREAM, PARQUET, CSV = "frames.arrows", "frames.parquet", "frames.csv"

_BATCH_S = 1.0
_BATCH_ROWS = 120
_GROUP_ROWS = 1024


class TableWriter:
    """Appends frames to the table in `folder`; holds at most a second of them in memory. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self.rows = 0
        self._folder = folder
        self._waiting: list[Row] = []
        self._flushed = time.monotonic()
        self._file = pa.OSFile(str(folder / STREAM), "wb")
        self._stream = pa.ipc.new_stream(self._file, schema())
        self._text = (folder / CSV).open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._text)
        self._csv.writerow(CSV_HEADER)

    def add(self, tracked: Tracked) -> None:
        rows = rows_of(tracked)
        self._waiting += rows
        self.rows += len(rows)
        first, now = self._waiting[0]["time_s"], tracked.raw.frame.time
        late = now - first >= _BATCH_S or time.monotonic() - self._flushed >= _BATCH_S
        if late or len(self._waiting) >= _BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        self._flushed = time.monotonic()
        if waiting:
            self._stream.write_batch(batch_of(waiting))
            self._csv.writerows(map(csv_row, waiting))
            self._text.flush()

    def close(self) -> None:
        """Write what waits and turn the stream into Parquet. The stream stays where that fails."""
        try:
            self.flush()
        finally:
            self._stream.close()
            self._file.close()
            self._text.close()
        parquet_from_stream(self._folder / STREAM, self._folder / PARQUET)
        (self._folder / STREAM).unlink()


def read_stream(path: Path) -> Iterator[pa.RecordBatch]:
    """The whole batches of a stream, also of one that was cut short."""
    with pa.OSFile(str(path), "rb") as file:
        try:
            reader = pa.ipc.open_stream(file)
            while True:
                yield reader.read_next_batch()
        except (StopIteration, pa.ArrowInvalid, OSError):
            return


def parquet_from_stream(stream: Path, target: Path) -> int:
    """Stream -> Parquet (zstd, float bytes split, 1024 rows a group), written beside and renamed; returns the rows."""
    scratch = target.with_suffix(".tmp")
    floats = [field.name for field in schema() if not pa.types.is_integer(field.type) and field.name != "state"]
    # Parquet names the leaf of a list.
    leaves = [f"{name}.list.element" if pa.types.is_nested(schema().field(name).type) else name for name in floats]
    rows, waiting = 0, 0
    group: list[pa.RecordBatch] = []
    with pq.ParquetWriter(
        str(scratch), schema(), compression="zstd", compression_level=3, use_dictionary=["state"],
        use_byte_stream_split=leaves,
    ) as writer:  # fmt: skip
        for batch in read_stream(stream):
            group.append(batch)
            waiting += batch.num_rows
            rows += batch.num_rows
            if waiting >= _GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(group), row_group_size=2 * _GROUP_ROWS)
                group, waiting = [], 0
        if group:
            writer.write_table(pa.Table.from_batches(group), row_group_size=2 * _GROUP_ROWS)
    scratch.replace(target)
    return rows
