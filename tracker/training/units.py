"""What a trunk is made of: plain 3x3 convolutions, or others to compare them with."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Kind = Literal["plain", "separable", "branched"]


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3, batch norm: what folds into one convolution at export."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))


def separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3 of each channel by itself, then 1x1 (MobileNet, arXiv:1704.04861)."""
    own = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
    mix = nn.Conv2d(inputs, outputs, 1, bias=False)
    return nn.Sequential(own, nn.BatchNorm2d(inputs), nn.ReLU(), mix, nn.BatchNorm2d(outputs))


class Branched(nn.Module):
    """3x3 and 1x1 side by side while it trains, one 3x3 convolution in what ships (RepVGG, arXiv:2101.03697). The
    identity beside them is `network.Residual`'s."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.wide = conv(inputs, outputs, stride)
        self.narrow = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.form = inputs, outputs, stride

    def forward(self, x: Tensor) -> Tensor:
        both: Tensor = self.wide(x) + self.narrow(x)
        return both

    def merged(self) -> nn.Conv2d:
        """The convolution that it is when it runs."""
        inputs, outputs, stride = self.form
        one = nn.Conv2d(inputs, outputs, 3, stride, 1)
        (wide, bias), (narrow, other) = _folded(self.wide), _folded(self.narrow)
        with torch.no_grad():
            one.weight.copy_(wide + F.pad(narrow, (1, 1, 1, 1)))
            one.bias.copy_(bias + other)  # type: ignore[union-attr]
        return one


def merged(network: nn.Module) -> nn.Module:
    """A copy of the network, each of its `Branched` one convolution."""
    network = copy.deepcopy(network)
    for part in list(network.modules()):
        for name, child in part.named_children():
            if isinstance(child, Branched):
                setattr(part, name, child.merged())
    return network


def _folded(unit: nn.Sequential) -> tuple[Tensor, Tensor]:
    """Weight and bias of the convolution that a convolution with its batch norm is when it runs."""
    turned, norm = unit
    assert isinstance(turned, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    assert norm.running_var is not None and norm.running_mean is not None
    gain = norm.weight / (norm.running_var + norm.eps).sqrt()
    return turned.weight * gain[:, None, None, None], norm.bias - norm.running_mean * gain


UNITS: dict[Kind, Callable[[int, int, int], nn.Module]] = {"plain": conv, "separable": separable, "branched": Branched}
