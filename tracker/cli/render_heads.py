"""`stillpoint render-heads`: a pack of rendered heads with exact labels, for training on free data alone."""

from __future__ import annotations

import logging
from pathlib import Path

from .extras import wanted


def render_heads(data: Path, *, out: Path, count: int = 8000, seed: int = 1, threads: int = 1) -> None:
    """Render heads in every pose, their skin taken from the free packs' photographs, into `rendered.parquet`.

    `stillpoint train --free` reads it where it lies beside the packs.

    Parameters
    ----------
    data
        Folder with the Parquet packs.
    out
        Folder for rendered.parquet.
    count
        Pictures.
    seed
        Of shapes, poses, light and backgrounds.
    threads
        Threads of the fits.
    """
    with wanted("Rendering heads needs torch"):
        import torch

        from ..training.renders import write_pack
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(threads)
    print(f"Pack: {write_pack(data, out, count, seed)}")
