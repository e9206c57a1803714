"""Quick scores while training: the averaged network on held-out rows, boxes given, in torch.

`stillpoint evaluate` measures the shipped ONNX files through FaceTracker; this is the curve beside the losses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from ..detection.crop import CROP, CROP_SHARE, ROI, ROI_SIDE, Affine, apply, compose, sample, similarity
from .network import Model, Prediction
from .packs import SLICES, Rows
from .protocol import bin_means, face_sizes
from .sampling import crop_affine

Floats = npt.NDArray[np.float32]
SHIFT, SCALE, ROLL = 0.15, float(np.log(1.2)), float(np.pi / 6)
"""How badly regions are placed where they are jittered: of the box's side, log, radians."""


def quick_scores(model: Model, held: Rows, device: str = "cpu", merl: int = 600) -> dict[str, Any]:
    """Balanced NME in percent (and its yaw bins) of the calibration images and of MERL validation rows."""
    scores: dict[str, Any] = {}
    fold = held.take(held.pack == "aflw2000_calibration")
    if len(fold):
        regions = placed(tight(fold.points[:, SLICES["aflw2000_68"]]))
        for cutting in (False, True):
            found = read(model, fold, regions, cutting, device)
            for name in ("aflw2000_68", "ibug68"):
                scores[name + ("_cut" if cutting else "")] = calibration_score(found, fold, name)
    rows = merl_rows(held, merl)
    if len(rows):
        for name, jitter in (("merl68", None), ("merl68_jitter", jittered(len(rows)))):
            scores[name] = merl_score(read(model, rows, placed(rows.box, jitter), True, device), rows)
    return scores


def merl_rows(held: Rows, count: int) -> Rows:
    """Held-out rows with enough points that are seen, a third from each bin of yaw."""
    labelled = (held.weights[:, SLICES["merl68"]] > 0.9).sum(1) >= 8
    index = np.flatnonzero(labelled & held.held_out & ~held.merl_test)
    bins = np.digitize(np.abs(held.yaw[index]), (30, 60), right=True)
    return held.take(np.concatenate([index[bins == b][: count // 3] for b in range(3)]))


def calibration_score(found: Floats, rows: Rows, name: str) -> list[float]:
    """Balanced NME and its bins, percent, of what was read (n, TOTAL, 2) against one of the two label sets."""
    truth = rows.points[:, SLICES[name]]
    error = np.linalg.norm(found[:, SLICES[name]] - truth, axis=-1).mean(1) / face_sizes(truth)
    return _row(error, rows.yaw)


def merl_score(found: Floats, rows: Rows) -> list[float]:
    """The same on the visible points of MERL's labels."""
    sure = rows.weights[:, SLICES["merl68"]] > 0.9
    distance = np.linalg.norm(found[:, SLICES["merl68"]] - rows.points[:, SLICES["merl68"]], axis=-1)
    return _row((distance * sure).sum(1) / np.maximum(sure.sum(1), 1) / merl_sizes(rows), rows.yaw)


def merl_sizes(rows: Rows) -> npt.NDArray[np.float64]:
    """(n,) sqrt(w h) of the tight boxes of the visible points."""
    sure = rows.weights[:, SLICES["merl68"]] > 0.9
    masked = np.where(sure[..., None], rows.points[:, SLICES["merl68"]], np.nan)
    w, h = np.moveaxis(np.nanmax(masked, 1) - np.nanmin(masked, 1), -1, 0)
    return np.asarray(np.sqrt(np.maximum(w * h, 1.0)))


def tight(points: Floats) -> Floats:
    """(n, 4) boxes of (n, N, 2) points."""
    return np.concatenate([points.min(1), points.max(1)], axis=1)


def jittered(count: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """(count, 4) shift (2, of the box's side), log-scale and roll (radians), each drawn evenly within its limits."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, 4)) * (SHIFT, SHIFT, SCALE, ROLL)


def placed(box: Floats, jitter: npt.NDArray[np.float64] | None = None) -> list[Affine]:
    """Regions (ROI px -> picture px) round boxes (n, 4); `jitter` (n, 4) as `jittered` says."""
    moved = np.zeros((len(box), 4)) if jitter is None else jitter
    sides = (box[:, 2:] - box[:, :2]).max(1).astype(np.float64)
    centres = (box[:, :2] + box[:, 2:]) / 2 + moved[:, :2] * sides[:, None]
    return [
        similarity(centre, side * ROI_SIDE * float(np.exp(log_scale)), float(roll), ROI)
        for centre, side, (log_scale, roll) in zip(centres, sides, moved[:, 2:], strict=True)
    ]


def read(model: Model, rows: Rows, regions: list[Affine], cutting: bool, device: str = "cpu") -> Floats:
    """All labelled queries (n, TOTAL, 2) in the rows' own pixels; with `cutting` the normalizer cuts the crops."""
    crops = cropped(model, rows, regions, cutting, device)
    out = [look(model, rows, crops[i : i + 64], slice(i, i + 64), device).points for i in range(0, len(rows), 64)]
    points = torch.cat(out).cpu().numpy() if out else np.zeros((0, 0, 2), np.float32)
    return np.stack([apply(a, p) for a, p in zip(crops, points, strict=True)]) if out else points


@torch.no_grad()
def look(
    model: Model, rows: Rows, crops: list[Affine], part: slice, device: str = "cpu", shown: torch.Tensor | None = None
) -> Prediction:
    """What is read of some crops, in their pixels; `shown` (n, 1, CROP, CROP) is the map beside them, if any."""
    model.eval()
    pictures = [sample(image, affine, CROP) for image, affine in zip(rows.images[part], crops, strict=True)]
    batch = _batch(pictures, device)
    return model.read(model.landmarks(batch if shown is None else torch.cat([batch, shown], 1)))


@torch.no_grad()
def cropped(model: Model, rows: Rows, regions: list[Affine], cutting: bool, device: str = "cpu") -> list[Affine]:
    """The crops (CROP px -> picture px) that the normalizer cuts out of the regions, or their middles."""
    model.eval()
    if not cutting:
        middle = similarity((ROI / 2, ROI / 2), ROI * CROP_SHARE, 0.0, CROP)
        return [compose(region, middle) for region in regions]
    out: list[Affine] = []
    for i in range(0, len(rows), 64):
        some = regions[i : i + 64]
        seen = _batch([sample(image, a, ROI) for image, a in zip(rows.images[i : i + 64], some, strict=True)], device)
        inner = crop_affine(model.normalizer(F.avg_pool2d(seen, 3))).cpu().numpy().astype(np.float64)
        out += [compose(a, b) for a, b in zip(some, inner, strict=True)]
    return out


def _batch(pictures: list[npt.NDArray[np.uint8]], device: str) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().to(device)


def _row(error: npt.NDArray[np.float64], yaw: Floats) -> list[float]:
    bins = bin_means(error, yaw)
    return [round(float(np.nanmean(bins)), 3), *(round(float(b), 2) for b in bins)]
