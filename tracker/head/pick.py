"""A pixel of a face -> the point of the mean head that lies under it: a landmark query made by pointing."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..types import Array, FaceState
from .model import HeadModel

ROUNDS = 8
NEAR_ENOUGH = 0.05
"""Pixels between the pixel asked for and where the query found for it is drawn."""
STEP = 5e-4
"""Metres: how far queries are moved to see which way their landmarks go, and a tenth of the longest step taken."""


class Deforming(Protocol):
    """What picking needs of a basis: the deformed mesh, and where queries come to lie."""

    head: HeadModel

    def mesh(self, state: FaceState) -> Array: ...
    def points(self, state: FaceState, layout: Array) -> Array: ...


def pick(basis: Deforming, state: FaceState, x_px: float, y_px: float) -> Array | None:
    """The query (3,), metres on the mean head, whose landmark is drawn at a pixel of the frame; None off the skin.

    The pixel's ray meets the deformed mesh in its nearest triangle of skin that faces the camera. Between vertices
    a learned basis bends a little: Newton's steps along the skin take the query to where it is drawn on the pixel.
    """
    wanted = np.array([x_px, y_px], np.float64)
    if not np.isfinite(wanted).all():
        return None
    found = _meet(basis.head, basis.mesh(state), state, wanted)
    if found is None:
        return None
    query, along = found
    best, least = query, np.inf
    for _ in range(ROUNDS):
        asked = np.concatenate([query[None], query + STEP * along]).astype(np.float32)
        drawn = state.project(basis.points(state, asked)).astype(np.float64)
        off = wanted - drawn[0]
        miss = float(np.linalg.norm(off))
        if miss < least:
            best, least = query, miss
        else:  # too far: half way back
            query = _on_skin(basis.head, (query + best) / 2)
            continue
        if miss < NEAR_ENOUGH:
            break
        slope = (drawn[1:] - drawn[0]).T / STEP  # pixels per metre
        way = np.linalg.lstsq(slope, off, rcond=1e-3)[0]
        way *= min(1.0, 10 * STEP / max(float(np.linalg.norm(way)), 1e-12))
        query = _on_skin(basis.head, query + way @ along)
    return best


def _on_skin(head: HeadModel, query: npt.NDArray[np.floating]) -> Array:
    return np.asarray(head.rows(query[None]).of(head.mean)[0], dtype=np.float32)


def _meet(
    head: HeadModel, vertices: Array, state: FaceState, aim: npt.NDArray[np.float64]
) -> tuple[Array, Array] | None:
    """The point (3,) of the mean head under a pixel, by the mesh as it is drawn, and two directions (2, 3) along it."""
    pixels = state.project(vertices).astype(np.float64)
    z = vertices @ state.rotation[2]
    inverse = 1.0 / np.maximum(1.0 + state.nearness * z, 0.05)
    near = np.all(np.abs(pixels - aim) <= 0.03 * state.scale, axis=1)
    skin = head.skin[near[head.skin].any(1)]
    a, b, c = (pixels[skin[:, i]] for i in range(3))
    area = _cross(b - a, c - a)
    # y points down in the picture: triangles that are anticlockwise on the head are clockwise here, area < 0.
    weights = np.stack([_cross(c - b, aim - b), _cross(a - c, aim - c), _cross(b - a, aim - a)], 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = weights / area[:, None]
    hit = np.flatnonzero((area < 0) & (weights >= -1e-9).all(1))
    if not len(hit):
        return None
    weights = weights[hit] * inverse[skin[hit]]  # even steps in the picture are not even on a tilted triangle
    weights /= weights.sum(1, keepdims=True)
    nearest = (weights * z[skin[hit]]).sum(1).argmin()
    corners = head.mean[skin[hit[nearest]]]
    first, second = corners[1] - corners[0], corners[2] - corners[0]
    along = np.linalg.qr(np.stack([first, second], 1).astype(np.float64))[0].T
    return np.asarray(weights[nearest] @ corners, dtype=np.float32), np.asarray(along, dtype=np.float32)


def _cross(u: npt.NDArray[np.float64], v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0])
