"""A personal head as files of other programs. To add a format: its module, and a line here."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ...errors import OutputError
from ..types import Avatar
from . import gltf, obj, ply

EXPORTS: Mapping[str, tuple[Callable[[Avatar, Path], None], str]] = {
    "ply": (ply.write, "head.ply"),
    "gltf": (gltf.write, "head.glb"),
    "obj": (obj.write, "head.obj"),
}
"""Format -> what writes it, and the name of its (main) file."""


def export(avatar: Avatar, to: str, folder: Path) -> Path:
    """Write a head into `folder`; returns the main file.

    Raises OutputError for an unknown format or where it cannot be written, ModelError where the head lacks what the
    format holds. Nothing half-written is left.
    """
    if to not in EXPORTS:
        raise OutputError(f"There is no format {to!r} for heads; take one of {', '.join(EXPORTS)}.")
    write, name = EXPORTS[to]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as scratch:
            write(avatar, Path(scratch) / name)
            for path in sorted(Path(scratch).iterdir()):
                path.replace(folder / path.name)
    except OSError as error:
        raise OutputError(
            f"The head cannot be written to {folder} ({error.strerror or error}); check the folder and the disk."
        ) from error
    return folder / name
