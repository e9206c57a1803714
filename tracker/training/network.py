"""The networks in torch: normalizer, trunk with its heads, and the field of queries.

`Landmarks` says CODE numbers of a crop (see tracker.detection.code); `Normalizer` says where in a region the crop
should be cut, which `sampling` does; `Field` is the query network of tracker.head.basis. Pictures are (B, 3, S, S)
float, 0..255.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..detection import code as C
from ..detection.crop import CROP
from ..head import basis as B
from ..head import load_head
from ..head.lids import BLINK, LOOK_DOWN
from .asl import Critic
from .bending import Bending
from .packs import COUNTS, SETS, SLICES
from .units import UNITS, Kind, conv
from .variants import Variant

SHAPES = C.CODE - C.IDENTITY.start
"""Identity, expression and residual together."""


class Residual(nn.Module):
    """Two 3x3 convolutions beside an identity."""

    def __init__(self, width: int, kind: Kind = "plain") -> None:
        super().__init__()
        self.one, self.two = (UNITS[kind](width, width, 1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.two(torch.relu(self.one(x))))


@dataclass(frozen=True, slots=True)
class Size:
    """Widths of the stem and the three stages, and blocks a stage. `reads_eyes`: there is time to read sideways looks
    from the eyes' own pixels besides, a twelfth of the fast size's step."""

    widths: tuple[int, int, int, int] = (16, 24, 48, 96)
    blocks: tuple[int, int, int, int] = (0, 2, 3, 2)
    code: int = 256
    kind: Kind = "plain"
    reads_eyes: bool = True


SIZES = {
    "default": Size(),
    "fast": Size((16, 16, 32, 64), (0, 1, 2, 2), 192, reads_eyes=False),
    "large": Size((32, 48, 96, 192), (0, 2, 4, 3), 384),
    "fast, separable": Size((16, 32, 64, 160), (0, 2, 3, 2), 192, "separable", reads_eyes=False),
    "fast, branched": Size((16, 16, 32, 64), (0, 1, 2, 2), 192, "branched", reads_eyes=False),
}
"""The last two are as quick as `fast`, for comparison."""


class Landmarks(nn.Module):
    """Plain 3x3 residual trunk, stride 16, its 7x7 grid flattened and not pooled: where things are is the answer."""

    def __init__(self, size: Size, channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.channels = last = channels
        for i, (width, blocks) in enumerate(zip(size.widths, size.blocks, strict=True)):
            step = UNITS[size.kind if i else "plain"](last, width, 2)
            layers += [step, nn.ReLU(), *(Residual(width, size.kind) for _ in range(blocks))]
            last = width
        self.trunk = nn.Sequential(*layers, nn.Conv2d(last, 48, 1), nn.ReLU())
        self.neck = nn.Linear(48 * (CROP // 16) ** 2, size.code)
        self.head = nn.Linear(size.code, C.CODE)
        with torch.no_grad():
            self.head.weight.mul_(0.3)
            self.head.bias.zero_()
            self.head.bias[C.ROTATION] = torch.tensor([1.0, 0, 0, 0, -1.0, 0])
            self.head.bias[C.EXPRESSION] = 0.02
            self.head.bias[C.PRESENCE] = 2.0

    def forward(self, picture: Tensor) -> Tensor:
        if picture.shape[1] < self.channels:
            picture = F.pad(picture, (0, 0, 0, 0, 0, self.channels - picture.shape[1]))  # nothing is shown
        x = self.trunk((picture - 127.5) * (1 / 64))
        out: Tensor = self.head(torch.relu(self.neck(x.flatten(1)).float()))
        return out


class Normalizer(nn.Module):
    """A spatial transformer's localiser (Jaderberg et al., 2015): a region's view -> four numbers in (-1, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(conv(3, 16, 2), nn.ReLU(), conv(16, 24, 2), nn.ReLU(), conv(24, 32, 2), nn.ReLU())
        self.neck = nn.Linear(32 * 6 * 6, 64)
        self.head = nn.Linear(64, 4)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, view: Tensor) -> Tensor:
        x = self.trunk((view - 127.5) * (1 / 64)).flatten(1)
        return torch.tanh(self.head(torch.relu(self.neck(x))).float())


def _moving(expression: Tensor) -> Tensor:
    """The torch twin of `tracker.head.moving`."""
    still = torch.zeros_like(expression)
    still[:, LOOK_DOWN] = expression[:, BLINK].clamp(0, 1)
    return expression * (1 - still)


def rotation_6d(x: Tensor) -> Tensor:
    """(B, 6) -> (B, 3, 3), the two vectors being its first columns."""
    first = F.normalize(x[:, :3], dim=1)
    second = F.normalize(x[:, 3:] - (first * x[:, 3:]).sum(1, keepdim=True) * first, dim=1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], 2)


class Field(nn.Module):
    """The labelled queries, their fixed modes, and the learned network of (query, set)."""

    base: Tensor
    fixed: Tensor
    encoded: Tensor
    mirrored: Tensor
    which: Tensor

    def __init__(self, semantics: bool = True) -> None:
        super().__init__()
        head = load_head()
        self.semantics = semantics
        rows = [head.layouts[s.layout if semantics or COUNTS[s.name] != 68 else "ibug68"] for s in SETS]
        queries = np.concatenate([r.of(head.mean) for r in rows])
        modes = [np.concatenate([r.of(m) for r in rows], axis=1) for m in (head.identity, head.expression)]
        flip = np.array([-1, 1, 1], np.float32)
        self.register_buffer("base", torch.from_numpy(queries), persistent=False)
        self.register_buffer("fixed", torch.from_numpy(np.concatenate(modes)), persistent=False)  # (92, Q, 3)
        self.register_buffer("encoded", torch.from_numpy(B.encode_queries(queries)), persistent=False)
        self.register_buffer("mirrored", torch.from_numpy(B.encode_queries(queries * flip)), persistent=False)
        which = np.repeat(np.arange(len(SETS)), [SLICES[s.name].stop - SLICES[s.name].start for s in SETS])
        self.register_buffer("which", torch.from_numpy(which), persistent=False)
        self.codes = nn.Parameter(0.1 * torch.randn(len(SETS), 8))
        outputs = 3 + 3 * C.RESIDUALS + 1 + C.SPREADS
        last = nn.Linear(128, outputs)
        with torch.no_grad():
            last.bias.zero_()
            last.bias[3 + 3 * C.RESIDUALS] = float(np.log(0.03))
        self.layers = nn.ModuleList([nn.Linear(39 + 8, 128), nn.Linear(128, 128), last])

    def raw(self, encoded: Tensor, codes: Tensor) -> Tensor:
        x = torch.cat([encoded, codes], 1)
        x = torch.relu(self.layers[0](x))
        x = torch.relu(self.layers[1](x))
        out: Tensor = self.layers[2](x)
        return out

    def forward(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """base (Q, 3) with offsets, modes (K, Q, 3), log-deviation (Q, 1 + S), offsets (Q, 3)."""
        codes = self.codes[self.which] * self.semantics
        zero = torch.zeros_like(codes)
        full = self.raw(self.encoded, codes)
        flip = torch.tensor([-1.0, 1, 1], device=full.device)
        shift = torch.tanh(full[:, :3] - self.raw(self.encoded, zero)[:, :3])
        back = torch.tanh(self.raw(self.mirrored, codes)[:, :3] - self.raw(self.mirrored, zero)[:, :3]) * flip
        offset = B.OFFSET_SCALE * 0.5 * (shift + back)
        learned = B.RESIDUAL_SCALE * full[:, 3 : 3 + 3 * C.RESIDUALS].reshape(-1, 3, C.RESIDUALS)
        modes = torch.cat([self.fixed, learned.permute(2, 0, 1)])
        return self.base + offset, modes, full[:, 3 + 3 * C.RESIDUALS :], offset


@dataclass(slots=True)
class Prediction:
    """Points (B, Q, 2) crop px, depth (B, Q) px towards the camera, log-deviation (B, Q), and the code's parts."""

    points: Tensor
    depth: Tensor
    log_std: Tensor
    rotation: Tensor
    presence: Tensor
    identity: Tensor
    expression: Tensor
    raw_expression: Tensor
    residual: Tensor
    nearness: Tensor
    bend: Tensor
    offset: Tensor
    turning: Tensor


class Model(nn.Module):
    """All that is trained together."""

    def __init__(self, size: Size, variant: Variant | None = None) -> None:
        super().__init__()
        variant = variant or Variant()
        self.size = size
        self.landmarks = Landmarks(size, 4 if variant.shown else 3)
        self.normalizer = Normalizer()
        self.field = Field(variant.semantics)
        self.bending = Bending(9 + SHAPES, 39 + 8) if variant.bending else None
        self.critic = Critic(SHAPES - C.RESIDUALS) if variant.critic else None

    @classmethod
    def of(cls, config: dict[str, Any]) -> Model:
        """A model of a saved run's configuration."""
        return cls(SIZES[config["size"]], msgspec.convert(config.get("variant", {}), Variant))

    def read(self, code: Tensor) -> Prediction:
        """What a code (B, CODE) says of every labelled point; the torch twin of `code.decode` and `Basis`."""
        base, modes, deviation, offset = self.field()
        rotation = rotation_6d(code[:, C.ROTATION])
        identity = C.LIMIT * torch.tanh(code[:, C.IDENTITY] / C.LIMIT)
        raw = code[:, C.EXPRESSION]
        # Clipped, with a slope outside so that gradients find their way back.
        expression = raw.clamp(0, 1) + 0.05 * (raw - raw.clamp(0, 1))
        residual = C.LIMIT * torch.tanh(code[:, C.RESIDUAL] / C.LIMIT)
        weights = torch.cat([identity, _moving(expression), residual], 1)
        points = base + torch.einsum("bk,kqc->bqc", weights, modes)
        if self.bending is not None:
            query = torch.cat([self.field.encoded, self.field.codes[self.field.which]], 1)
            points = points + self.bending(torch.cat([rotation.flatten(1), weights], 1), query)
        bend = torch.einsum("bk,kqc->bqc", residual, modes[-C.RESIDUALS :])
        seen = points @ rotation.transpose(1, 2)
        scale = C.SCALE_0 * torch.exp(code[:, C.SCALE].clamp(-2, 2))[:, :, None]
        nearness = C.NEARNESS_0 * torch.exp(torch.tanh(code[:, C.NEARNESS]))
        depth = (1 + nearness[:, :, None] * seen[..., 2:]).clamp_min(0.05)
        centre = CROP / 2 * (1 + code[:, None, C.CENTRE])
        log_std = deviation[:, 0] + code[:, C.SPREAD] @ deviation[:, 1:].T
        return Prediction(
            centre + scale * seen[..., :2] / depth,
            -scale[..., 0] * seen[..., 2],
            log_std,
            rotation,
            code[:, C.PRESENCE][:, 0],
            identity,
            expression,
            raw,
            residual,
            code[:, C.NEARNESS],
            bend,
            offset,
            self.turning(modes[-C.RESIDUALS :]),
        )

    def turning(self, modes: Tensor) -> Tensor:
        """(R, 3) radians per unit: how far residual modes (R, Q, 3) turn the head, which is the pose's part."""
        part = SLICES["aflw2000_68"]
        arm = self.field.base[part] - self.field.base[part].mean(0)
        inertia = torch.eye(3, device=arm.device) * (arm**2).sum() - arm.T @ arm
        spin = torch.linalg.cross(arm.expand_as(modes[:, part]), modes[:, part]).sum(1)
        out: Tensor = spin @ torch.linalg.inv(inertia)
        return out
