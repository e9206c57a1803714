"""What people lay over a session (markers, corrections, landmarks of their own), as files that several may write.

Two windows, or a window and a recorder, may be at one session: who writes holds `alone` meanwhile, reads what is there,
and changes in it only what he changed himself. A file that cannot be read stops nobody: it counts as empty, that is
said, and it is kept under another name before anything is written in its place.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ..errors import SourceError
from ..whole import whole

Read = TypeVar("Read")

KEPT = ".broken"
"""What is added to the name of a file that could not be read as it is."""
_HERE = threading.RLock()
_PATIENCE_S, _TRY_S = 2.0, 0.005
OTHERS = "Another window, or a recording, changes this session too: its changes are shown here, and all are kept."


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else writes a layer of this session meanwhile; whoever wants to waits, but never for long: a program that
    was stopped in here must not hold up a recording. It may not be nested.

    Where the system has no such locks (Windows, some network disks) only this process is kept out. Raises OSError where
    the folder cannot be opened.
    """
    try:
        import fcntl
    except ImportError:
        with _HERE:
            yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_TRY_S)
            except OSError:  # a disk without locks
                break
        yield
    finally:
        os.close(held)


def readable(read: Callable[[Path], Read], folder: Path, empty: Read) -> tuple[Read, str]:
    """What `read` finds in a session's folder, and "", or `empty` and a sentence that says why it counts as that."""
    try:
        return read(folder), ""
    except SourceError as error:
        return empty, f"{error} Until then it is left out; a copy of it ({KEPT}) stays when something new is saved."


def keep_copy(path: Path) -> Path:
    """Copy a file that could not be read as it is, before another is written in its place; returns where the copy is.
    Raises OSError."""
    kept, number = path.with_name(f"{path.name}{KEPT}"), 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}{KEPT}{number}")
    with whole(kept) as scratch:
        shutil.copy2(path, scratch)
    return kept


def stamps_of(*paths: Path) -> tuple[tuple[int, int, int], ...]:
    """What changes when a file is written or replaced; zeros for one that is not there."""
    found = []
    for path in paths:
        try:
            about = path.stat()
        except OSError:
            found.append((0, 0, 0))
        else:
            found.append((about.st_ino, about.st_mtime_ns, about.st_size))
    return tuple(found)
