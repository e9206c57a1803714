"""Values carried over the head's surface from where they are known to where they are not."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import scipy.sparse as sparse
from scipy.sparse.linalg import splu

from ..head import load_head
from ..types import Array
from .atlas import Texels


@lru_cache(maxsize=1)
def laplacian() -> Any:
    """(6017, 6017) sparse: neighbours weigh one over their distance; the rows add up to 0."""
    head = load_head()
    edges = np.concatenate([head.tri[:, [0, 1]], head.tri[:, [1, 2]], head.tri[:, [2, 0]]])
    edges = np.unique(np.sort(edges, 1), axis=0)
    length = np.linalg.norm(head.mean[edges[:, 0]] - head.mean[edges[:, 1]], axis=1)
    weight = 0.003 / np.maximum(length, 0.0005)
    n = len(head.mean)
    near = sparse.coo_matrix((weight, (edges[:, 0], edges[:, 1])), shape=(n, n))
    near = near + near.T
    return (sparse.diags(np.asarray(near.sum(1)).ravel()) - near).tocsc()


@lru_cache(maxsize=1)
def _meeting() -> Any:
    """(6017, triangles) sparse: 1 where a triangle meets a vertex."""
    head = load_head()
    of_triangle = np.repeat(np.arange(len(head.tri)), 3)
    ones = np.ones(len(of_triangle), np.float32)
    return sparse.csr_matrix((ones, (head.tri.ravel(), of_triangle)), shape=(len(head.mean), len(head.tri)))


def mesh_normals(vertices: Array) -> Array:
    """(6017, 3) unit normals of the head's mesh, as `head.model.vertex_normals` but three times as fast: for what is
    done every frame."""
    places = np.ascontiguousarray(vertices.T)
    a, b, c = (np.take(places, corner, axis=1) for corner in load_head().tri.T)
    b -= a
    c -= a
    across = [b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]]
    normals = _meeting() @ np.stack(across, 1)
    length = np.sqrt(np.einsum("vk,vk->v", normals, normals))
    return np.asarray(normals / np.maximum(length, 1e-12)[:, None], dtype=np.float32)


def spread(values: Array, trust: Array, decay: float = 1e-6, stiff: float = 0.05) -> Array:
    """(6017, C): the smoothest field on the mesh that keeps `values` (6017, C) as far as they are trusted (6017,).

    decay pulls to 0 what lies far from anything known (0.003: a third of it is left after some 5 cm); stiff is what a
    step between neighbours costs beside a miss of a value that is trusted fully.
    """
    system = stiff * laplacian() + sparse.diags(trust.astype(np.float64) + stiff * decay)
    solved = splu(system.tocsc()).solve((values * trust[:, None]).astype(np.float64))
    return np.asarray(solved, dtype=np.float32)


def at_vertices(values: Array, weight: Array, texels: Texels) -> tuple[Array, Array]:
    """Texels' values (n, C) and weights (n,) -> means (6017, C) and weights (6017,) 0..1 at the vertices."""
    head = load_head()
    corner = head.tri[texels.triangle].ravel()
    share = (texels.weight * weight[:, None]).ravel()
    total = np.bincount(corner, share, len(head.mean))
    plain = np.bincount(corner, texels.weight.ravel(), len(head.mean))
    mean = np.stack(
        [
            np.bincount(corner, share * np.repeat(values[:, c], 3), len(head.mean)) / np.maximum(total, 1e-6)
            for c in range(values.shape[1])
        ],
        1,
    )
    return mean.astype(np.float32), (total / np.maximum(plain, 1e-6)).astype(np.float32)


def mirrored(values: Array, weight: Array, texels: Texels) -> tuple[Array, Array]:
    """Values (n, C) and weights (n,) of each texel's mirror partner; neighbours without weight have no part in them."""
    both = np.concatenate([values * weight[:, None], weight[:, None]], 1)
    image = np.asarray(texels.image(both), dtype=np.float32)
    out = cv2.remap(image, texels.mirror[..., 0], texels.mirror[..., 1], cv2.INTER_LINEAR)
    out = out.reshape(-1, values.shape[1] + 1)[texels.flat]
    total = np.ascontiguousarray(out[:, -1])
    return np.asarray(out[:, :-1] / np.maximum(total, 1e-3)[:, None], dtype=np.float32), total


def smoothstep(x: npt.NDArray[np.floating]) -> Array:
    """From 0 at 0 to 1 at 1, flat at both ends."""
    t = np.clip(x, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def scalp() -> Array:
    """(6017,) 0..1: where hair grows on the mean head, feathered over the hairline; ears are bare."""
    head = load_head()
    place = head.mean
    # A plane from the forehead's top over the temples and the ears' tops down to the nape.
    above = place[:, 1] - (0.078 + 0.68 * (place[:, 2] - 0.03))
    return np.asarray(np.where(np.isin(head.region, (0, 1)), smoothstep(above / 0.02), 0), dtype=np.float32)


@lru_cache(maxsize=1)
def hollows() -> Array:
    """(6017,) metres: how deep each vertex of the mean head lies below the surface as it is without its finer parts:
    the folds of the ears, the furrow behind them; negative on what stands out."""
    head = load_head()
    smooth = spread(head.mean, np.ones(len(head.mean), np.float32), stiff=3.0)
    return np.asarray(((smooth - head.mean) * head.normals).sum(1), dtype=np.float32)


def bust() -> Array:
    """(6017,) 0..1: what clothes cover, feathered at the neck's foot."""
    return smoothstep((-0.135 - load_head().mean[:, 1]) / 0.03)
