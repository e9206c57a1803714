"""How long tests wait for what should come at once: long, since a wait that succeeds costs nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable

PATIENCE_S = 300.0
PATIENCE_MS = round(1000 * PATIENCE_S)


def until(true: Callable[[], object], why: str = "it did not happen") -> None:
    """Return once it is true: for what tells nobody that it happened. Where something does, wait for that."""
    pause = threading.Event()
    for _ in range(round(PATIENCE_S / 0.002)):
        if true():
            return
        pause.wait(0.002)
    raise AssertionError(why)
