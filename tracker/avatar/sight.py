"""One view of a head as the optimiser sees it: the picture wanted, the splats drawn as it shows them, what differs."""

from __future__ import annotations

from dataclasses import replace
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
from .lighting import shading
from .raster import footprints
from .raster_torch import PairList, pair_list, project, rasterize
from .render import interpolated, rasterise, render_mesh, seen_from, viewpoint
from .seed import folded
from .splats import SH_0, Look, Rig, Splats, triangle_frames
from .types import Avatar, View

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
_OFF_MESH_M = 0.003
_LEAST_WEIGHT = 0.02
_SSIM_WINDOW, _SSIM_STEP, _SSIM_1, _SSIM_2 = 7, 3, 0.01**2, 0.03**2
_WEIGHT_SSIM, _WEIGHT_MATTE = 0.2, 0.3


class Sight:
    """A view, ready. `look`, `vertices` (V, 3) and `vertex_light` (V, 3) are its own for good; `target` (4, S, S) is
    colour times matte, and the matte; `weight` (S, S) is 0 where nothing is known. After `renew`, `which` (n,) splats
    show, and `trust` (n,) 0..1 is how far each may learn from this view."""

    def __init__(
        self, target: Array, weight: Array, look: Look, vertices: Array, vertex_light: Array, device: Any
    ) -> None:
        self.look, self.vertices, self.vertex_light = look, vertices, vertex_light
        self.target = torch.as_tensor(target, device=device)
        self.weight = torch.as_tensor(weight, device=device)
        self._wanted = weight > 0
        self.age = 0
        self.shown_for: object = None
        self.which = torch.zeros(0, dtype=torch.int64)
        self.trust = torch.zeros(0)
        self._device = device
        self._listed: PairList | None = None

    def renew(self, splats: Splats) -> None:
        """Find out which of the splats show, and where."""
        head = load_head()
        rig = Rig(splats, head.tri)
        posed = rig.posed(self.vertices)
        whole = pair_list(footprints(posed, rig.alpha, self.look), rig.alpha, SIDE, SIDE, self._wanted)
        which, number = np.unique(whole.splat.numpy(), return_inverse=True)
        self._listed = whole.renumbered(torch.as_tensor(number), len(which), self._device)
        self.which = torch.as_tensor(which, device=self._device)
        corners = head.tri[splats.triangle[which]]
        places = [np.ascontiguousarray(self.vertices[corners[:, k]].T) for k in range(3)]
        frame, size = triangle_frames(*places)
        self._corners = [torch.as_tensor(place, device=self._device) for place in places]
        self._axes = torch.as_tensor(frame * size, device=self._device)
        self._light = torch.as_tensor(rig.spread(self.vertex_light)[:, which], device=self._device)
        # Shoulders and the lids' folds stay as they were made; what is seen aside learns little: there a pixel is
        # centimetres of the mesh, and would take any colour to please the outline. Hair off the mesh is free.
        ray = self.look.eye[:, None] - posed.mean[:, which]
        cosine = (ray * posed.normal[:, which]).sum(0) / np.sqrt((ray * ray).sum(0))
        trust = np.clip((cosine - ASIDE) / (STRAIGHT - ASIDE), 0.0, 1.0)
        trust[np.abs(splats.offset[which]) * size > _OFF_MESH_M] = 1.0
        trust[(head.mean[corners].mean(1)[:, 1] < BUST_M) | folded()[splats.triangle[which]]] = 0.0
        self.trust = torch.as_tensor(trust.astype(np.float32), device=self._device)
        self.age = 0

    def draw(
        self, bary: Tensor, offset: Tensor, rotation: Tensor, log_scale: Tensor, opacity: Tensor, sh: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(4, S, S) colour over black and opacity, and the splats' places (2, n): parameters of the n that show.

        bary (2, n), offset (n,), rotation (4, n), log_scale (3, n), opacity (n,), sh (1, 3, n).
        """
        assert self._listed is not None
        a, b, c = self._corners
        axes = self._axes
        mean = a * (1 - bary[0] - bary[1]) + b * bary[0] + c * bary[1] + axes[:, 2] * offset
        columns = torch.einsum("ijn,jkn->ikn", axes, _turn(rotation) * torch.exp(log_scale))
        pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
        cov = torch.stack([(columns[i] * columns[j]).sum(0) for i, j in pairs])
        centre, conic = project(mean, cov, self.look)
        lit = torch.clamp(SH_0 * sh[0] + 0.5, min=0.0) * self._light
        return rasterize(centre, conic, torch.sigmoid(opacity), lit, self._listed), centre

    def drawn(self, splats: Splats) -> Array:
        """(4, S, S) of these splats, without gradients; `renew` was called with them."""
        which = self.which.cpu().numpy()
        parts = (
            splats.bary[which].T,
            splats.offset[which],
            splats.rotation[which].T,
            splats.log_scale[which].T,
            splats.opacity[which],
            splats.sh[which].transpose(1, 2, 0),
        )
        with torch.no_grad():
            picture, _ = self.draw(*(torch.as_tensor(np.ascontiguousarray(p), device=self._device) for p in parts))
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
        inside = (column >= 0) & (column < SIDE) & (row >= 0) & (row < SIDE)
        at = np.where(inside, row, 0), np.where(inside, column, 0)
        matte, weight = self.target[3].cpu().numpy()[at], self.weight.cpu().numpy()[at]
        return np.asarray(~inside | (weight <= 0) | (matte > _LEAST_MATTE), dtype=np.bool_)


def sight(avatar: Avatar, view: View, device: Any, beyond: float = 1.0) -> Sight:
    """A view of an avatar, scaled to SIDE pixels; `beyond`: the weight of what the matte shows beside the mesh."""
    head = load_head()
    share = SIDE / view.image.shape[0]
    way = cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR
    image = cv2.resize(view.image, (SIDE, SIDE), interpolation=way).astype(np.float32) / 255
    matte = cv2.resize(view.matte, (SIDE, SIDE), interpolation=way).astype(np.float32) / 255
    state = scaled(view.state, share)
    vertices = avatar.vertices(state.expression)
    light = shading(avatar.lighting, vertex_normals(vertices, head.tri) @ state.rotation.T)
    target = np.concatenate([image * matte[..., None], matte[..., None]], axis=2).transpose(2, 0, 1)
    return Sight(
        np.ascontiguousarray(target),
        _known(state, vertices, beyond) * _pictured(view.image),
        Look.of(state),
        vertices,
        np.asarray(light, np.float32),
        device,
    )


def own_views(avatar: Avatar) -> list[View]:
    """The textured mesh as it is seen from all round: what no picture shows is to stay as the texture has it."""
    views = []
    for yaw, pitch in _ALL_ROUND:
        state = viewpoint(yaw, pitch, SIDE)
        picture, cover, _ = render_mesh(avatar, state, (SIDE, SIDE))
        image = np.clip(picture / np.maximum(cover, 0.02)[..., None] + 0.5, 0, 255).astype(np.uint8)
        views.append(View("mesh", image, np.asarray(255 * cover + 0.5, dtype=np.uint8), state))
    return views


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


def loss(picture: Tensor, view: Sight) -> Tensor:
    """0.8 L1 + 0.2 (1 - SSIM) of the colours inside the matte, and L1 of the opacity, where anything is known."""
    target, weight = view.target, view.weight
    inside = weight * target[3]
    area = torch.clamp(inside.sum(), min=1.0)
    shown, wanted = picture[:3] * inside, target[:3] * weight
    plain = (shown - wanted).abs().sum() / (3 * area)
    within = F.avg_pool2d(inside[None], _SSIM_WINDOW, _SSIM_STEP)[0]
    likeness = ((1 - ssim(shown, wanted)) * within).sum() / (3 * torch.clamp(within.sum(), min=1.0))
    matte = ((picture[3] - target[3]).abs() * weight).sum() / area
    return (1 - _WEIGHT_SSIM) * plain + _WEIGHT_SSIM * likeness + _WEIGHT_MATTE * matte


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """(3, h, w) structural similarity of two pictures 0..1 (Wang et al., 2004) in square windows, 7 by 7, every 3rd."""

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x[None], _SSIM_WINDOW, _SSIM_STEP)[0]

    ma, mb = mean(a), mean(b)
    va, vb, cab = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    return ((2 * ma * mb + _SSIM_1) * (2 * cab + _SSIM_2)) / ((ma * ma + mb * mb + _SSIM_1) * (va + vb + _SSIM_2))


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


def _turn(quaternion: Tensor) -> Tensor:
    """(4, n) quaternions (w, x, y, z) -> (3, 3, n); as `splats.rotations`, with gradients."""
    w, x, y, z = F.normalize(quaternion, dim=0)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)]),
        torch.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)]),
        torch.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]),
    ]
    return torch.stack(rows)
