"""Splats off the mesh: hair, a beard, what else stands beyond the head model, where a view's silhouette shows it."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

from ..head import load_head
from ..head.model import vertex_normals
from ..types import Array
from .splats import SH_0, Look, Splats, quaternions, triangle_frames
from .types import SEEN

STEP_PX = 2
"""One splat for a square of so many pixels."""
FARTHEST_M = 0.02
"""Farther from the mesh than this a matte's edge is more often a piece of the background than hair."""
_LACKING = 0.4
_DEPTH_SHARE = 0.35  # hair is as deep as it stands out, up to a part
_SKIN = (0, 1, 2)
_ASLANT = 0.35  # cosine: a vertex that is seen from so far aside is the outline
_SIZE = 0.75  # standard deviation over the square's side


def strands(missing: Array, look: Look, vertices: Array, vertex_light: Array, degrees: int) -> Splats:
    """Splats for what a view shows and the head lacks; each hangs on the triangle next to it.

    missing (4, S, S): the colours wanted, and 0..1 how much is lacking; vertices (V, 3) as in the view, and the light
    (V, 3) on them; `degrees` 1 or 4: coefficients of the colours.
    """
    head = load_head()
    lacking = cv2.boxFilter(missing[3], -1, (STEP_PX, STEP_PX), anchor=(0, 0))[::STEP_PX, ::STEP_PX]
    row, column = np.nonzero(lacking > _LACKING)
    at = np.stack([column, row], 1).astype(np.float32) * STEP_PX + STEP_PX / 2
    # At the depth of the mesh's outline next to it, a little in front or behind: no paper cut-out.
    seen = vertices @ look.rotation.T
    depth = 1.0 + look.nearness * seen[:, 2]
    points = np.asarray(look.centre, np.float32) + look.scale * seen[:, :2] / depth[:, None]
    normals, ray = vertex_normals(vertices, head.tri), look.eye - vertices
    aslant = np.abs((normals * ray).sum(1)) < _ASLANT * np.linalg.norm(ray, axis=1)
    border = np.flatnonzero(np.isin(head.region, _SKIN) & aslant)
    if not len(at) or not len(border):
        return _none(degrees)
    far, next_to = cKDTree(points[border]).query(at)
    z = seen[border[next_to], 2] + np.random.default_rng(0).uniform(-1, 1, len(at)) * _DEPTH_SHARE * far / look.scale
    back = (at - np.asarray(look.centre)) * ((1.0 + look.nearness * z) / look.scale)[:, None]
    place = np.concatenate([back, z[:, None]], 1) @ look.rotation
    return _hung(place, missing[:3, row * STEP_PX, column * STEP_PX].T, look, vertices, vertex_light, degrees)


def _hung(place: Array, color: Array, look: Look, vertices: Array, vertex_light: Array, degrees: int) -> Splats:
    """Splats at head-frame places (n, 3) in colours (n, 3) as lit, hung on the nearest triangles of the skin."""
    head = load_head()
    skin = np.flatnonzero(np.isin(head.region[head.tri], _SKIN).all(1))
    far, nearest = cKDTree(vertices[head.tri[skin]].mean(1)).query(place)
    kept = far < FARTHEST_M
    triangle, place, color = skin[nearest[kept]], place[kept], color[kept]
    order = np.argsort(triangle, kind="stable")
    triangle, place, color = triangle[order], place[order].astype(np.float32), color[order]
    a, b, c = (np.ascontiguousarray(vertices[head.tri[triangle, k]].T) for k in range(3))
    frame, size = triangle_frames(a, b, c)
    size = np.maximum(size, 1e-6)
    local = np.einsum("ijn,in->jn", frame, place.T - a)  # metres along the triangle's axes
    edge_b, edge_c = (np.einsum("ijn,in->jn", frame, e - a)[:2] for e in (b, c))
    det = edge_b[0] * edge_c[1] - edge_b[1] * edge_c[0]
    det = np.where(np.abs(det) < 1e-12, 1e-12, det)
    bary = np.stack([local[0] * edge_c[1] - local[1] * edge_c[0], local[1] * edge_b[0] - local[0] * edge_b[1]], 1)
    light = np.maximum(vertex_light[head.tri[triangle]].mean(1), 0.05)
    sh = np.zeros((len(triangle), degrees, 3), np.float32)
    sh[:, 0] = (np.clip(color / light, 0, 1) - 0.5) / SH_0
    spread = np.log(_SIZE * STEP_PX / look.scale / size)
    count = len(triangle)
    return Splats(
        triangle.astype(np.int32),
        np.ascontiguousarray(bary / det[:, None], dtype=np.float32),
        np.asarray(local[2] / size, dtype=np.float32),
        quaternions(np.broadcast_to(np.eye(3), (count, 3, 3))),
        np.repeat(spread[:, None], 3, 1).astype(np.float32),
        np.full(count, 1.5, np.float32),
        sh,
        np.full(count, SEEN, np.uint8),
    )


def _none(degrees: int) -> Splats:
    empty = np.zeros(0, np.float32)
    return Splats(
        np.zeros(0, np.int32), empty.reshape(0, 2), empty, empty.reshape(0, 4), empty.reshape(0, 3), empty,
        np.zeros((0, degrees, 3), np.float32), np.zeros(0, np.uint8),
    )  # fmt: skip
