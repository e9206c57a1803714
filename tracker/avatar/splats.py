"""Gaussian splats that ride on the head's mesh: skinning and blendshapes carry them, because each lives on a triangle.

After GaussianAvatars (Qian et al., CVPR 2024): a splat's place, axes and size are told in the frame of its triangle,
whose unit of length is the square root of the triangle's area, so that a lid's splats grow as the lid comes down.
Frame of a triangle: x along its first edge, z along its normal, y to make it right-handed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..types import Array, FaceState

SH_0, SH_1 = 0.28209479177387814, 0.4886025119029199
"""The constants of spherical harmonics of degree 0 and 1, as in 3D Gaussian Splatting (Kerbl et al., 2023)."""
_LEAST_SIZE = 1e-7  # metres: folded triangles have no size; their splats vanish instead of dividing by nothing


@dataclass(frozen=True, slots=True, eq=False)
class Splats:
    """N splats on a mesh.

    triangle  (N,) int32, rising: splats of one triangle are neighbours
    bary      (N, 2) weights of the triangle's second and third corner; the first has the rest
    offset    (N,) along the normal, in square roots of the triangle's area
    rotation  (N, 4) unit quaternion (w, x, y, z), triangle_from_splat
    log_scale (N, 3) natural logarithm of the standard deviations, in square roots of the triangle's area
    opacity   (N,) logit
    sh        (N, K, 3) colour as spherical harmonics in head axes: K 1 (degree 0) or 4 (degree 1)
    source    (N,) uint8: where the colour comes from, in the codes of the texture's provenance
    """

    triangle: npt.NDArray[np.int32]
    bary: Array
    offset: Array
    rotation: Array
    log_scale: Array
    opacity: Array
    sh: Array
    source: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.triangle)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """By name, as `Avatar.splats` keeps them."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Splats:
        """The inverse of `arrays`. Raises ModelError where one is missing or they do not fit one another."""
        try:
            parts = [np.asarray(arrays[f.name]) for f in fields(cls)]
        except KeyError as missing:
            raise ModelError(f"The head's splats lack {missing}; build the head again.") from missing
        count = len(parts[0])
        shapes = [part.shape[1:] for part in parts]
        wanted = [(), (2,), (), (4,), (3,), (), parts[6].shape[1:], ()]
        colors = parts[6].ndim == 3 and parts[6].shape[1] in (1, 4) and parts[6].shape[2] == 3
        if any(len(part) != count for part in parts) or shapes != wanted or not colors:
            raise ModelError(
                "The head's splats are damaged: their arrays do not fit one another; build the head again."
            )
        return cls(*parts)

    def take(self, which: npt.NDArray[Any]) -> Splats:
        """Those that an index or a mask (N,) names, in the order of their triangles."""
        kept = np.arange(len(self))[which]
        kept = kept[np.argsort(self.triangle[kept], kind="stable")]
        return Splats(*(np.ascontiguousarray(getattr(self, f.name)[kept]) for f in fields(self)))


def joined(first: Splats, second: Splats) -> Splats:
    """Both, in the order of their triangles. Degrees of colour must agree."""
    parts = (np.concatenate([getattr(first, f.name), getattr(second, f.name)]) for f in fields(Splats))
    return Splats(*parts).take(np.arange(len(first) + len(second)))


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How a head is looked at, the numbers of `FaceState.project`: view_from_head `rotation` (3, 3), the head's origin
    at `centre` pixels, `scale` pixels per metre there, `nearness` one over the distance (1/m; 0: no perspective)."""

    rotation: Array
    centre: tuple[float, float]
    scale: float
    nearness: float

    @classmethod
    def of(cls, state: FaceState) -> Look:
        return cls(state.rotation, (float(state.centre[0]), float(state.centre[1])), state.scale, state.nearness)

    @property
    def eye(self) -> Array:
        """(3,) the camera's place in the head frame, metres; far away where there is no perspective."""
        return np.asarray(-self.rotation[2] / max(self.nearness, 1e-3), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Posed:
    """Splats in the head frame for one expression: `mean` (3, N) metres, `cov` (6, N) square metres as xx, xy, xz, yy,
    yz, zz, `normal` (3, N) of their triangles. Components first: each is one run of memory."""

    mean: Array
    cov: Array
    normal: Array


class Rig:
    """What of splats does not change from frame to frame. Safe to share between threads. (A window's frames are made
    by `sprites.Stage`, which is quicker.)"""

    def __init__(self, splats: Splats, tri: npt.NDArray[np.integer[Any]]) -> None:
        self.splats = splats
        used, self._slot = np.unique(splats.triangle, return_inverse=True)
        self._corners = np.ascontiguousarray(tri[used].T.astype(np.intp))
        weights = np.concatenate([1.0 - splats.bary.sum(1, keepdims=True), splats.bary], axis=1)
        self._weights = np.ascontiguousarray(weights.T, dtype=np.float32)
        axes = rotations(splats.rotation) * np.exp(splats.log_scale)[:, None, :]
        self._axes = np.ascontiguousarray(axes.transpose(1, 2, 0), dtype=np.float32)  # (row, column, N)
        self._base = np.ascontiguousarray(SH_0 * splats.sh[:, 0].T + 0.5, dtype=np.float32)
        towards = splats.sh[:, [3, 1, 2]] * np.array([-SH_1, -SH_1, SH_1])[:, None] if splats.sh.shape[1] > 1 else None
        self._towards = None if towards is None else np.ascontiguousarray(towards.transpose(1, 2, 0), dtype=np.float32)
        self.alpha = np.asarray(1.0 / (1.0 + np.exp(-splats.opacity)), dtype=np.float32)

    def posed(self, vertices: Array) -> Posed:
        """The splats on a deformed mesh (V, 3), metres."""
        slot, axes, weights = self._slot, self._axes, self._weights
        places = np.ascontiguousarray(vertices.T)
        corners = [np.take(places, corner, axis=1) for corner in self._corners]
        frame, size = triangle_frames(*corners)
        normal = np.take(frame[:, 2], slot, axis=1)
        frame *= size
        scaled = np.take(frame.reshape(9, -1), slot, axis=1).reshape(3, 3, -1)
        mean = sum(np.take(corner, slot, axis=1) * weight for corner, weight in zip(corners, weights, strict=True))
        mean += scaled[:, 2] * self.splats.offset
        # head_from_splat times the deviations
        columns = np.einsum("rkn,kcn->rcn", scaled, axes)
        pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
        cov = np.stack([np.einsum("kn,kn->n", columns[i], columns[j]) for i, j in pairs])
        return Posed(np.asarray(mean, np.float32), cov, normal)

    def spread(self, values: Array) -> Array:
        """(V, 3) values at the mesh's vertices -> (3, N) at the splats."""
        slot, weights = self._slot, self._weights
        rows = np.ascontiguousarray(values.T)
        out = np.take(rows, self._corners[0][slot], axis=1) * weights[0]
        out += np.take(rows, self._corners[1][slot], axis=1) * weights[1]
        out += np.take(rows, self._corners[2][slot], axis=1) * weights[2]
        return np.asarray(out, dtype=np.float32)

    def color(self, mean: Array, eye: Array) -> Array:
        """(N, 3) 0..1 of the splats at `mean` (3, N) as seen from `eye` (3,) in the head frame."""
        color = self._base.copy()
        if self._towards is not None:
            ray = mean - eye[:, None]
            ray /= np.maximum(np.sqrt((ray * ray).sum(0)), 1e-9)
            for axis, share in zip(ray, self._towards, strict=True):
                color += axis * share
        return np.asarray(np.clip(color, 0.0, 1.0, out=color).T)


def posed(splats: Splats, vertices: Array, tri: npt.NDArray[np.integer[Any]]) -> Posed:
    """Splats on a deformed mesh, once; keep a `Rig` where there are many frames."""
    return Rig(splats, tri).posed(vertices)


def placed(splats: Splats, vertices: Array, tri: npt.NDArray[np.integer[Any]]) -> tuple[Array, Array, Array]:
    """The splats on a mesh (V, 3) as files have them: means (N, 3) metres, rotations head_from_splat (N, 3, 3) and
    standard deviations (N, 3) metres, all in the head frame."""
    a, b, c = (np.ascontiguousarray(vertices[tri[splats.triangle, k]].T) for k in range(3))
    frame, size = triangle_frames(a, b, c)
    mean = Rig(splats, tri).posed(vertices).mean
    turn = np.einsum("ijn,njk->nik", frame, rotations(splats.rotation))
    return mean.T, np.asarray(turn, np.float32), np.asarray(np.exp(splats.log_scale) * size[:, None], np.float32)


def triangle_frames(a: Array, b: Array, c: Array) -> tuple[Array, Array]:
    """Corners (3, T) -> head_from_triangle (3, 3, T) and the square roots of the areas (T,)."""
    along = b - a
    normal = _cross(along, c - a)
    doubled = np.sqrt(np.einsum("kn,kn->n", normal, normal))
    frame = np.empty((3, 3, a.shape[1]), np.float32)
    frame[:, 0] = along / np.maximum(np.sqrt(np.einsum("kn,kn->n", along, along)), _LEAST_SIZE)
    frame[:, 2] = normal / np.maximum(doubled, _LEAST_SIZE**2)
    frame[:, 1] = _cross(frame[:, 2], frame[:, 0])
    return frame, np.sqrt(0.5 * doubled)


def rotations(quaternion: Array) -> Array:
    """(N, 4) quaternions (w, x, y, z), of any length but 0 -> (N, 3, 3)."""
    w, x, y, z = (quaternion / np.maximum(np.linalg.norm(quaternion, axis=1, keepdims=True), 1e-12)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.asarray(np.array(rows).transpose(2, 0, 1), dtype=np.float32)


def quaternions(rotation: npt.NDArray[np.floating[Any]]) -> Array:
    """(N, 3, 3) rotations -> (N, 4) quaternions (w, x, y, z) with the largest component positive."""
    r = np.asarray(rotation, dtype=np.float64)
    xx, yy, zz = r[:, 0, 0], r[:, 1, 1], r[:, 2, 2]
    squares = np.stack([1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz], axis=1)
    # All products of two components; the row of the largest is the quaternion, up to its length.
    wx, wy, wz = r[:, 2, 1] - r[:, 1, 2], r[:, 0, 2] - r[:, 2, 0], r[:, 1, 0] - r[:, 0, 1]
    xy, xz, yz = r[:, 0, 1] + r[:, 1, 0], r[:, 0, 2] + r[:, 2, 0], r[:, 1, 2] + r[:, 2, 1]
    table = np.stack(
        [
            np.stack([squares[:, 0], wx, wy, wz], 1),
            np.stack([wx, squares[:, 1], xy, xz], 1),
            np.stack([wy, xy, squares[:, 2], yz], 1),
            np.stack([wz, xz, yz, squares[:, 3]], 1),
        ],
        axis=1,
    )
    chosen = table[np.arange(len(r)), squares.argmax(1)]
    return np.asarray(chosen / np.linalg.norm(chosen, axis=1, keepdims=True), dtype=np.float32)


def _cross(a: Array, b: Array) -> Array:
    """Of (3, N) with (3, N): np.cross copies more than it computes."""
    return np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
