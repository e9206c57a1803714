"""A session's folder: which files in it are ours, how it is made ready for a recording, and what is said of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import OutputError
from .about import SESSION, described
from .corrections import CORRECTIONS
from .figure import FIGURE
from .log import LOG
from .markers import AUDACITY, JOURNAL, MARKERS
from .own_points import POINTS_FILE
from .own_points import TABLE as OWN
from .summary import SUMMARY
from .table import CSV, PARQUET, STREAM
from .video import ANNOTATED, VIDEO

_FILES = (SESSION, SUMMARY, FIGURE, ANNOTATED, VIDEO, STREAM, PARQUET, CSV, LOG)
_LAID = (MARKERS, AUDACITY, JOURNAL, CORRECTIONS, POINTS_FILE, OWN)
"""What people laid over a session; it goes with the recording that it speaks of."""


def prepare(out: Path, overwrite: bool) -> None:
    """An empty folder, or one whose session may be replaced; nothing that is not ours is touched.

    Raises OutputError where it cannot be written, or holds something that may not be replaced.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file, and a folder was wanted; choose another with --out.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        held = [path.name for path in out.iterdir()]
        if held and not overwrite:
            what = "a session" if SESSION in held else "files"
            raise OutputError(f"{out} already holds {what}; choose another folder, or overwrite it (--overwrite).")
        for name in (*_FILES, *_LAID, *(path.name for path in out.glob("frames_*.parquet"))):
            (out / name).unlink(missing_ok=True)
        probe = out / f"{SESSION}.tmp"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"The folder {out} cannot be written ({error.strerror or error}); choose another with --out."
        ) from error


def files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and hash of each file of a session but session.json itself and the log, which may still grow."""
    names = (name for name in _FILES if name not in (SESSION, LOG, STREAM))
    return {name: described(folder / name) for name in names if (folder / name).is_file()}
