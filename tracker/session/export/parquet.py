"""The table as one Parquet file with everything, raw and stable; units are in the fields' metadata."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..replay import Session
from ..table import PARQUET, STREAM, parquet_from_stream
from . import Progress


def write(session: Session, path: Path, progress: Progress) -> None:
    source = session.folder / PARQUET
    if source.is_file():
        scratch = path.with_name(path.name + ".tmp")
        shutil.copyfile(source, scratch)
        scratch.replace(path)
    else:  # of a recording that was cut short
        parquet_from_stream(session.folder / STREAM, path)
    progress(1.0)
