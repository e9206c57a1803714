"""`stillpoint train-gaze`: train what reads the sideways look from the eyes' pixels."""

from __future__ import annotations

import logging
from pathlib import Path

from .extras import wanted


def train_gaze(
    data: Path, *, out: Path, packs: tuple[str, ...] = (), draws: int = 4, epochs: int = 30, seed: int = 0
) -> None:
    """Train on the eyes of the packs' faces by MediaPipe's shapes; some minutes on one core.

    Parameters
    ----------
    data
        Folder with the Parquet packs.
    out
        The file to write (what ships is assets/models/gaze.npz).
    packs
        Only these packs.
    draws
        How often every eye is cut out, each time placed, blurred and lit a little differently.
    epochs
        Passes over all cuts.
    seed
        Draws of cuts and weights.
    """
    with wanted("Training needs torch"):
        from ..training import gaze
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = gaze.GazeConfig(data, out, packs or gaze.PACKS, draws, epochs, seed=seed)
    found = gaze.train_gaze(config)
    print(
        f"{out}: correlation with the teacher {found['validation']} on validation rows, {found['train']} in training."
    )
