"""`stillpoint export-session`: a recorded session as files of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..session.export import EXPORTS, Choices, export_all
from ..session.replay import open_session


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
    corrections: Annotated[bool, Parameter(negative="--no-corrections")] = True,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a session for other programs: csv, parquet, openface, livelink, bids, sleap, bvh, gltf, report, overlay,
    stills, audacity, elan, events, markers.

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
    corrections:
        Whether landmarks that were moved by hand are where they were put.
    overwrite:
        Replace files that are there.
    """
    kinds = [kind for kind, one in EXPORTS.items() if one.installed and not one.video] if to == ["all"] else to or []
    choices = Choices(face, rate, subject, task, raw, corrections)
    opened = open_session(session)
    folder = out if out is not None else session / "exports"
    console = Console()
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        lines: dict[str, TaskID] = {}

        def shown(kind: str, share: float) -> None:
            if kind not in lines:
                lines[kind] = bar.add_task(kind, total=1.0)
            bar.update(lines[kind], completed=share)

        written = export_all(
            opened, kinds, folder, choices, overwrite=overwrite, progress=shown,
            tell=lambda text: console.print(text, markup=False, soft_wrap=True),
        )  # fmt: skip
    names = ", ".join(path.name for path in written)
    console.print(f"Written to {folder}: {names}", markup=False, soft_wrap=True)
