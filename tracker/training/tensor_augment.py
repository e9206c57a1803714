"""`augment` on tensors: the same light, occlusion, blur, noise and compression, a whole batch at once on one device.

Pictures are (B, 3, S, S) float, 0..255. What differs from OpenCV's way: resolutions come in twelve steps, and JPEG is
its quantised cosine transform, without the coding that loses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .glasses import SHARE

_STEPS = 12
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99), (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99), *(((99,) * 8,) * 4),
)  # fmt: skip
"""Tables K.1 and K.2 of ITU-T T.81."""
_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


@dataclass(frozen=True, slots=True)
class Draws:
    """Random numbers on one device, from one generator."""

    generator: torch.Generator

    @property
    def device(self) -> torch.device:
        return self.generator.device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device)

    def whole(self, low: int, high: int, *shape: int) -> Tensor:
        """Whole numbers from `low` up to `high`, which is left out."""
        return torch.randint(low, high, shape, generator=self.generator, device=self.device)

    def chance(self, p: float, count: int) -> Tensor:
        """(count,) bool."""
        return self.uniform(0, 1, count) < p


def degrade(pictures: Tensor, draws: Draws) -> Tensor:
    """See `augment.degrade`: the same chances and ranges, in the same order."""
    pictures = _some(pictures, draws, 0.8, _light)
    pictures = _some(pictures, draws, 0.12, lambda x, _: _grey(x))
    pictures = _some(pictures, draws, 0.08, _shade)
    pictures = _some(pictures, draws, 0.25, _coarse)
    pictures = _some(pictures, draws, 0.15, _blur)
    pictures = _some(pictures, draws, 0.12, _streak)
    pictures = _some(pictures, draws, 0.3, _noise)
    return _some(pictures, draws, 0.3, _jpeg)


def occlude(pictures: Tensor, fillings: Callable[[int], Tensor] | None, draws: Draws) -> Tensor:
    """One or two ellipses or rectangles in front of a third of the faces, of one colour or, where there are
    `fillings` (count -> pictures (count, 3, S, S)), in half of the cases of pieces of other pictures."""
    size = pictures.shape[-1]
    here = torch.nonzero(draws.chance(0.33, len(pictures)))[:, 0]
    count = len(here)
    if count == 0:
        return pictures
    out, some = pictures.clone(), pictures[here]
    second = draws.chance(0.5, count)
    steps = torch.arange(size, device=pictures.device) + 0.5
    for turn in range(2):
        centre, axes = draws.uniform(0, size, count, 2), draws.uniform(0.06, 0.28, count, 2) * size
        angle = draws.uniform(0, math.pi, count)
        x, y = steps[None, None, :] - centre[:, :1, None], steps[None, :, None] - centre[:, 1:, None]
        c, s = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
        u, v = (c * x + s * y) / axes[:, :1, None], (c * y - s * x) / axes[:, 1:, None]
        round_ = draws.chance(0.5, count)[:, None, None]
        mask = torch.where(round_, u**2 + v**2 <= 1, (u.abs() <= 1) & (v.abs() <= 1))
        if turn:
            mask = mask & second[:, None, None]
        filling = draws.whole(0, 256, count, 3, 1, 1).float().expand(-1, -1, size, size)
        if fillings is not None:
            filling = torch.where(draws.chance(0.5, count)[:, None, None, None], fillings(count), filling)
        some = torch.where(mask[:, None], filling, some)
    out[here] = some
    return out


def wear(pictures: Tensor, points: Tensor, rotation: Tensor, draws: Draws) -> Tensor:
    """`glasses` for some of the faces: `points` (B, 68, 2) px of a fitted set, NaN where unknown, `rotation`."""
    turned = rotation[:, 0, 0].abs()
    eyes = torch.stack([points[:, 36:42].mean(1), points[:, 42:48].mean(1)], 1)
    apart = (eyes[:, 1] - eyes[:, 0]).norm(dim=1)
    here = torch.nonzero(draws.chance(SHARE, len(pictures)) & (turned >= 0.25) & (apart >= 4))[:, 0]
    n, size = len(here), pictures.shape[-1]
    if n == 0:
        return pictures

    def each(low: float, high: float, *shape: int) -> Tensor:
        return draws.uniform(low, high, n, *(shape or (1, 1)))

    eyes, apart, turned = eyes[here], apart[here, None, None], turned[here, None, None]
    line = eyes[:, 1] - eyes[:, 0]
    angle = torch.atan2(line[:, 1], line[:, 0])[:, None, None]
    c, s = torch.cos(angle), torch.sin(angle)
    half, tall = apart * each(0.34, 0.47), apart / turned * each(0.22, 0.42)
    centre = eyes + torch.cat([-s, c], 2) * tall * each(-0.1, 0.3)
    power = torch.tensor([2.0, 2.6, 4.0], device=pictures.device)[draws.whole(0, 3, n)][:, None, None]
    steps = torch.arange(size, device=pictures.device) + 0.5
    reach = torch.full((n, size, size), math.inf, device=pictures.device)
    for k in range(2):
        x, y = steps[None, None, :] - centre[:, k, 0, None, None], steps[None, :, None] - centre[:, k, 1, None, None]
        u, v = (c * x + s * y) / half, (c * y - s * x) / tall
        reach = torch.minimum(reach, (u.abs() ** power + v.abs() ** power) ** (1 / power))
    edge, width = torch.minimum(half, tall), each(0, 2)
    inside = ((1 - reach) * edge + 0.5).clamp(0, 1)[:, None]
    rim = (width + 0.5 - (reach - 1).abs() * edge).clamp(0, 1)
    middle = centre.mean(1)[:, :, None, None]
    x, y = steps[None, None, :] - middle[:, 0], steps[None, :, None] - middle[:, 1]
    u, v = c * x + s * y, c * y - s * x
    bridge = (u.abs() < apart / 2 - half) & (v.abs() <= width.clamp_min(0.5))
    shade = (each(0, 70) + draws.uniform(-12, 12, n, 3, 1))[..., None]
    out = pictures[here]
    dark = (draws.chance(0.65, n)[:, None, None] * each(0.6, 1.0))[:, None] * inside
    out = out + dark * (shade - out)
    spot = (
        centre[torch.arange(n, device=pictures.device), draws.whole(0, 2, n)]
        + draws.uniform(-0.5, 0.5, n, 2) * half[:, 0]
    )
    turn = each(0, math.pi)
    off = (steps[None, None, :] - spot[:, :1, None]) * torch.cos(turn)
    off = (off + (steps[None, :, None] - spot[:, 1:, None]) * torch.sin(turn)).abs()
    glare = each(0.2, 0.9) * (1.5 - off / (tall * each(0.2, 0.8)).clamp_min(1)).clamp(0, 1)
    glare = (draws.chance(0.5, n)[:, None, None] * glare)[:, None] * inside
    out = out + glare * (each(150, 255)[:, None] - out)
    plain = draws.chance(0.7, n)[:, None, None, None]
    colour = torch.where(plain, shade, draws.uniform(0, 255, n, 3, 1, 1))
    out = out + torch.maximum(rim, bridge.float())[:, None] * (colour - out)
    whole = pictures.clone()
    whole[here] = out.clamp(0, 255).round()
    return whole


def _some(pictures: Tensor, draws: Draws, chance: float, change: Callable[[Tensor, Draws], Tensor]) -> Tensor:
    """Change each picture with a chance; whole numbers between the steps, as in uint8."""
    here = torch.nonzero(draws.chance(chance, len(pictures)))[:, 0]
    if len(here) == 0:
        return pictures
    out = pictures.clone()
    out[here] = change(pictures[here], draws).clamp(0, 255).round()
    return out


def _light(x: Tensor, draws: Draws) -> Tensor:
    n = len(x)

    def each(low: float, high: float, channels: int = 1) -> Tensor:
        return draws.uniform(low, high, n, channels, 1, 1)

    gain = each(0.7, 1.35) * each(0.9, 1.1, 3)
    curve = (((x / 255) ** each(0.65, 1.5) - 0.5) * each(0.75, 1.25) + 0.5).clamp(0, 1)
    return curve * gain * 255 + each(-20, 20)


def _grey(x: Tensor) -> Tensor:
    return torch.einsum("bchw,c->bhw", x, x.new_tensor(_YCC[0]))[:, None].expand(-1, 3, -1, -1)


def _shade(x: Tensor, draws: Draws) -> Tensor:
    low = draws.uniform(0.25, 0.8, len(x), 1)
    slope = low + (1.1 - low) * torch.linspace(0, 1, x.shape[-1], device=x.device)
    slope = torch.where(draws.chance(0.5, len(x))[:, None], slope.flip(1), slope)
    return x * slope[:, None, None, :]


def _coarse(x: Tensor, draws: Draws) -> Tensor:
    size, out = x.shape[-1], x.clone()
    step = draws.whole(0, _STEPS, len(x))
    for k in range(_STEPS):
        here = torch.nonzero(step == k)[:, 0]
        if len(here):
            small = int(size * (0.22 + 0.58 * (k + 0.5) / _STEPS))
            shrunk = F.interpolate(x[here], (small, small), mode="area").round()
            out[here] = F.interpolate(shrunk, (size, size), mode="bilinear", align_corners=False)
    return out


def _filtered(x: Tensor, kernels: Tensor) -> Tensor:
    """Each picture (n, 3, S, S) with its own kernel (n, k, k), its border mirrored."""
    n, k = len(x), kernels.shape[-1]
    weight = kernels.repeat_interleave(3, 0)[:, None]
    padded = F.pad(x, (k // 2, (k - 1) // 2) * 2, mode="reflect").reshape(1, n * 3, *(s + k - 1 for s in x.shape[2:]))
    return F.conv2d(padded, weight, groups=n * 3).reshape(x.shape)


def _blur(x: Tensor, draws: Draws) -> Tensor:
    reach = torch.arange(-5, 6, device=x.device, dtype=torch.float32)
    line = torch.exp(-0.5 * (reach / draws.uniform(0.5, 1.8, len(x), 1)) ** 2)
    line = line / line.sum(1, keepdim=True)
    return _filtered(x, line[:, :, None] * line[:, None, :])


def _streak(x: Tensor, draws: Draws) -> Tensor:
    """Straight lines of 3 to 9 pixels, as a moving head leaves them."""
    half = (draws.whole(3, 10, len(x), 1, 1) - 1).float() / 2
    angle = draws.uniform(0, math.pi, len(x), 1, 1)
    reach = torch.arange(-4, 5, device=x.device, dtype=torch.float32)
    along = reach[None, None, :] * torch.cos(angle) + reach[None, :, None] * torch.sin(angle)
    across = (reach[None, :, None] * torch.cos(angle) - reach[None, None, :] * torch.sin(angle)).abs()
    line = (1 - across).clamp_min(0) * (half + 0.5 - along.abs()).clamp(0, 1)
    return _filtered(x, line / line.sum((1, 2), keepdim=True))


def _noise(x: Tensor, draws: Draws) -> Tensor:
    return x + (draws.normal(*x.shape) * draws.uniform(2, 14, len(x), 1, 1, 1)).round()


def _jpeg(x: Tensor, draws: Draws) -> Tensor:
    """Quantised in the cosine domain, colour at half resolution, quality 25 to 89 (libjpeg's scale)."""
    quality = draws.whole(25, 90, len(x)).float()
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None, None]
    mix = x.new_tensor(_YCC)
    ycc = torch.einsum("bchw,kc->bkhw", x, mix)
    luma = _cosine(ycc[:, :1] - 128, x.new_tensor(_LUMA), scale) + 128
    chroma = _cosine(F.avg_pool2d(ycc[:, 1:], 2), x.new_tensor(_CHROMA), scale)
    chroma = F.interpolate(chroma, x.shape[2:], mode="bilinear", align_corners=False)
    return torch.einsum("bkhw,ck->bchw", torch.cat([luma, chroma], 1), torch.linalg.inv(mix))


def _cosine(x: Tensor, table: Tensor, scale: Tensor) -> Tensor:
    """Blocks of 8 x 8 (the side is a multiple of 8) through the transform, rounded to the table's steps, and back."""
    n, c, h, w = x.shape
    k = torch.arange(8, device=x.device, dtype=torch.float32)
    basis = torch.cos((2 * k[None, :] + 1) * k[:, None] * math.pi / 16) * 0.5
    basis[0] *= 0.5**0.5
    blocks = x.reshape(n, c * (h // 8), 8, w // 8, 8).transpose(2, 3)  # (n, c h/8, w/8, 8, 8)
    steps = ((table * scale + 50) / 100).floor().clamp(1, 255)[:, None]
    there = basis @ blocks @ basis.T
    back = basis.T @ ((there / steps).round() * steps) @ basis
    return back.transpose(2, 3).reshape(n, c, h, w)
