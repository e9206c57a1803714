"""Sessions as files of other programs: one file a format, each with `write(session, path, progress)`.

`session` says whether raw or stable values are meant. `path` is the file (or, for BIDS, the folder) to write;
`progress` is called with the share that is done, 0..1. All raise OutputError where the target cannot be written or
the session has nothing to write, and SourceError where its table lacks a column.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import OutputError, SettingsError
from ..replay import Session

__all__ = ["EXPORTS", "Export", "Progress", "export"]

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Export:
    """`where`: "module:function" in this package; `name`: of the file or folder that it writes."""

    where: str
    name: str
    line: str


EXPORTS: dict[str, Export] = {
    "csv": Export("csv:write", "frames.csv", "every number of the table that fits a line, raw and stable"),
    "parquet": Export("parquet:write", "frames.parquet", "the whole table"),
    "openface": Export("openface:write", "openface.csv", "the columns of OpenFace 2 that there are"),
    "livelink": Export("livelink_csv:write", "livelink.csv", "Live Link Face: shapes and angles by timecode"),
    "bids": Export("bids:write", "bids", "BIDS motion: a folder with tables, channels and events"),
    "bvh": Export("bvh:write", "head.bvh", "BVH: the head's and the eyes' motion at a fixed rate"),
    "gltf": Export("gltf:write", "head.glb", "glTF 2.0: the head's mesh, 52 shapes, and the animation"),
    "report": Export("report:write", "report.html", "one HTML file with counts and plots"),
    "overlay": Export("pictures:overlay", "overlay.mp4", "the clean video with the overlay drawn anew"),
    "stills": Export("pictures:stills", "stills", "a PNG of the clean video for each marker"),
    "audacity": Export("markers:audacity", "markers.txt", "markers as Audacity's labels"),
    "elan": Export("markers:elan", "markers.eaf", "markers as ELAN's annotations"),
    "events": Export("markers:events", "events.tsv", "markers as BIDS events"),
    "markers": Export("markers:table", "markers.csv", "markers as a table"),
}
"""Every format by its name; nothing of them is loaded for the list."""


def export(session: Session, kind: str, path: Path, progress: Progress | None = None, **options: Any) -> None:
    """Write `session` as `kind` to `path`, whose folder is made. `options` are those of the format's `write`.

    Raises SettingsError for a format that there is none, else what the format raises.
    """
    if kind not in EXPORTS:
        raise SettingsError(f"There is no format {kind!r}; choose one of {', '.join(EXPORTS)}.")
    module, name = EXPORTS[kind].where.split(":")
    write: Any = getattr(importlib.import_module(f".{module}", __name__), name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(session, path, progress or (lambda share: None), **options)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror or error}); choose another place.") from error
