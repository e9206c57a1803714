"""`stillpoint reprocess`: a session's raw values through another filter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


def reprocess(
    session: Path,
    *,
    filter: str | None = None,
    name: str | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Run another filter over what was measured and write frames_NAME.parquet beside the original.

    The filter's parameters are those of the settings; the network is not run again, and nothing of the recording
    changes.

    Parameters
    ----------
    session:
        The folder of a recording.
    filter:
        none, one_euro, kalman or default; else what the settings say.
    name:
        Of the pass; else the filter's.
    overwrite:
        Replace a pass of that name.
    """
    from ..session.replay import open_session
    from ..session.reprocess import reprocess as run
    from ..settings import load_settings

    settings = load_settings().filter
    chosen = msgspec.structs.replace(settings, method=filter or settings.method)
    opened = open_session(session)
    console = Console()
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        line = bar.add_task(name or chosen.method, total=1.0)
        target = run(
            opened, chosen, name, overwrite=overwrite, progress=lambda share: bar.update(line, completed=share)
        )
    console.print(f"Written: {target}", markup=False, soft_wrap=True)
