"""The differentiable rasterizer that splats are optimised with: gradients for places, shapes, opacities and colours.

Which pixels a splat reaches, and in which order, is found without gradients (`PairList`, by the same enumeration that
draws pictures) and may be kept for some steps, because an optimiser's step moves a splat by a fraction of a pixel. With
the pairs given, everything is a handful of running sums over one long list, on the processor or on a graphics card.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..types import Array
from .raster import BLUR_PX2, LEAST_ALPHA, MOST_ALPHA, Footprints, pairs
from .splats import Look

_HIDDEN = 0.01  # pairs behind this much remaining light change neither picture nor gradient
_ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class PairList:
    """M pairs in order of pixel and depth: `splat` (M,), `pixel` (M,) row-major; `starts`, `ends` (M',) of the runs of
    one pixel, whose pixels are `shown` (M',) and whose number for each pair is `run` (M,); and the same by splat:
    `by_splat` (M,) puts pairs in the order of their splats, `splat_ends` (N,) where each splat's pairs end."""

    splat: Tensor
    pixel: Tensor
    run: Tensor
    starts: Tensor
    ends: Tensor
    shown: Tensor
    by_splat: Tensor
    splat_ends: Tensor
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.splat)

    def renumbered(self, splat: Tensor, count: int, device: Any) -> PairList:
        """The same pairs of splats that are counted anew, in the same order: `splat` (M,) below `count`."""
        ends = torch.cumsum(torch.bincount(splat, minlength=count), 0)
        moved = replace(self, splat=splat, splat_ends=ends)
        tensors = {
            f.name: getattr(moved, f.name).to(device) for f in fields(moved) if f.name not in ("width", "height")
        }
        return replace(moved, **tensors)


def pair_list(
    prints: Footprints,
    alpha: Array,
    width: int,
    height: int,
    wanted: npt.NDArray[np.bool_] | None = None,
    device: Any = "cpu",
) -> PairList:
    """Find the pairs of a picture; `prints` and `alpha` of N splats; `wanted` (height, width): only of these pixels."""
    order = np.argsort(prints.depth, kind="stable")
    order = order[prints.reach[order] > 0]
    splats, pixels = [], []
    for top in range(0, height, _ROWS):
        rows = min(_ROWS, height - top)
        low, high = prints.centre[1, order] - prints.reach[order], prints.centre[1, order] + prints.reach[order]
        here = order[(high > top) & (low < top + rows)]
        rank, pixel, opacity = pairs(prints, alpha, here, width, top, rows)
        sequence = np.lexsort((rank, pixel))
        rank, pixel, opacity = rank[sequence], pixel[sequence], opacity[sequence]
        through = np.cumsum(np.log1p(-opacity.astype(np.float64)))
        before = np.concatenate([[0.0], through[:-1]])
        first = np.flatnonzero(np.concatenate([[True], pixel[1:] != pixel[:-1]]))[: len(pixel)]
        count = np.diff(np.append(first, len(pixel)))
        lit = before - np.repeat(before[first], count) > np.log(_HIDDEN)
        if wanted is not None:
            lit &= wanted[top : top + rows].ravel()[pixel]
        splats.append(here[rank[lit]])
        pixels.append(pixel[lit] + top * width)
    splat, pixel = np.concatenate(splats), np.concatenate(pixels)
    first = np.flatnonzero(np.concatenate([[True], pixel[1:] != pixel[:-1]]))[: len(pixel)]
    count = np.diff(np.append(first, len(pixel)))
    by_splat = np.argsort(splat, kind="stable")
    ends = np.cumsum(np.bincount(splat, minlength=len(alpha)))

    def tensor(values: Any) -> Tensor:
        return torch.as_tensor(np.asarray(values, np.int64)).to(device)

    return PairList(
        tensor(splat),
        tensor(pixel),
        tensor(np.repeat(np.arange(len(first)), count)),
        tensor(first),
        tensor(first + count),
        tensor(pixel[first]),
        tensor(by_splat),
        tensor(ends),
        width,
        height,
    )


def project(mean: Tensor, cov: Tensor, look: Look) -> tuple[Tensor, Tensor]:
    """(3, N) metres and (6, N) square metres in the head frame -> centres (2, N) pixels, conics (3, N)."""
    r = torch.as_tensor(look.rotation, dtype=mean.dtype, device=mean.device)
    seen = r @ mean
    depth = torch.clamp(1.0 + look.nearness * seen[2], min=0.05)
    near = look.scale / depth
    middle = torch.tensor(look.centre, dtype=mean.dtype, device=mean.device)[:, None]
    centre = middle + near * seen[:2]
    slope = look.nearness * seen[:2] / depth
    p = near * (r[0, :, None] - slope[0] * r[2, :, None])
    q = near * (r[1, :, None] - slope[1] * r[2, :, None])
    xx, xy, xz, yy, yz, zz = cov
    sp = (xx * p[0] + xy * p[1] + xz * p[2], xy * p[0] + yy * p[1] + yz * p[2], xz * p[0] + yz * p[1] + zz * p[2])
    sq = (xx * q[0] + xy * q[1] + xz * q[2], xy * q[0] + yy * q[1] + yz * q[2], xz * q[0] + yz * q[1] + zz * q[2])
    a = p[0] * sp[0] + p[1] * sp[1] + p[2] * sp[2] + BLUR_PX2
    b = q[0] * sp[0] + q[1] * sp[1] + q[2] * sp[2]
    c = q[0] * sq[0] + q[1] * sq[1] + q[2] * sq[2] + BLUR_PX2
    det = torch.clamp(a * c - b * b, min=1e-9)
    return centre, torch.stack([c, -b, a]) / det


def rasterize(centre: Tensor, conic: Tensor, alpha: Tensor, color: Tensor, listed: PairList) -> Tensor:
    """(4, height, width): red, green, blue over black, and the opacity; differentiable in all four inputs.

    centre (2, N) pixels, conic (3, N), alpha (N,) 0..1, color (3, N).
    """
    flat: Tensor = _Composite.apply(centre, conic, alpha, color, listed)  # type: ignore[no-untyped-call]
    return flat.reshape(4, listed.height, listed.width)


class _Composite(torch.autograd.Function):
    """Front to back: out = sum of T a (colour, 1), where T is the product of (1 - a) of the pairs before."""

    @staticmethod
    def forward(ctx: Any, centre: Tensor, conic: Tensor, alpha: Tensor, color: Tensor, listed: PairList) -> Tensor:
        splat, pixel = listed.splat, listed.pixel
        x, y = torch.remainder(pixel, listed.width), torch.div(pixel, listed.width, rounding_mode="floor")
        dx = x.to(centre.dtype) + 0.5 - centre[0].index_select(0, splat)
        dy = y.to(centre.dtype) + 0.5 - centre[1].index_select(0, splat)
        xx, xy, yy = (row.index_select(0, splat) for row in conic)
        fall = torch.exp(torch.clamp(-0.5 * (xx * dx * dx + yy * dy * dy) - xy * dx * dy, max=0.0))
        value = fall * alpha.index_select(0, splat)
        kept = (value < MOST_ALPHA) & (value > LEAST_ALPHA)
        opacity = torch.where(value > LEAST_ALPHA, value, 0.0).clamp(max=MOST_ALPHA)
        light = torch.log1p(-opacity)
        through = torch.cumsum(light, 0, dtype=torch.float64) - light
        left = torch.exp(through - through.index_select(0, listed.starts).index_select(0, listed.run)).to(opacity.dtype)
        weight = left * opacity
        shades = [row.index_select(0, splat) for row in color]
        out = color.new_zeros(4, listed.width * listed.height)
        for k in range(4):
            terms = weight * shades[k] if k < 3 else weight
            out[k].index_copy_(0, listed.shown, _sums(terms, listed.starts, listed.ends))
        ctx.save_for_backward(dx, dy, xx, xy, yy, fall, opacity, kept, left, *shades)
        ctx.listed = listed
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        dx, dy, xx, xy, yy, fall, opacity, kept, left, *shades = ctx.saved_tensors
        listed: PairList = ctx.listed
        at = [row.index_select(0, listed.pixel) for row in grads[0]]
        weight = left * opacity
        value = at[3] + sum(g * shade for g, shade in zip(at[:3], shades, strict=True))
        # What lies behind a pair in its pixel: the run's sum less what has come by the pair itself.
        running = torch.cumsum(weight * value, 0, dtype=torch.float64)
        behind = (running.index_select(0, listed.ends - 1).index_select(0, listed.run) - running).to(value.dtype)
        d_opacity = torch.where(kept, left * value - behind / (1.0 - opacity), 0.0)
        d_power = d_opacity * opacity
        slope_x, slope_y = xx * dx + xy * dy, xy * dx + yy * dy
        terms = [d_power * slope_x, d_power * slope_y]
        terms += [-0.5 * d_power * dx * dx, -d_power * dx * dy, -0.5 * d_power * dy * dy]
        terms += [d_opacity * fall, *(weight * g for g in at[:3])]
        ends = listed.splat_ends
        starts = torch.cat([ends.new_zeros(1), ends[:-1]])
        sums = [_sums(term.index_select(0, listed.by_splat), starts, ends) for term in terms]
        return torch.stack(sums[:2]), torch.stack(sums[2:5]), sums[5], torch.stack(sums[6:]), None


def _sums(values: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """Sums of the runs [start, end) of values (M,): differences of one running sum in double precision."""
    if not len(values):
        return values.new_zeros(len(starts))
    running = torch.cumsum(values, 0, dtype=torch.float64)
    last, first = (ends - 1).clamp(min=0), starts.clamp(max=len(values) - 1)
    before = running.index_select(0, first) - values.index_select(0, first)
    return torch.where(ends > starts, running.index_select(0, last) - before, 0.0).to(values.dtype)
