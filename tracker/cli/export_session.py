"""`stillpoint export-session`: a recorded session as files of other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..errors import OutputError, SettingsError
from ..session.export import EXPORTS, export
from ..session.replay import open_session

_WITH_FACE = frozenset({"livelink", "bids", "bvh", "gltf", "report"})
_NEED_VIDEO = frozenset({"overlay", "stills"})


def export_session(
    session: Path,
    *,
    to: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    out: Path | None = None,
    face: int | None = None,
    raw: Annotated[bool, Parameter(negative="")] = False,
    rate: float | None = None,
    subject: str | None = None,
    task: str = "face",
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a session for other programs: csv, parquet, openface, livelink, bids, bvh, gltf, report, overlay, stills,
    audacity, elan, events, markers.

    Parameters
    ----------
    session:
        The folder of a recording.
    to:
        The formats; "all" for every one but overlay and stills, which need a clean video.
    out:
        The folder to write into; without it `exports` in the session's folder.
    face:
        Which face goes into formats that hold one; else the one that is there longest.
    raw:
        What was measured, instead of what the filter left.
    rate:
        Frames a second of bvh; else the session's own.
    subject:
        The label of the subject in bids.
    task:
        The label of the task in bids.
    overwrite:
        Replace files that are there.
    """
    kinds = [kind for kind in EXPORTS if kind not in _NEED_VIDEO] if to == ["all"] else to or []
    unknown = [kind for kind in kinds if kind not in EXPORTS]
    if unknown or not kinds:
        what = f"There is no format {unknown[0]!r}" if unknown else "No format was named"
        raise SettingsError(f"{what}; choose with --to from {', '.join(EXPORTS)}, or all.")
    opened = open_session(session).showing("raw" if raw else "stable")
    folder = out if out is not None else session / "exports"
    targets = {kind: folder / EXPORTS[kind].name for kind in dict.fromkeys(kinds)}
    taken = [path for kind, path in targets.items() if path.exists() and kind != "bids"]
    if taken and not overwrite:
        raise OutputError(f"{taken[0]} is already there; choose another --out, or replace it with --overwrite.")
    console = Console()
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        for kind, path in targets.items():
            line = bar.add_task(kind, total=1.0)
            options: dict[str, Any] = {"face": face} if kind in _WITH_FACE else {}
            if kind == "bvh":
                options["rate"] = rate
            if kind == "bids":
                options.update(subject=subject, task=task)
            export(opened, kind, path, _shown(bar, line), **options)
    console.print(
        f"Written to {folder}: {', '.join(path.name for path in targets.values())}", markup=False, soft_wrap=True
    )


def _shown(bar: Progress, line: TaskID) -> Callable[[float], None]:
    return lambda share: bar.update(line, completed=share)
