"""A session's table while it is written and afterwards.

While recording: `frames.arrows`, an Arrow IPC stream of which a kill leaves everything up to the last batch readable,
and `frames.csv`. At the end the stream becomes `frames.parquet`, whose footer a kill would have cost everything.
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from ..whole import whole
from .columns import CSV_HEADER, Row, batch_of, csv_row, schema

STREAM, PARQUET, CSV = "frames.arrows", "frames.parquet", "frames.csv"

_BATCH_S = 1.0
_REST = 4.0
"""A slow disk is waited for a fifth of the time at most."""
_BATCH_ROWS = 120
_GROUP_ROWS = 1024


class TableWriter:
    """Appends rows to the table in `folder`; holds at most a second of them in memory. Raises OSError.

    `safe`: what is written is on the disk itself at once, so that a power cut takes no more than a kill does (a slow
    disk gets longer).
    """

    def __init__(self, folder: Path, *, safe: bool = False) -> None:
        self.rows = 0
        self._safe = safe
        self._sync_at = -float("inf")
        self._folder = folder
        self._waiting: list[Row] = []
        self._flushed = time.monotonic()
        self._file = pa.OSFile(str(folder / STREAM), "wb")
        lock(self._file)
        self._stream = pa.ipc.new_stream(self._file, schema())
        self._text = (folder / CSV).open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._text)
        self._csv.writerow(CSV_HEADER)

    def add(self, rows: Sequence[Row]) -> None:
        """One frame's rows, with those of the frames that were dropped before it."""
        self._waiting += rows
        self.rows += len(rows)
        first, now = self._waiting[0]["time_s"], rows[-1]["time_s"]
        late = now - first >= _BATCH_S or time.monotonic() - self._flushed >= _BATCH_S
        if late or len(self._waiting) >= _BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._stream.write_batch(batch_of(waiting))
            self._csv.writerows(map(csv_row, waiting))
            self._text.flush()
        now = time.monotonic()
        if waiting and self._safe and now >= self._sync_at:
            os.fsync(self._file.fileno())
            took = time.monotonic() - now
            self._sync_at = now + took + _REST * took
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Write what waits and turn the stream into Parquet. The stream stays where that fails."""
        with ExitStack() as each:
            for part in (self._text, self._file, self._stream):
                each.callback(part.close)
            self.flush()
        parquet_from_stream(self._folder / STREAM, self._folder / PARQUET)
        (self._folder / STREAM).unlink()


def lock(file: IO[bytes] | pa.OSFile) -> bool:
    """Mark a file as being written for as long as it is open or the process lives; False where another has done so.

    Where the system has no such locks (Windows) nothing is marked.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def read_stream(path: Path, mapped: bool = False) -> Iterator[pa.RecordBatch]:
    """The whole batches of a stream, also of one that was cut short; `mapped`: without reading them into memory."""
    with pa.memory_map(str(path)) if mapped else pa.OSFile(str(path), "rb") as file:
        try:
            reader = pa.ipc.open_stream(file)
            while True:
                yield reader.read_next_batch()
        except (StopIteration, pa.ArrowInvalid, OSError):
            return


def parquet_from_stream(stream: Path, target: Path) -> int:
    """Stream -> Parquet; returns the rows."""
    return write_parquet(read_stream(stream), target)


def write_parquet(batches: Iterable[pa.RecordBatch], target: Path) -> int:
    """Batches of one schema -> Parquet (zstd, float bytes split, 1024 rows a group), written beside and renamed.

    Returns the rows; without a batch the table is an empty one. Where it fails nothing of it stays.
    """
    writer: pq.ParquetWriter | None = None
    with whole(target) as scratch:
        try:
            for group in _groups(batches):
                writer = writer or _writer(scratch, group.schema)
                writer.write_table(group, row_group_size=2 * _GROUP_ROWS)
            writer = writer or _writer(scratch, schema())
            writer.close()
            return int(pq.read_metadata(str(scratch)).num_rows)
        except BaseException:
            with suppress(OSError, pa.ArrowException):
                if writer is not None:
                    writer.close()
            raise


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    group: list[pa.RecordBatch] = []
    waiting = 0
    for batch in batches:
        group.append(batch)
        waiting += batch.num_rows
        if waiting >= _GROUP_ROWS:
            yield pa.Table.from_batches(group)
            group, waiting = [], 0
    if group:
        yield pa.Table.from_batches(group)


def _writer(path: Path, columns: pa.Schema) -> pq.ParquetWriter:
    real = [field for field in columns if not pa.types.is_integer(field.type) and not pa.types.is_string(field.type)]
    # Parquet names the leaf of a list.
    leaves = [f"{field.name}.list.element" if pa.types.is_nested(field.type) else field.name for field in real]
    return pq.ParquetWriter(
        str(path), columns, compression="zstd", compression_level=3, use_dictionary=["state"],
        use_byte_stream_split=leaves,
    )  # fmt: skip
