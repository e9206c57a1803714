"""What a trunk is made of: plain 3x3 convolutions, or depthwise-separable ones to compare them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import nn

Kind = Literal["plain", "separable"]


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3, batch norm: what folds into one convolution at export."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))


def separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3 of each channel by itself, then 1x1 (MobileNet, arXiv:1704.04861)."""
    own = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
    mix = nn.Conv2d(inputs, outputs, 1, bias=False)
    return nn.Sequential(own, nn.BatchNorm2d(inputs), nn.ReLU(), mix, nn.BatchNorm2d(outputs))


UNITS: dict[Kind, Callable[[int, int, int], nn.Module]] = {"plain": conv, "separable": separable}
