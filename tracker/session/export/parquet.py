"""The table as one Parquet file with everything, raw and stable; units are in the fields' metadata."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...whole import whole
from ..columns import DENSE, POINTS
from ..corrections import CORRECTIONS
from ..replay import Session
from ..table import PARQUET, STREAM, parquet_from_stream, write_parquet
from . import Progress


def write(session: Session, path: Path, progress: Progress) -> None:
    """A copy; where there are corrections, with the points as `session` shows them."""
    source = session.folder / PARQUET
    if not source.is_file():  # of a recording that was cut short
        parquet_from_stream(session.folder / STREAM, path)
    elif (session.folder / CORRECTIONS).is_file():
        write_parquet(_shown(session, source, progress), path)
    else:
        with whole(path) as scratch:
            shutil.copyfile(source, scratch)
    progress(1.0)


def _shown(session: Session, source: Path, progress: Progress) -> Iterator[pa.RecordBatch]:
    points = [name for which in ("raw", "stable") for name in (f"{which}_{POINTS}", f"{which}_{DENSE}")]
    values = {name: session.column(name) for name in points if name in session.names}
    done = 0
    with pq.ParquetFile(str(source)) as file:
        for batch in file.iter_batches():
            for name, all_values in values.items():
                at = batch.schema.names.index(name)
                kind = batch.schema.field(at).type
                part = all_values[done : done + batch.num_rows]
                flat = pa.array(np.nan_to_num(part).ravel().astype(np.float32))
                shown = pa.FixedSizeListArray.from_arrays(flat, type=kind, mask=batch.column(at).is_null())
                batch = batch.set_column(at, batch.schema.field(at), shown)
            done += batch.num_rows
            progress(done / max(session.rows, 1))
            yield batch
