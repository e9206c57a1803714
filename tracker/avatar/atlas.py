"""The texture atlas that every avatar shares: where each triangle lies in it, and what each texel shows.

The head model's own layout: the face in the left half, the back of the head, ears' backs and neck in the right
one, each mirror-symmetric about its own middle. It leaves out eyeballs, teeth, gums and tongue; they get places in the
gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from .. import assets
from ..errors import ModelError
from ..head import load_head
from ..types import Array
from .types import EYEBALL, ball_centre, eyeball

Indices = npt.NDArray[np.intp]

SIZE, PHOTO_SIZE = 512, 1024
"""Texels a side of a stored texture: about one a millimetre of skin, or two from a large photograph."""
_EYES = {1.0: (0.965, 0.56), -1.0: (0.535, 0.56)}
_EYE_RADIUS = 0.024
"""Where the eyeballs lie: the pole looks out of the middle, the front 60 degrees fill four fifths of the disc."""
_INSIDE = {5: (0.588, 0.655, 0.30, 0.40), 6: (0.850, 0.920, 0.25, 0.39), 9: (0.600, 0.640, 0.25, 0.29)}
"""Region code -> (u0, u1, v0, v1) of gums, teeth and tongue, seen from the front: their front and back share texels."""


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """`uv` (C, 2) of the corners, v up; `tri_uv` (11778, 3) corner of each triangle's vertex, in `HeadModel.tri`'s
    order; `vertex` (C,) which vertex a corner is of."""

    uv: Array
    tri_uv: Indices
    vertex: Indices


@dataclass(frozen=True, slots=True, eq=False)
class Texels:
    """What the texels of an atlas of `size` show, row by row for those that show anything (n of them).

    flat      (n,) row * size + column
    triangle  (n,) of `HeadModel.tri`
    corner    (n, 3) int32 its vertices
    weight    (n, 3) their barycentric weights
    mirror    (size, size, 2) float32: column and row (cv2.remap's, centres at integers) of each texel's mirror partner
    nearest   (size, size) flat index of the nearest texel that shows something: what fills the gaps
    """

    size: int
    flat: Indices
    triangle: Indices
    corner: npt.NDArray[np.int32]
    weight: Array
    mirror: Array
    nearest: npt.NDArray[np.int32]

    def points(self, values: Array) -> Array:
        """(6017, C) values at the vertices -> (n, C) at the texels."""
        # A product with a sparse matrix: a sixth of the time of fetching the corners' rows one after another.
        rows = np.arange(0, self.corner.size + 1, 3, dtype=np.int32)
        shares = csr_matrix((self.weight.ravel(), self.corner.ravel(), rows), (len(self.flat), len(values)))
        return np.asarray(shares @ values, dtype=np.float32)

    def image(self, values: npt.NDArray[np.generic], spread: bool = True) -> npt.NDArray[np.generic]:
        """(n, ...) values of the texels -> (size, size, ...); the gaps take their nearest texel's, or 0."""
        out = np.zeros((self.size * self.size, *values.shape[1:]), values.dtype)
        out[self.flat] = values
        if spread:
            out = out[self.nearest.ravel()]
        return out.reshape(self.size, self.size, *values.shape[1:])

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """(size, size): where a triangle lies."""
        out = np.zeros(self.size * self.size, bool)
        out[self.flat] = True
        return out.reshape(self.size, self.size)


@lru_cache(maxsize=1)
def load_atlas() -> Atlas:
    """The layout for `load_head()`'s mesh. Raises ModelError where the head model has none."""
    head = load_head()
    path = assets.ROOT / "head" / "head_model.npz"
    try:
        with np.load(path) as data:
            uv, tri_uv, has = data["uv"].astype(np.float32), data["tri_uv"].astype(np.intp), data["tri_has_uv"]
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"The head model {path} has no texture layout ({error}); restore assets/head.") from error
    region = head.region[head.tri].max(1)
    placed = has & (region != EYEBALL) & ~np.isin(region, list(_INSIDE))
    corners, tri = [uv], tri_uv.copy()
    vertex = np.zeros(len(uv), np.intp)
    vertex[tri_uv[placed].ravel()] = head.tri[placed].ravel()
    own = np.full(len(head.mean), -1, np.intp)
    # What has no place gets one of its own for each vertex, whatever the model's file says.
    loose = np.unique(head.tri[~placed])
    own[loose] = len(uv) + np.arange(len(loose))
    corners.append(_loose_uv(loose))
    tri[~placed] = own[head.tri[~placed]]
    return Atlas(np.concatenate(corners), tri, np.concatenate([vertex, loose]))


def _loose_uv(loose: Indices) -> Array:
    """(len(loose), 2): places of eyeballs, teeth, gums and tongue."""
    head = load_head()
    out = np.zeros((len(head.mean), 2), np.float32)
    for side, middle in _EYES.items():
        ball = eyeball(side)
        out_of = head.mean[ball] - ball_centre(head.mean[ball])
        angle = np.arccos(np.clip(out_of[:, 2] / np.linalg.norm(out_of, axis=1), -1, 1))
        around = np.arctan2(out_of[:, 1], out_of[:, 0])
        radius = _EYE_RADIUS * np.interp(angle, [0, np.pi / 3, np.pi], [0, 0.8, 1])
        out[ball] = np.array(middle) + radius[:, None] * np.stack([np.cos(around), np.sin(around)], 1)
    for code, (u0, u1, v0, v1) in _INSIDE.items():
        part = np.flatnonzero(head.region == code)
        x, y = head.mean[part, 0], head.mean[part, 1]
        out[part, 0] = u0 + (u1 - u0) * (x - x.min()) / np.ptp(x)
        out[part, 1] = v0 + (v1 - v0) * (y - y.min()) / np.ptp(y)
    # Triangles between two of these regions and others borrow the nearest placed vertex's texel.
    unplaced = loose[~np.isin(head.region[loose], [EYEBALL, *_INSIDE])]
    for v in unplaced:
        out[v] = (_INSIDE[5][0], _INSIDE[5][2])
    return out[loose]


@lru_cache(maxsize=4)
def texels(size: int = SIZE) -> Texels:
    """The atlas at a resolution (a power of two from 64 to 2048)."""
    head, atlas = load_head(), load_atlas()
    index = _triangle_map(atlas, size)
    flat = np.flatnonzero(index >= 0)
    triangle = index[flat].astype(np.intp)
    at = np.stack([(flat % size + 0.5) / size, 1 - (flat // size + 0.5) / size], 1)
    weight = barycentric(at, atlas.uv[atlas.tri_uv[triangle]].astype(np.float64))
    nearest = _nearest(index.reshape(size, size) >= 0)
    vertex = head.tri[triangle].astype(np.int32)
    texel = Texels(size, flat, triangle, vertex, weight, np.zeros((0, 0, 2), np.float32), nearest)
    partner, order = _mirror_triangles(head.tri, head.sym)
    corner = atlas.uv[np.take_along_axis(atlas.tri_uv[partner[triangle]], order[triangle], 1)]
    uv = np.einsum("nkc,nk->nc", corner, weight)
    place = np.stack([uv[:, 0] * size - 0.5, (1 - uv[:, 1]) * size - 0.5], 1).astype(np.float32)
    mirror = np.asarray(texel.image(place), dtype=np.float32)
    return Texels(size, flat, triangle, vertex, weight, mirror, nearest)


def barycentric(at: npt.NDArray[np.float64], corner: npt.NDArray[np.float64]) -> Array:
    """Weights (N, 3), none negative, of points (N, 2) in triangles (N, 3, 2)."""
    a, b, c = corner[:, 0], corner[:, 1], corner[:, 2]
    ab, ac, ap = b - a, c - a, at - a
    det = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    det = np.where(np.abs(det) < 1e-12, 1e-12, det)
    v = (ap[:, 0] * ac[:, 1] - ap[:, 1] * ac[:, 0]) / det
    w = (ab[:, 0] * ap[:, 1] - ab[:, 1] * ap[:, 0]) / det
    weight = np.clip(np.stack([1 - v - w, v, w], 1), 0, 1)
    return np.asarray(weight / np.maximum(weight.sum(1, keepdims=True), 1e-9), dtype=np.float32)


def _triangle_map(atlas: Atlas, size: int) -> npt.NDArray[np.int32]:
    """(size * size,) the triangle over each texel's centre, -1 where there is none."""
    corners = atlas.uv[atlas.tri_uv].astype(np.float64)
    corners = np.stack([corners[..., 0] * size - 0.5, (1 - corners[..., 1]) * size - 0.5], -1)
    fixed = np.round(corners * 64).astype(np.int32)
    out = np.full((size, size), -1.0, np.float32)  # exact up to 2**24 triangles
    head = load_head()
    # Skin last: a texel on the border of two triangles belongs to the one that is looked at. And fronts after backs:
    # the cap behind an eyeball is as wide as its whole disc.
    for t in np.lexsort((head.mean[head.tri].mean(1)[:, 2], -head.region[head.tri].max(1).astype(int))):
        cv2.fillConvexPoly(out, fixed[t], float(t), lineType=cv2.LINE_8, shift=6)
    return out.ravel().astype(np.int32)


def _nearest(covered: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    _, labels = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    at = np.flatnonzero(covered.ravel())
    source = np.zeros(int(labels.max()) + 1, np.int32)
    source[labels.ravel()[at]] = at
    return np.asarray(source[labels], dtype=np.int32)


def _mirror_triangles(tri: Indices, sym: Indices) -> tuple[Indices, Indices]:
    """Of each triangle its mirror partner, and which of the partner's corners mirrors each of its own (T, 3)."""
    found = {tuple(sorted(t)): i for i, t in enumerate(tri.tolist())}
    mirrored = sym[tri]
    partner = np.array([found.get(tuple(sorted(t)), i) for i, t in enumerate(mirrored.tolist())], dtype=np.intp)
    order = np.zeros_like(tri)
    for k in range(3):
        hit = tri[partner] == mirrored[:, k : k + 1]
        order[:, k] = np.where(hit.any(1), hit.argmax(1), k)
    return partner, order
