"""The last stage of a build: splats for a head, where torch is there to optimise them."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
from dataclasses import replace
from functools import lru_cache

from .assemble import Cancelled, Clock
from .types import Avatar

STAGE = "splats"
NO_TORCH = (
    "torch is not installed, so there are no splats and the textured mesh is drawn; pip install 'stillpoint[gpu]'"
)
_PATIENCE_S = 0.1


def load_ahead() -> None:
    """Begin to import torch in a thread, beside what comes before the splats: it takes seconds."""
    if importlib.util.find_spec("torch") is not None:
        _loading()


def with_splats(avatar: Avatar, clock: Clock | None = None) -> Avatar:
    """The head with splats, optimised against its views; without torch unchanged but for facts["no_splats"], which says
    why. Raises Cancelled."""
    clock = clock or Clock()
    clock.at(STAGE)
    if importlib.util.find_spec("torch") is None:
        return replace(avatar, facts={**avatar.facts, "no_splats": NO_TORCH})
    while _loading().is_alive():
        _loading().join(_PATIENCE_S)
        clock.at(STAGE)
    import torch

    from .refine import optimise

    def told(share: float) -> None:
        clock.at(STAGE, share)

    # One thread is quicker than two by a fifth: a step is many small things, and threads mostly wait for one another
    # (or for the tracker, beside a build).
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        grown = optimise(avatar, told, device="cuda" if torch.cuda.is_available() else "cpu")
    finally:
        torch.set_num_threads(threads)
    if grown.splats is None:
        raise Cancelled
    clock.at("")
    seconds = {**avatar.facts.get("seconds", {}), **clock.seconds}
    facts = {**avatar.facts, "splats": len(grown.splats["triangle"]), "seconds": seconds}
    return replace(grown, facts=facts)


@lru_cache(maxsize=1)
def _loading() -> threading.Thread:
    """The thread that imports torch. No daemon: a program that ended in the middle of it might crash."""

    def load() -> None:
        with contextlib.suppress(ImportError):  # told by the import that needs it
            importlib.import_module("torch")

    thread = threading.Thread(target=load, name="stillpoint-torch")
    thread.start()
    return thread
