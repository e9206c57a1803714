"""Hair's volume: how far the scalp has to stand out for the head's outline to be the matte's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..head.model import vertex_normals
from ..types import Array, FaceState, Image
from .membrane import scalp, spread

_MIDDLE = np.array([0.0, 0.015, -0.075], np.float32)
"""The skull's middle, head frame: hair grows away from it."""
_MOST, _LEAST = 0.055, -0.015
"""Metres that the scalp may be moved out and in."""
_STEPS = 64
_EDGE_ON = 0.3
_SPIKE = np.radians(20)


def hair_volume(outlines: Sequence[tuple[Image, FaceState, Array, npt.NDArray[np.bool_]]], neutral: Array) -> Array:
    """(6017, 3) metres: what to add to `neutral` (6017, 3).

    outlines: of each picture the matte (S, S), the state in its pixels, the vertices as they are there, and which
    pixels the picture shows. Vertices of the scalp that lie on the outline are moved along the picture to where the
    matte ends; the rest of the scalp follows smoothly.
    """
    head = load_head()
    grows = scalp()
    moved = np.zeros(len(neutral), np.float64)
    trust = np.zeros(len(neutral), np.float64)
    for matte, state, vertices, shown in outlines:
        normal = vertex_normals(vertices, head.tri) @ state.rotation.T
        edge = np.flatnonzero((grows > 0.15) & (np.abs(normal[:, 2]) < _EDGE_ON))
        if len(edge) == 0:
            continue
        found, sure = _to_the_matte(matte, shown, state, vertices[edge])
        # In the picture's plane the outline is met by the part of the way out that is seen from the side.
        away = (vertices[edge] - _MIDDLE) @ state.rotation.T
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        aside = np.maximum(np.linalg.norm(away[:, :2], axis=1), 0.5)
        moved[edge] += sure * np.clip(found / aside, _LEAST, _MOST)
        trust[edge] += sure
    if trust.sum() < 5:
        return np.zeros_like(neutral)
    mean = (moved / np.maximum(trust, 1e-9)).astype(np.float32)
    smooth = spread(mean[:, None], np.minimum(trust, 1.0).astype(np.float32), decay=2e-4, stiff=3.0)[:, 0]
    out = neutral - _MIDDLE
    out = out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
    amount = np.clip(smooth, _LEAST, _MOST) * np.clip(grows * 1.5, 0, 1)
    return np.asarray(out * amount[:, None], dtype=np.float32)


def _to_the_matte(
    matte: Image, shown: npt.NDArray[np.bool_], state: FaceState, vertices: Array
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Metres (n,) from vertices outward along the picture to the matte's end, and 0 or 1 whether that was found."""
    size = len(matte)
    pixel = state.project(vertices)
    middle = state.project(_MIDDLE[None])[0]
    away = pixel - middle
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    steps = np.linspace(-0.03, _MOST * 1.3, _STEPS)
    along = pixel[:, None] + away[:, None] * (steps * state.scale)[None, :, None]
    column, row = along[..., 0].astype(int), along[..., 1].astype(int)
    on = (column >= 0) & (row >= 0) & (column < size) & (row < size)
    column, row = np.clip(column, 0, size - 1), np.clip(row, 0, size - 1)
    on &= shown[row, column]
    is_head = (matte[row, column] > 127) & on
    # The first run of head from inside: what the matte holds further out is something else.
    ended = np.argmin(is_head, axis=1)
    complete = ~is_head.all(1) & is_head[:, 0]
    n = np.arange(len(vertices))
    sure = complete & on[n, ended]
    return _without_spikes(steps[ended], np.arctan2(away[:, 1], away[:, 0]), sure), sure.astype(np.float64)


def _without_spikes(
    out: npt.NDArray[np.float64], angle: npt.NDArray[np.floating], sure: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Each vertex's way (n,) replaced by the median of those within 20 degrees: a shawl is no hair."""
    smooth = out.copy()
    for i in np.flatnonzero(sure):
        apart = np.abs((angle - angle[i] + np.pi) % (2 * np.pi) - np.pi)
        smooth[i] = np.median(out[sure & (apart < _SPIKE)])
    return smooth
