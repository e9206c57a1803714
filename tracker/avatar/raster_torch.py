"""The differentiable rasterizer that splats are optimised with: gradients for places, shapes, opacities and colours.

Which pixels a splat reaches, and in which order, is found without gradients (`PairList`, by the same enumeration that
draws pictures) and may be kept for some steps, because an optimiser's step moves a splat by a fraction of a pixel. With
the pairs given, everything is a handful of sums over one long list, on the processor or on a graphics card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ..types import Array
from .raster import MOST_ALPHA, Footprints, by_pixel, pairs

_HIDDEN = 0.01  # pairs behind this much remaining light change neither picture nor gradient


@dataclass(frozen=True, slots=True, eq=False)
class PairList:
    """M pairs in order of pixel and depth: `splat` (M,) and `pixel` (M,) row-major, whose middle is at `x`, `y` (M,);
    `starts` (P,) of the runs of one pixel, whose pixels are `shown` (P,)."""

    splat: Tensor
    pixel: Tensor
    x: Tensor
    y: Tensor
    starts: Tensor
    shown: Tensor
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.splat)


def pair_list(
    prints: Footprints,
    alpha: Array,
    width: int,
    height: int,
    wanted: npt.NDArray[np.bool_] | None = None,
    device: Any = "cpu",
) -> tuple[npt.NDArray[np.intp], PairList]:
    """Find the pairs of a picture; `prints` and `alpha` of N splats; `wanted` (height, width): only of these pixels.

    Returns the splats that show (n,), rising, and the pairs, which count only these."""
    order = np.argsort(prints.depth, kind="stable")
    order = order[prints.reach[order] > 0]
    rank, pixel, opacity = pairs(prints, alpha, order, width, 0, height)
    if wanted is not None:
        asked = wanted.ravel()[pixel]
        rank, pixel, opacity = rank[asked], pixel[asked], opacity[asked]
    sequence = by_pixel(pixel, width * height)
    rank, pixel, opacity = rank[sequence], pixel[sequence], opacity[sequence]
    light = np.log1p(-opacity).astype(np.float64)
    through = np.cumsum(light) - light
    first = _firsts(pixel)
    lit = through > np.repeat(through[first], np.diff(np.append(first, len(pixel)))) + np.log(_HIDDEN)
    splat, pixel = order[rank[lit]], pixel[lit]
    first = _firsts(pixel)
    shows = np.zeros(len(alpha), bool)
    shows[splat] = True
    number = np.cumsum(shows) - 1
    row, column = np.divmod(pixel, np.int32(width))

    def tensor(values: npt.NDArray[Any], kind: Any) -> Tensor:
        return torch.as_tensor(np.asarray(values, kind)).to(device)

    return np.flatnonzero(shows), PairList(
        tensor(number[splat], np.int64),
        tensor(pixel, np.int32),
        tensor(column + 0.5, np.float32),
        tensor(row + 0.5, np.float32),
        tensor(first, np.int64),
        tensor(pixel[first], np.int64),
        width,
        height,
    )


def _firsts(pixel: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """Where the runs of equal pixels begin."""
    return np.flatnonzero(np.concatenate([[True], pixel[1:] != pixel[:-1]]))[: len(pixel)]


def rasterize(centre: Tensor, conic: Tensor, alpha: Tensor, color: Tensor, listed: PairList) -> Tensor:
    """(4, height, width): red, green, blue over black, and the opacity; differentiable in all four inputs.

    centre (2, N) pixels, conic (3, N) as xx, xy, yy, alpha (N,) 0..1, color (3, N).
    """
    flat: Tensor = _Composite.apply(centre, conic, alpha, color, listed)  # type: ignore[no-untyped-call]
    return flat.reshape(4, listed.height, listed.width)


class _Composite(torch.autograd.Function):
    """Front to back: out = sum of T a (colour, 1), where T is the product of (1 - a) of the pairs before."""

    @staticmethod
    def forward(ctx: Any, centre: Tensor, conic: Tensor, alpha: Tensor, color: Tensor, listed: PairList) -> Tensor:
        splat, pixel, starts = listed.splat, listed.pixel, listed.starts
        dx = listed.x - centre[0].index_select(0, splat)
        dy = listed.y - centre[1].index_select(0, splat)
        xx, xy, yy = (row.index_select(0, splat) for row in conic)
        slope_x, slope_y = xx * dx + xy * dy, xy * dx + yy * dy
        fall = torch.exp(torch.clamp(-0.5 * (slope_x * dx + slope_y * dy), max=0.0))
        opacity = torch.clamp(fall * alpha.index_select(0, splat), max=MOST_ALPHA)
        light = torch.log1p(-opacity)
        # In double precision: one running sum goes through all pixels, and its differences are wanted.
        through = torch.cumsum(light, 0, dtype=torch.float64)
        through -= light
        before = through.new_zeros(listed.width * listed.height)
        before[listed.shown] = through.index_select(0, starts)
        left = torch.exp((through - before.index_select(0, pixel)).to(opacity.dtype))
        weight = left * opacity
        table = torch.cat([color, torch.ones_like(color[:1])]).T.contiguous()
        out = color.new_zeros(4, listed.width * listed.height)
        if len(splat):
            out[:, listed.shown] = F.embedding_bag(splat, table, starts, mode="sum", per_sample_weights=weight).T
        ctx.save_for_backward(dx, dy, slope_x, slope_y, fall, opacity, left, color)
        ctx.listed = listed
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        dx, dy, slope_x, slope_y, fall, opacity, left, color = ctx.saved_tensors
        splat, pixel, listed = ctx.listed.splat, ctx.listed.pixel, ctx.listed
        at = [row.index_select(0, pixel) for row in grads[0]]
        weight = left * opacity
        value = at[3]
        for g, row in zip(at[:3], color, strict=True):
            value = torch.addcmul(value, g, row.index_select(0, splat))
        # What lies behind a pair in its pixel: the pixel's sum less what has come by the pair itself.
        running = torch.cumsum(weight * value, 0, dtype=torch.float64)
        last = running.new_zeros(listed.width * listed.height)
        ends = torch.cat([listed.starts[1:], listed.starts.new_full((1,), len(splat))])[: len(listed.starts)]
        last[listed.shown] = running.index_select(0, ends - 1)
        behind = (last.index_select(0, pixel) - running).to(value.dtype)
        d_value = torch.where(opacity < MOST_ALPHA, left * value - behind / (1.0 - opacity), 0.0)
        d_power = d_value * opacity
        d_x = d_power * dx

        def of_splats(terms: Tensor) -> Tensor:
            return torch.zeros_like(color[0]).scatter_add_(0, splat, terms)

        return (
            torch.stack([of_splats(d_power * slope_x), of_splats(d_power * slope_y)]),
            torch.stack([of_splats(-0.5 * d_x * dx), of_splats(-d_x * dy), of_splats(-0.5 * d_power * dy * dy)]),
            of_splats(d_value * fall),
            torch.stack([of_splats(weight * g) for g in at[:3]]),
            None,
        )
