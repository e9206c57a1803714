"""The last stage of a build: splats for a head, where torch is there to optimise them."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import replace

from .assemble import Cancelled, Clock
from .types import Avatar

STAGE = "splats"
NO_TORCH = (
    "torch is not installed, so there are no splats and the textured mesh is drawn; pip install 'stillpoint[gpu]'"
)


def with_splats(avatar: Avatar, clock: Clock | None = None) -> Avatar:
    """The head with splats, optimised against its views; without torch unchanged but for facts["no_splats"], which says
    why. Raises Cancelled."""
    clock = clock or Clock()
    clock.at(STAGE)
    if importlib.util.find_spec("torch") is None:
        return replace(avatar, facts={**avatar.facts, "no_splats": NO_TORCH})
    # Before torch is loaded: its threads would else spin while they wait, which on a computer that has other work (the
    # tracker beside a build) costs four times as much of the processor and as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    from .refine import optimise

    def told(share: float) -> None:
        clock.at(STAGE, share)

    grown = optimise(avatar, told, device="cuda" if torch.cuda.is_available() else "cpu")
    if grown.splats is None:
        raise Cancelled
    clock.at("")
    seconds = {**avatar.facts.get("seconds", {}), **clock.seconds}
    facts = {**avatar.facts, "splats": len(grown.splats["triangle"]), "seconds": seconds}
    return replace(grown, facts=facts)
