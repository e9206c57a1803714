"""The locator's second look: a small network that says whether an upright square holds a face, and mends the square.

It learns from marked faces cut out askew, and from what the first look wrongly takes for faces in composed scenes:
those are gathered before the training and kept as patches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from ..detection.crop import similarity
from ..detection.locator import CHECK_NAME, CHECK_SHARE, CHECK_SIZE, Find, check_crop
from ..types import Image
from .locator_data import FACE, Marks, Pictures, move
from .locator_export import export
from .locator_looks import degrade
from .locator_net import conv
from .locator_paste import placing, turned, warp
from .locator_scenes import Stock, scene

log = logging.getLogger(__name__)

PATCH = 96
"""Side of a kept patch; its candidate's square is PATCH / PATCH_SHARE."""
PATCH_SHARE = 2.4
SPREAD = (0.11, 0.18, 0.25)
"""Standard deviations of the askew: centre in sides, log side, roll in radians."""
RARELY = 2.6
"""Nothing goes further askew than this many standard deviations."""


class CheckNet(nn.Module):
    """(B, 3, 48, 48) float 0..255 -> (B, 6): logit, shift along and down in sides, log of the side's factor, further
    roll, sine of the yaw."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(3, 12, 2), nn.ReLU(), conv(12, 20, 2), nn.ReLU(), Beside(20), conv(20, 32, 2), nn.ReLU(), Beside(32),
            conv(32, 48, 2), nn.ReLU(), nn.Flatten(), nn.Linear(48 * 9, 48), nn.ReLU(),
        )  # fmt: skip
        self.out = nn.Linear(48, 6)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(self.body(x * (1 / 64) - 2))
        return out


class Beside(nn.Module):
    """A 3x3 convolution beside an identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.one(x))


class DeployedCheck(nn.Module):
    """What is exported: (N, 48, 48, 3) uint8 RGB -> (N, 6), the first a probability."""

    def __init__(self, net: CheckNet) -> None:
        super().__init__()
        self.net = net.eval()

    def forward(self, crops: Tensor) -> Tensor:
        answers = self.net(crops.permute(0, 3, 1, 2).float())
        return torch.cat([torch.sigmoid(answers[:, :1]), answers[:, 1:]], 1)


def hits(find: Find, marks: Marks) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which marks (n,) a find lies on: its centre within half a side of theirs on both axes."""
    x, y = find.centre
    half = marks[:, 2] / 2
    return np.asarray((np.abs(marks[:, 0] - x) < half) & (np.abs(marks[:, 1] - y) < half))


def gather(candidates: list[Find], image: Image, marks: Marks) -> Iterable[Image]:
    """Patches of the candidates that lie on nothing marked, or on a face but far too large or too small for it."""
    for find in candidates:
        on = marks[hits(find, marks)] if len(marks) else marks
        wrong = len(on) == 0 or bool((on[:, 5] == FACE).all() and (np.abs(np.log(find.side / on[:, 2])) > 0.9).all())
        if wrong:
            affine = similarity(find.centre, find.side * PATCH_SHARE, find.roll, PATCH)
            yield warp(image, _inverse(affine), (PATCH, PATCH), cv2.BORDER_CONSTANT)


def _inverse(affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(cv2.invertAffineTransform(affine), np.float64)


@dataclass(frozen=True, slots=True)
class CheckConfig:
    """One training of the second look; `scenes` are composed to gather wrong candidates from, `start` names weights
    (`check.pt`) to go on from."""

    out: Path
    scenes: int = 6000
    steps: int = 4000
    batch: int = 256
    rate: float = 2e-3
    seed: int = 0
    workers: int = 1
    start: Path | None = None


class Squares(Dataset[tuple[Tensor, Tensor]]):
    """Square i: crop (3, 48, 48) uint8 and (is a face, five regressed values, how much they count)."""

    def __init__(self, faces: Pictures, wrong: Pictures, empty: Pictures, seed: int, count: int) -> None:
        self.faces, self.wrong, self.empty, self.seed, self.count = faces, wrong, empty, seed, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng((self.seed, index))
        crop, wanted = square(self.faces, self.wrong, self.empty, random)
        return torch.from_numpy(crop.transpose(2, 0, 1).copy()), torch.from_numpy(wanted)


def square(
    faces: Pictures, wrong: Pictures, empty: Pictures, random: np.random.Generator
) -> tuple[Image, npt.NDArray[np.float32]]:
    """One example: 45 % faces, 45 % what the first look took for one, 10 % anything."""
    kind = random.random()
    face, anything = kind < 0.45, kind >= 0.9 or (kind >= 0.45 and len(wrong) == 0)
    source = faces if face else empty if anything else wrong
    pick = int(random.integers(len(source)))
    image, marks = source.images[pick], source.marks[pick]
    if face:
        sure = marks[marks[:, 5] == FACE]
        mark = sure[random.integers(len(sure))][None]
    elif not anything:
        mark = marks[:1]
    else:
        h, w = image.shape[:2]
        side = float(np.exp(random.uniform(np.log(12), np.log(0.8 * min(h, w)))))
        mark = np.array([[random.uniform(0, w), random.uniform(0, h), side, 0, 0, FACE]], np.float32)
    if random.random() < 0.5:
        flip = np.array([[-1.0, 0, image.shape[1]], [0, 1, 0]])
        image, mark = np.ascontiguousarray(image[:, ::-1]), move(mark, flip)
    askew = np.clip(random.normal(0, 1, 4), -RARELY, RARELY) * np.array([SPREAD[0], *SPREAD])
    x, y, side, roll, yaw = (float(v) for v in mark[0, :5])
    turn = random.uniform(-np.pi, np.pi) if anything else float(askew[3])
    near = side * float(np.exp(-askew[2]))
    cos, sin = np.cos(roll - turn), np.sin(roll - turn)
    centre = (x - near * (cos * askew[0] - sin * askew[1]), y - near * (sin * askew[0] + cos * askew[1]))
    crop = check_crop(_coarser(image, near, random), centre, near, roll - turn)
    wanted = np.array([face, askew[0], askew[1], askew[2], turn, yaw, face], np.float32)
    return degrade(crop, random), wanted


def _coarser(image: Image, side: float, random: np.random.Generator) -> Image:
    """Every third picture with less detail: a far face has some 12 pixels a side."""
    if random.random() > 0.35 or image.shape[0] * image.shape[1] > 90_000:
        return image
    k = float(np.exp(random.uniform(np.log(12), np.log(48)))) / max(side, 1.0)
    if k >= 1:
        return image
    small = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


WEIGHTS = (2.0, 2.0, 2.0, 2.0, 0.5)


def check_loss(answers: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy of the decision (labels softened by 1 %) and L1 of the rest at the faces."""
    soft = wanted[:, 0] * 0.98 + 0.01
    decide = functional.binary_cross_entropy_with_logits(answers[:, 0], soft)
    weights = answers.new_tensor(WEIGHTS)
    mend = (answers[:, 1:] - wanted[:, 1:6]).abs() @ weights
    return decide + (mend * wanted[:, 6]).sum() / wanted[:, 6].sum().clamp(min=1.0)


def gather_wrong(find: Callable[[Image], list[Find]], stock: Stock, scenes: int, seed: int) -> Pictures:
    """What the first look (`find`: picture -> candidates) wrongly takes for faces in composed scenes and in the
    faceless pictures themselves."""
    patches: list[Image] = []
    for index in range(scenes):
        image, marks = scene(stock, (320, 256), seed, index)
        patches += gather(find(image), image, marks)
        if index % 1000 == 999:
            log.info("%d scenes looked at, %d wrong candidates", index + 1, len(patches))
    random = np.random.default_rng((seed, scenes))
    for image in stock.empty.images:
        patches += gather(find(image), image, np.zeros((0, 6), np.float32))
        middle = (image.shape[1] / 2, image.shape[0] / 2)
        affine = placing(middle, middle, random.uniform(0.4, 1.8), turned(random), random)
        again = degrade(warp(image, affine, (image.shape[1], image.shape[0]), cv2.BORDER_REFLECT_101), random)
        patches += gather(find(again), again, np.zeros((0, 6), np.float32))
    mark = np.array([[PATCH / 2, PATCH / 2, PATCH / PATCH_SHARE, 0, 0, FACE]], np.float32)
    return Pictures(patches, [mark] * len(patches))


def harder(wrong: Pictures, model: Path) -> Pictures:
    """The wrong candidates with those that a trained second look half believes listed twice, believes five times."""
    session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    index: list[int] = []
    for first in range(0, len(wrong), 500):
        part = wrong.images[first : first + 500]
        middle = (PATCH / 2, PATCH / 2)
        crops = np.stack([check_crop(image, middle, PATCH / PATCH_SHARE, 0.0) for image in part])
        (answers,) = session.run(None, {session.get_inputs()[0].name: crops})
        times = np.select([answers[:, 0] > 0.2, answers[:, 0] > 0.05], [5, 2], 1)
        index += np.repeat(np.arange(first, first + len(part)), times).tolist()
    return Pictures([wrong.images[i] for i in index], [wrong.marks[i] for i in index])


def train_check(config: CheckConfig, stock: Stock, wrong: Pictures) -> Path:
    """Train the second look; returns the exported ONNX file. Deterministic by the seed."""
    config.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    certain = [i for i, m in enumerate(stock.peopled.marks) if (m[:, 5] == FACE).any()]
    peopled = Pictures([stock.peopled.images[i] for i in certain], [stock.peopled.marks[i] for i in certain])
    # Pictures with faces are few and the likest to a camera's: they are listed eight times.
    faces = stock.crops + Pictures(peopled.images * 8, peopled.marks * 8)
    squares = Squares(faces, wrong, stock.empty, config.seed, config.steps * config.batch)
    loader = DataLoader(
        squares, config.batch, num_workers=config.workers, prefetch_factor=4 if config.workers else None
    )
    net = CheckNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if config.start is not None:
        net.load_state_dict(torch.load(config.start, weights_only=True))
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.rate, total_steps=config.steps, pct_start=0.1)
    net.train()
    mean = hit = 0.0
    for step, (crops, wanted) in enumerate(loader, 1):
        answers = net(crops.to(memory_format=torch.channels_last).float())
        total = check_loss(answers, wanted)
        optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        mean += 0.02 * (float(total.detach()) - mean)
        hit += 0.02 * (float(((answers[:, 0] > 0) == (wanted[:, 0] > 0.5)).float().mean()) - hit)
        if step % 100 == 0:
            log.info("step %d of %d, loss %.4f, right %.4f", step, config.steps, mean, hit)
    torch.save(net.state_dict(), config.out / "check.pt")
    sample = torch.zeros(2, CHECK_SIZE, CHECK_SIZE, 3, dtype=torch.uint8)
    shapes = ((1, CHECK_SIZE, CHECK_SIZE, 3), (5, CHECK_SIZE, CHECK_SIZE, 3))
    facts = {"name": "locator_check", "size": CHECK_SIZE, "share": CHECK_SHARE}
    return export(DeployedCheck(net), sample, {"crops": {0: "squares"}}, facts, shapes, config.out / CHECK_NAME)
