"""Similarities and sampling in torch: the twins of `tracker.detection.crop` and of the normalizer's crop."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..detection.crop import CROP, CROP_SHARE, ROI


def crop_affine(o: Tensor) -> Tensor:
    """(B, 4) of the normalizer -> (B, 2, 3) crop px -> region px; `tracker.detection.normalizer` is its twin."""
    side = CROP_SHARE * torch.exp(0.45 * o[:, 2]) * ROI
    return similarities(ROI / 2 + 0.3 * ROI * o[:, :2], side, 0.7 * o[:, 3], CROP)


def similarities(centre: Tensor, side: Tensor, roll: Tensor, size: int) -> Tensor:
    """(n, 2, 3): `crop.similarity` for centres (n, 2), sides (n,) and rolls (n,)."""
    a, b = side / size * torch.cos(roll), side / size * torch.sin(roll)
    x, y, half = centre[:, 0], centre[:, 1], size / 2
    rows = [torch.stack([a, -b, x - a * half + b * half], 1), torch.stack([b, a, y - b * half - a * half], 1)]
    return torch.stack(rows, 1)


def places(affine: Tensor, size: int, step: float = 1.0) -> Tensor:
    """(n, size, size, 2): where an affine (n, 2, 3) puts the centres of a picture's pixels, each `step` wide."""
    steps = (torch.arange(size, device=affine.device, dtype=torch.float32) + 0.5) * step
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    return torch.einsum("hwk,bck->bhwc", torch.stack([x, y, torch.ones_like(x)], -1), affine)


def at(pictures: Tensor, where: Tensor, side: float) -> Tensor:
    """Pictures sampled, bilinear and black outside, `where` (n, H, W, 2) in pixels of a picture `side` wide."""
    grid = where / (side / 2) - 1
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def cut(region: Tensor, affine: Tensor) -> Tensor:
    """Sample crops (B, 3, CROP, CROP) from regions, differentiable in the affine."""
    return at(region, places(affine, CROP), ROI)


def random_similarity(count: int, draws: torch.Generator) -> Tensor:
    """(count, 2, 3): region px of a region that is scaled, moved and rolled -> px of the region as it is."""
    drawn = torch.rand((count, 4), generator=draws) * 2 - 1
    scale, roll = torch.exp(0.25 * drawn[:, 0]), 0.5 * drawn[:, 1]
    return similarities(ROI * (0.5 + 0.12 * drawn[:, 2:]), ROI * scale, roll, ROI)


def resample(view: Tensor, moved: Tensor) -> Tensor:
    """Views (B, 3, S, S) of the moved regions, from the views as they are."""
    side = view.shape[-1]
    return at(view, places(moved, side, ROI / side), ROI)
