"""`batches` where a GPU trains: the packs decoded once into its memory, batches drawn and augmented there.

Draws have the same distribution as `augment.Sampler`'s (a test compares the two), but not the same random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..detection.crop import CROP, CROP_SHARE, ROI, ROI_SIDE
from ..head import expression_flip, load_head
from .augment import Jitter, point_flip
from .batches import CALIBRATION, NOTHING, REGION_EVERY, Batch, row_weights
from .losses import Targets
from .negatives import HardPool, Picture, drawn
from .packs import SLICES, TOTAL, Rows
from .sampling import at, places, similarities
from .tensor_augment import Draws, degrade, occlude, wear

POOL = 256
"""Side to which faceless pictures are brought, pixels."""
DRAWN = 1024
"""Drawn pictures that are made once."""


class TensorSampler:
    """Rows and faceless pictures on one device; `batch(step)` is the same for the same seed and step."""

    def __init__(
        self, rows: Rows, negatives: list[Picture], device: str, seed: int, hard: HardPool | None = None,
        jitter: Jitter | None = None,
    ) -> None:  # fmt: skip
        self.device, self.seed, self.hard, self.jitter = torch.device(device), seed, hard, jitter or Jitter()
        self.rows, self.negatives = rows, negatives
        images, shrunk = _fitted(rows)
        self.groups: dict[int, Tensor] = {}
        self.place = np.zeros((len(rows), 2), np.int64)  # side of the picture, and its row in the group of that side
        for side in sorted({image.shape[0] for image in images}):
            members = [i for i, image in enumerate(images) if image.shape[0] == side]
            self.place[members, 0], self.place[members, 1] = side, np.arange(len(members))
            self.groups[side] = self._pictures([images[i] for i in members])
        whole = {f: getattr(rows, f) for f in ("weights", "rotation", "blend")}
        scaled = {"points": rows.points * shrunk[:, None, None], "depth": rows.depth * shrunk[:, None]}
        self.labels = {f: torch.from_numpy(v).to(self.device) for f, v in (whole | scaled).items()}
        self.box = torch.from_numpy(rows.box * shrunk[:, None]).to(self.device)
        self.nothing = self._pictures([cv2.resize(p, (POOL, POOL), interpolation=cv2.INTER_AREA) for p in negatives])
        rng = np.random.default_rng(seed)
        self.drawn = self._pictures([drawn(rng) for _ in range(DRAWN)])
        weight = row_weights(rows)
        self.shares = np.cumsum(weight / weight.sum()) if weight.sum() > 0 else None
        self.calibration = np.flatnonzero(rows.pack == "aflw2000_calibration")
        self.point_flip = torch.from_numpy(point_flip()).to(self.device)
        self.blend_flip = torch.from_numpy(expression_flip()).to(self.device)
        self.partner = torch.from_numpy(load_head().layouts["aflw2000_68"].flip).to(self.device)

    def stream(self, size: int, start: int = 0) -> Iterator[Batch]:
        """An endless stream of batches, resumable at any step."""
        step = start
        while True:
            yield self.batch(size, step)
            step += 1

    def batch(self, size: int, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step))
        draws = Draws(torch.Generator(self.device).manual_seed(int(rng.integers(2**62))))
        region = step % REGION_EVERY == 0
        luck = rng.random(size)
        empty = int((luck < NOTHING).sum())
        special = luck[luck >= NOTHING] < NOTHING + CALIBRATION
        index = np.empty(size - empty, np.int64)
        if self.shares is None or len(self.calibration) == 0:
            special[:] = self.shares is None
        index[special] = rng.choice(self.calibration, int(special.sum())) if special.any() else 0
        if self.shares is not None:
            index[~special] = np.searchsorted(self.shares, rng.random(int((~special).sum())))
        pictures, targets = self._faces(index, region, draws)
        none = self._nothing(empty, region, draws, rng)
        pictures = wear(pictures, self._fitted68(targets), targets.rotation, draws)
        pictures = torch.cat([occlude(pictures, self._fillings(region, draws), draws), none])
        whole = degrade(pictures, draws).round().to(torch.uint8)
        return Batch(whole.permute(0, 2, 3, 1), _with_nothing(targets, empty, pictures.shape[-1]), region)

    def _faces(self, index: npt.NDArray[np.int64], region: bool, draws: Draws) -> tuple[Tensor, Targets]:
        n, size = len(index), ROI if region else CROP
        where = torch.from_numpy(index).to(self.device)
        box = self.box[where]
        extent = box[:, 2:] - box[:, :2]
        side = extent.max(1).values * ROI_SIDE * (1.0 if region else CROP_SHARE)
        scale, shift, roll = self._jitter(n, region, draws)
        centre = (box[:, :2] + box[:, 2:]) / 2 + shift * side[:, None]
        affine = similarities(centre, side * scale, roll, size)
        image = self._cut(index, affine, size, draws)
        linear = torch.linalg.inv(affine[:, :, :2])
        points = torch.einsum("bcd,bqd->bqc", linear, self.labels["points"][where] - affine[:, None, :, 2])
        per_px = size / (side * scale)
        c, s, zero = torch.cos(roll), torch.sin(roll), torch.zeros_like(roll)
        turn = torch.stack([c, s, zero, -s, c, zero, zero, zero, zero + 1], 1).reshape(-1, 3, 3)
        rotation = turn @ self.labels["rotation"][where]
        weights, blend = self.labels["weights"][where], self.labels["blend"][where]
        depth = self.labels["depth"][where] * per_px[:, None]
        flipped = draws.chance(0.5, n)
        image = torch.where(flipped[:, None, None, None], image.flip(3), image)
        sign = torch.tensor([-1.0, 1, 1], device=self.device)
        across = points[:, self.point_flip] * sign[:2] + torch.tensor([float(size), 0.0], device=self.device)
        f = flipped[:, None]
        points = torch.where(f[..., None], across, points)
        weights = torch.where(f, weights[:, self.point_flip], weights)
        blend = torch.where(f, blend[:, self.blend_flip], blend)
        depth = torch.where(f, depth[:, self.partner], depth)
        rotation = torch.where(f[..., None], sign[:, None] * rotation * sign, rotation)
        extents = extent.prod(1).sqrt() * per_px
        return image, Targets(points, weights, depth, rotation, blend, extents, torch.ones_like(extents))

    def _fitted68(self, targets: Targets) -> Tensor:
        """(B, 68, 2) px, NaN where there is no fitted set."""
        teacher, label = (targets.points[:, SLICES[name]] for name in ("tddfa68", "aflw2000_68"))
        return torch.where(torch.isfinite(teacher).all((1, 2))[:, None, None], teacher, label)

    def _jitter(self, n: int, region: bool, draws: Draws) -> tuple[Tensor, Tensor, Tensor]:
        """`Jitter.draw` for n faces."""
        j = self.jitter
        if not region:
            d = draws.uniform(-j.crops, j.crops, n, 4)
            return torch.exp(d[:, 0] * j.log_scale), d[:, 1:3] * j.shift, d[:, 3] * j.roll
        wide = draws.chance(0.2, n)
        d, unit = draws.uniform(-1, 1, n, 3), draws.uniform(0, 1, n)
        log_scale = torch.where(wide, -0.35 + 0.9 * unit, (2 * unit - 1) * j.log_scale)
        shift = torch.where(wide, 0.25, j.shift)
        return torch.exp(log_scale), d[:, :2] * shift[:, None], d[:, 2] * torch.where(wide, 1.0, j.roll)

    def _nothing(self, n: int, region: bool, draws: Draws, rng: np.random.Generator) -> Tensor:
        """See `Sampler.nothing`: drawn, faceless, taken for a face before, or the side of a face."""
        size = ROI if region else CROP
        luck, out = rng.random(n), torch.empty((n, 3, size, size), device=self.device)
        kind = np.select([luck < 0.45, luck < 0.85], [0, 1], 2)
        kind[(kind == 1) & (len(self.nothing) == 0)] = 2
        if self.hard is not None and len(self.hard):
            kind[luck < 0.35] = 3
        for k in range(4):
            here = np.flatnonzero(kind == k)
            if not len(here):
                continue
            m = len(here)
            if k == 2:
                index = rng.integers(len(self.rows), size=m)
                box = self.box[torch.from_numpy(index).to(self.device)]
                side = (box[:, 2:] - box[:, :2]).max(1).values
                away = draws.uniform(0, 2 * math.pi, m)
                ring = torch.stack([torch.cos(away), torch.sin(away)], 1)
                centre = (box[:, :2] + box[:, 2:]) / 2 + 0.9 * side[:, None] * ring
                affine = similarities(centre, side * draws.uniform(0.25, 1.0, m), draws.uniform(-0.8, 0.8, m), size)
                cut = self._cut(index, affine, size, draws)
            else:
                pool = {0: self.drawn, 1: self.nothing}.get(k)
                pool = self._taken() if pool is None else pool
                low, high, least = {0: (0.3, 0.7, 0.3), 1: (0.0, 1.0, 0.15)}.get(k, (0.45, 0.55, 0.7))
                wide = pool.shape[-1]
                centre, side = draws.uniform(low, high, m, 2) * wide, draws.uniform(least, 1.0, m) * wide
                affine = similarities(centre, side, draws.uniform(-0.8, 0.8, m), size)
                cut = _sample(pool[draws.whole(0, len(pool), m)].float(), affine, size, draws)
            out[torch.from_numpy(here).to(self.device)] = cut
        return out

    def _cut(self, index: npt.NDArray[np.int64], affine: Tensor, size: int, draws: Draws) -> Tensor:
        """Pieces of the rows' pictures; pictures of one side are cut together."""
        out = torch.empty((len(index), 3, size, size), device=self.device)
        for side, pictures in self.groups.items():
            here = np.flatnonzero(self.place[index, 0] == side)
            if len(here):
                rows = torch.from_numpy(self.place[index[here], 1]).to(self.device)
                spot = torch.from_numpy(here).to(self.device)
                out[spot] = _sample(pictures[rows].float(), affine[spot], size, draws)
        return out

    def _fillings(self, region: bool, draws: Draws) -> Callable[[int], Tensor] | None:
        if len(self.nothing) == 0:
            return None
        size = ROI if region else CROP

        def fill(count: int) -> Tensor:
            centre = draws.uniform(0.2, 0.8, count, 2) * POOL
            side = torch.full((count,), 0.5 * POOL, device=self.device)
            affine = similarities(centre, side, draws.uniform(0, math.pi, count), size)
            return _sample(self.nothing[draws.whole(0, len(self.nothing), count)].float(), affine, size, draws)

        return fill

    def _taken(self) -> Tensor:
        assert self.hard is not None
        return self.hard.pictures.to(self.device).permute(0, 3, 1, 2)

    def _pictures(self, images: list[Picture]) -> Tensor:
        """(n, 3, S, S) uint8 on the device."""
        if not images:
            return torch.empty((0, 3, POOL, POOL), dtype=torch.uint8, device=self.device)
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous().to(self.device)


def _sample(pictures: Tensor, affine: Tensor, size: int, draws: Draws) -> Tensor:
    """Pieces (n, 3, size, size) of pictures (n, 3, S, S), outside black, repeated or mirrored as in `augment`."""
    side = pictures.shape[-1]
    where = places(affine, size)
    border = draws.whole(0, 4, len(pictures))[:, None, None, None]
    repeated = where.clamp(0.5, side - 0.5)
    mirrored = side - 0.5 - ((where - 0.5).abs() % (2 * (side - 1)) - (side - 1)).abs()
    where = torch.where(border == 2, repeated, torch.where(border == 3, mirrored, where))
    return at(pictures, where, side).round()


def _fitted(rows: Rows) -> tuple[list[Picture], npt.NDArray[np.float32]]:
    """Pictures whose face is more than twice as large as its crop are shrunk once, over areas, as `crop.sample` does
    each time; and by how much each was."""
    images, scales = [], np.ones(len(rows), np.float32)
    for i, image in enumerate(rows.images):
        box = rows.box[i]
        crop = float(max(box[2] - box[0], box[3] - box[1])) * ROI_SIDE * CROP_SHARE
        if crop > 2 * CROP:
            small = image.shape[0] // 2
            scales[i] = small / image.shape[0]
            image = np.asarray(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), np.uint8)
        images.append(image)
    return images, scales


def _with_nothing(targets: Targets, count: int, size: int) -> Targets:
    """The faces' targets, then those of `count` pictures without one."""
    like = targets.points
    n = len(like)
    nan = like.new_tensor(math.nan)
    rest = Targets(
        like.new_zeros((count, TOTAL, 2)), like.new_zeros((count, TOTAL)), nan.expand(count, 68),
        nan.expand(count, 3, 3), nan.expand(count, 52), like.new_full((count,), size / 2), like.new_zeros(count),
    )  # fmt: skip
    assert n + count > 0
    return Targets(*(torch.cat([getattr(targets, f), getattr(rest, f)]) for f in Targets.__slots__))
