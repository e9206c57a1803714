"""Writes a session in other programs' formats, in a thread, with progress; it can be cancelled."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from tracker.errors import StillpointError
from tracker.session.export import Cancelled, Choices, export_all, troubles
from tracker.session.replay import Session, open_session

log = logging.getLogger(__name__)
STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Task:
    """What was asked for."""

    session: Session
    kinds: tuple[str, ...]
    folder: Path
    choices: Choices
    overwrite: bool


class Exporter(QObject):
    """Opens sessions and writes them, in threads of its own; answers come in the window's thread."""

    opened = pyqtSignal(object, str)
    """(Session and what of it is left out, or None and why)"""
    moved = pyqtSignal(str, float)
    """(format, its share)"""
    done = pyqtSignal(object, str)
    """(the files that were written or None, why not; neither: it was cancelled)"""
    _read = pyqtSignal(int, object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._turn = 0
        self._cancelled = threading.Event()
        self._threads: list[threading.Thread] = []
        self._read.connect(self._on_read)

    def look(self, folder: Path) -> None:
        """Open a session; an older wish's answer is thrown away."""
        self._turn += 1
        turn = self._turn

        def work() -> None:
            try:
                session = open_session(folder)
                names = session.faces  # reads the table once, here
                log.debug("%s has the faces %s", folder, names)
                said = " ".join(troubles(session))
            except StillpointError as error:
                self._read.emit(turn, None, str(error))
            else:
                self._read.emit(turn, session, said)

        self._do(work)

    def start(self, task: Task) -> None:
        self._cancelled.clear()

        def told(kind: str, share: float) -> None:
            if self._cancelled.is_set():
                raise Cancelled
            self.moved.emit(kind, share)

        def work() -> None:
            try:
                written = export_all(
                    task.session, task.kinds, task.folder, task.choices, overwrite=task.overwrite, progress=told
                )
            except Cancelled:
                self.done.emit(None, "")
            except StillpointError as error:
                self.done.emit(None, str(error))
            except Exception as error:
                log.exception("the export failed")
                self.done.emit(None, f"The export failed ({type(error).__name__}: {error}).")
            else:
                self.done.emit(written, "")

        self._do(work)

    def cancel(self) -> None:
        """What is being written is thrown away; what was finished stays."""
        self._cancelled.set()

    def close(self) -> None:
        self.cancel()
        for thread in self._threads:
            thread.join(STOP_S)

    def _do(self, work: object) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=work, name="stillpoint-export", daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _on_read(self, turn: int, session: Session | None, problem: str) -> None:
        if turn == self._turn:
            self.opened.emit(session, problem)
