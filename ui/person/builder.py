"""Builds a head in a thread of its own, from pictures in a folder or from one picture, and tells how far it is."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from tracker.errors import StillpointError
from tracker.settings import Settings

log = logging.getLogger(__name__)
LABELS = {
    "watch": "Watching the turn …",
    "find": "Finding the face …",
    "fit": "Fitting shape and poses …",
    "align": "Aligning the views …",
    "outline": "Cutting out …",
    "texture": "Reading the skin …",
    "complete": "Completing what was not seen …",
    "splats": "Optimising splats …",
}

Write = Callable[[Path], object]
"""Puts the pictures into a folder."""


class Builder(QObject):
    """One build at a time. `progress` (sentence, 0..1), `built` (folder), `failed` or `cancelled` (sentence); all in
    the window's thread."""

    progress = pyqtSignal(str, float)
    built = pyqtSignal(str)
    failed = pyqtSignal(str)
    cancelled = pyqtSignal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def build(self, write: Write, folder: Path, settings: Settings) -> None:
        """Build from what `write` puts down: one picture is a photograph, several a turn. Nothing where one runs."""
        if self.busy:
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(write, folder, settings, self._stop), name="stillpoint-build", daemon=True
        )
        self._thread.start()

    def cancel(self) -> None:
        """Soon over; `cancelled` says so."""
        self._stop.set()

    def close(self, timeout: float | None = 15.0) -> None:
        """Cancel and wait."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self, write: Write, folder: Path, settings: Settings, stop: threading.Event) -> None:
        from tracker.avatar.assemble import Cancelled, Clock
        from tracker.avatar.build import build_head
        from tracker.avatar.grow import with_splats
        from tracker.avatar.store import save_avatar
        from tracker.detection.follow import FaceTracker

        scratch = Path(tempfile.mkdtemp(prefix="stillpoint-head-"))
        try:
            pictures = scratch / folder.name
            pictures.mkdir()
            write(pictures)
            found = sorted(pictures.iterdir())
            source = found[0] if len(found) == 1 else pictures
            tracker = FaceTracker.configured(settings.detection, max_faces=3)
            clock = Clock(lambda stage, share: self.progress.emit(LABELS.get(stage, ""), share), stop.is_set)
            avatar = build_head(str(source), tracker, progress=clock.progress, cancelled=stop.is_set, settings=settings)
            save_avatar(with_splats(avatar, clock), folder, overwrite=True)
        except Cancelled as error:
            self.cancelled.emit(str(error))
        except StillpointError as error:
            self.failed.emit(str(error))
        except OSError as error:
            self.failed.emit(f"The head was not built: {error.strerror or error}.")
        except Exception as error:
            log.exception("a head could not be built")
            self.failed.emit(f"The head was not built ({type(error).__name__}: {error}).")
        else:
            self.built.emit(str(folder))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
