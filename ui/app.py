"""Opens the window: `run_window` is what `stillpoint run` calls."""

from __future__ import annotations

import gc
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QIcon
from PyQt6.QtWidgets import QApplication, QWidget

from tracker import assets
from tracker.errors import OutputError, StillpointError
from tracker.pipeline import Tracker
from tracker.settings import Settings, settings_path
from tracker.sinks import Sink

from .remember import default_store
from .theme import Theme
from .window import Window

HEADLESS = (
    "There is no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set); "
    "use `stillpoint track SOURCE --out DIR`, which needs none."
)


def display_problem(platform: str = sys.platform, environ: dict[str, str] | None = None) -> str | None:
    """Why no window can open here, or None. Asked before Qt starts: without a display Qt ends the process."""
    env = os.environ if environ is None else environ
    if not platform.startswith(("linux", "freebsd")) or env.get("QT_QPA_PLATFORM"):
        return None
    return None if env.get("DISPLAY") or env.get("WAYLAND_DISPLAY") else HEADLESS


def run_window(source: str, settings: Settings, screenshot: Path | None = None, after_s: float = 5.0) -> int:
    """Open the window on a source and return when it is closed: 0, or Qt's exit code.

    `screenshot`, for the documentation and tests: `after_s` seconds after the first picture (or after trouble was told)
    the window is drawn into this file and closed, and nothing of the person's layout and settings is read or written.
    Raises StillpointError where there is no display and OutputError where the picture cannot be written.
    """
    app = application(HEADLESS)
    kept = screenshot is None
    window = Window(
        settings,
        Theme(app, settings.view.theme),
        make_tracker=face_tracker,
        make_recorder=recorder,
        store=default_store() if kept else None,
        settings_path=settings_path() if kept else None,
    )
    window.show()
    window.open(source)
    shot = Screenshot(screenshot) if screenshot is not None else None
    if shot is not None:
        started = QTimer(window)
        started.setSingleShot(True)
        started.setInterval(round(1000 * after_s))
        started.timeout.connect(lambda: shot.take(window))
        # Counted from the first picture: how long loading takes is this machine's affair.
        window.bridge.arrived.connect(lambda _: None if started.isActive() or shot.taken else started.start())
        window.live.changed.connect(lambda state: started.start() if state.phase == "failed" else None)
    # What has been loaded by now stays: collecting garbage need not walk it, which takes 50 ms at times.
    gc.collect()
    gc.freeze()
    return until_closed(app, window, shot)


def application(headless: str) -> QApplication:
    """Qt's application, with our name and icon. Raises StillpointError(`headless`) where there is no display."""
    if display_problem() is not None:
        raise StillpointError(headless)
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(["stillpoint"])
    app.setApplicationName("Stillpoint")
    app.setDesktopFileName("stillpoint")
    app.setWindowIcon(QIcon(str(assets.ROOT / "icons" / "stillpoint.svg")))
    return app


@dataclass(slots=True)
class Screenshot:
    """A window drawn into the picture `path`, which ends it. `written` is None before."""

    path: Path
    written: bool | None = None

    @property
    def taken(self) -> bool:
        return self.written is not None

    def take(self, window: QWidget) -> None:
        self.written = window.grab().save(str(self.path))
        window.close()


def until_closed(app: QApplication, window: QWidget, shot: Screenshot | None) -> int:
    """Run Qt until the window is closed, also by Ctrl+C; 0, or Qt's exit code. Raises OutputError where the screenshot
    cannot be written."""
    # Python sees Ctrl+C only when it runs: a timer lets it, a few times a second.
    before = signal.signal(signal.SIGINT, lambda *_: window.close())
    awake = QTimer()
    awake.timeout.connect(lambda: None)
    awake.start(200)
    try:
        code = app.exec()
    finally:
        signal.signal(signal.SIGINT, before)
    if shot is not None and shot.written is False:
        raise OutputError(f"The screenshot {shot.path} cannot be written; check its folder and that it ends in .png.")
    return code


def face_tracker(settings: Settings) -> Tracker:
    """The tracker that the settings describe. Takes a while: it loads the networks."""
    from tracker.detection.follow import FaceTracker

    return FaceTracker.configured(settings.detection)


def recorder(folder: Path, settings: Settings, tracker: Tracker) -> Sink:
    """The sink that writes a session as `stillpoint record` does, and what is marked meanwhile. Raises OutputError for
    a folder that cannot be written and SettingsError for labels that cannot be read."""
    from tracker.session.about import recording_facts
    from tracker.session.book import LiveMarkers
    from tracker.session.label_set import automatic, label_set, thresholds
    from tracker.session.record import Recorder

    wanted, marks = settings.record, settings.annotate
    tracks, at = label_set(marks.labels), thresholds(marks)
    made = Recorder(
        folder,
        annotated=wanted.overlay,
        clean=True,
        lossless=wanted.lossless,
        filter=settings.filter,
        model=getattr(tracker, "model_info", None),
        about=recording_facts(settings, tracker),
        limit_s=wanted.stop_after_s or None,
    )
    made.markers = LiveMarkers(folder, automatic(marks), tracks, at)
    return made
