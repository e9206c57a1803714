"""Is a fit a better teacher than its sources? Judged on AFLW2000-3D's calibration images, whose truth no fit here sees.

The sources: what the shipped network says in the 3DMM teacher's terms (`tddfa68`, with depth), what MediaPipe says
where it finds the face, and, as the stand-in for hand labels, the re-annotated 68 points. They are scored against
the original labels, and their rotations against the labels' pose, the head frames being matched on the train fold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..detection.follow import FaceTracker
from ..peers.mediapipe import MediaPipe
from ..types import Frame, Image
from .lift import Fits, fit_rows
from .lift_points import LiftPoints
from .lift_solve import Recipe
from .packs import SLICES, Rows, rotations
from .pose import pose_errors, pose_errors_each
from .protocol import bin_means, face_sizes

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
TRIALS = {
    "teacher": ("tddfa68",),
    "teacher, mesh": ("tddfa68", "mediapipe478"),
    "hand": ("ibug68",),
    "hand, teacher": ("ibug68", "tddfa68"),
    "hand, teacher, mesh": ("ibug68", "tddfa68", "mediapipe478"),
}
PEER_SIDE = 384


def check(
    rows: Rows,
    tracker: FaceTracker,
    full: LiftPoints,
    recipe: Recipe | None = None,
    peer: MediaPipe | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """NME (percent, balanced and by yaw) and pose errors of the validate fold by source and by fit; of every fit by how
    much (percent, degrees) it errs less than the teacher on the same pictures."""
    truth, box = rows.points[:, SLICES["aflw2000_68"]], _boxes(rows.points[:, SLICES["aflw2000_68"]])
    points, weights = rows.points.copy(), np.zeros_like(rows.weights)
    weights[:, SLICES["ibug68"]] = 1.0
    depth, read = np.full((len(rows), 68), np.nan, np.float32), np.zeros((len(rows), 68, 2), np.float32)
    points[:, SLICES["aflw2000_68"]] = np.nan
    for i, image in enumerate(rows.images):
        face = tracker.detect(image, bboxes=[tuple(float(v) for v in box[i])])[0]  # type: ignore[list-item]
        points[i, SLICES["tddfa68"]] = face.landmarks_px("tddfa68")
        depth[i] = -face.state.scale * (face.landmarks_head("tddfa68") @ face.state.rotation[2])
        read[i] = face.landmarks_px("aflw2000_68")
        mesh = _mesh(peer, image, box[i], i) if peer is not None else None
        if mesh is not None:
            points[i, SLICES["mediapipe478"]] = mesh
            weights[i, SLICES["mediapipe478"]] = np.clip((60 - abs(rows.yaw[i])) / 30, 0, 1)
        if progress is not None:
            progress(i + 1, len(rows))
    weights[:, SLICES["tddfa68"]] = 1.0
    procrustes = rotations(points, depth)[0]
    sources = replace(rows, points=np.nan_to_num(points), weights=weights, depth=depth, rotation=procrustes)
    out: dict[str, Any] = {
        "network, read as the labels": {"original": _nme(read, truth, rows)},
        "teacher": {
            "original": _nme(points[:, SLICES["tddfa68"]], truth, rows),
            "pose": pose_errors(procrustes, rows),
        },
        "hand": {"original": _nme(rows.points[:, SLICES["ibug68"]], truth, rows)},
        "pose of the labels' own 3D points": pose_errors(rows.rotation, rows),
    }
    for name, sets in TRIALS.items():
        if "mediapipe478" in sets and peer is None:
            continue
        fits = fit_rows(sources, full.only(sets), recipe or Recipe())
        out[f"fit of {name}"] = _scores(fits, full, truth, rows) | {
            "less than the teacher's": {
                "original": _less(
                    100 * _errors(fits.points(full, full.place["aflw2000_68"])[..., :2], truth)[rows.held_out],
                    100 * _errors(points[:, SLICES["tddfa68"]], truth)[rows.held_out],
                ),
                "geodesic": _less(pose_errors_each(fits.rotation, rows)[1], pose_errors_each(procrustes, rows)[1]),
            }
        }
    return out


def _less(mine: Values, theirs: Values, draws: int = 1000) -> list[float]:
    """By how much `mine` (n,) lies below `theirs` on the same pictures, and its 95 % bootstrap interval."""
    less = theirs - mine
    chosen = np.random.default_rng(0).integers(0, len(less), (draws, len(less)))
    return [round(float(v), 3) for v in (less.mean(), *np.percentile(less[chosen].mean(1), (2.5, 97.5)))]


def _scores(fits: Fits, full: LiftPoints, truth: Floats, rows: Rows) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, labels, target in (
        ("original", "aflw2000_68", truth),
        ("reannotated", "ibug68", rows.points[:, SLICES["ibug68"]]),
    ):
        out[name] = _nme(fits.points(full, full.place[labels])[..., :2], target, rows)
    return out | {"pose": pose_errors(fits.rotation, rows)}


def _nme(found: Floats, truth: Floats, rows: Rows) -> list[float]:
    bins = bin_means(_errors(found, truth)[rows.held_out], rows.yaw[rows.held_out])
    return [round(float(v), 3) for v in (np.nanmean(bins), *bins)]


def _errors(found: Floats, truth: Floats) -> Values:
    """(n,) mean distances, shares of the face's size."""
    return np.asarray(np.linalg.norm(found - truth, axis=-1).mean(1) / face_sizes(truth), dtype=np.float64)


def _boxes(points: Floats) -> Floats:
    return np.concatenate([points.min(1), points.max(1)], axis=1)


def _mesh(peer: MediaPipe, image: Image, box: Floats, index: int) -> Floats | None:
    """MediaPipe's 478 points in the picture's pixels, looked for in a square round the face."""
    centre, side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max()) * 2
    k = PEER_SIDE / side
    shift = PEER_SIDE / 2 - k * centre
    affine = np.array([[k, 0, shift[0] + 0.5 * k - 0.5], [0, k, shift[1] + 0.5 * k - 0.5]])
    crop = cv2.warpAffine(image, affine, (PEER_SIDE, PEER_SIDE), borderMode=cv2.BORDER_REPLICATE)
    found = peer.read(Frame(np.ascontiguousarray(crop, dtype=np.uint8), index / 30, index)).points
    return None if found is None else np.asarray((found[:, :2] - shift) / k, dtype=np.float32)
