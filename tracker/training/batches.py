"""Batches: which rows are drawn how often, made in a worker process beside the training step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from ..head import EXPRESSIONS
from .augment import Example, Sampler
from .losses import Targets
from .packs import RENDERED, SLICES, Rows

NOTHING = 0.1
"""Share of examples without a face."""
CALIBRATION = 0.08
"""Share of examples from AFLW2000-3D's calibration images of fold train."""
EXPRESSIVE = 2.5
"""How much more often a face with closed eyes, an open mouth or raised brows is drawn: photographs hold few."""
_TELLING = [EXPRESSIONS.index(n) for n in ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthPucker", "browInnerUp")]
REGION_EVERY = 3
"""One batch in three goes through the normalizer; the others are crops, cut where it might have cut them."""


@dataclass(slots=True)
class Batch:
    """`pictures` (B, S, S, 3) uint8; `region` tells whether the normalizer shall cut them."""

    pictures: Tensor
    targets: Targets
    region: bool


def row_weights(rows: Rows) -> npt.NDArray[np.float64]:
    """How often a row is drawn: hand labels first, turned faces more often."""
    by_hand = rows.weights[:, SLICES["merl68"]].sum(1) > 0
    weight = np.where(rows.pack == "aflw", np.where(by_hand, 1.0, 0.5), 0.45)
    weight = np.where(rows.pack == RENDERED, 0.05, weight)  # there are thousands, and photographs are what is tracked
    weight = weight * np.select([np.abs(rows.yaw) > 60, np.abs(rows.yaw) > 30], [1.6, 1.3], 1.0)
    weight = weight * np.where((rows.blend[:, _TELLING] > 0.4).any(1), EXPRESSIVE, 1.0)
    return np.asarray(np.where(rows.pack == "aflw2000_calibration", 0.0, weight))


class _Stream(IterableDataset[Batch]):
    def __init__(self, sampler: Sampler, size: int, seed: int, start: int) -> None:
        self.sampler, self.size, self.seed, self.start = sampler, size, seed, start
        weight = row_weights(sampler.rows)
        self.shares = np.cumsum(weight / weight.sum()) if weight.sum() > 0 else None
        self.calibration = np.flatnonzero(sampler.rows.pack == "aflw2000_calibration")

    def __iter__(self) -> Iterator[Batch]:
        worker = torch.utils.data.get_worker_info()
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        cv2.setNumThreads(1)
        step = self.start + first
        while True:
            yield self.batch(step)
            step += stride

    def batch(self, step: int) -> Batch:
        """The batch of one step: the same for the same seed, whichever worker makes it."""
        rng = np.random.default_rng((self.seed, step))
        cv2.setRNGSeed(int(rng.integers(2**31)))
        region = step % REGION_EVERY == 0
        return collate([self._draw(rng, region) for _ in range(self.size)], region)

    def _draw(self, rng: np.random.Generator, region: bool) -> Example:
        luck = rng.random()
        if luck < NOTHING:
            return self.sampler.nothing(rng, region)
        if (luck < NOTHING + CALIBRATION and len(self.calibration)) or self.shares is None:
            return self.sampler.face(int(rng.choice(self.calibration)), rng, region)
        return self.sampler.face(int(np.searchsorted(self.shares, rng.random())), rng, region)


def collate(examples: list[Example], region: bool) -> Batch:
    """Examples -> tensors."""

    def stack(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(e, name) for e in examples]).astype(np.float32))

    pictures = torch.from_numpy(np.stack([e.image for e in examples]))
    names = ("points", "weights", "depth", "rotation", "blend", "size", "face")
    return Batch(pictures, Targets(**{name: stack(name) for name in names}), region)


def batches(sampler: Sampler, size: int, seed: int, start: int = 0, workers: int = 1) -> Iterator[Batch]:
    """An endless stream of batches, deterministic by seed and step, resumable at any step."""
    loader = DataLoader(
        _Stream(sampler, size, seed, start),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=6 if workers else None,
    )
    return iter(loader)
