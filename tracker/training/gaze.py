"""Training what reads the sideways look from an eye's pixels (`tracker.detection.gaze`), by MediaPipe's eyeLook shapes.

Both eyes of every trainable picture are cut out as the tracker would, placed a little wrongly, blurred and made noisy;
the right eye is mirrored, so that both sides are read alike.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..detection.crop import Affine
from ..detection.follow import FaceTracker
from ..detection.gaze import (
    EYES,
    FADES,
    HEIGHT,
    INPUTS,
    SIDE,
    GazeReader,
    cut_eyes,
    eye_crops,
    eye_inputs,
    save_gaze,
)
from ..errors import SourceError
from ..head import EXPRESSIONS
from ..types import Array, Image
from .packs import ALL_PACKS, Rows, load_rows

log = logging.getLogger(__name__)
PACKS = tuple(pack for pack in ALL_PACKS if pack != "aflw2000_calibration")
HIDDEN = (48, 24)
BATCH = 256
SHIFT, SCALE, ROLL = 0.03, 0.06, 0.06
"""Deviations by which crops are misplaced: shares of the square, of its logarithm, radians."""


@dataclass(frozen=True, slots=True)
class GazeConfig:
    """data: the folder of packs; out: the file to write. Every picture is cut `draws` times; `epochs` over all cuts."""

    data: Path
    out: Path
    packs: tuple[str, ...] = PACKS
    draws: int = 4
    epochs: int = 30
    rate: float = 1.5e-3
    seed: int = 0


def train_gaze(config: GazeConfig) -> dict[str, float]:
    """Cut, train, save; returns the rows and the correlation with the teacher on training cuts and validation rows.

    Raises SourceError where no row has a teacher's shapes.
    """
    rows = load_rows(config.data, config.packs)
    labelled = np.isfinite(_outward(rows)).all(1) & (np.abs(rows.yaw) < FADES[0]) & ~rows.merl_test
    if not (labelled & rows.trainable).any() or not (labelled & rows.held_out).any():
        raise SourceError(f"No row of {', '.join(config.packs)} says where the eyes look (mediapipe_blendshapes).")
    tracker = FaceTracker(engine="auto")
    inputs, wanted = see_eyes(tracker, rows.take(labelled & rows.trainable), config.draws, config.seed)
    reader = fit_gaze(inputs, wanted, config.epochs, config.rate, config.seed)
    save_gaze(reader, config.out)
    held, truth = see_eyes(tracker, rows.take(labelled & rows.held_out), 0, config.seed)
    return {
        "rows": int((labelled & rows.trainable).sum()),
        "train": round(float(np.corrcoef(reader.aside(inputs), wanted)[0, 1]), 3),
        "validation": round(float(np.corrcoef(reader.aside(held), truth)[0, 1]), 3),
    }


def see_eyes(tracker: FaceTracker, rows: Rows, draws: int, seed: int) -> tuple[Array, Array]:
    """Inputs (n, INPUTS) and how far each eye looks outward (n,); `draws` of 0 cuts once, where the eye is."""
    random = np.random.default_rng(seed)
    wanted, inputs, truth = _outward(rows), [], []
    for i, image in enumerate(rows.images):
        x0, y0, x1, y1 = (float(v) for v in rows.box[i])
        face = tracker.look(image, (x0, y0, x1, y1))
        crops = eye_crops(face.landmarks_px("ibug68")[EYES])
        if crops is None:
            continue
        for _ in range(max(draws, 1)):
            picture = _degraded(image, random) if draws else image
            placed = [_misplaced(crop, random) if draws else crop for crop in crops]
            inputs.append(eye_inputs(cut_eyes(picture, placed), face.state))
            truth.append(wanted[i])
        if i % 2000 == 1999:
            log.info("%d of %d pictures", i + 1, len(rows))
    return np.concatenate(inputs), np.concatenate(truth).astype(np.float32)


def fit_gaze(inputs: Array, wanted: Array, epochs: int = 30, rate: float = 1.5e-3, seed: int = 0) -> GazeReader:
    """Three layers fitted to inputs (n, INPUTS) and what is wanted of them (n,)."""
    torch.manual_seed(seed)
    layers = [nn.Linear(INPUTS, HIDDEN[0]), nn.Linear(HIDDEN[0], HIDDEN[1]), nn.Linear(HIDDEN[1], 1)]
    network = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.05)
    steps = max(1, epochs * len(inputs) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    x, y = torch.from_numpy(inputs), torch.from_numpy(wanted)
    for step in range(steps):
        chosen = torch.randint(0, len(x), (BATCH,))
        loss = nn.functional.smooth_l1_loss(network(x[chosen])[:, 0], y[chosen], beta=0.2)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if step % 2000 == 1999:
            log.info("step %d of %d: %.4f", step + 1, steps, float(loss.detach()))
    weights, biases = [_array(layer.weight).T for layer in layers], [_array(layer.bias) for layer in layers]
    return GazeReader((weights[0], weights[1], weights[2]), (biases[0], biases[1], biases[2]))


def _array(value: Tensor) -> Array:
    return np.asarray(value.detach().numpy(), dtype=np.float32)


def _outward(rows: Rows) -> npt.NDArray[np.float32]:
    """(n, 2) how far the left and the right eye look outward, by the teacher; NaN where unknown."""

    def shape(name: str) -> Array:
        return rows.blend[:, EXPRESSIONS.index(name)]

    sides = ("Left", "Right")
    return np.stack([shape(f"eyeLookOut{side}") - shape(f"eyeLookIn{side}") for side in sides], axis=1)


def _misplaced(crop: Affine, random: np.random.Generator) -> Affine:
    shift = random.normal(0, SHIFT * SIDE, 2)
    scale, roll = np.exp(random.normal(0, SCALE)), random.normal(0, ROLL)
    turn = scale * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    middle = np.array([SIDE / 2, HEIGHT / 2])
    linear = crop[:, :2] @ turn
    return np.concatenate([linear, (crop[:, :2] @ (middle + shift) + crop[:, 2] - linear @ middle)[:, None]], axis=1)


def _degraded(image: Image, random: np.random.Generator) -> Image:
    """Half of the pictures less sharp, and all with some noise."""
    if random.random() < 0.5:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), random.uniform(0.3, 1.5)), dtype=np.uint8)
    noise = random.normal(0, random.uniform(0, 8), image.shape[:2])[..., None]
    return np.clip(image + noise, 0, 255).astype(np.uint8)
