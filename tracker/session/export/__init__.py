"""Sessions as files of other programs: one file a format, each with `write(session, path, progress)`.

`session` says whether raw or stable values are meant. `path` is the file (or, for BIDS, the folder) to write;
`progress` is called with the share that is done, 0..1. All raise OutputError where the target cannot be written or
the session has nothing to write, and SourceError where its table lacks a column.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import OutputError, SettingsError, StillpointError
from ..layers import readable
from ..replay import Session

__all__ = ["EXPORTS", "Cancelled", "Choices", "Export", "Progress", "export", "export_all"]

Progress = Callable[[float], None]


class Cancelled(Exception):  # noqa: N818  a wish, not an error
    """What a `progress` raises to end an export: nothing of the file that was being written stays."""


@dataclass(frozen=True, slots=True)
class Export:
    """`where`: "module:function" in this package; `name`: of the file or folder that it writes. `takes`: which of the
    `Choices` it takes; `video`: whether it needs the clean video; `module`: of an extra, without which it cannot be.
    """

    where: str
    name: str
    line: str
    takes: tuple[str, ...] = ()
    video: bool = False
    module: str = ""

    @property
    def installed(self) -> bool:
        return not self.module or importlib.util.find_spec(self.module) is not None


EXPORTS: dict[str, Export] = {
    "csv": Export("csv:write", "frames.csv", "every number of the table that fits a line, raw and stable"),
    "parquet": Export("parquet:write", "frames.parquet", "the whole table"),
    "openface": Export("openface:write", "openface.csv", "the columns of OpenFace 2 that there are"),
    "livelink": Export(
        "livelink_csv:write", "livelink.csv", "Live Link Face: shapes and angles by timecode", ("face",)
    ),
    "bids": Export(
        "bids:write", "bids", "BIDS motion: a folder with tables, channels and events", ("face", "subject", "task")
    ),
    "sleap": Export(
        "sleap:write", "sleap.h5", "SLEAP's analysis HDF5: landmarks as tracks (extra `export`)", module="h5py"
    ),
    "bvh": Export("bvh:write", "head.bvh", "BVH: the head's and the eyes' motion at a fixed rate", ("face", "rate")),
    "gltf": Export("gltf:write", "head.glb", "glTF 2.0: the head's mesh, 52 shapes, and the animation", ("face",)),
    "report": Export("report:write", "report.html", "one HTML file with counts and plots", ("face",)),
    "overlay": Export("pictures:overlay", "overlay.mp4", "the clean video with the overlay drawn anew", video=True),
    "stills": Export("pictures:stills", "stills", "a PNG of the clean video for each marker", video=True),
    "audacity": Export("markers:audacity", "markers.txt", "markers as Audacity's labels"),
    "elan": Export("markers:elan", "markers.eaf", "markers as ELAN's annotations"),
    "events": Export("markers:events", "events.tsv", "markers as BIDS events"),
    "markers": Export("markers:table", "markers.csv", "markers as a table"),
}
"""Every format by its name; nothing of them is loaded for the list."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen for formats that take it: which `face` (None: the one that is there longest), the `rate` of
    bvh (None: the session's own), `subject` and `task` of bids. `raw`: measured instead of filtered values;
    `corrections`: whether the landmarks that a person moved are where the person put them."""

    face: int | None = None
    rate: float | None = None
    subject: str | None = None
    task: str = "face"
    raw: bool = False
    corrections: bool = True

    def of(self, session: Session) -> Session:
        """The session as these choices show it; without corrections that cannot be read (`troubles` says so)."""
        from ..corrections import Layer, read_corrections, with_corrections

        chosen = session.showing("raw" if self.raw else "stable")
        layer, _ = readable(read_corrections, session.folder, Layer()) if self.corrections else (Layer(), "")
        return with_corrections(chosen, layer) if layer else chosen


def troubles(session: Session) -> list[str]:
    """Which of the files that people laid over a session cannot be read and are left out of exports: sentences."""
    from ..corrections import Layer, read_corrections
    from ..markers import Markers, markers_over
    from ..own_points import NOWHERE, own_columns

    folder = session.folder
    marked, *said = markers_over(folder, Markers())
    said.append(readable(read_corrections, folder, Layer())[1])
    said.append(readable(lambda _: own_columns(session), folder, NOWHERE)[1])
    return [*filter(None, said), *marked.notes]


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


def export_all(
    session: Session,
    kinds: Sequence[str],
    folder: Path,
    choices: Choices | None = None,
    *,
    overwrite: bool = False,
    progress: Callable[[str, float], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write `session` as each of `kinds` into `folder`; returns what was written.

    `progress` is called with the format and its share, and may raise `Cancelled`; `tell` gets `troubles`. Raises
    SettingsError for unknown formats or none, OutputError where a file is there already and not `overwrite`, else,
    after the other formats were written, as `export` does: OutputError where several could not.
    """
    choices, show = choices or Choices(), progress or (lambda kind, share: None)
    unknown = [kind for kind in kinds if kind not in EXPORTS]
    if unknown or not kinds:
        what = f"There is no format {unknown[0]!r}" if unknown else "No format was named"
        raise SettingsError(f"{what}; choose with --to from {', '.join(EXPORTS)}, or all.")
    targets = {kind: folder / EXPORTS[kind].name for kind in dict.fromkeys(kinds)}
    taken = [path for kind, path in targets.items() if path.exists() and kind != "bids"]
    if taken and not overwrite:
        raise OutputError(f"{taken[0]} is already there; choose another folder, or overwrite it (--overwrite).")
    if tell is not None:
        for sentence in troubles(session):
            tell(sentence)
    shown = choices.of(session)
    problems: list[StillpointError] = []
    written: list[Path] = []
    for kind, path in targets.items():
        options = {name: getattr(choices, name) for name in EXPORTS[kind].takes}

        def told(share: float, kind: str = kind) -> None:
            show(kind, share)

        try:
            export(shown, kind, path, told, **options)
            written.append(path)
        except StillpointError as error:
            problems.append(error)
    if problems and written and tell is not None:
        tell(f"Written to {folder}, of what was asked for: {', '.join(path.name for path in written)}")
    if len(problems) > 1:
        raise OutputError(" ".join(dict.fromkeys(map(str, problems))))
    if problems:
        raise problems[0]
    return written
