"""Builds a head in a thread of its own, from pictures in a folder or from one picture, and tells how far it is."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from tracker.errors import OutputError, StillpointError
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
    "write": "Writing the head …",
}
KEPT = "The {} pictures of the turn are kept until the window closes: Go on builds from them."

Write = Callable[[Path], object]
"""Puts the pictures into a folder."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The pictures of a turn whose build was broken off: their folder, which has the name the head was to have, in a
    folder of its own."""

    pictures: Path

    @property
    def name(self) -> str:
        return self.pictures.name

    def __len__(self) -> int:
        return sum(1 for _ in self.pictures.iterdir())


class Builder(QObject):
    """One build at a time. `progress` (sentence, 0..1), `built` (folder), `failed` or `cancelled` (sentence); all in
    the window's thread.

    A turn takes its person twenty seconds: where its build is cancelled, or cannot be written, its pictures are `kept`
    until they are built from, forgotten, or replaced by another turn's, and until the window closes at the latest."""

    progress = pyqtSignal(str, float)
    built = pyqtSignal(str)
    failed = pyqtSignal(str)
    cancelled = pyqtSignal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.kept: Kept | None = None

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def build(self, write: Write, folder: Path, settings: Settings) -> None:
        """Build from what `write` puts down: one picture is a photograph, several a turn. Nothing where one runs."""
        self._begin(write, None, folder, settings)

    def go_on(self, folder: Path, settings: Settings) -> None:
        """Build from the turn that was kept. Nothing where none was."""
        if self.kept is not None:
            self._begin(None, self.kept, folder, settings)

    def forget(self) -> None:
        """Remove the pictures that were kept."""
        if self.kept is not None:
            self._drop(self.kept)

    def cancel(self) -> None:
        """Soon over; `cancelled` says so."""
        self._stop.set()

    def close(self, timeout: float | None = 15.0) -> None:
        """Cancel, wait, and forget."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)
        self.forget()

    def _begin(self, write: Write | None, kept: Kept | None, folder: Path, settings: Settings) -> None:
        if self.busy:
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(write, kept, folder, settings, self._stop), name="stillpoint-build", daemon=True
        )
        self._thread.start()

    def _run(
        self, write: Write | None, kept: Kept | None, folder: Path, settings: Settings, stop: threading.Event
    ) -> None:
        from tracker.avatar.assemble import Cancelled

        if kept is None:
            kept = Kept(Path(tempfile.mkdtemp(prefix="stillpoint-head-")) / folder.name)
        whole, signal = write is None, self.failed
        try:
            if write is not None:
                kept.pictures.mkdir()
                write(kept.pictures)
                whole = True
            self._build(kept.pictures, folder, settings, stop)
        except Cancelled:
            whole, signal = self._keep(kept, whole), self.cancelled
            text = str(Cancelled(KEPT.format(len(kept)) if whole else ""))
        except (OSError, OutputError) as error:
            whole = self._keep(kept, whole)
            text = f"The head was not built: {error.strerror or error}." if isinstance(error, OSError) else str(error)
            text += f" {KEPT.format(len(kept))}" if whole else ""
        except StillpointError as error:
            whole, text = False, str(error)
        except Exception as error:
            log.exception("a head could not be built")
            whole, text = False, f"The head was not built ({type(error).__name__}: {error})."
        else:
            whole, signal, text = False, self.built, str(folder)
        if not whole:
            self._drop(kept)
        signal.emit(text)

    def _keep(self, kept: Kept, whole: bool) -> bool:
        """Keep a turn's pictures instead of another's; False where they are none, or not all."""
        if not whole or len(kept) < 2:
            return False
        if self.kept is not None and self.kept != kept:
            self._drop(self.kept)
        self.kept = kept
        return True

    def _drop(self, kept: Kept) -> None:
        if self.kept == kept:
            self.kept = None
        shutil.rmtree(kept.pictures.parent, ignore_errors=True)

    def _build(self, pictures: Path, folder: Path, settings: Settings, stop: threading.Event) -> None:
        from tracker.avatar.assemble import Clock
        from tracker.avatar.build import build_head
        from tracker.avatar.grow import load_ahead, with_splats
        from tracker.avatar.store import save_avatar
        from tracker.detection.follow import FaceTracker

        def told(stage: str, share: float) -> None:
            if stage in LABELS and not stop.is_set():
                self.progress.emit(LABELS[stage], share)

        load_ahead()
        found = sorted(pictures.iterdir())
        source = found[0] if len(found) == 1 else pictures
        tracker = FaceTracker.configured(settings.detection, max_faces=3)
        clock = Clock(told, stop.is_set)
        avatar = build_head(str(source), tracker, progress=told, cancelled=stop.is_set, settings=settings)
        avatar = with_splats(avatar, clock)
        clock.at("write", 1.0)
        save_avatar(avatar, folder, overwrite=True)
