"""The first splats of a head: a grid over its texture, fine where a face is looked at, coarse behind.

Each splat covers one cell of the grid: its axes are those of the cell on the surface, whatever the atlas's stretch, so
that the splats close without being optimised at all.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..head.model import SKIN_REGIONS
from ..types import Array
from .atlas import load_atlas, texels
from .membrane import bust, scalp
from .splats import SH_0, Splats, quaternions, triangle_frames
from .types import EYEBALL, Avatar

SPREAD = 0.6
"""Standard deviation of a splat over the side of its cell: neighbours overlap without blurring each other."""
THICKNESS = 0.12
_BLUR = 0.25  # deviation of what a splat's colour is the mean of, over its cell's side
OPACITY = 4.0  # logit: 0.98
GRID = 512
"""Cells a side of the atlas where they are finest."""
_COARSE, _MIDDLE, _FINE = 4, 2, 1  # cells of that grid to a splat, across and down
_STRAND = (1, 16)  # the same where hair grows: it falls down the atlas
_THIN, _THINNEST = 0.3, 0.1  # of a splat's length, its width: at least so much on skin, on hair
_EYE_RADIUS_M = 0.015  # round an eye's centre: lids, lashes, the inner end of the brow
FRONT_M = -0.03  # what lies behind, head frame z, is cheeks' sides, temples, crown
_FACE, _BACK, _EAR, _LIP, _MOUTH, _TEETH, _SOCKET = 0, 1, 2, 3, 4, 6, 8


@lru_cache(maxsize=1)
def _cells() -> npt.NDArray[np.int32]:
    """(T,) cells of the grid to a splat on each triangle of the head model."""
    head = load_head()
    region, middle = head.region[head.tri].max(1), head.mean[head.tri].mean(1)
    cell = np.full(len(head.tri), _COARSE, np.int32)
    front = middle[:, 2] > FRONT_M
    cell[((region == _FACE) & front) | np.isin(region, (_EAR, _MOUTH, _SOCKET))] = _MIDDLE
    for side in (1.0, -1.0):
        ball = head.mean[(head.region == EYEBALL) & (head.mean[:, 0] * side > 0)]
        near = np.linalg.norm(middle - np.array([ball[:, 0].mean(), ball[:, 1].mean(), ball[:, 2].max()]), axis=1)
        cell[(region == _FACE) & (near < _EYE_RADIUS_M)] = _FINE
    cell[np.isin(region, (_LIP, _TEETH, EYEBALL))] = _FINE
    return cell


def _hairy() -> npt.NDArray[np.bool_]:
    """(T,) triangles on which hair grows, or may hang: the scalp, and the neck behind; the bust is cut too flat."""
    head = load_head()
    behind = (head.region[head.tri] == _BACK).all(1) & (bust()[head.tri].max(1) == 0)
    return np.asarray((scalp()[head.tri].min(1) > 0) | behind)


def _skin() -> npt.NDArray[np.bool_]:
    """(T,) triangles that the atlas shows without overlaps, so that their cells' shapes mean something."""
    head = load_head()
    return np.isin(head.region[head.tri].max(1), (*SKIN_REGIONS, EYEBALL))


@lru_cache(maxsize=1)
def _grid() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int32]]:
    """Which entries of `texels(GRID)` get a splat, in order of their triangles, and their cells' sides (n, 2).

    A block of the atlas is one cell where nothing in it asks for finer ones, else it is divided. A cell that lies over
    the edge of what is covered still gets its splat, at the covered texel nearest to its middle: there must be no gaps.
    """
    texel = texels(GRID)
    wanted = np.full((GRID, GRID), _COARSE, np.int32)
    wanted.ravel()[texel.flat] = _cells()[texel.triangle]
    row, column = np.divmod(texel.flat, GRID)
    free = np.ones(len(texel.flat), bool)
    # The caps behind the eyeballs are seen by nobody, and shine through what is before them.
    head = load_head()
    behind = (head.region[head.tri].max(1) == EYEBALL) & (head.normals[head.tri].mean(1)[:, 2] < 0)
    free[behind[texel.triangle]] = False
    strand = np.zeros((GRID, GRID), np.int32)
    strand.ravel()[texel.flat] = _hairy()[texel.triangle] & (wanted.ravel()[texel.flat] == _COARSE)
    chosen, sides = [], []
    for wide, high, asked in (
        (*_STRAND, strand),
        *((cell, cell, (wanted >= cell).astype(np.int32)) for cell in (_COARSE, _MIDDLE, _FINE)),
    ):
        least = asked.reshape(GRID // high, high, GRID // wide, wide).min((1, 3))
        here = np.flatnonzero(free & (least[row // high, column // wide] > 0))
        free[here] = False
        block = row[here] // high * (GRID // wide) + column[here] // wide
        far = (row[here] % high - (high - 1) / 2) ** 2 + (column[here] % wide - (wide - 1) / 2) ** 2
        order = np.lexsort((far, block))
        first = np.unique(block[order], return_index=True)[1]
        chosen.append(here[order[first]])
        sides.append(np.tile(np.array([wide, high], np.int32), (len(first), 1)))
    entries, side = np.concatenate(chosen), np.concatenate(sides)
    order = np.argsort(texel.triangle[entries], kind="stable")
    return entries[order], side[order]


def seeds(avatar: Avatar) -> Splats:
    """About 30 thousand splats, in the colours of the avatar's texture (degree 0)."""
    head, atlas, texel = load_head(), load_atlas(), texels(GRID)
    chosen, cell = _grid()
    triangle, weight = texel.triangle[chosen], texel.weight[chosen]
    row, column = np.divmod(texel.flat[chosen], GRID)
    # The colour is that of the splat's own place, which may lie beside its cell's middle.
    way = cv2.INTER_AREA if len(avatar.texture) > GRID else cv2.INTER_LINEAR
    whole = cv2.resize(avatar.texture, (GRID, GRID), interpolation=way).astype(np.float32) / 255
    color = np.empty((len(triangle), 3), np.float32)
    for size in np.unique(cell, axis=0):
        at = np.flatnonzero((cell == size).all(1))
        wide, high = _BLUR * size
        blurred = cv2.GaussianBlur(whole, (0, 0), sigmaX=wide, sigmaY=high) if size.max() > 1 else whole
        color[at] = blurred[row[at], column[at]]
    source = avatar.provenance[row * len(avatar.provenance) // GRID, column * len(avatar.provenance) // GRID]
    a, b, c = (np.ascontiguousarray(avatar.neutral[head.tri[:, k]].T) for k in range(3))
    rotation, log_scale = _axes(triangle, cell, a, b, c, atlas.uv[atlas.tri_uv])
    count = len(triangle)
    return Splats(
        triangle.astype(np.int32),
        np.ascontiguousarray(weight[:, 1:], dtype=np.float32),
        np.zeros(count, np.float32),
        rotation,
        log_scale,
        np.full(count, OPACITY, np.float32),
        ((color - 0.5) / np.float32(SH_0))[:, None].astype(np.float32),
        np.ascontiguousarray(source),
    )


def _axes(
    triangle: npt.NDArray[np.intp], cell: npt.NDArray[np.int32], a: Array, b: Array, c: Array, uv: Array
) -> tuple[Array, Array]:
    """Rotations (N, 4) and log-scales (N, 3) of splats as large as their cells; corners (3, T), `uv` (T, 3, 2)."""
    frame, size = triangle_frames(a, b, c)
    # The triangle's own plane: where its edges lead, in its unit of length.
    unit = np.maximum(size, 1e-7)
    edges = np.stack([np.stack([((e - a) * frame[:, k]).sum(0) for e in (b, c)], -1) for k in (0, 1)], 1)
    edges = edges / unit[:, None, None]  # (T, 2 axes, 2 edges)
    steps = np.stack([uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]], -1).astype(np.float64)  # (T, uv, 2 edges)
    det = steps[:, 0, 0] * steps[:, 1, 1] - steps[:, 0, 1] * steps[:, 1, 0]
    flat = np.abs(det) < 1e-10
    steps[flat] = np.eye(2) / GRID
    whole = (edges @ np.linalg.inv(steps))[triangle] * (cell / GRID)[:, None, :]
    left, widths, _ = np.linalg.svd(whole * SPREAD)
    turn = np.zeros((len(triangle), 3, 3))
    turn[:, :2, 0], turn[:, 2, 2] = left[:, :, 0], 1.0
    turn[:, 0, 1], turn[:, 1, 1] = -left[:, 1, 0], left[:, 0, 0]
    # Slivers of the atlas must not become needles, nor cover more than their triangle's surroundings.
    widest = np.minimum(widths[:, 0], np.where(_skin()[triangle], 3.0, 0.8))
    other = np.clip(widths[:, 1], np.where(cell[:, 0] == cell[:, 1], _THIN, _THINNEST) * widest, widest)
    scale = np.stack([widest, other, THICKNESS * np.sqrt(widest * other)], 1)
    return quaternions(turn), np.log(np.maximum(scale, 1e-3)).astype(np.float32)
