"""Training the texture completion: textures unwrapped from the packs' faces, shown in part and asked for whole."""

from __future__ import annotations

import json
import logging
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch
from torch import Tensor, nn
from torch.nn import functional as f

from ..avatar.atlas import texels
from ..avatar.completion import SIZE, SURE, WIDE, inputs
from ..avatar.picture import cut_out, inside, matte
from ..avatar.render import viewpoint
from ..avatar.texture import fuse, light_of, unwrap
from ..detection.follow import FaceTracker
from ..errors import ModelError
from ..head import load_head
from .export import store_halves
from .packs import FREE_PACKS, Rows, load_rows

log = logging.getLogger(__name__)

Bytes = npt.NDArray[np.uint8]
_LEAST_SEEN = 0.12
"""Share of the face's half of the atlas that a picture must show to be of use."""
_PACK_STD = 0.045


@dataclass(frozen=True, slots=True)
class CompletionConfig:
    """data: the folder of packs; out: the folder for the textures, the network and its card."""

    data: Path
    out: Path
    packs: tuple[str, ...] = FREE_PACKS
    minutes: float = 25.0
    batch: int = 12
    rate: float = 2e-3
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Textures:
    """n faces' halves of the atlas: `albedo` (n, SIZE, WIDE, 3) uint8, `seen` (n, SIZE, WIDE) uint8 confidence,
    `held_out` (n,) bool; and `masks` (m, SIZE, WIDE) uint8, what views of a head from many sides show."""

    albedo: Bytes
    seen: Bytes
    held_out: npt.NDArray[np.bool_]
    masks: Bytes


def unwrap_packs(config: CompletionConfig) -> Textures:
    """Unwrap every face of the packs once; kept in `out/textures.npz` and read from there the next time."""
    kept = config.out / "textures.npz"
    if kept.is_file():
        with np.load(kept) as data:
            return Textures(data["albedo"], data["seen"], data["held_out"], data["masks"])
    rows = load_rows(config.data, config.packs)
    tracker = FaceTracker(engine="onnx")
    albedo, seen, held_out = [], [], []
    for i in range(len(rows)):
        texture = _unwrap_row(rows, i, tracker)
        if texture is not None:
            albedo.append(texture[0])
            seen.append(texture[1])
            held_out.append(not rows.trainable[i])
        if i % 100 == 99:
            log.info("%d of %d pictures, %d of use", i + 1, len(rows), len(albedo))
    if not albedo:
        raise ModelError(f"No face of {', '.join(config.packs)} could be unwrapped.")
    textures = Textures(np.stack(albedo), np.stack(seen), np.array(held_out), _view_masks())
    config.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        kept, albedo=textures.albedo, seen=textures.seen, held_out=textures.held_out, masks=textures.masks
    )
    return textures


def _unwrap_row(rows: Rows, i: int, tracker: FaceTracker) -> tuple[Bytes, Bytes] | None:
    x0, y0, x1, y1 = (float(v) for v in rows.box[i])
    face = tracker.look(rows.images[i], (x0, y0, x1, y1))
    if face.presence < 0.8 or float(face.std_px("dense").mean()) > _PACK_STD * face.size_px:
        return None
    vertices = tracker.basis.mesh(face.state)
    cut, state = cut_out(rows.images[i], face.state, vertices)
    shown = inside(rows.images[i].shape, face.state, state, len(cut))
    grid = texels(SIZE)
    sample = unwrap(cut, matte(cut, state, vertices, shown), state, vertices, grid, shown)
    light = light_of([sample], grid)
    colour, confidence = fuse([sample], light, [1.0])
    half = np.clip(np.asarray(grid.image(colour), dtype=np.float32)[:, :WIDE], 0, 255).astype(np.uint8)
    sure = (255 * np.asarray(grid.image(confidence, spread=False), dtype=np.float32)[:, :WIDE]).astype(np.uint8)
    return (half, sure) if float((sure > 255 * SURE).mean()) > _LEAST_SEEN else None


def _view_masks() -> Bytes:
    """What a mean head shows from yaws to 70 and pitches to 25 degrees."""
    head, grid = load_head(), texels(SIZE)
    white = np.full((192, 192, 3), 255, np.uint8)
    out = []
    for yaw in range(-70, 71, 10):
        for pitch in (-25, -12, 0, 12, 25):
            sample = unwrap(white, white[..., 0], viewpoint(yaw, pitch, 192), head.mean, grid)
            out.append((255 * np.asarray(grid.image(sample.weight, spread=False))[:, :WIDE]).astype(np.uint8))
    return np.stack(out)


class Network(nn.Module):
    """Encoder and decoder over three scales with dilated layers at the coarsest; 10 channels in, 3 out.

    Pixels are first folded into channels (2 x 2), so that most of the work is done at half resolution.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        w = width
        self.stem = _layer(10 * 4, w)
        self.down1 = _layer(w, 2 * w, stride=2)
        self.down2 = _layer(2 * w, 3 * w, stride=2)
        self.middle = nn.ModuleList(_layer(3 * w, 3 * w, dilation=d) for d in (1, 2, 4))
        self.up2 = _layer(5 * w, 2 * w)
        self.up1 = _layer(3 * w, w)
        self.last = nn.Conv2d(w, 12, 1)

    def forward(self, texture: Tensor) -> Tensor:
        fine = self.stem(f.pixel_unshuffle(texture, 2))
        half = self.down1(fine)
        x = self.down2(half)
        for layer in self.middle:
            x = x + layer(x)
        x = self.up2(torch.cat([f.interpolate(x, scale_factor=2.0), half], 1))
        x = self.up1(torch.cat([f.interpolate(x, scale_factor=2.0), fine], 1))
        return f.pixel_shuffle(self.last(x), 2)


def _layer(wide_in: int, wide_out: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(wide_in, wide_out, 3, stride, dilation, dilation), nn.BatchNorm2d(wide_out), nn.ReLU(inplace=True)
    )


def draw(
    textures: Textures, rows: npt.NDArray[np.intp], rng: np.random.Generator, augment: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """A batch: what is shown (n, 10, H, W), what is asked for (n, 3, H, W) in its units, and its weights (n, 1, H, W).

    Weights are doubled where the texel was seen and is not shown.
    """
    shown, asked, weights = [], [], []
    for i in rows:
        albedo = textures.albedo[i].astype(np.float32) / 255
        seen = textures.seen[i].astype(np.float32) / 255
        mask = textures.masks[rng.integers(len(textures.masks))].astype(np.float32) / 255
        if augment:
            if rng.random() < 0.5:
                albedo, seen = albedo[:, ::-1], seen[:, ::-1]
            albedo = albedo ** np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.15, 3)).astype(np.float32)
            if rng.random() < 0.5:
                mask = mask * _hole(rng)
        sure = np.clip(seen / SURE, 0, 1)
        given, mean = inputs(albedo.astype(np.float32), np.minimum(seen, mask))
        shown.append(given)
        asked.append(((albedo - mean) / 0.25).transpose(2, 0, 1))
        weights.append((sure * (1 + (np.minimum(seen, mask) < 0.5 * SURE)))[None])
    return tuple(torch.from_numpy(np.ascontiguousarray(np.stack(x), dtype=np.float32)) for x in (shown, asked, weights))  # type: ignore[return-value]


def _hole(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A mask (SIZE, WIDE) with a rectangle left out: a hand, a fringe, glasses."""
    keep = np.ones((SIZE, WIDE), np.float32)
    h, w = rng.integers(8, 48), rng.integers(6, 28)
    y, x = rng.integers(0, SIZE - h), rng.integers(0, WIDE - w)
    keep[y : y + h, x : x + w] = 0
    return keep


def loss_of(out: Tensor, asked: Tensor, weights: Tensor) -> Tensor:
    """Absolute error of the colours and of their differences between neighbours, where seen."""
    total = weights.sum() * 3 + 1e-6
    plain = ((out - asked).abs() * weights).sum() / total
    for axis in (2, 3):
        both = torch.minimum(
            weights.narrow(axis, 1, weights.shape[axis] - 1), weights.narrow(axis, 0, -1 + weights.shape[axis])
        )
        plain = plain + 0.5 * ((out - asked).diff(dim=axis).abs() * both).sum() / total
    return plain


def train_completion(config: CompletionConfig) -> dict[str, Any]:
    """Unwrap, train for `minutes` and write `out/completion.onnx` and its card; returns the card's figures."""
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    rng = np.random.default_rng(config.seed)
    textures = unwrap_packs(config)
    train, held = np.flatnonzero(~textures.held_out), np.flatnonzero(textures.held_out)
    network = Network()
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=1e-3)
    start, step, spent = time.monotonic(), 0, 0.0
    log.info("%d textures to train on, %d held out, %d parameters", len(train), len(held), _count(network))
    while spent < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = config.rate * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * spent)))
        network.train()
        shown, asked, weights = draw(textures, rng.choice(train, config.batch), rng, augment=True)
        loss = loss_of(network(shown), asked, weights)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        spent = (time.monotonic() - start) / (60 * config.minutes)
        if step % 100 == 0:
            log.info(
                "step %d, %.0f %% of the time, loss %.4f, %s",
                step,
                100 * spent,
                float(loss.detach()),
                _figures(network, textures, held),
            )
    figures = _figures(network, textures, held) | {"steps": step, "textures": len(train), "held_out": len(held)}
    figures["export_difference"] = _export(network.eval(), config.out / "completion.onnx")
    settings = {k: v for k, v in asdict(config).items() if k not in ("data", "out", "threads")}
    card = {"network": "completion", "training": settings, "figures": figures}
    (config.out / "completion.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return figures


def _figures(network: Network, textures: Textures, held: npt.NDArray[np.intp]) -> dict[str, float]:
    """Mean absolute errors on held-out faces, grey levels, where seen but not shown: of the network, of the mirror
    image (mean colour where that is unseen too) and of the mean colour."""
    rng = np.random.default_rng(1)
    network.eval()
    errors = {"network": 0.0, "mirror": 0.0, "mean": 0.0}
    with torch.no_grad():
        shown, asked, weights = draw(textures, held, rng, augment=False)
        hidden = (weights > 1.5).float()
        mirror = shown[:, 4:7] / shown[:, 7:8].clamp(min=1e-3) * (shown[:, 7:8] > 0.5)
        for name, guess in (("network", network(shown)), ("mirror", mirror), ("mean", torch.zeros_like(asked))):
            errors[name] = round(
                float(((guess - asked).abs() * hidden).sum() / (hidden.sum() * 3 + 1e-6)) * 0.25 * 255, 3
            )
    return errors


def _count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _export(network: Network, path: Path) -> float:
    example = torch.from_numpy(np.random.default_rng(0).normal(0, 1, (1, 10, SIZE, WIDE)).astype(np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter announces its own future
        torch.onnx.export(
            network, (example,), str(path), input_names=["texture"], output_names=["albedo"], opset_version=17,
            dynamo=False,
        )  # fmt: skip
    store_halves(path)
    with torch.no_grad():
        wanted = network(example).numpy()
    got = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"texture": example.numpy()})[0]
    difference = float(np.abs(got - wanted).max())
    if not difference < 0.05:
        raise ModelError(f"{path} differs from torch by {difference:.2g}: it was not exported rightly.")
    return difference
