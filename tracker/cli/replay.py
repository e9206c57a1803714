"""`stillpoint replay`: the window on a recorded session."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..settings import load_settings


def replay(
    session: Path,
    *,
    run: Annotated[str | None, Parameter(name="--pass")] = None,
    against: str | None = None,
    screenshot: Path | None = None,
    after: float = 3.0,
) -> int:
    """Replay SESSION: video, timeline, markers, corrections by hand, and a second pass beside it.

    Parameters
    ----------
    session:
        The folder of a recording.
    run:
        A pass that `stillpoint reprocess` made, instead of the original.
    against:
        A pass, or the folder of another session of the same video, to lay beside it.
    screenshot:
        Draw the window into this picture after some seconds, and close it.
    after:
        How many seconds.
    """
    from ui.replay.app import run_replay

    return run_replay(session, load_settings(), run, against, screenshot, after)
