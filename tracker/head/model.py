"""The head model: ICT-FaceKit's light model (MIT), decimated to 6017 vertices, with ARKit's 52 expressions."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from .. import assets
from ..errors import ModelError
from ..types import Array

IDENTITY_MODES = 40
_TILT = np.radians(5.31)
"""ICT's neutral head looks this far below what AFLW2000-3D's pose labels call straight ahead (estimated on the train
fold of its calibration images). The head frame follows the labels: a face that looks straight has pitch 0."""
HEAD_FROM_FILE = np.array(
    [[1, 0, 0], [0, np.cos(_TILT), -np.sin(_TILT)], [0, np.sin(_TILT), np.cos(_TILT)]], dtype=np.float32
)
SAME_ROWS = {"merl68": "ibug68", "tddfa68": "aflw2000_68"}
"""Label sets of their own that start from another's rows; a trained field tells them apart."""
SKIN_REGIONS = (0, 1, 2, 3)
"""Face, head and neck, ears, lips: what a query may lie on (eyeballs come with their layouts)."""

_LEFT = """
eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft eyeWideLeft
eyeBlinkRight eyeLookDownRight eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight eyeWideRight
jawForward jawLeft jawRight jawOpen mouthClose mouthFunnel mouthPucker mouthLeft mouthRight
mouthSmileLeft mouthSmileRight mouthFrownLeft mouthFrownRight mouthDimpleLeft mouthDimpleRight
mouthStretchLeft mouthStretchRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper
mouthPressLeft mouthPressRight mouthLowerDownLeft mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight
browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight
noseSneerLeft noseSneerRight tongueOut
"""
EXPRESSIONS: tuple[str, ...] = tuple(_LEFT.split())
"""ARKit's 52 names in the order that `FaceState.expression` has."""


def expression_flip() -> npt.NDArray[np.intp]:
    """(52,) the mirror partner of every expression."""

    def partner(name: str) -> str:
        swapped = name.replace("Left", "?").replace("Right", "Left").replace("?", "Right")
        return swapped if swapped in EXPRESSIONS else name

    return np.array([EXPRESSIONS.index(partner(name)) for name in EXPRESSIONS])


@dataclass(frozen=True, slots=True, eq=False)
class LayoutRows:
    """Landmarks as barycentric rows on the mesh: vertex indices (N, 3), weights (N, 3), mirror partners (N,)."""

    index: npt.NDArray[np.intp]
    weight: Array
    flip: npt.NDArray[np.intp]

    def of(self, vertices: Array) -> Array:
        """(..., V, 3) values at the vertices -> (..., N, 3) values at the landmarks."""
        return np.asarray(np.einsum("...nkc,nk->...nc", vertices[..., self.index, :], self.weight), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class HeadModel:
    """Vertices in the head frame, metres. Displacements: `identity` per standard deviation, `expression` per unit.

    mean (6017, 3); identity (40, 6017, 3); expression (52, 6017, 3); tri (11778, 3); region (6017,) codes of
    the model's anatomy; color (6017, 3) uint8; sym (6017,) mirror partners.
    """

    mean: Array
    identity: Array
    expression: Array
    tri: npt.NDArray[np.intp]
    region: npt.NDArray[np.uint8]
    color: npt.NDArray[np.uint8]
    sym: npt.NDArray[np.intp]
    layouts: dict[str, LayoutRows]
    visible: dict[str, npt.NDArray[np.uint8]] = field(repr=False)
    azimuth: Array = field(repr=False)
    elevation: Array = field(repr=False)

    @cached_property
    def normals(self) -> Array:
        """(6017, 3) unit normals of the mean head."""
        return vertex_normals(self.mean, self.tri)

    @cached_property
    def skin(self) -> npt.NDArray[np.intp]:
        """Triangles of the skin, (T, 3)."""
        keep = np.isin(self.region[self.tri], SKIN_REGIONS).all(1)
        return self.tri[keep]

    @cached_property
    def _skin_tree(self) -> Any:
        return cKDTree(self.mean[self.skin].mean(1))

    def rows(self, queries: npt.NDArray[Any]) -> LayoutRows:
        """Arbitrary points (N, 3) -> the rows of their nearest points on the mean head's skin."""
        points = np.asarray(queries, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise ModelError(f"Landmark queries must be an (N, 3) array of finite metres, found {points.shape}.")
        _, near = self._skin_tree.query(points, k=12)
        corners = self.mean[self.skin[near]].astype(np.float64)  # (N, 12, 3 corners, 3)
        weights = _nearest_on_triangle(points[:, None], corners)
        found = np.einsum("nkv,nkvc->nkc", weights, corners)
        best = np.linalg.norm(found - points[:, None], axis=-1).argmin(1)
        row = np.arange(len(points))
        return LayoutRows(
            self.skin[near[row, best]], weights[row, best].astype(np.float32), np.arange(len(points), dtype=np.intp)
        )


def _nearest_on_triangle(p: npt.NDArray[np.float64], tri: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Barycentric weights (..., 3) of the nearest point to `p` (..., 3) on triangles (..., 3, 3)."""
    a, b, c = tri[..., 0, :], tri[..., 1, :], tri[..., 2, :]
    ab, ac, ap = b - a, c - a, p - a
    d00, d01, d11 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    d20, d21 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    det = np.maximum(d00 * d11 - d01 * d01, 1e-18)
    v, w = (d11 * d20 - d01 * d21) / det, (d00 * d21 - d01 * d20) / det
    inside = np.stack([1 - v - w, v, w], -1)
    candidates = [inside]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        edge, start = tri[..., j, :] - tri[..., i, :], tri[..., i, :]
        t = np.clip(((p - start) * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-18), 0, 1)
        weights = np.zeros_like(inside)
        weights[..., i], weights[..., j] = 1 - t, t
        candidates.append(weights)
    stacked = np.stack(candidates, -2)  # (..., 4, 3)
    distance = np.linalg.norm(np.einsum("...kv,...vc->...kc", stacked, tri) - p[..., None, :], axis=-1)
    distance[..., 0] = np.where((inside >= 0).all(-1), distance[..., 0], np.inf)
    best = distance.argmin(-1)[..., None, None]
    return np.asarray(np.take_along_axis(stacked, best, -2)[..., 0, :])


def vertex_normals(vertices: Array, tri: npt.NDArray[np.intp]) -> Array:
    """(V, 3) unit normals, outward, weighted by area."""
    a, b, c = vertices[tri[:, 0]], vertices[tri[:, 1]], vertices[tri[:, 2]]
    face = np.cross(b - a, c - a)
    normals = np.empty_like(vertices)
    corners = tri.ravel()
    for axis in range(3):
        normals[:, axis] = np.bincount(corners, np.repeat(face[:, axis], 3), len(vertices))
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _turned(vectors: npt.NDArray[np.floating]) -> Array:
    """(..., 3) of the file's frame -> of the head frame."""
    return np.ascontiguousarray(vectors.astype(np.float32) @ HEAD_FROM_FILE.T)


def turning(modes: npt.NDArray[Any], points: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(K, 3) radians per unit: the small rotation about the middle of `points` (N, 3) that best explains each
    displacement `modes` (K, N, 3) of them."""
    arm = points - points.mean(0)
    inertia = np.eye(3) * (arm**2).sum() - arm.T @ arm
    return np.asarray(np.cross(arm, modes).sum(1) @ np.linalg.inv(inertia))


def _without_turning(modes: Array, mean: Array, rows: LayoutRows) -> Array:
    """Identity modes (K, V, 3) that leave the head where it looks: turning it is the pose's part alone.

    As found in the file, a person's shape could turn the face by degrees, and the pose had to make up for it.
    """
    points = rows.of(mean).astype(np.float64)
    turn = turning(rows.of(modes).astype(np.float64), points)
    return np.asarray(modes - np.cross(turn[:, None], mean - points.mean(0)), dtype=np.float32)


@lru_cache(maxsize=2)
def load_head(path: Path | None = None) -> HeadModel:
    """The head model that ships. Raises ModelError where the file is missing or damaged."""
    path = path or assets.ROOT / "head" / "head_model.npz"
    if not path.is_file():
        raise ModelError(f"The head model is missing: {path} was wanted; reinstall Stillpoint or restore assets/head.")
    try:
        with np.load(path) as data:
            names = [
                key[len("layout_") : -len("_idx")] for key in data if key.startswith("layout_") and key.endswith("_idx")
            ]
            layouts = {
                name: LayoutRows(
                    data[f"layout_{name}_idx"].astype(np.intp),
                    data[f"layout_{name}_w"].astype(np.float32),
                    data[f"layout_{name}_flip"].astype(np.intp),
                )
                for name in names
            }
            visible = {
                name: np.unpackbits(data[f"vis_{name}"], axis=-1)[..., : len(layouts[name].index)] for name in names
            }
            for name, source in SAME_ROWS.items():
                layouts[name], visible[name] = layouts[source], visible[source]
            mean = _turned(data["mean"])
            identity = _turned(data["identity"][:IDENTITY_MODES])
            return HeadModel(
                mean=mean,
                identity=_without_turning(identity, mean, layouts["aflw2000_68"]),
                expression=_turned(data["expression"]),
                tri=data["tri"].astype(np.intp),
                region=data["region"],
                color=data["color"],
                sym=data["sym"].astype(np.intp),
                layouts=layouts,
                visible=visible,
                azimuth=data["vis_azimuth"],
                elevation=data["vis_elevation"],
            )
    except (ValueError, KeyError, OSError) as error:
        raise ModelError(
            f"The head model {path} is damaged ({error}); restore assets/head from the release."
        ) from error
