"""`stillpoint ablate`: the recipe against itself with one thing changed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markdown import Markdown

from .extras import wanted


def ablate(
    data: Path,
    *,
    out: Path,
    only: tuple[str, ...] = (),
    images: int = 60_000,
    rounds: int = 3,
    size: Literal["default", "fast", "large"] = "fast",
    lifted: Path | None = None,
    start: Path | None = None,
    batch: int = 32,
    rate: float = 0.0022,
    seed: int = 1,
    threads: int = 1,
) -> None:
    """Train the recipe and its variants on the same pictures, and write one table; run again to go on.

    Parameters
    ----------
    data
        Folder with the Parquet packs.
    out
        Folder for the runs, ablations.json, ablations.md and ablations.png.
    only
        Only these variants; the table's first column names them.
    images
        Pictures that each is trained on.
    rounds
        All variants are measured after each of so many equal parts.
    size
        Widths of the network, where a variant does not bring its own.
    lifted
        File of fits (`stillpoint lift`), for the variants that read it.
    start
        Checkpoint that all go on from, instead of from scratch.
    batch
        Faces a step.
    rate
        Learning rate of the first part.
    seed
        Draws of rows, augmentation and weights.
    threads
        Threads of the training step.
    """
    with wanted("Ablations need torch"):
        from ..training.ablation import ablate as run
        from ..training.ablation_report import write_report
        from ..training.train import TrainConfig
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = TrainConfig(
        data=str(data), out=str(out), size=size, images=images, batch=batch, rate=rate, seed=seed, threads=threads,
        lifted=str(lifted) if lifted else None, start=str(start) if start else None,
    )  # fmt: skip
    table = run(config, only, rounds)
    Console().print(Markdown(write_report(out, table)))
