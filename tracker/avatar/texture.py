"""From pictures to the atlas: what each texel's colour is, and how well it was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..head.model import vertex_normals
from ..types import Array, FaceState, Image
from .atlas import Texels
from .lighting import WHITE, estimate, moderated, parted, shading
from .membrane import bust, mirrored, scalp, smoothstep
from .render import rasterise, seen_from

_LEAST_COSINE, _EDGE_ON = 0.12, -0.2
_BEHIND = 0.004
"""Metres behind the front-most surface from which on a texel is hidden."""
_EDGE = 0.010
_ROW = 4096
_RIM, _EAR_RIM = 0.006, 0.003
_EAR = 2
_OPEN = (0, 1, 2, 3)
_PLAIN = 0.2, 0.45
_FOOT_M, _RISES, _LIGHTER = -0.112, 0.45, 1.25
"""Weights between which a texel comes to be plainly seen; below which height (mean head, y of the throat; it rises
towards the nape) a shirt may be: what is by so much lighter than the face."""
_WORSE, _AS_GOOD = 0.2, 0.6
"""Of its mirror partner's weight, what a texel's counts from, and what it counts wholly from."""
_INSIDE_MOUTH = (4, 5, 6, 8, 9)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One picture on the atlas: `colour` (n, 3) 0..255 as it is in the picture, `weight` (n,) 0..1 how well each texel
    is seen, `normal` (n, 3) in the camera's axes; `glimpsed` (n,) 0..1: whether it is to be seen at all, however
    aslant."""

    colour: Array
    weight: Array
    normal: Array
    glimpsed: Array


def unwrap(
    image: Image,
    matte: Image,
    state: FaceState,
    vertices: Array,
    texels: Texels,
    shown: npt.NDArray[np.bool_] | None = None,
    hair: Array | None = None,
) -> Sample:
    """Read a cut-out's colours (S, S, 3) with its matte (S, S) onto the atlas; `shown` (S, S): which of its pixels the
    picture really has (None: all); `hair` (6017,) 0..1: where the head's vertices are hair (None: on the scalp).

    The weight is the cosine to the camera, squared above a least one, times matte; 0 where the head hides a texel
    from a depth buffer of the picture's size, near the edges of what hides it too (they are never exact).
    """
    head = load_head()
    size = len(image)
    pixel, depth = seen_from(state, vertices)
    raster = rasterise(pixel, depth, head.tri, (size, size))
    at = texels.points(pixel)
    far = texels.points(depth[:, None])[:, 0]
    normal = texels.points(vertex_normals(vertices, head.tri) @ state.rotation.T)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    ray = np.concatenate([(at - state.centre) / state.scale * state.nearness, np.ones((len(at), 1), np.float32)], 1)
    cosine = -(normal * ray).sum(1) / np.linalg.norm(ray, axis=1)
    weight = np.clip((cosine - _LEAST_COSINE) / (1 - _LEAST_COSINE), 0, 1) ** 1.5
    front = _nearest_round(raster.depth, max(1, round(0.002 * state.scale)))
    in_front = _read(front, at, cv2.INTER_NEAREST, 0.0) + _BEHIND > far
    on_head = _read(matte.astype(np.float32) / np.float32(255), at, cv2.INTER_LINEAR, 0.0)
    glimpsed = on_head * (in_front & (cosine > _EDGE_ON))
    weight *= in_front * on_head * _read(_away_from_edges(raster.depth, state.scale), at, cv2.INTER_LINEAR, 0.0)
    # A matte is least sure at hair's rim, and what lies behind it would dye the whole back of the head.
    rim = 1 + 2 * max(1, round(_RIM * state.scale))
    # Where the picture ends hair has no rim, though the matte does: of a crown cut off the rest keeps its colour.
    if shown is not None:
        matte = np.where(cv2.erode(shown.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0, matte, np.uint8(255))
    inner = cv2.erode(matte, np.ones((rim, rim), np.uint8), borderType=cv2.BORDER_REPLICATE).astype(np.float32) / 255
    # The same goes for the shoulders, beside which clothes are bright or dark.
    rimmed = texels.points(np.maximum(scalp() if hair is None else hair, bust())[:, None])[:, 0]
    weight *= 1 - rimmed * (1 - _read(inner.astype(np.float32), at, cv2.INTER_LINEAR, 0.0))
    # And for the ears', of which little more than the rim is seen.
    near = 1 + 2 * max(1, round(_EAR_RIM * state.scale))
    lobe = cv2.erode(matte, np.ones((near, near), np.uint8), borderType=cv2.BORDER_REPLICATE).astype(np.float32) / 255
    ear = texels.points((head.region == _EAR).astype(np.float32)[:, None])[:, 0]
    weight *= 1 - ear * (1 - _read(lobe, at, cv2.INTER_LINEAR, 0.0))
    hidden = np.isin(head.region, _INSIDE_MOUTH)[head.tri[texels.triangle]].any(1)
    weight[hidden] = 0
    colour = _read(image, at, cv2.INTER_LINEAR)
    return Sample(colour, weight.astype(np.float32), normal.astype(np.float32), glimpsed.astype(np.float32))


def without_worse_halves(sample: Sample, texels: Texels) -> Sample:
    """The sample without what it shows much worse than its mirror image: of a turned head's far side a pixel is a
    streak of many texels, and what lies behind the head is in it."""
    whole = np.ones_like(sample.weight)
    other = mirrored(sample.weight[:, None], whole, texels)[0][:, 0]
    share = sample.weight / np.maximum(other, 1e-6)
    return replace(sample, weight=sample.weight * smoothstep((share - _WORSE) / (_AS_GOOD - _WORSE)))


def without_stains(sample: Sample, lighting: Array, hair: Array, texels: Texels) -> Sample:
    """The sample without what it hardly shows at the neck's foot that is lighter than the face and no `hair` (n,): a
    shirt seen aslant, which shone beside dark skin. A collar that is plainly seen stays."""
    light = (sample.colour / shading(lighting, sample.normal)).mean(1)
    skin = skin_of(texels) & (sample.weight > _PLAIN[1])
    if not skin.any():
        return sample
    unlike = smoothstep((light / max(float(np.median(light[skin])), 1.0) - _LIGHTER) / _LIGHTER)
    place = texels.points(load_head().mean)
    low = smoothstep((_FOOT_M - place[:, 1] - _RISES * place[:, 2]) / 0.01) * (1 - hair)
    aslant = 1 - smoothstep((sample.weight - _PLAIN[0]) / (_PLAIN[1] - _PLAIN[0]))
    return replace(sample, weight=np.asarray(sample.weight * (1 - unlike * low * aslant), dtype=np.float32))


def light_of(samples: Sequence[Sample], texels: Texels) -> Array:
    """The light (9, 3) that all pictures share, from the face's skin."""
    skin = np.flatnonzero(skin_of(texels))
    chosen = skin[:: max(1, len(skin) // 6000)]
    colour = np.stack([s.colour[chosen] for s in samples])
    normal = np.stack([s.normal[chosen] for s in samples])
    weight = np.stack([s.weight[chosen] for s in samples])
    if weight.sum() < 1e-3:
        return WHITE
    first, _ = estimate(colour.reshape(-1, 3), normal.reshape(-1, 3), weight.reshape(-1))
    return moderated(first) if len(samples) == 1 else parted(colour, normal, weight, first)


def skin_of(texels: Texels) -> npt.NDArray[np.bool_]:
    """(n,): texels of the bare face: cheeks, nose, chin, the lower forehead; neither lips, eyes nor hair (nor where a
    fringe hangs)."""
    head = load_head()
    place = texels.points(head.mean)
    region = head.region[head.tri[texels.triangle]]
    narrow = (np.abs(place[:, 0]) < 0.058) & (place[:, 1] < 0.04) & (place[:, 1] > -0.115) & (place[:, 2] > -0.05)
    return np.asarray((region == 0).all(1) & narrow & ~_near_eyes(place))


def _near_eyes(place: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(np.hypot((np.abs(place[:, 0]) - 0.0315) / 0.020, (place[:, 1] - 0.006) / 0.022) < 1)


def fuse(samples: Sequence[Sample], lighting: Array, sharp: Sequence[float]) -> tuple[Array, Array]:
    """Albedo (n, 3) 0..255 and confidence (n,) 0..1 of several pictures.

    Each picture's gain per channel is fitted to the mean of all on the texels they share; a texel's colour is the mean
    weighted by how well each picture shows it, sharply in favour of the best, without the pictures that contradict it.
    """
    albedo = np.stack([s.colour / shading(lighting, s.normal) for s in samples])
    weight = np.stack([s.weight * k for s, k in zip(samples, sharp, strict=True)])
    best = weight.max(0)
    share = np.where(weight > 0.35 * best, weight, 0) ** 2
    if len(samples) > 1:
        for _ in range(3):
            mean = _mean(albedo, share)
            albedo *= _gains(albedo, mean, share)[:, None, :]
        mean = _mean(albedo, share)
        off = np.abs(albedo - mean).mean(-1)
        share = share / (1 + (off / 18.0) ** 2)
    return _mean(albedo, share), np.asarray(best, dtype=np.float32)


def _mean(albedo: Array, share: Array) -> Array:
    total = np.maximum(share.sum(0), 1e-9)
    return np.asarray((albedo * share[..., None]).sum(0) / total[:, None], dtype=np.float32)


def _gains(albedo: Array, mean: Array, share: Array) -> Array:
    """(views, 3): least squares of mean = gain * albedo, kept near 1, and 1 on average."""
    above = (share[..., None] * albedo * mean).sum(1)
    below = (share[..., None] * albedo * albedo).sum(1)
    hold = 0.05 * below.mean(0) + 1e-6
    gains = np.clip((above + hold) / (below + hold), 0.7, 1.4)
    return np.asarray(gains / gains.mean(0), dtype=np.float32)


def _read(image: npt.NDArray[np.generic], at: Array, how: int, outside: float | None = None) -> Array:
    """(n, channels) or (n,): the picture's values at pixels (n, 2); the border's value outside, or the one given."""
    rows = -(-len(at) // _ROW)
    padded = np.zeros((rows * _ROW, 2), np.float32)
    padded[: len(at)] = at - 0.5
    grid = padded.reshape(rows, _ROW, 2)
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    out = cv2.remap(image, grid[..., 0], grid[..., 1], how, borderMode=border, borderValue=outside or 0.0)
    return np.asarray(out.reshape(rows * _ROW, *image.shape[2:])[: len(at)], dtype=np.float32)


def _nearest_round(depth: Array, by: int) -> Array:
    """Depth of the surface within a pixel or two, so that a texel between two samples is not thought hidden."""
    kernel = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
    known = np.where(np.isfinite(depth), depth, -1.0)
    return np.asarray(cv2.dilate(known.astype(np.float32), kernel), dtype=np.float32)


def _away_from_edges(depth: Array, scale: float) -> Array:
    """(h, w) 0..1: 0 on the far side of a step in depth (nose over cheek, jaw over neck), rising with the distance."""
    solid = np.where(np.isfinite(depth), depth, 1.0).astype(np.float32)
    near = cv2.erode(solid, np.ones((3, 3), np.uint8))
    step = ((solid - near) > _EDGE).astype(np.uint8)
    distance = cv2.distanceTransform(1 - step, cv2.DIST_L2, 3)
    return np.asarray(np.clip(distance / max(0.003 * scale, 1.0) - 0.5, 0, 1), dtype=np.float32)
