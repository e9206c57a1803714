"""Opens the replay window: `run_replay` is what `stillpoint replay` calls."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QTimer

from tracker.settings import Settings

from ..app import HEADLESS, Screenshot, application, until_closed
from ..theme import Theme
from .window import ReplayWindow


def run_replay(
    folder: Path,
    settings: Settings,
    run: str | None = None,
    against: str | None = None,
    screenshot: Path | None = None,
    after_s: float = 3.0,
) -> int:
    """Open a session and return when its window is closed: 0, or Qt's exit code.

    `run`: the pass that is shown; `against`: a pass or another session to lay beside it. `screenshot`: after `after_s`
    seconds the window is drawn into this picture and closed. Raises StillpointError where there is no display and for
    what is no session, OutputError where the picture cannot be written.
    """
    app = application(HEADLESS.replace("stillpoint track SOURCE --out DIR", "stillpoint export-session DIR"))
    window = ReplayWindow(folder, settings, Theme(app, settings.view.theme), run, against)
    window.show()
    shot = Screenshot(screenshot) if screenshot is not None else None
    if shot is not None:
        QTimer.singleShot(round(1000 * after_s), lambda: shot.take(window))
    return until_closed(app, window, shot)
