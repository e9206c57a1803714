"""Training of the landmark network and its normalizer, jointly, through the landmark loss.

Resumable (the last checkpoint holds everything), deterministic by seed, one process a device (several under torchrun).
Where a GPU trains, batches are made there (`tensor_batches`); where a CPU does, by OpenCV beside it (`batches`).
The rate is constant for the first part and falls along a cosine to zero; what is evaluated and exported is the moving
average.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..detection.code import PRESENCE
from ..detection.crop import CROP, ROI
from ..errors import ModelError
from ..whole import whole
from .augment import Jitter, Sampler
from .batches import Batch, batches
from .lift_table import Lifted, load_lifted, taught
from .negatives import HardPool, load_negatives
from .network import SIZES, Model
from .objective import Objective
from .packs import ALL_PACKS, Rows, load_rows
from .ranks import Ranks
from .tensor_batches import TensorSampler
from .validate import quick_scores
from .variants import Variant

log = logging.getLogger(__name__)


class TrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run. `images` is its length; `minutes`, where given, ends it sooner with the rate let down all the same."""

    data: str
    out: str
    size: str = "default"
    packs: tuple[str, ...] = ALL_PACKS
    negatives: str | None = None
    images: int = 1_500_000
    minutes: float | None = None
    batch: int = 64
    rate: float = 0.0022
    constant: float = 0.4
    normalizer_rate: float = 1.0
    weight_decay: float = 0.03
    average: float = 0.999
    clip: float = 5.0
    seed: int = 1
    threads: int = 1
    workers: int = 1
    mining: bool = True
    """Look for faceless regions that are taken for faces, every three minutes."""
    device: str = "cpu"
    tensors: bool = False
    """Make batches on the device itself: for a GPU."""
    start: str | None = None
    teacher: str | None = None
    """Checkpoint of a bigger network, whose points and shapes are imitated beside the labels."""
    lifted: str | None = None
    """File of fits (`stillpoint lift`), for the variants that read it."""
    variant: Variant = Variant()


def train(config: TrainConfig, rows: Rows | None = None, until: float = 1.0) -> Path:
    """Run (or resume) the training, on `rows` where the packs are loaded already, until that share of the run;
    returns the last checkpoint's path."""
    ranks = Ranks.join(config.device)
    config = msgspec.structs.replace(config, device=ranks.device)
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(config.threads)
    cv2.setNumThreads(1)  # before the workers fork: they must not inherit OpenCV's thread pool
    torch.manual_seed(config.seed)
    rows = load_rows(Path(config.data), config.packs) if rows is None else rows
    held, rows = rows.take(~rows.trainable), rows.take(rows.trainable)
    lifted = load_lifted(Path(config.lifted)) if config.lifted else None
    if lifted is not None and config.variant.lifted:
        rows = taught(rows, lifted)
    negatives = load_negatives(Path(config.negatives) if config.negatives else None)
    jitter = Jitter() if config.variant.normalizer else Jitter(crops=1.0)
    sampler = Sampler(rows, negatives, jitter, HardPool())
    run = _Run(config, out, ranks)
    run.objective.shapes = None if lifted is None else _shapes(lifted)
    log.info(
        "%d faces to train on, %d held out, %d without faces", len(sampler.rows), len(held), len(sampler.negatives)
    )
    seed = config.seed + 1_000 * ranks.rank
    stream = (
        TensorSampler(rows, negatives, config.device, seed, sampler.hard, jitter).stream(config.batch, run.step)
        if config.tensors
        else batches(sampler, config.batch, seed, run.step, config.workers)
    )
    while run.progress() < until:
        run.train_step(next(stream))
        if config.mining and run.due("mined", 180):
            run.mine(sampler)
        if not ranks.first:
            continue
        if run.step % 50 == 0:
            run.log_losses()
        if run.due("saved", 120):
            run.save()
        if len(held) and (run.due("scored", 420) or run.progress() >= 1):
            run.log_scores(quick_scores(run.averaged, held, config.device))
    last = run.save() if ranks.first else out / "last.pt"
    ranks.leave()
    return last


class _Run:
    """The state of one training run: model, average, optimiser, step and the log."""

    def __init__(self, config: TrainConfig, out: Path, ranks: Ranks | None = None) -> None:
        self.config, self.out = config, out
        self.ranks, self._together = ranks or Ranks(device=config.device), 0.0
        self.model = Model(SIZES[config.size], config.variant).to(config.device)
        if config.start:
            _begin(self.model, torch.load(config.start, weights_only=True)["average"])
        self.model.landmarks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective = Objective(self.model, _teacher(config.teacher, self.model), config.variant, config.seed)
        self.averaged = copy.deepcopy(self.model).requires_grad_(False)
        plain = [p for n, p in self.model.named_parameters() if p.ndim < 2 or n.startswith("field")]
        cutter = list(self.model.normalizer.parameters())
        special = {id(p) for p in (*plain, *cutter)}
        rest = [p for p in self.model.parameters() if id(p) not in special]
        plain = [p for p in plain if id(p) not in {id(q) for q in cutter}]
        groups = [
            {"params": rest, "weight_decay": config.weight_decay, "share": 1.0},
            {"params": plain, "weight_decay": 0.0, "share": 1.0},
            {"params": cutter, "weight_decay": 0.0, "share": config.normalizer_rate},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.99))
        self.step, self.seconds, self._since = 0, 0.0, time.monotonic()
        self._sums: dict[str, float] = {}
        self._done = {"saved": time.monotonic(), "scored": time.monotonic(), "mined": 0.0}
        if (out / "last.pt").is_file():
            self._resume(torch.load(out / "last.pt", weights_only=True))

    def progress(self) -> float:
        """0..1 through the run, by pictures or by time, whichever is further."""
        return self._together if self.ranks.world > 1 else self._progress_after(self.step)

    def _progress_after(self, steps: int) -> float:
        share = steps * self.config.batch * self.ranks.world / self.config.images
        if self.config.minutes:
            share = max(share, (self.seconds + time.monotonic() - self._since) / 60 / self.config.minutes)
        return min(share, 1.0)

    def due(self, what: str, seconds: float) -> bool:
        if time.monotonic() - self._done[what] < seconds:
            return False
        self._done[what] = time.monotonic()
        return True

    def train_step(self, batch: Batch) -> None:
        progress, config = self.progress(), self.config
        late = max(0.0, (progress - config.constant) / (1 - config.constant))
        warm = min(300.0, 0.1 * config.images / config.batch)
        rate = config.rate * min(1.0, (self.step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * late))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["share"]
        terms = self.objective(batch, self.step, progress)
        total = torch.stack(list(terms.values())).sum()
        self.optimiser.zero_grad()
        torch.autograd.backward(total)
        self._together = self.ranks.average(self.model.parameters(), self._progress_after(self.step + 1))
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        if torch.isfinite(norm):
            self.optimiser.step()
        self.step += 1
        self._average()
        for name, term in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(term.detach())
        self._sums["n"] = self._sums.get("n", 0.0) + 1

    def _average(self) -> None:
        keep = min(self.config.average, (self.step + 1) / (self.step + 20))
        with torch.no_grad():
            for mine, theirs in zip(self.averaged.state_dict().values(), self.model.state_dict().values(), strict=True):
                if mine.is_floating_point():
                    mine.lerp_(theirs, 1 - keep)
                else:
                    mine.copy_(theirs)

    @torch.no_grad()
    def mine(self, sampler: Sampler, draws: int = 768) -> None:
        """Look for faceless regions that the averaged network takes for faces, and keep the worst in the pool."""
        assert sampler.hard is not None
        rng = np.random.default_rng((self.config.seed, self.step, 1))
        self.averaged.eval()
        pictures = torch.from_numpy(
            np.stack([sampler.nothing(rng, region=True, fresh=True).image for _ in range(draws)])
        )
        pad = (ROI - CROP) // 2
        middle = pictures[:, pad : pad + CROP, pad : pad + CROP].to(self.config.device)
        with torch.autocast(torch.device(self.config.device).type, dtype=torch.bfloat16):
            code = self.averaged.landmarks(middle.permute(0, 3, 1, 2).float())
        taken = torch.sigmoid(code[:, PRESENCE][:, 0].float()).cpu()
        worst = taken.argsort(descending=True)[: draws // 12]
        worst = worst[taken[worst] > 0.1]
        sampler.hard.add(pictures[worst])
        if self.ranks.first:
            self._write({"kind": "mined", "taken": round(float((taken > 0.5).float().mean()), 4), "kept": len(worst)})

    def log_losses(self) -> None:
        n = self._sums.pop("n", 1.0)
        self._write({"kind": "loss"} | {k: round(v / n, 4) for k, v in self._sums.items()})
        self._sums = {}

    def log_scores(self, scores: dict[str, Any]) -> None:
        self._write({"kind": "score"} | scores)
        log.info("%d images: %s", self.step * self.config.batch * self.ranks.world, scores)

    def _write(self, row: dict[str, Any]) -> None:
        seconds = self.seconds + time.monotonic() - self._since
        head = {"images": self.step * self.config.batch * self.ranks.world, "seconds": round(seconds, 1)}
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(head | row) + "\n")

    def save(self) -> Path:
        path = self.out / "last.pt"
        state = {
            "config": msgspec.to_builtins(self.config),
            "step": self.step,
            "seconds": self.seconds + time.monotonic() - self._since,
            "model": self.model.state_dict(),
            "average": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        with whole(path) as scratch:
            torch.save(state, scratch)
        return path

    def _resume(self, saved: dict[str, Any]) -> None:
        self.model.load_state_dict(saved["model"])
        self.averaged.load_state_dict(saved["average"])
        shares = [group["share"] for group in self.optimiser.param_groups]
        self.optimiser.load_state_dict(saved["optimiser"])
        for group, share in zip(self.optimiser.param_groups, shares, strict=True):
            group["share"] = share
        self.step, self.seconds = int(saved["step"]), float(saved["seconds"])
        log.info("resumed at step %d", self.step)


def _begin(model: Model, saved: dict[str, Tensor]) -> None:
    """Weights to start from; what a variant adds to them starts as it is made, a map's channel at nothing."""
    stem, own = "landmarks.trunk.0.0.weight", model.state_dict()
    saved = saved | {stem: F.pad(saved[stem], (0, 0, 0, 0, 0, model.landmarks.channels - saved[stem].shape[1]))}
    kept = {name: value for name, value in own.items() if name.startswith(("bending", "critic"))}
    strange = [name for name in own if name not in kept and (name not in saved or saved[name].shape != own[name].shape)]
    if strange or saved.keys() - own.keys():
        raise ModelError("Training cannot start from weights of another shape: give a checkpoint of the same size.")
    model.load_state_dict(saved | kept)


def _teacher(path: str | None, pupil: Model) -> Model | None:
    """The network that is imitated; the pupil starts with its normalizer and its field of queries."""
    if path is None:
        return None
    saved = torch.load(path, weights_only=True)
    teacher = Model.of(saved["config"])
    teacher.load_state_dict(saved["average"])
    pupil.normalizer.load_state_dict(teacher.normalizer.state_dict())
    pupil.field.load_state_dict(teacher.field.state_dict())
    teacher.landmarks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return teacher.to(pupil.field.base.device).eval().requires_grad_(False)


def _shapes(lifted: Lifted) -> Tensor:
    """(n, 92): identity and expression of the good fits."""
    return torch.from_numpy(np.concatenate([lifted.identity, lifted.expression], 1)[lifted.good])
