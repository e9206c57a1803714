"""Which videos a folder, a pattern or a list means."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import SourceError

VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".ogv"})
"""Endings of the files that a folder is searched for, lower case."""


def is_many(source: str) -> bool:
    """Whether a source names several videos: a folder that holds some, a pattern, or a list that ends in .txt."""
    path = Path(source).expanduser()
    if path.is_dir():
        return next(_in_folder(path), None) is not None
    return (path.suffix.lower() == ".txt" and path.is_file()) or _is_pattern(source)


def videos_of(source: str, out: Path) -> dict[str, Path]:
    """Name of the session's folder below `out` -> video, in order; videos below `out` itself are left out.

    A list has one path a line, relative to the list's folder; empty lines and those that begin with # do not count.
    Raises SourceError where there is not one video, or the list cannot be read.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        found = sorted(_in_folder(path))
    elif _is_pattern(source):
        found = sorted(one for one in map(Path, glob.glob(str(path), recursive=True)) if one.is_file())  # noqa: PTH207
    else:
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{path} cannot be read as a list of paths, one a line ({error}).") from error
        found = [path.parent / Path(line).expanduser() for line in lines if line and not line.startswith("#")]
    away = out.resolve()
    kept = {one.resolve(): one for one in found if away not in one.resolve().parents}
    if not kept:
        raise SourceError(f"{source} names no video; a folder, a pattern or a list with at least one was wanted.")
    root = Path(os.path.commonpath([one.parent for one in kept]))
    return {one.relative_to(root).as_posix(): given for one, given in kept.items()}


def _in_folder(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix.lower() in VIDEOS and path.is_file())


def _is_pattern(source: str) -> bool:
    if "://" in source or source.split("?")[0].split(":")[0] == "demo" or Path(source).exists():
        return False
    return any(sign in source for sign in "*?[")
