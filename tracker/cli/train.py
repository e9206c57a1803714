"""`stillpoint train`: train the landmark network and its normalizer."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

from .extras import wanted


def train(
    data: Path,
    *,
    out: Path,
    size: Literal["default", "fast", "large"] = "default",
    images: int = 1_500_000,
    minutes: float | None = None,
    free: bool = False,
    negatives: Path | None = None,
    start: Path | None = None,
    teacher: Path | None = None,
    lifted: Path | None = None,
    seed: int = 1,
    batch: int = 64,
    rate: float = 0.0022,
    threads: int = 1,
    device: str = "cpu",
) -> None:
    """Train on the packs in a folder; run again with the same --out to resume.

    Parameters
    ----------
    data
        Folder with the Parquet packs.
    out
        Folder for `last.pt` and `log.jsonl`.
    size
        Widths of the network.
    images
        Length of the run.
    minutes
        End sooner, with the rate let down all the same.
    free
        Only packs whose licence allows a product, with rendered heads where the folder has them (`render-heads`).
    negatives
        Folder of pictures without faces.
    start
        Checkpoint to start from.
    teacher
        Checkpoint of a bigger network to imitate beside the labels.
    lifted
        File of fits (`stillpoint lift`), read for the 68-point teacher's labels, rotations and depths.
    seed
        Draws of rows, augmentation and weights.
    batch
        Faces a step.
    rate
        Learning rate of the first part.
    threads
        Threads of the training step; augmentation has a process of its own.
    device
        cpu, or cuda: there the batches are made too. With several GPUs:
        torchrun --nproc-per-node N -m tracker.cli train DATA --out RUN --device cuda
    """
    with wanted("Training needs torch"):
        from ..training.packs import ALL_PACKS, free_packs
        from ..training.train import TrainConfig
        from ..training.train import train as run
        from ..training.variants import Variant
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = TrainConfig(
        data=str(data), out=str(out), size=size, packs=free_packs(data) if free else ALL_PACKS, images=images,
        minutes=minutes, negatives=str(negatives) if negatives else None, start=str(start) if start else None,
        teacher=str(teacher) if teacher else None, seed=seed, batch=batch, rate=rate, threads=threads, device=device,
        tensors=device.startswith("cuda"), lifted=str(lifted) if lifted else None, variant=Variant(lifted=bool(lifted)),
    )  # fmt: skip
    print(f"Checkpoint: {run(config)}")
