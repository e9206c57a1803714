"""Draws Gaussian splats without torch and without a graphics card: exact, and quick enough for pictures and videos.

A splat's footprint in the picture is an ellipse (EWA splatting, Zwicker et al., 2001): its covariance goes through the
projection's derivative. Every pixel that it reaches is a pair (splat, pixel); pairs are put in order of the pixel and,
within it, of the depth, and then composited all at once by a running product over each pixel's pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..types import Array
from .splats import Look, Posed

BLUR_PX2 = 0.3
"""Added to every footprint's variance: a splat is never narrower than the pixel grid can show."""
LEAST_ALPHA = 1.0 / 255.0
MOST_ALPHA = 0.99
_AWAY = -0.25  # a splat whose surface looks away by more than this cosine is hidden by what it lies on
_ROWS = 32  # so many rows of the picture at a time keep the pairs in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Footprints:
    """Splats in the picture: `centre` (2, N) pixels, `conic` (3, N) the inverse covariance as xx, xy, yy, `reach` (N,)
    pixels, `depth` (N,) metres relative to the head's origin; all in the order in which they were given."""

    centre: Array
    conic: Array
    reach: Array
    depth: Array


def footprints(posed: Posed, alpha: Array, look: Look) -> Footprints:
    """Project splats (N) with opacities `alpha` (N,)."""
    seen = look.rotation @ posed.mean
    depth = 1.0 + look.nearness * seen[2]
    near = look.scale / np.maximum(depth, 0.05)
    centre = np.asarray(look.centre, np.float32)[:, None] + near * seen[:2]
    # Rows of J R: how a step in the head frame moves the point in the picture.
    slope = look.nearness * seen[:2] / np.maximum(depth, 0.05)
    r = look.rotation
    p = [near * (r[0, k] - slope[0] * r[2, k]) for k in range(3)]
    q = [near * (r[1, k] - slope[1] * r[2, k]) for k in range(3)]
    xx, xy, xz, yy, yz, zz = posed.cov
    sp = (xx * p[0] + xy * p[1] + xz * p[2], xy * p[0] + yy * p[1] + yz * p[2], xz * p[0] + yz * p[1] + zz * p[2])
    sq = (xx * q[0] + xy * q[1] + xz * q[2], xy * q[0] + yy * q[1] + yz * q[2], xz * q[0] + yz * q[1] + zz * q[2])
    a = p[0] * sp[0] + p[1] * sp[1] + p[2] * sp[2] + BLUR_PX2
    b = q[0] * sp[0] + q[1] * sp[1] + q[2] * sp[2]
    c = q[0] * sq[0] + q[1] * sq[1] + q[2] * sq[2] + BLUR_PX2
    det = np.maximum(a * c - b * b, 1e-9)
    middle = 0.5 * (a + c)
    widest = middle + np.sqrt(np.maximum(middle * middle - det, 0.0))
    reach = np.sqrt(2.0 * np.log(np.maximum(alpha / LEAST_ALPHA, 1.0)) * widest)
    # Beyond the picture's own depth nothing is drawn, nor what looks away from the camera.
    toward = posed.normal * (look.eye[:, None] - posed.mean)
    facing = toward.sum(0) / np.maximum(np.sqrt(((look.eye[:, None] - posed.mean) ** 2).sum(0)), 1e-9)
    reach[(depth < 0.1) | (facing < _AWAY) | (alpha <= LEAST_ALPHA)] = -1.0
    return Footprints(
        np.asarray(centre, np.float32),
        np.stack([c / det, -b / det, a / det]).astype(np.float32),
        reach.astype(np.float32),
        np.asarray(seen[2], np.float32),
    )


def rasterize(
    prints: Footprints, alpha: Array, color: Array, width: int, height: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Picture (height, width, 3) with black behind, and its opacity (height, width); `color` (N, 3), 0..1."""
    picture, cover = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    order = np.argsort(prints.depth, kind="stable")
    order = order[prints.reach[order] > 0]
    low, high = prints.centre[1, order] - prints.reach[order], prints.centre[1, order] + prints.reach[order]
    for top in range(0, height, _ROWS):
        rows = min(_ROWS, height - top)
        here = order[(high > top) & (low < top + rows)]
        if len(here):
            part = _composite(prints, alpha, color, here, width, top, rows)
            picture[top : top + rows], cover[top : top + rows] = part
    return picture, cover


def _composite(
    prints: Footprints, alpha: Array, color: Array, here: npt.NDArray[np.intp], width: int, top: int, rows: int
) -> tuple[Array, Array]:
    """The rows [top, top + rows) of the picture from the splats `here`, nearest first."""
    rank, pixel, opacity = pairs(prints, alpha, here, width, top, rows)
    picture, cover = np.zeros((3, rows * width), np.float32), np.zeros(rows * width, np.float32)
    if not len(pixel):
        return picture.T.reshape(rows, width, 3), cover.reshape(rows, width)
    sequence = by_pixel(pixel, rows * width)
    pixel, rank, opacity = pixel[sequence], rank[sequence], opacity[sequence]
    first = np.flatnonzero(np.concatenate([[True], pixel[1:] != pixel[:-1]]))
    through = np.cumsum(np.log1p(-opacity.astype(np.float64)))
    before = np.concatenate([[0.0], through[:-1]])
    count = np.diff(np.append(first, len(pixel)))
    weight = (np.exp(before - np.repeat(before[first], count)) * opacity).astype(np.float32)
    where = pixel[first]
    cover[where] = np.add.reduceat(weight, first)
    for channel in range(3):
        values = np.take(np.ascontiguousarray(color[here, channel]), rank)
        picture[channel, where] = np.add.reduceat(weight * values, first)
    return picture.T.reshape(rows, width, 3), cover.reshape(rows, width)


def pairs(
    prints: Footprints, alpha: Array, here: npt.NDArray[np.intp], width: int, top: int, rows: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Array]:
    """Every pixel of the rows that a splat of `here` reaches with an opacity that can be seen.

    Returns, a pair each and in the order of `here`: the splat's index into `here`, the pixel (row-major from the row
    `top`), the opacity there. None is tried in vain: where an ellipse crosses a row of pixels is a quadratic equation.
    """
    conic = prints.conic[:, here].astype(np.float64)
    level = 2.0 * np.log(np.maximum(alpha[here].astype(np.float64) / LEAST_ALPHA, 1.0))
    x, y = prints.centre[:, here].astype(np.float64)
    det = np.maximum(conic[0] * conic[2] - conic[1] * conic[1], 1e-12)
    tall = np.sqrt(level * conic[0] / det)
    first = np.maximum(np.ceil(y - tall - 0.5), top)
    high = np.minimum(np.floor(y + tall - 0.5), top + rows - 1) - first + 1
    # A span is a splat's part of one row.
    rank, down = _counted(np.where(np.isfinite(high), high, 0))
    row = first[rank] + down
    dy = row + 0.5 - y[rank]
    xx, xy, yy = conic[:, rank]
    middle = -xy * dy / xx
    wide = np.sqrt(np.maximum(middle * middle - (yy * dy * dy - level[rank]) / xx, 0.0))
    left = np.maximum(np.ceil(x[rank] + middle - wide - 0.5), 0)
    right = np.minimum(np.floor(x[rank] + middle + wide - 0.5), width - 1)
    span, across = _counted(right - left + 1)
    column = left.astype(np.int32)[span] + across
    dx = column + np.float32(0.5) - x.astype(np.float32)[rank][span]
    # The exponent along a row: -0.5 xx dx dx - xy dy dx - 0.5 yy dy dy.
    power = (np.float32(-0.5) * xx.astype(np.float32))[span] * dx
    power -= (xy * dy).astype(np.float32)[span]
    power *= dx
    power += (np.log(np.maximum(alpha[here], 1e-12))[rank] - 0.5 * yy * dy * dy).astype(np.float32)[span]
    opacity = np.minimum(np.exp(power, out=power), np.float32(MOST_ALPHA), out=power)
    pixel = ((row - top) * width).astype(np.int32)[span] + column
    return rank.astype(np.int32)[span], pixel, opacity


def _counted(counts: npt.NDArray[np.floating[Any]]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int32]]:
    """For each of the `counts` (n,) as many entries as it says: its number, and 0, 1, 2 ... within it."""
    whole = np.maximum(counts, 0).astype(np.intp)
    which = np.repeat(np.arange(len(whole)), whole)
    start = (np.cumsum(whole) - whole).astype(np.int32)
    return which, np.arange(len(which), dtype=np.int32) - start[which]


def by_pixel(pixel: npt.NDArray[np.int32], pixels: int) -> npt.NDArray[np.intp]:
    """The order of pairs by their pixels, of which there are `pixels`; within one as they were given."""
    # numpy sorts numbers of 16 bits by their digits, several times as fast as longer ones.
    return np.argsort(pixel.astype(np.uint16) if pixels <= 65536 else pixel, kind="stable")
