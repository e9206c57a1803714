"""Three ideas of 2DASL (Tu et al., arXiv:1903.09359), as ablations: the landmarks' map as a fourth channel, reading
one's own map again, and a critic of shapes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..detection.crop import CROP
from .packs import SLICES

if TYPE_CHECKING:
    from .network import Prediction

SHOWN = SLICES["tddfa68"]
SIGMA = 2.0  # crop px
NOISE = 0.02  # of the face's size
DROPPED, WRONG = 0.5, 0.05
CRITIC = 0.01
AGAIN = 2.0
"""A tenth of `losses.POINT`."""


def landmark_map(points: Tensor) -> Tensor:
    """(B, n, 2) crop px -> (B, 1, CROP, CROP), 0..255: a dot at each; nothing where all are NaN."""
    steps = torch.arange(CROP, device=points.device) + 0.5
    x, y = (torch.exp(-0.5 * ((steps - points[..., None, i]) / SIGMA) ** 2).nan_to_num(0.0) for i in (0, 1))
    return 255 * (y.transpose(1, 2) @ x).clamp_max(1.0)[:, None]


def shown(points: Tensor, weights: Tensor, size: Tensor, draws: torch.Generator) -> Tensor:
    """The maps of a training batch: its 68 labels (B, TOTAL, 2) as a frame before would have had them, every other
    one missing, one in twenty another face's."""
    known = weights[:, SHOWN].sum(1) > 0
    noise = torch.randn((len(points), 68, 2), generator=draws).to(points.device)
    before = points[:, SHOWN] + NOISE * size[:, None, None] * noise
    luck = torch.rand(len(points), generator=draws).to(points.device)
    before = torch.where((luck < WRONG)[:, None, None], before.roll(1, 0), before)
    there = known & known.roll(1, 0) & (luck < 1 - DROPPED)
    return landmark_map(torch.where(there[:, None, None], before, torch.nan))


def own_map(said: Prediction) -> Tensor:
    """The map of what was read."""
    return landmark_map(said.points[:, SHOWN].detach())


def again(first: Prediction, second: Prediction, points: Tensor, weights: Tensor, size: Tensor) -> dict[str, Tensor]:
    """`second` was read with the map of `first`: it must say the same, in 3D, and lie on the labels (crop px)."""
    cloud = [torch.cat([p.points[:, SHOWN], p.depth[:, SHOWN, None]], 2) for p in (first, second)]
    apart = ((cloud[0].detach() - cloud[1]) ** 2).sum(-1).add(1e-3).sqrt().mean(1) / size
    off = ((second.points - points) ** 2).sum(-1).add(1e-3).sqrt() / size[:, None]
    return {
        "self": AGAIN * apart.mean(),
        "cycle": AGAIN * (off * weights).sum() / weights.sum().clamp_min(1),
    }


class _Reversed(torch.autograd.Function):
    """Identity, whose gradient is turned round: what is good for the critic is bad for the network."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return -CRITIC * grads[0]


class Critic(nn.Module):
    """Positive for shapes (identity and expression) of good fits, negative for those that the network says."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        sizes = (inputs, 128, 64, 1)
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.spectral_norm(nn.Linear(a, b)) for a, b in pairwise(sizes)
        )

    def forward(self, shapes: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            shapes = F.leaky_relu(layer(shapes), 0.2)
        out: Tensor = self.layers[-1](shapes)
        return out

    def term(self, said: Prediction, fitted: Tensor, face: Tensor) -> Tensor:
        """The critic's hinge loss; the network gets its gradient reversed and made small."""
        shapes = torch.cat([said.identity, said.expression], 1)
        mine = self(_Reversed.apply(shapes))[:, 0]  # type: ignore[no-untyped-call]
        wrong = (torch.relu(1 + mine) * face).sum() / face.sum().clamp_min(1)
        return wrong + torch.relu(1 - self(fitted)).mean()
