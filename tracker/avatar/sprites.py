"""Splats as a graphics card draws them: round points, farthest first. Posed, lit, culled and sorted for every frame.

What `Rig` and `raster.footprints` do exactly and one by one is done here for all at once, and in rows of four numbers:
fetching a row costs little more than fetching a number, and fetching is most of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..types import Array
from .splats import SH_0, SH_1, Splats, rotations, triangle_frames

LEVELS = 65535.0
"""Depths are sorted in so many steps: a hundredth of a millimetre, and four times as fast as numbers."""
_TWO, _FOUR = np.complex64, np.complex128  # rows of two and of four float32, for numpy to fetch in one go


@dataclass(frozen=True, slots=True, eq=False)
class Sprites:
    """n splats, farthest first, seen by one camera; rows are runs of memory.

    place  (n, 4) x, y, z in the head frame, metres, and the variance of the footprint across
    color  (n, 4) red, green, blue as lit, and the opacity
    shape  (n, 2) the footprint's covariance of across and down, and its variance down

    A footprint is told in the picture plane at distance 1 of a camera with axes x right, y down: times the focal length
    in pixels, squared, it is in square pixels.
    """

    place: Array
    color: Array
    shape: Array

    def __len__(self) -> int:
        return len(self.place)


class Stage:
    """What of a head's splats does not change from frame to frame; `sprites` is the quick part. Safe to share between
    threads."""

    def __init__(self, splats: Splats, tri: npt.NDArray[np.integer[Any]]) -> None:
        self._count = len(splats)
        used, slot = np.unique(splats.triangle, return_inverse=True)
        self._slot = slot.astype(np.intp)
        self._corners = [np.ascontiguousarray(corner, dtype=np.intp) for corner in tri[used].T]
        self._vertex = [np.ascontiguousarray(corner, dtype=np.intp) for corner in tri[splats.triangle].T]
        weights = np.concatenate([1.0 - splats.bary.sum(1, keepdims=True), splats.bary], axis=1)
        self._weight = [_fourfold(weights[:, k]) for k in range(3)]
        self._offset = _fourfold(splats.offset)
        axes = rotations(splats.rotation) * np.exp(splats.log_scale)[:, None, :]
        self._axes = np.ascontiguousarray(axes.transpose(1, 2, 0), dtype=np.float32)  # (row, column, N)
        alpha = 1.0 / (1.0 + np.exp(-splats.opacity))
        base = _four(SH_0 * splats.sh[:, 0] + 0.5, alpha)
        # Of the harmonics of degree 1, what goes with x, with y and with z of the ray.
        firsts = () if splats.sh.shape[1] == 1 else ((3, -SH_1), (1, -SH_1), (2, SH_1))
        self._towards = [_four(share * splats.sh[:, k]) for k, share in firsts]
        self._base = base if self._towards else np.clip(base, 0.0, 1.0)

    def __len__(self) -> int:
        return self._count

    def sprites(
        self,
        vertices: Array,
        light: Array,
        eye: Array,
        rotation: Array,
        away: float,
        tint: tuple[Array, float] | None = None,
    ) -> Sprites:
        """The splats on a deformed mesh (V, 3), metres, lit by `light` (V, 3), as a camera at `eye` (3,) with axes
        `rotation` (3, 3), camera_from_head, sees them: those whose triangles do not look away from it by more than the
        cosine `away`. `tint`: colours (N, 3) 0..1 that take so large a share of the splats' own."""
        corners = np.ascontiguousarray(vertices.T)
        a, b, c = (np.take(corners, corner, axis=1) for corner in self._corners)
        frame, size = triangle_frames(a, b, c)
        ray = (a + b + c) / np.float32(3) - eye[:, None]
        far = rotation[2] @ ray
        facing = np.einsum("kt,kt->t", ray, frame[:, 2]) < away * far
        frame *= size
        place = self._over(vertices)
        place += self._offset * _rows(_four(frame[:, 2].T), self._slot)
        order = self._farthest_first(place @ np.append(rotation[2], np.float32(0)), facing)
        shape = np.empty((self._count, 2), np.float32)
        place[:, 3], shape[:, 0], shape[:, 1] = self._footprints(rotation @ ray, frame, rotation)
        color = self._over(light, 1.0)
        color *= self._colors(ray, tint)
        return Sprites(_rows(place, order), _rows(color, order), np.take(shape.view(_TWO), order, 0).view("f4"))

    def _over(self, values: Array, last: float = 0.0) -> Array:
        """(V, 3) at the vertices -> (N, 4) at the splats, with `last` in the fourth column."""
        table = _four(values, last)
        out = _rows(table, self._vertex[0])
        out *= self._weight[0]
        for corner, weight in zip(self._vertex[1:], self._weight[1:], strict=True):
            row = _rows(table, corner)
            row *= weight
            out += row
        return out

    def _farthest_first(self, depth: Array, facing: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        which = np.flatnonzero(facing[self._slot])
        depth = np.take(depth, which)
        farthest = depth.max(initial=-np.inf)
        level = (farthest - depth) * np.float32(LEVELS / max(float(farthest - depth.min(initial=np.inf)), 1e-6))
        return which[np.argsort(level.astype(np.uint16), kind="stable")]

    def _footprints(self, seen: Array, scaled: Array, rotation: Array) -> Array:
        """(3, N) covariances xx, xy, yy; the projection's derivative is that at the triangles' middles, `seen`
        (3, T) in the camera's axes; `scaled` (3, 3, T) head_from_triangle times the triangle's unit."""
        near = 1.0 / np.maximum(seen[2], 0.01)
        across, down, ahead = (rotation @ scaled.reshape(3, -1)).reshape(scaled.shape)
        slopes = np.stack([across - seen[0] * near * ahead, down - seen[1] * near * ahead])
        slopes *= near
        of_splat = np.take(slopes.reshape(6, -1), self._slot, axis=1).reshape(2, 3, 1, -1)
        spread = of_splat[:, 0] * self._axes[0]
        spread += of_splat[:, 1] * self._axes[1]
        spread += of_splat[:, 2] * self._axes[2]
        out = np.empty((3, self._count), np.float32)
        for k, (i, j) in enumerate(((0, 0), (0, 1), (1, 1))):
            np.einsum("kn,kn->n", spread[i], spread[j], out=out[k])
        return out

    def _colors(self, ray: Array, tint: tuple[Array, float] | None) -> Array:
        """(N, 4) colours as seen along the triangles' rays (3, T), before they are lit, and opacities."""
        color = self._base
        if self._towards:
            color = color.copy()
            way = ray / np.maximum(np.sqrt(np.einsum("kt,kt->t", ray, ray)), 1e-9)
            for axis, towards in zip(way, self._towards, strict=True):
                part = _rows(_fourfold(axis), self._slot)
                part *= towards
                color += part
            np.clip(color, 0.0, 1.0, out=color)
        if tint is not None:
            color = color.copy()
            color[:, :3] += tint[1] * (tint[0] - color[:, :3])
        return color


def _four(values: npt.NDArray[np.floating[Any]], last: npt.NDArray[np.floating[Any]] | float = 0.0) -> Array:
    """(n, 3) and a fourth column -> (n, 4)."""
    out = np.empty((len(values), 4), np.float32)
    out[:, :3], out[:, 3] = values, last
    return out


def _fourfold(values: npt.NDArray[np.floating[Any]]) -> Array:
    """(n,) -> (n, 4): each number four times."""
    return np.repeat(np.asarray(values, np.float32), 4).reshape(-1, 4)


def _rows(table: Array, which: npt.NDArray[np.intp]) -> Array:
    """Rows (n, 4) of a table (m, 4)."""
    return np.take(table.view(_FOUR), which, axis=0).view(np.float32)
