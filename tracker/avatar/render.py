"""A plain software renderer of triangles: what fits are checked with, and the picture of a head without splats."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..head.model import vertex_normals
from ..types import Array, Camera, FaceState, Image, rotation_from_angles
from .atlas import load_atlas
from .lighting import shading
from .types import GUESSED, MIRRORED, SEEN, Avatar

TINTS = {SEEN: (90, 190, 110), MIRRORED: (70, 140, 230), GUESSED: (235, 120, 60)}
"""RGB in which the view of what was seen, mirrored and guessed is tinted."""
_FIRST_BOX = 4


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """Which triangle is in front at each pixel's centre: `triangle` (h, w) int32, -1 for none; `weight` (h, w, 3)
    its barycentric weights; `depth` (h, w) metres behind the plane through the head's origin, inf for none."""

    triangle: npt.NDArray[np.int32]
    weight: Array
    depth: Array


def rasterise(points: Array, depth: Array, tri: npt.NDArray[np.intp], size: tuple[int, int]) -> Raster:
    """Draw triangles that face the camera. points (V, 2) pixels, depth (V,), tri (T, 3), size (height, width)."""
    height, width = size
    corner = points[tri].astype(np.float32)  # (T, 3, 2)
    ab, ac = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    low = np.ceil(corner.min(1) - 0.5).astype(np.int32)
    high = np.floor(corner.max(1) - 0.5).astype(np.int32)
    low = np.maximum(low, 0)
    high = np.minimum(high, np.array([width - 1, height - 1], np.int32))
    # Triangles go round outward in a right-handed frame; y runs down the picture, so those in front turn negative.
    shown = np.flatnonzero((area < -1e-6) & (high >= low).all(1) & np.isfinite(depth[tri]).all(1))
    extent = (high - low)[shown].max(1) + 1
    found: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Array, Array]] = []
    box, least = _FIRST_BOX, 0
    while least < (int(extent.max()) if len(extent) else 0):
        some = shown[(extent > least) & (extent <= box)]
        chunk = max(1, (1 << 21) // (box * box))
        for start in range(0, len(some), chunk):
            found.append(_fill(some[start : start + chunk], box, low, high, corner, area, depth[tri], width))
        least, box = box, box * 2
    out = Raster(
        np.full((height, width), -1, np.int32),
        np.zeros((height, width, 3), np.float32),
        np.full((height, width), np.inf, np.float32),
    )
    if found:
        pixel, triangle, weight, far = (np.concatenate([f[k] for f in found]) for k in range(4))
        order = np.argsort(-far, kind="stable")  # the nearest is written last
        at = pixel[order]
        out.triangle.ravel()[at] = triangle[order]
        out.weight.reshape(-1, 3)[at] = weight[order]
        out.depth.ravel()[at] = far[order]
    return out


def _fill(
    some: npt.NDArray[np.intp],
    box: int,
    low: npt.NDArray[np.int32],
    high: npt.NDArray[np.int32],
    corner: Array,
    area: Array,
    depth: Array,
    width: int,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Array, Array]:
    """Pixels (flat), triangles, weights and depths of the samples that lie inside the triangles `some`."""
    step = np.arange(box, dtype=np.int32)
    x, y = low[some, 0, None] + step, low[some, 1, None] + step  # (n, box)
    a, b, c = (corner[some, k] for k in range(3))
    px, py = x[:, None, :] + 0.5 - a[:, 0, None, None], y[:, :, None] + 0.5 - a[:, 1, None, None]
    ab, ac = (b - a)[:, :, None, None], (c - a)[:, :, None, None]
    scale = 1.0 / area[some, None, None]
    v = (px * ac[:, 1] - py * ac[:, 0]) * scale
    w = (ab[:, 0] * py - ab[:, 1] * px) * scale
    in_box = (x <= high[some, 0, None])[:, None, :] & (y <= high[some, 1, None])[:, :, None]
    n, i, j = np.nonzero((v >= 0) & (w >= 0) & (v + w <= 1) & in_box)
    weight = np.stack([1 - v[n, i, j] - w[n, i, j], v[n, i, j], w[n, i, j]], 1).astype(np.float32)
    far = (depth[some[n]] * weight).sum(1).astype(np.float32)
    return y[n, i].astype(np.intp) * width + x[n, j], some[n], weight, far


def seen_from(state: FaceState, vertices: Array) -> tuple[Array, Array]:
    """Pixels (V, 2) and depth (V,) of head-frame vertices."""
    return state.project(vertices), np.asarray(vertices @ state.rotation[2], dtype=np.float32)


def interpolated(values: Array, raster: Raster) -> Array:
    """(V, C) values at the vertices -> (h, w, C), 0 where nothing is drawn."""
    hit = raster.triangle >= 0
    corners = load_head().tri[raster.triangle[hit]]
    out = np.zeros((*raster.triangle.shape, values.shape[1]), np.float32)
    out[hit] = np.einsum("nkc,nk->nc", values[corners], raster.weight[hit])
    return out


def texture_place(raster: Raster, size: int) -> tuple[Array, Array]:
    """Columns and rows (h, w) of a texture of `size` under each pixel, as cv2.remap takes them."""
    atlas = load_atlas()
    hit = raster.triangle >= 0
    uv = np.full((*raster.triangle.shape, 2), -1.0, np.float32)
    corners = atlas.uv[atlas.tri_uv[raster.triangle[hit]]]
    uv[hit] = np.einsum("nkc,nk->nc", corners, raster.weight[hit])
    return np.ascontiguousarray(uv[..., 0] * size - 0.5), np.ascontiguousarray((1 - uv[..., 1]) * size - 0.5)


def render_mesh(
    avatar: Avatar,
    state: FaceState,
    size: tuple[int, int],
    *,
    lighting: Array | None = None,
    provenance: bool = False,
    smooth: int = 2,
) -> tuple[Image, Array, Array]:
    """The avatar's textured mesh where a tracked state puts it.

    size (height, width) pixels; lighting (9, 3) instead of the avatar's own; provenance: tint what was seen, mirrored
    and guessed; smooth: samples a side of a pixel. Returns RGB (h, w, 3) uint8 on black, alpha (h, w) 0..1 and depth
    (h, w) metres behind the plane through the head's origin (inf where there is nothing).
    """
    height, width = size
    vertices = avatar.vertices(state.expression)
    points, depth = seen_from(state, vertices)
    raster = rasterise(points * np.float32(smooth), depth, load_head().tri, (height * smooth, width * smooth))
    columns, rows = texture_place(raster, len(avatar.texture))
    texture = tinted(avatar) if provenance else avatar.texture
    colour = cv2.remap(_reduced(texture, columns, rows), columns, rows, cv2.INTER_LINEAR).astype(np.float32)
    normals = interpolated(vertex_normals(vertices, load_head().tri) @ state.rotation.T, raster)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
    hit = raster.triangle >= 0
    colour[hit] *= shading(avatar.lighting if lighting is None else lighting, normals[hit])
    colour[~hit] = 0
    alpha = hit.astype(np.float32)
    if smooth > 1:
        to = (width, height)
        colour = cv2.resize(colour, to, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(alpha, to, interpolation=cv2.INTER_AREA)
        far = raster.depth[smooth // 2 :: smooth, smooth // 2 :: smooth]
    else:
        far = raster.depth
    return np.clip(colour + 0.5, 0, 255).astype(np.uint8), alpha, np.ascontiguousarray(far)


def viewpoint(
    yaw: float = 0.0, pitch: float = 0.0, size: int = 256, expression: Array | None = None, distance: float = 1.0
) -> FaceState:
    """A state that looks at the whole head in a square picture of `size`: degrees, any yaw; distance in metres."""
    # rotation_from_angles is free in yaw; the model's middle lies below and behind the origin between the eyes.
    rotation = rotation_from_angles(yaw, pitch)
    scale = size / 0.40
    middle = rotation @ np.array([0.0, -0.045, -0.075], np.float32)
    nothing = np.zeros(0, np.float32)
    return FaceState(
        rotation=rotation,
        centre=np.asarray(size / 2 - scale * middle[:2], dtype=np.float32),
        scale=scale,
        nearness=1.0 / distance,
        camera=Camera(scale * distance, size / 2, size / 2),
        identity=np.zeros(40, np.float32),
        expression=np.zeros(52, np.float32) if expression is None else expression,
        residual=nothing,
        spread=nothing,
    )


def tinted(avatar: Avatar) -> Image:
    """The texture (S, S, 3) coloured by what was seen, mirrored and guessed."""
    tint = np.zeros((4, 3), np.float32)
    for code, colour in TINTS.items():
        tint[code] = colour
    grey = avatar.texture.mean(-1, keepdims=True)
    return np.asarray(0.55 * grey + 0.45 * tint[avatar.provenance], dtype=np.uint8)


def _reduced(texture: Image, columns: Array, rows: Array) -> Image:
    """The texture, blurred as far as its texels are smaller than the picture's pixels, so that nothing shivers."""
    inside = columns >= 0
    both = inside[1:, :-1] & inside[:-1, :-1]
    if not both.any():
        return texture
    step = np.hypot(columns[1:, :-1] - columns[:-1, :-1], rows[1:, :-1] - rows[:-1, :-1])[both]
    sigma = 0.35 * float(np.median(step))
    return texture if sigma < 0.5 else np.asarray(cv2.GaussianBlur(texture, (0, 0), sigma), dtype=np.uint8)
