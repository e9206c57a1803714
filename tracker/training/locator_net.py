"""The locator's network, the maps that it learns, and its loss.

Fully convolutional, no anchors: every cell of a stride 8 grid says how surely a face's centre lies in it, and the
square of that face (objects as points: Zhou, Wang, Kraehenbuehl, arXiv:1904.07850). One grid serves every size: a
top-down path brings what was seen at strides 16 and 32 back to it.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..detection.locator import MULTIPLE, SIDE_UNIT, STRIDE
from .locator_data import FACE, Marks

CHANNELS = 7
"""Of a map: heat (logit), centre x and y off the cell's own in cells, log side / SIDE_UNIT, cos and sin of the
roll, sine of the yaw."""
HEAT_SPREAD = 0.08
"""Standard deviation of the heat round a centre, of the face's side."""


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3 without bias, and batch norm: one convolution after export."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))


class Separable(nn.Module):
    """Depthwise 5x5 (3x3 where it halves), then 1x1; an identity beside it where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, kernel: int = 5) -> None:
        super().__init__()
        kernel = 3 if stride == 2 else kernel
        self.depth = nn.Conv2d(inputs, inputs, kernel, stride, kernel // 2, groups=inputs, bias=False)
        self.depth_norm = nn.BatchNorm2d(inputs)
        self.point = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.point_norm = nn.BatchNorm2d(outputs)
        self.same = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.depth_norm(self.depth(x)))
        y = self.point_norm(self.point(y))
        return torch.relu(x + y if self.same else y)


class LocatorNet(nn.Module):
    """(B, 3, H, W) float 0..1, H and W multiples of 32 -> (B, CHANNELS, H/8, W/8)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.quarter = nn.Sequential(Separable(16, 32, 2), Separable(32, 32, kernel=3))
        self.eighth = nn.Sequential(Separable(32, 64, 2), Separable(64, 64), Separable(64, 64))
        self.sixteenth = nn.Sequential(Separable(64, 96, 2), Separable(96, 96), Separable(96, 96))
        self.far = nn.Sequential(Separable(96, 128, 2), Separable(128, 128), Separable(128, 128))
        self.from_far = nn.Conv2d(128, 96, 1)
        self.from_sixteenth = nn.Conv2d(96, 64, 1)
        self.head = nn.Sequential(Separable(64, 64), Separable(64, 64))
        self.out = nn.Conv2d(64, CHANNELS, 1)
        nn.init.zeros_(self.out.weight[1:])
        with torch.no_grad():
            assert self.out.bias is not None
            self.out.bias.copy_(torch.tensor([-4.0, 0, 0, 0, 1, 0, 0]))

    def forward(self, x: Tensor) -> Tensor:
        c8 = self.eighth(self.quarter(self.stem(x)))
        c16 = self.sixteenth(c8)
        c16 = torch.relu(c16 + _twice(self.from_far(self.far(c16))))
        c8 = torch.relu(c8 + _twice(self.from_sixteenth(c16)))
        out: Tensor = self.out(self.head(c8))
        return out


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


class Deployed(nn.Module):
    """What is exported: (1, H, W, 3) uint8 RGB -> (1, CHANNELS, H/8, W/8), heat 0..1 and zero but at local peaks."""

    def __init__(self, net: LocatorNet) -> None:
        super().__init__()
        self.net = deepcopy(net).eval()
        with torch.no_grad():
            self.net.stem[0].weight.div_(255)  # type: ignore[operator]

    def forward(self, image: Tensor) -> Tensor:
        maps = self.net(image.permute(0, 3, 1, 2).float())
        heat = torch.sigmoid(maps[:, :1])
        peak = heat * (functional.max_pool2d(heat, 3, 1, 1) == heat).float()
        return torch.cat([peak, maps[:, 1:]], 1)


def targets(marks: Marks, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Marks of a scene of `size` (width, height) -> (3 + CHANNELS - 1, H/8, W/8): heat, its loss's weight, the
    regression's weight, and the six regressed values."""
    columns, rows = size[0] // STRIDE, size[1] // STRIDE
    out = np.zeros((CHANNELS + 2, rows, columns), np.float32)
    out[1] = 1.0
    grid_y, grid_x = np.mgrid[:rows, :columns] + 0.5
    for x, y, side, roll, turn, kind in marks[np.argsort(-marks[:, 2])] if len(marks) else marks:
        cx, cy = x / STRIDE, y / STRIDE
        square = (grid_x - cx) ** 2 + (grid_y - cy) ** 2
        inside = 0 <= cx < columns and 0 <= cy < rows
        if kind != FACE or not inside:
            out[1][square < (max(0.5 * side / STRIDE, 1.0)) ** 2] = 0.0
            continue
        spread = max(HEAT_SPREAD * side / STRIDE, 0.5)
        heat = np.exp(-square / (2 * spread * spread)).astype(np.float32)
        heat[int(cy), int(cx)] = 1.0
        near = (heat > 0.35) & (heat >= out[0])
        out[1][heat > 0.35] = 1.0
        out[0] = np.maximum(out[0], heat)
        out[2][near] = heat[near]
        values = (cx - grid_x, cy - grid_y, np.log(side / SIDE_UNIT), np.cos(roll), np.sin(roll), turn)
        for channel, value in enumerate(values):
            out[3 + channel][near] = np.broadcast_to(value, heat.shape)[near]
    return out


REGRESSION = (1.0, 1.0, 1.0, 1.0, 1.0, 0.4)
"""Weights of the six regressed values."""


def loss(maps: Tensor, target: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Penalty-reduced focal loss of the heat (alpha 2, gamma 4) and L1 of the rest at the faces; a mean per face."""
    maps = maps.float()
    heat, weight, near, values = target[:, 0], target[:, 1], target[:, 2:3], target[:, 3:]
    logit = maps[:, 0]
    p = torch.sigmoid(logit).clamp(1e-4, 1 - 1e-4)
    hit = heat >= 1.0
    positive = -functional.logsigmoid(logit) * (1 - p) ** 2 * hit
    negative = -functional.logsigmoid(-logit) * p**2 * (1 - heat) ** 4 * (~hit) * weight
    faces = hit.sum().clamp(min=1.0)
    focal = (positive.sum() + negative.sum()) / faces
    scales = maps.new_tensor(REGRESSION).view(1, -1, 1, 1)
    far = ((maps[:, 1:] - values).abs() * scales * near).sum() / near.sum().clamp(min=1.0)
    return focal + far, {"heat": float(focal.detach()), "square": float(far.detach())}


__all__ = ["CHANNELS", "MULTIPLE", "Deployed", "LocatorNet", "loss", "targets"]
