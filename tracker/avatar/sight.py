"""One view of a head as the optimiser sees it: the picture wanted, the splats drawn as it shows them, what differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ..head import load_head
from ..head.model import vertex_normals
from ..types import Array, FaceState, Image
from .lids import lids
from .lighting import shading
from .raster import BLUR_PX2, footprints
from .raster_torch import PairList, pair_list, rasterize
from .render import interpolated, rasterise, render_mesh, seen_from, viewpoint
from .splats import SH_0, Look, Rig, Splats, triangle_frames
from .types import EYEBALL, INSIDE, Avatar, View

SIDE = 256
"""Pixels a side of the pictures that splats are optimised against."""
BUST_M = -0.15
"""Below this (mean head, y) are shoulders: no view's matte speaks of them, and nothing of them is optimised."""
ASIDE, STRAIGHT = 0.45, 0.75
"""Cosines between a view's ray and a triangle: below the first its splats learn nothing from the view, above the second
all of it."""
_ALL_ROUND = (
    (0.0, 0.0), (30.0, 10.0), (-30.0, -10.0), (60.0, -5.0), (-60.0, 5.0), (90.0, 0.0), (-90.0, 0.0), (150.0, 10.0),
    (-150.0, 10.0),
)  # fmt: skip
_FILL = 128
"""What `picture.cut_out` fills a cut-out up with beyond the picture's edge."""
_LEAST_MATTE = 0.3
_LID, _MADE = 0.5, (3, *INSIDE, EYEBALL)
_OFF_MESH_M = 0.003
_LEAST_WEIGHT = 0.02
_SSIM_WINDOW, _SSIM_STEP, _SSIM_1, _SSIM_2 = 7, 3, 0.01**2, 0.03**2
_WEIGHT_SSIM, _WEIGHT_MATTE = 0.2, 0.3


class Sight:
    """A view, ready. `look`, `vertices` (V, 3) and `vertex_light` (V, 3) are its own for good; `target` (4, H, W) is
    colour times matte, and the matte; `weight` (H, W) is 0 where nothing is known. After `renew`, `which` (n,) splats
    show, and `trust` (n,) 0..1 is how far each may learn from this view."""

    def __init__(
        self, target: Array, weight: Array, look: Look, vertices: Array, vertex_light: Array, device: Any
    ) -> None:
        self.look, self.vertices, self.vertex_light = look, vertices, vertex_light
        self.target = torch.as_tensor(target, device=device)
        self.weight = torch.as_tensor(weight, device=device)
        self.wanted = Wanted.of(self.target, self.weight)
        self._asked = weight > 0
        self.age = 0
        self.shown_for: object = None
        self.which = torch.zeros(0, dtype=torch.int64)
        self.trust = torch.zeros(0)
        self._device = device
        self._listed: PairList | None = None

    def renew(self, splats: Splats) -> None:
        """Find out which of the splats show, and where."""
        head, look = load_head(), self.look
        rig = Rig(splats, head.tri)
        posed = rig.posed(self.vertices)
        height, width = self._asked.shape
        which, self._listed = pair_list(
            footprints(posed, rig.alpha, look), rig.alpha, width, height, self._asked, self._device
        )
        self.which = self._tensor(which)
        corners = head.tri[splats.triangle[which]]
        # All in the camera's axes: corner and edges of each splat's triangle, and what a step along its axes is in the
        # picture. The perspective under a splat is that of where it is now.
        a, b, c = (look.rotation @ np.ascontiguousarray(self.vertices[corners[:, k]].T) for k in range(3))
        frame, size = triangle_frames(a, b, c)
        axes = frame * size
        self._corner, self._edges = self._tensor(a), self._tensor(np.stack([b - a, c - a, axes[:, 2]]))
        seen = look.rotation @ posed.mean[:, which]
        depth = np.maximum(1.0 + look.nearness * seen[2], 0.05)
        self._across = self._tensor(look.scale / depth * (axes[:2] - look.nearness * seen[:2, None] / depth * axes[2]))
        self._light = self._tensor(rig.spread(self.vertex_light)[:, which])
        # What is seen aside learns little: there a pixel is centimetres of the mesh, and would take any colour to
        # please the outline. Hair off the mesh is free.
        ray = look.eye[:, None] - posed.mean[:, which]
        cosine = (ray * posed.normal[:, which]).sum(0) / np.sqrt((ray * ray).sum(0))
        trust = np.clip((cosine - ASIDE) / (STRAIGHT - ASIDE), 0.0, 1.0)
        trust[np.abs(splats.offset[which]) * size > _OFF_MESH_M] = 1.0
        self.trust = self._tensor(trust)
        self.age = 0

    def draw(
        self, bary: Tensor, offset: Tensor, rotation: Tensor, log_scale: Tensor, opacity: Tensor, sh: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(4, H, W) colour over black and opacity, and the splats' places (2, n): parameters of the n that show.

        bary (2, n), offset (1, n), rotation (4, n), log_scale (3, n), opacity (1, n), sh (3, n).
        """
        assert self._listed is not None
        look, edges = self.look, self._edges
        seen = self._corner + edges[0] * bary[0] + edges[1] * bary[1] + edges[2] * offset
        near = look.scale / torch.clamp(1.0 + look.nearness * seen[2], min=0.05)
        centre = torch.stack([look.centre[k] + near * seen[k] for k in range(2)])
        turn, deviation = _turn(rotation), torch.exp(log_scale)
        across, down = ((row[0] * turn[0] + row[1] * turn[1] + row[2] * turn[2]) * deviation for row in self._across)
        a, b, c = (across * across).sum(0) + BLUR_PX2, (across * down).sum(0), (down * down).sum(0) + BLUR_PX2
        conic = torch.stack([c, -b, a]) / torch.clamp(a * c - b * b, min=1e-9)
        lit = torch.clamp(SH_0 * sh + 0.5, min=0.0) * self._light
        return rasterize(centre, conic, torch.sigmoid(opacity[0]), lit, self._listed), centre

    def drawn(self, splats: Splats) -> Array:
        """(4, S, S) of these splats, without gradients; `renew` was called with them."""
        which = self.which.cpu().numpy()
        parts = (
            splats.bary[which].T,
            splats.offset[None, which],
            splats.rotation[which].T,
            splats.log_scale[which].T,
            splats.opacity[None, which],
            splats.sh[which, 0].T,
        )
        with torch.no_grad():
            picture, _ = self.draw(*(self._tensor(part) for part in parts))
        return np.asarray(picture.cpu().numpy())

    def missing(self, splats: Splats) -> Array:
        """(4, S, S): the colours wanted where the head's silhouette is wider than the splats', and by how much."""
        target, weight = self.target.cpu().numpy(), self.weight.cpu().numpy()
        lacking = np.clip(target[3] - self.drawn(splats)[3], 0, 1) * weight
        color = target[:3] / np.maximum(target[3], 0.05)
        return np.asarray(np.concatenate([color, lacking[None]]), dtype=np.float32)

    def bears_out(self, splats: Splats) -> npt.NDArray[np.bool_]:
        """(N,) whether each may be there for all that this view knows: it does not show the background there."""
        seen = self.look.rotation @ Rig(splats, load_head().tri).posed(self.vertices).mean
        away = self.look.scale / (1.0 + self.look.nearness * seen[2])
        column, row = np.floor(np.asarray(self.look.centre)[:, None] + away * seen[:2]).astype(np.int64)
        height, width = self._asked.shape
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        at = np.where(inside, row, 0), np.where(inside, column, 0)
        matte, weight = self.target[3].cpu().numpy()[at], self.weight.cpu().numpy()[at]
        return np.asarray(~inside | (weight <= 0) | (matte > _LEAST_MATTE), dtype=np.bool_)

    def _tensor(self, values: npt.NDArray[Any]) -> Tensor:
        kind = np.float32 if values.dtype.kind == "f" else np.int64
        return torch.as_tensor(np.ascontiguousarray(values, dtype=kind), device=self._device)


def sight(avatar: Avatar, view: View, device: Any, beyond: float = 1.0) -> Sight:
    """A view of an avatar, scaled to SIDE pixels and cut to what is known; `beyond`: the weight of what the matte shows
    beside the mesh."""
    head = load_head()
    share = SIDE / view.image.shape[0]
    way = cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR
    image = cv2.resize(view.image, (SIDE, SIDE), interpolation=way).astype(np.float32) / 255
    matte = cv2.resize(view.matte, (SIDE, SIDE), interpolation=way).astype(np.float32) / 255
    state = scaled(view.state, share)
    vertices = avatar.vertices(state.expression)
    light = shading(avatar.lighting, vertex_normals(vertices, head.tri) @ state.rotation.T)
    target = np.concatenate([image * matte[..., None], matte[..., None]], axis=2).transpose(2, 0, 1)
    weight = _known(state, vertices, beyond) * _pictured(view.image)
    (top, bottom), (left, right) = (_extent(weight.max(1 - axis)) for axis in (0, 1))
    look = Look.of(state)
    return Sight(
        np.ascontiguousarray(target[:, top:bottom, left:right]),
        np.ascontiguousarray(weight[top:bottom, left:right]),
        replace(look, centre=(look.centre[0] - left, look.centre[1] - top)),
        vertices,
        np.asarray(light, np.float32),
        device,
    )


def fixed(splats: Splats) -> npt.NDArray[np.bool_]:
    """(N,) which stay as they were made: shoulders, eyes and lids, lips and the mouth. Of these last a picture may show
    teeth or the eye where the fit has lips or lids."""
    head, corners = load_head(), load_head().tri[splats.triangle]
    made = (lids()[corners].max(1) > _LID) | np.isin(head.region[corners], _MADE).any(1)
    return np.asarray(made | (head.mean[corners].mean(1)[:, 1] < BUST_M))


def _extent(known: Array) -> tuple[int, int]:
    """From where to where a row of numbers is above 0; at least a window of the likeness."""
    found = np.flatnonzero(known > 0)
    first, last = (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)
    first = max(min(first, len(known) - _SSIM_WINDOW), 0)
    return first, max(last, first + _SSIM_WINDOW)


def own_views(avatar: Avatar) -> Iterator[View]:
    """The textured mesh as it is seen from all round: what no picture shows is to stay as the texture has it."""
    for yaw, pitch in _ALL_ROUND:
        state = viewpoint(yaw, pitch, SIDE)
        picture, cover, _ = render_mesh(avatar, state, (SIDE, SIDE))
        image = np.clip(picture / np.maximum(cover, 0.02)[..., None] + 0.5, 0, 255).astype(np.uint8)
        yield View("mesh", image, np.asarray(255 * cover + 0.5, dtype=np.uint8), state)


def _pictured(image: Image) -> Array:
    """(SIDE, SIDE) 1 where a cut-out (S, S, 3) shows its picture, 0 where it was filled up beyond its edge."""
    filled = (image == _FILL).all(-1).astype(np.uint8)
    block = np.ones((5, 5), np.uint8)
    beyond = cv2.dilate(cv2.morphologyEx(filled, cv2.MORPH_OPEN, block), block).astype(np.float32)
    share = cv2.resize(beyond, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(share == 0, dtype=np.float32)


def scaled(state: FaceState, share: float) -> FaceState:
    """The same view in a picture that is `share` times as large."""
    return replace(state, centre=np.asarray(state.centre * share, np.float32), scale=state.scale * share)


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """What of a view's picture the loss asks for again and again: `inside` (H, W) how far each pixel's colour counts,
    their `area`, the colours `shown` (3, H, W) so weighted, and of the likeness's windows the weights `within` (h, w),
    their `sum`, and the colours' `mean` and `variance` (3, h, w)."""

    inside: Tensor
    area: float
    shown: Tensor
    within: Tensor
    sum: float
    mean: Tensor
    variance: Tensor

    @classmethod
    def of(cls, target: Tensor, weight: Tensor) -> Wanted:
        inside, shown = weight * target[3], target[:3] * weight
        within = _windows(inside[None])[0]
        mean = _windows(shown)
        return cls(
            inside,
            max(float(inside.sum()), 1.0),
            shown,
            within,
            max(float(within.sum()), 1.0),
            mean,
            _windows(shown * shown) - mean * mean,
        )


def loss(picture: Tensor, view: Sight) -> Tensor:
    """0.8 L1 + 0.2 (1 - SSIM) of the colours inside the matte, and L1 of the opacity, where anything is known."""
    wanted = view.wanted
    shown = picture[:3] * wanted.inside
    plain = (shown - wanted.shown).abs().sum() / (3 * wanted.area)
    likeness = ((1 - ssim(shown, wanted)) * wanted.within).sum() / (3 * wanted.sum)
    matte = ((picture[3] - view.target[3]).abs() * view.weight).sum() / wanted.area
    return (1 - _WEIGHT_SSIM) * plain + _WEIGHT_SSIM * likeness + _WEIGHT_MATTE * matte


def ssim(shown: Tensor, wanted: Wanted) -> Tensor:
    """(3, h, w) structural similarity of pictures 0..1 (Wang et al., 2004) in square windows, 7 by 7, every 3rd."""
    mean = _windows(shown)
    variance = _windows(shown * shown) - mean * mean
    both, product = _windows(shown * wanted.shown), mean * wanted.mean
    like = (2 * product + _SSIM_1) * (2 * (both - product) + _SSIM_2)
    square = mean * mean + wanted.mean * wanted.mean
    return like / ((square + _SSIM_1) * (variance + wanted.variance + _SSIM_2))


def _windows(values: Tensor) -> Tensor:
    """(C, H, W) -> (C, h, w): means in the likeness's windows."""
    return F.avg_pool2d(values[None], _SSIM_WINDOW, _SSIM_STEP)[0]


def _known(state: FaceState, vertices: Array, beyond: float) -> Array:
    """(S, S) how far each pixel is believed: 1 where the mesh is looked at from its front, less where it is seen aslant
    (a small error of the fit shows another part of the head there), `beyond` beside it, 0 over the shoulders and below
    the neck's end."""
    head = load_head()
    points, depth = seen_from(state, vertices)
    raster = rasterise(points, depth, head.tri, (SIDE, SIDE))
    shown, hit = raster.triangle, raster.triangle >= 0
    towards = interpolated(vertex_normals(vertices, head.tri) @ state.rotation.T, raster)
    cosine = -towards[..., 2] / np.maximum(np.linalg.norm(towards, axis=-1), 1e-6)
    known = np.where(hit, np.clip((cosine - ASIDE) / (STRAIGHT - ASIDE), _LEAST_WEIGHT, 1.0), beyond)
    over_bust = hit & (head.mean[head.tri].mean(1)[:, 1] < BUST_M)[shown]
    unknown = cv2.dilate(over_bust.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    neck = points[np.abs(head.mean[:, 1] - BUST_M) < 0.01]
    if len(neck):
        unknown |= np.broadcast_to(np.arange(SIDE)[:, None] + 0.5 > np.median(neck[:, 1]), unknown.shape)
    return np.where(unknown, 0.0, known).astype(np.float32)


def _turn(quaternion: Tensor) -> list[Tensor]:
    """(4, n) quaternions (w, x, y, z) -> rows, (3, n) each; as `splats.rotations`, with gradients."""
    w, x, y, z = quaternion / torch.sqrt((quaternion * quaternion).sum(0))
    return [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)]),
        torch.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)]),
        torch.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]),
    ]
