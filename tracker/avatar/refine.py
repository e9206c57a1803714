"""Optimises a head's splats against its views: what of the personal head needs torch (with sight.py, raster_torch.py).

Adam on places, shapes, opacities and colours, against `sight.loss` and what holds splats to their triangles (after 3D
Gaussian Splatting, Kerbl et al. 2023, and GaussianAvatars, Qian et al. 2024). Among the views are some of the textured
mesh itself, from all round: without them splats went astray wherever no picture looks, and learned each picture's
expression by heart. Splats are added where they pull hardest, and off the mesh where silhouettes agree on hair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ..head import load_head
from ..types import Array
from .seed import FRONT_M, seeds
from .sight import Sight, fixed, loss, own_views, sight
from .splats import Splats, joined
from .strands import strands
from .types import Avatar

STEPS_FIRST, STEPS_VIEW, STEPS_MOST = 100, 40, 860
MOST_SPLATS = 52_000
_RENEW = 30  # steps of one view after which its pairs are found anew
_DENSIFY_AT = (0.3, 0.55)
_DENSIFY_SHARE = 0.06
_SLOW_FROM, _SLOW = 0.7, 0.3  # the last part of the steps is taken with smaller strides
_HAIR_COSINE = 0.95  # between the directions of two views: 18 degrees
_BESIDE = 0.1  # how far a picture is believed beside the mesh where no other view bears it out
_GONE = -3.5  # logit of an opacity that nobody sees
_RATES = {"bary": 0.01, "offset": 0.01, "rotation": 0.005, "log_scale": 0.01, "opacity": 0.04, "sh": 0.012}
_SIZES = (2, 1, 4, 3, 1, 3)  # numbers a splat of each of these
_HELD = [2, 7, 8, 9, 11, 12, 13]  # of the 14, those that are held to where they began: offset, sizes, colour
_PLACE, _SCALE = slice(0, 7), slice(7, 10)
_FACE, _CHIN_M = 0, -0.105
_STAYS = 0.03  # of its way, a splat of the face goes so much
_BETAS = 0.9, 0.999
_HOLD_SCALE, _HOLD_OFFSET, _HOLD_COLOUR, _FREE_SCALE = 0.02, 0.02, 0.1, 0.7

Progress = Callable[[float], None]


def optimise(
    avatar: Avatar,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    steps: int | None = None,
    device: str = "cpu",
) -> Avatar:
    """The avatar with splats that were optimised against its views; unchanged where `cancelled` says so meanwhile.

    `progress` gets 0..1. Without views the splats are those of the texture.
    """
    tell = progress or (lambda _: None)
    first = seeds(avatar)
    if not avatar.views:
        return replace(avatar, splats=first.arrays())
    count = steps if steps is not None else min(STEPS_FIRST + STEPS_VIEW * (len(avatar.views) - 1), STEPS_MOST)
    random = np.random.default_rng(0)
    wide = _apart([view.state.rotation[2] for view in avatar.views])
    asked = ((view, 1.0 if wide else _BESIDE) for view in avatar.views)
    every: list[Sight] = []  # the pictures, then the mesh from all round
    for view, beyond in chain(asked, ((view, 0.0) for view in own_views(avatar))):
        if cancelled():
            return avatar
        tell(0.0)
        every.append(sight(avatar, view, device, beyond))
    sights, own = every[: len(avatar.views)], every[len(avatar.views) :]
    every = sights * max(1, round(len(own) / len(sights))) + own
    moving = _Moving(first, device)
    marks = [int(share * count) for share in _DENSIFY_AT] if count >= 40 else []
    queue: list[int] = []
    for step in range(count):
        if cancelled():
            return avatar
        if step in marks:
            # One silhouette may be wrong, and says nothing of depth: hair is believed where several views see it.
            hair = step == marks[0] and wide
            moving = _Moving(_densified(moving, sights if hair else [], random), device)
        queue = queue or random.permutation(len(every)).tolist()
        moving.step(every[queue.pop()], 1.0 if step < _SLOW_FROM * count else _SLOW)
        tell((step + 1) / count)
    splats = moving.splats()
    return replace(avatar, splats=splats.take(splats.opacity > _GONE).arrays())


class _Moving:
    """Splats that are being optimised: their numbers (14, N), Adam's two means of the gradients (Kingma & Ba, 2015),
    and how hard each splat is pulled about. (torch's own Adam takes two seconds to import.)"""

    def __init__(self, start: Splats, device: str) -> None:
        self._start = start
        rows = (start.bary.T, start.offset[None], start.rotation.T, start.log_scale.T, start.opacity[None])
        packed = np.concatenate([*rows, start.sh[:, 0].T])
        self._now = torch.as_tensor(np.ascontiguousarray(packed, dtype=np.float32), device=device)
        self._first = self._now[_HELD].clone()
        self._rates = torch.tensor(
            [rate for rate, size in zip(_RATES.values(), _SIZES, strict=True) for _ in range(size)]
        )
        self._rates = self._rates[:, None].to(device)
        self._mean, self._square = torch.zeros_like(self._now), torch.zeros_like(self._now)
        self._free = torch.as_tensor(~fixed(start), device=device)
        self._skin = torch.as_tensor(_of_face(start), device=device)
        self._divided = self._free & ~self._skin
        self._count = 0
        self._pull, self._steps = torch.zeros(len(start), device=device), torch.zeros(len(start), device=device)

    def splats(self) -> Splats:
        """As they are now."""
        bary, offset, rotation, log_scale, opacity, sh = np.split(self._now.cpu().numpy(), np.cumsum(_SIZES)[:-1])

        def rows(values: Array) -> Array:
            return np.ascontiguousarray(values.T)

        rotation = rotation / np.sqrt((rotation * rotation).sum(0))
        return replace(
            self._start,
            bary=rows(bary),
            offset=offset[0].copy(),
            rotation=rows(rotation),
            log_scale=rows(log_scale),
            opacity=opacity[0].copy(),
            sh=rows(sh)[:, None],
        )

    @property
    def pull(self) -> Array:
        """(N,) mean size of the gradient of each splat's place in the pictures it was seen in."""
        return np.asarray((self._pull / self._steps.clamp(min=1)).cpu().numpy(), dtype=np.float32)

    def step(self, view: Sight, rate: float) -> float:
        """One step on one view; returns the loss."""
        if view.shown_for is not self or view.age >= _RENEW:
            view.renew(self.splats())
            view.shown_for = self
        which = view.which
        taken = self._now.index_select(1, which).requires_grad_()
        bary, offset, rotation, log_scale, opacity, sh = torch.split(taken, list(_SIZES))
        picture, centre = view.draw(bary, offset, rotation, log_scale, opacity, sh)
        centre.retain_grad()
        first = self._first.index_select(1, which)
        grown, lifted, tinged = F.relu(log_scale - first[1:4] - _FREE_SCALE), offset - first[:1], sh - first[4:]
        total = loss(picture, view) + _HOLD_SCALE * grown.square().mean() + _HOLD_OFFSET * lifted.square().mean()
        total = total + _HOLD_COLOUR * tinged.square().mean()
        total.backward()  # type: ignore[no-untyped-call]
        assert taken.grad is not None and centre.grad is not None
        self._move(which, taken.grad, view.trust, rate)
        self._pull.index_add_(0, which, torch.hypot(*centre.grad) * self._divided.index_select(0, which))
        self._steps.index_add_(0, which, torch.ones_like(view.trust))
        view.age += 1
        return float(total.detach())

    def _move(self, which: Tensor, gradient: Tensor, trust: Tensor, rate: float) -> None:
        """Adam's stride for all splats that are free to move; those that `which` names go as far as they are trusted:
        strides are as long for small gradients as for large ones."""
        self._count += 1
        seen = torch.zeros_like(self._now)
        seen.index_copy_(1, which, gradient)
        seen *= self._free
        self._mean.lerp_(seen, 1 - _BETAS[0])
        self._square.mul_(_BETAS[1]).addcmul_(seen, seen, value=1 - _BETAS[1])
        length = rate * (1 - _BETAS[1] ** self._count) ** 0.5 / (1 - _BETAS[0] ** self._count)
        stride = self._mean / (self._square.sqrt() + 1e-9) * (length * self._rates)
        share = torch.ones_like(self._pull)
        share.index_copy_(0, which, trust)
        stride *= share
        # The face's mesh is where the face is: splats that went about on it would leave holes, which pictures of this
        # size do not show.
        stride[_PLACE] *= torch.where(self._skin, _STAYS, 1.0)
        self._now -= stride
        scale, first = self._now[_SCALE], self._first[1:4]
        torch.where(self._skin, torch.maximum(scale, first), scale, out=scale)


def _densified(moving: _Moving, sights: list[Sight], random: np.random.Generator) -> Splats:
    """The splats that pull hardest divided in two; and splats off the mesh where the silhouettes of `sights` show more
    than there is."""
    now, score = moving.splats(), moving.pull
    count = min(int(_DENSIFY_SHARE * len(now)), max(MOST_SPLATS - len(now), 0))
    hardest = np.sort(np.argsort(-score)[:count])
    hardest = hardest[score[hardest] > 0]
    scale = now.log_scale.copy()
    scale[hardest] -= np.float32(np.log(1.5))
    parts = replace(now, log_scale=scale)
    twins = parts.take(hardest)
    aside = 0.6 * random.normal(0, 1, (len(twins), 2)) * np.exp(twins.log_scale[:, :2])
    parts = joined(parts, replace(twins, bary=(twins.bary + aside).astype(np.float32)))
    for view in _differing(sights):
        view.renew(parts)
        found = strands(view.missing(parts), view.look, view.vertices, view.vertex_light, parts.sh.shape[1])
        for other in sights:
            found = found.take(other.bears_out(found))
        if len(parts) + len(found) <= MOST_SPLATS:
            parts = joined(parts, found)
    return parts


def _of_face(splats: Splats) -> npt.NDArray[np.bool_]:
    """(N,) skin of the face's front; what is beside and below may be moved out by hair."""
    head = load_head()
    corners = head.tri[splats.triangle]
    front = head.mean[corners, 2].min(1) > FRONT_M
    return np.asarray((head.region[corners] == _FACE).all(1) & front & (head.mean[corners, 1].min(1) > _CHIN_M))


def _apart(ways: Sequence[Array]) -> bool:
    """Whether the head was seen from sides that differ, so that silhouettes tell of depth; `ways` (3,) each."""
    table = np.array(ways)
    return bool((table @ table.T).min() < _HAIR_COSINE)


def _differing(sights: list[Sight], most: int = 4) -> list[Sight]:
    """The first view, and by turns the one that differs most from those taken."""
    if not sights:
        return []
    ways = np.array([view.look.rotation[2] for view in sights])
    chosen = [0]
    while len(chosen) < min(most, len(sights)):
        chosen.append(int((ways @ ways[chosen].T).max(1).argmin()))
    return [sights[i] for i in dict.fromkeys(chosen)]
