"""Recordings that a kill or a power cut left: looked for once, and made whole when a person wants that."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from tracker.errors import StillpointError
from tracker.session.repair import interrupted, repair

log = logging.getLogger(__name__)
STOP_S = 10.0


class Recovery(QObject):
    """Reads and mends in threads of its own; answers come in the window's thread."""

    found = pyqtSignal(list)
    """Folders of interrupted recordings; never empty."""
    done = pyqtSignal(str, bool)
    """(a sentence, whether all went well)"""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._threads: list[threading.Thread] = []

    def look(self, base: Path) -> None:
        """Find them below `base`."""

        def work() -> None:
            folders = interrupted(base) if base.is_dir() else []
            if folders:
                self.found.emit(folders)

        self._do(work)

    def mend(self, folders: list[Path]) -> None:
        """Make them whole."""

        def work() -> None:
            frames, problem = 0, ""
            for folder in folders:
                try:
                    frames += repair(folder).frames
                except StillpointError as error:
                    problem = str(error)
                except Exception as error:
                    log.exception("%s cannot be recovered", folder)
                    problem = f"{folder.name} cannot be recovered ({type(error).__name__}: {error})."
            self.done.emit(problem or f"{frames} frames were recovered into {folders[-1].parent}.", not problem)

        self._do(work)

    def close(self) -> None:
        for thread in self._threads:
            thread.join(STOP_S)

    def _do(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="stillpoint-recovery", daemon=True)
        self._threads.append(thread)
        thread.start()
