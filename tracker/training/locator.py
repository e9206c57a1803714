"""Trains and exports the locator's two networks."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ..detection.locator import LIVE_PIXELS, MULTIPLE, STRIDE, first_look
from ..whole import whole
from .locator_check import CheckConfig, gather_wrong, harder, train_check
from .locator_data import load_backgrounds, load_faces
from .locator_export import export
from .locator_net import Deployed, LocatorNet, loss, targets
from .locator_scenes import Stock, scene

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LocatorConfig:
    """One training. `second_faces` see `load_faces`; `sizes` (width, height) of the scenes, multiples of 32, are
    taken in turn, a batch each."""

    data: Path
    backgrounds: Path
    out: Path
    second_faces: Path | None = None
    steps: int = 9000
    batch: int = 10
    sizes: tuple[tuple[int, int], ...] = ((256, 192), (192, 256), (320, 256))
    rate: float = 2e-3
    decay: float = 1e-4
    average: float = 0.998
    seed: int = 0
    threads: int = 1
    workers: int = 1
    save_s: float = 180.0
    start: Path | None = None


class Scenes(Dataset[tuple[Tensor, Tensor]]):
    """Scene i as (3, H, W) uint8 and its target maps; all scenes of a batch have one size."""

    def __init__(self, stock: Stock, config: LocatorConfig, first: int, count: int) -> None:
        self.stock, self.config, self.first, self.count = stock, config, first, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor]:
        index = self.first + item
        size = self.config.sizes[index // self.config.batch % len(self.config.sizes)]
        image, marks = scene(self.stock, size, self.config.seed, index)
        return torch.from_numpy(image.transpose(2, 0, 1).copy()), torch.from_numpy(targets(marks, size))


def load_stock(config: LocatorConfig) -> Stock:
    """Everything that scenes are made of."""
    crops, pictures = load_faces(config.data, config.second_faces)
    backgrounds = load_backgrounds(config.backgrounds)
    return Stock(crops, backgrounds.where(with_faces=True) + pictures, backgrounds.where(with_faces=False))


def train_locator(config: LocatorConfig, stock: Stock | None = None) -> Path:
    """Train, going on from the last checkpoint in `config.out` where there is one; returns the exported ONNX file.

    The same seed gives the same scenes and the same start; `config.start` names a checkpoint to take weights from.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    net = LocatorNet()
    if config.start is not None:
        net.load_state_dict(torch.load(config.start, weights_only=True)["average"])
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = LocatorNet()
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.rate, weight_decay=config.decay)
    checkpoint, step = config.out / "checkpoint.pt", 0
    if checkpoint.is_file():
        kept = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(kept["net"])
        average.load_state_dict(kept["average"])
        optimizer.load_state_dict(kept["optimizer"])
        step = int(kept["step"])
    scenes = Scenes(stock or load_stock(config), config, step * config.batch, (config.steps - step) * config.batch)
    loader = DataLoader(scenes, config.batch, num_workers=config.workers, prefetch_factor=4 if config.workers else None)
    saved = started = time.monotonic()
    means: dict[str, float] = {}
    net.train()
    for images, target in loader:
        for group in optimizer.param_groups:
            group["lr"] = config.rate * _schedule(step / config.steps, config.start is not None)
        x = images.to(memory_format=torch.channels_last).float() / 255
        total, parts = loss(net(x), target)
        optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        step += 1
        _follow(average, net, min(config.average, step / (step + 10)))
        means = {k: 0.98 * means.get(k, v) + 0.02 * v for k, v in parts.items()}
        if step % 50 == 0:
            log.info("step %d of %d, %.0f s, %s", step, config.steps, time.monotonic() - started, _show(means))
        if time.monotonic() - saved > config.save_s or step == config.steps:
            _save(checkpoint, net, average, optimizer, step)
            saved = time.monotonic()
    return export_locator(average, config.out / "locator.onnx")


def _schedule(share: float, warm: bool) -> float:
    """The learning rate's factor: a short rise, then a cosine to nothing."""
    rise = 1.0 if warm else min(share / 0.03 + 0.02, 1.0)
    return rise * (0.5 + 0.5 * float(np.cos(np.pi * min(share, 1.0)))) + 1e-3


def _follow(average: nn.Module, net: nn.Module, keep: float) -> None:
    with torch.no_grad():
        for a, b in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
            if a.dtype.is_floating_point:
                a.lerp_(b, 1 - keep)
            else:
                a.copy_(b)


def _save(path: Path, net: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    state = {"net": net.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
    with whole(path) as scratch:
        torch.save({**state, "step": step}, scratch)


def _show(values: dict[str, float]) -> str:
    return ", ".join(f"{k} {v:.4f}" for k, v in values.items())


def export_locator(net: LocatorNet, path: Path) -> Path:
    """Write the network as ONNX with its metadata; raises ModelError where ONNX and torch differ by over 1e-4."""
    sample = torch.zeros(1, 224, 384, 3, dtype=torch.uint8)
    shapes = ((1, 224, 384, 3), (1, 256, 192, 3), (1, 64, 32, 3))
    facts = {"name": "locator", "stride": STRIDE, "multiple": MULTIPLE, "live_pixels": LIVE_PIXELS}
    return export(Deployed(net), sample, {"image": {1: "height", 2: "width"}}, facts, shapes, path)


def train_both(config: LocatorConfig, check: CheckConfig, stock: Stock | None = None) -> tuple[Path, Path]:
    """Train the first look, then the second on what the first gets wrong, then on at half the rate with what the
    second gets wrong listed more often; returns both exported ONNX files."""
    stock = stock or load_stock(config)
    model = train_locator(config, stock)
    session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    wrong = gather_wrong(lambda image: first_look(session, image, threshold=0.1), stock, check.scenes, check.seed)
    taught = train_check(check, stock, wrong)
    further = replace(check, start=check.out / "check.pt", rate=check.rate / 2, seed=check.seed + 1)
    return model, train_check(further, stock, harder(wrong, taught))
