"""`stillpoint train-locator`: train the two networks that find faces in whole pictures."""

from __future__ import annotations

import logging
from pathlib import Path

from .extras import wanted


def train_locator(
    data: Path,
    backgrounds: Path,
    *,
    out: Path,
    second_faces: Path | None = None,
    start: Path | None = None,
    steps: int = 9000,
    rate: float = 2e-3,
    check_scenes: int = 6000,
    check_steps: int = 4000,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Train on faces of the packs set into backgrounds; run again with the same --out to resume.

    Parameters
    ----------
    data
        Folder with the Parquet packs.
    backgrounds
        Folder of photographs, with `faces.json` saying where faces are in them; many that show none, animals above
        all.
    out
        Folder for `checkpoint.pt`, `locator.onnx`, `check.pt` and `locator_check.onnx`.
    second_faces
        JSON of pack rows that show more than one face, to leave them out.
    start
        Checkpoint to take weights from.
    steps
        Length of the first network's run.
    rate
        Its learning rate.
    check_scenes
        Scenes in which the first network's mistakes are gathered for the second to learn from.
    check_steps
        Length of each of the second network's two runs.
    seed
        Draws of scenes and weights.
    threads
        Threads of the training step; scenes have a process of their own.
    """
    with wanted("Training needs torch"):
        from ..training.locator import LocatorConfig, train_both
        from ..training.locator_check import CheckConfig
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = LocatorConfig(
        data, backgrounds, out, second_faces, steps=steps, rate=rate, seed=seed, threads=threads, start=start
    )
    first, second = train_both(config, CheckConfig(out, check_scenes, check_steps, seed=seed))
    print(f"Locator: {first}\nSecond look: {second}")
