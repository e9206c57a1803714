"""What commands that track a source share: the settings with what the command line says, what the source says, and how
a person ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from ..capture import Message
from ..capture.source import kind_of, open_source
from ..errors import OutputError
from ..settings import Capture, Settings, load_settings, with_given


def chosen(filter: str | None, engine: str | None, max_faces: int | None) -> Settings:
    """The settings, with what is given instead of what they say. Raises SettingsError."""
    given = {"filter.method": filter, "detection.engine": engine, "detection.max_faces": max_faces}
    return with_given(load_settings(), given)


def at_hand(source: str, settings: Capture, replacing: bool = False) -> None:
    """The window waits for a camera that is not there yet; a command says so and ends: SourceError. So it does where
    `replacing` a session: nothing is thrown away for a source that cannot be opened."""
    if replacing or kind_of(source) == "camera":
        open_source(source, settings).close()


def told_into(path: Path | None) -> None:
    """Make the folder of a file that will hold figures: what cannot be written is said before the work, and not after
    it. Raises OutputError."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.exists()
        path.open("a").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); name another file.") from error


class Teller:
    """Prints what a source says of itself, but for why it failed: with that sentence the command ends."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def tell(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def hear(self, message: Message) -> None:
        if message.state != "failed":
            self.tell(message.text)


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; a second one interrupts as ever."""
    stop = threading.Event()
    before: dict[signal.Signals, Any] = {}

    def asked(number: int, _: Any) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.getsignal(number)
        signal.signal(number, asked)
    try:
        yield stop
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
