"""Quick scores while training: the averaged network on held-out rows, boxes given, in torch.

`stillpoint evaluate` measures the shipped ONNX files through FaceTracker; this is the curve beside the losses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from ..detection.crop import CROP, CROP_SHARE, ROI, ROI_SIDE, apply, compose, sample, similarity
from .network import Model, crop_affine
from .packs import SLICES, Rows
from .protocol import bin_means, face_sizes


def quick_scores(model: Model, held: Rows, device: str = "cpu", merl: int = 600) -> dict[str, Any]:
    """Balanced NME in percent (and its yaw bins) of the calibration images and of MERL validation rows."""
    model.eval()
    scores: dict[str, Any] = {}
    fold = held.take(held.pack == "aflw2000_calibration")
    if len(fold):
        box = _tight(fold.points[:, SLICES["aflw2000_68"]])
        for cutting in (False, True):
            found = _predict(model, fold, box, cutting, device)
            mark = "_cut" if cutting else ""
            for name in ("aflw2000_68", "ibug68"):
                truth = fold.points[:, SLICES[name]]
                error = np.linalg.norm(found[:, SLICES[name]] - truth, axis=-1).mean(1) / face_sizes(truth)
                scores[name + mark] = _row(error, fold.yaw)
    labelled = (held.weights[:, SLICES["merl68"]] > 0.9).sum(1) >= 8
    chosen = _balanced(np.flatnonzero(labelled & held.held_out & ~held.merl_test), held.yaw, merl)
    rows = held.take(chosen)
    if len(rows):
        truth, sure = rows.points[:, SLICES["merl68"]], rows.weights[:, SLICES["merl68"]] > 0.9
        rng = np.random.default_rng(0)
        for jitter in (0.0, 1.0):
            found = _predict(model, rows, rows.box, True, device, rng, jitter)
            distance = np.linalg.norm(found[:, SLICES["merl68"]] - truth, axis=-1)
            error = (distance * sure).sum(1) / np.maximum(sure.sum(1), 1) / _visible_sizes(truth, sure)
            scores["merl68_jitter" if jitter else "merl68"] = _row(error, rows.yaw)
    return scores


def _row(error: npt.NDArray[np.float64], yaw: npt.NDArray[np.float32]) -> list[float]:
    bins = bin_means(error, yaw)
    return [round(float(np.nanmean(bins)), 3), *(round(float(b), 2) for b in bins)]


def _tight(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.concatenate([points.min(1), points.max(1)], axis=1)


def _visible_sizes(points: npt.NDArray[np.float32], sure: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    masked = np.where(sure[..., None], points, np.nan)
    w, h = np.moveaxis(np.nanmax(masked, 1) - np.nanmin(masked, 1), -1, 0)
    return np.asarray(np.sqrt(np.maximum(w * h, 1.0)))


def _balanced(index: npt.NDArray[np.intp], yaw: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.intp]:
    bins = np.digitize(np.abs(yaw[index]), (30, 60), right=True)
    return np.concatenate([index[bins == b][: count // 3] for b in range(3)])


@torch.no_grad()
def _predict(
    model: Model,
    rows: Rows,
    box: npt.NDArray[np.float32],
    cutting: bool,
    device: str,
    rng: np.random.Generator | None = None,
    jitter: float = 0.0,
) -> npt.NDArray[np.float32]:
    """All labelled queries (n, TOTAL, 2) in the rows' own pixels."""
    out = []
    for start in range(0, len(rows), 64):
        pictures, affines = [], []
        for i in range(start, min(start + 64, len(rows))):
            side = float((box[i, 2:] - box[i, :2]).max()) * ROI_SIDE
            centre, roll = (box[i, :2] + box[i, 2:]) / 2, 0.0
            if rng is not None and jitter:
                centre = centre + rng.uniform(-0.15, 0.15, 2) * side / ROI_SIDE * jitter
                side *= float(np.exp(rng.uniform(-np.log(1.2), np.log(1.2)) * jitter))
                roll = float(rng.uniform(-np.pi / 6, np.pi / 6) * jitter)
            affine = similarity(centre, side, roll, ROI)
            if cutting:
                view = torch.from_numpy(sample(rows.images[i], affine, ROI)).permute(2, 0, 1)[None].float().to(device)
                inner = crop_affine(model.normalizer(F.avg_pool2d(view, 3)))[0].cpu().numpy().astype(np.float64)
                affine = compose(affine, inner)
            else:
                affine = similarity(centre, side * CROP_SHARE, roll, CROP)
            pictures.append(sample(rows.images[i], affine, CROP))
            affines.append(affine)
        batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().to(device)
        points = model.read(model.landmarks(batch)).points.cpu().numpy()
        out += [apply(a, p) for a, p in zip(affines, points, strict=True)]
    return np.stack(out)
