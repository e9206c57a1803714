"""Opens the replay window: `run_replay` is what `stillpoint replay` calls."""

from __future__ import annotations

import signal
from pathlib import Path

from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QIcon
from PyQt6.QtWidgets import QApplication

from tracker import assets
from tracker.errors import OutputError, StillpointError
from tracker.settings import Settings

from ..app import display_problem
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
    problem = display_problem()
    if problem is not None:
        raise StillpointError(problem.replace("stillpoint track SOURCE --out DIR", "stillpoint export-session DIR"))
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(["stillpoint"])
    app.setApplicationName("Stillpoint")
    app.setDesktopFileName("stillpoint")
    app.setWindowIcon(QIcon(str(assets.ROOT / "icons" / "stillpoint.svg")))
    window = ReplayWindow(folder, settings, Theme(app, settings.view.theme), run, against)
    window.show()
    saved: list[bool] = []
    if screenshot is not None:

        def draw() -> None:
            saved.append(window.grab().save(str(screenshot)))
            window.close()

        QTimer.singleShot(round(1000 * after_s), draw)
    signal.signal(signal.SIGINT, lambda *_: window.close())
    awake = QTimer()  # Python sees Ctrl+C only when it runs
    awake.timeout.connect(lambda: None)
    awake.start(200)
    code = app.exec()
    if saved == [False]:
        raise OutputError(f"The screenshot {screenshot} cannot be written; check its folder and that it ends in .png.")
    return code
