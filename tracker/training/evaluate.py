"""What the shipped files reach: FaceTracker on held-out pictures, boxes given or found, one table and one JSON.

Held out are the rows whose crc32(name) % 10 is 0, MERL-RAV's test rows, and the validate fold of AFLW2000-3D's 300
calibration images; of the other 1,700 images of that set nothing is read. Half pixels are added in `packs`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..detection.follow import FaceTracker
from ..types import FACING, Array, Face, Image
from .packs import ALL_PACKS, SLICES, Rows, load_rows
from .protocol import bin_means, face_sizes

log = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]
MISSED = 0.20
"""The error that a face counts with that was not found."""


def evaluate(
    data: Path, tracker: FaceTracker, packs: tuple[str, ...] = ALL_PACKS, progress: Progress | None = None
) -> dict[str, Any]:
    """Every figure as {"balanced": .., "bins": [..], "n": ..} (percent) or plain numbers, by name."""
    rows = load_rows(data, packs)
    say = progress or (lambda what, done, total: None)
    out: dict[str, Any] = {"model": tracker.model_info, "engine": tracker.engine_name}
    calibration = rows.take(rows.pack == "aflw2000_calibration")
    if len(calibration):
        out["aflw2000_calibration"] = _calibration(tracker, calibration, say)
    test = rows.take(rows.merl_test & ((rows.weights[:, SLICES["merl68"]] > 0.9).sum(1) >= 8))
    if len(test):
        out["merl_test"] = _merl(tracker, test, say)
        out["roi_jitter"] = _jitter(tracker, test.take(_spread_over_bins(test.yaw, 300)), say)
    for pack in packs:
        held = rows.take((rows.pack == pack) & rows.held_out & ~rows.merl_test)
        if len(held) and pack != "aflw2000_calibration":
            out[pack] = _pack(tracker, held, say)
    return out


def score(error: npt.NDArray[Any], yaw: npt.NDArray[Any]) -> dict[str, Any]:
    """Balanced NME and its bins, percent."""
    bins = bin_means(np.asarray(error, np.float64), yaw)
    return {"balanced": round(float(np.nanmean(bins)), 3), "bins": [round(float(b), 3) for b in bins], "n": len(error)}


def _detect(tracker: FaceTracker, rows: Rows, box: npt.NDArray[np.float32], what: str, say: Progress) -> list[Face]:
    faces = []
    for i, image in enumerate(rows.images):
        x0, y0, x1, y1 = (float(v) for v in box[i])
        faces.append(tracker.detect(image, bboxes=[(x0, y0, x1, y1)])[0])
        say(what, i + 1, len(rows))
    return faces


def _points(faces: list[Face], layout: str) -> Array:
    return np.stack([face.landmarks_px(layout) for face in faces])


def _nme(found: Array, truth: Array) -> npt.NDArray[np.float64]:
    return np.asarray(np.linalg.norm(found - truth, axis=-1).mean(1) / face_sizes(truth))


def _tight(points: Array) -> Array:
    return np.concatenate([points.min(1), points.max(1)], axis=1)


def _calibration(tracker: FaceTracker, rows: Rows, say: Progress) -> dict[str, Any]:
    """The validate fold: both label sets, boxes given and by the own locator; pose against the labels' rotation."""
    original = rows.points[:, SLICES["aflw2000_68"]]
    faces = _detect(tracker, rows, _tight(original), "AFLW2000-3D calibration", say)
    fold = rows.held_out
    held = rows.take(fold)
    mine = [face for face, keep in zip(faces, fold, strict=True) if keep]
    truth, again = held.points[:, SLICES["aflw2000_68"]], held.points[:, SLICES["ibug68"]]
    once = [_one_look(tracker, image, box) for image, box in zip(held.images, _tight(truth), strict=True)]
    out = {
        "original": score(_nme(_points(mine, "aflw2000_68"), truth), held.yaw),
        "original, one look": score(_nme(_points(once, "aflw2000_68"), truth), held.yaw),
        "reannotated": score(_nme(_points(mine, "ibug68"), again), held.yaw),
        "pose_mae_deg": _pose(faces, rows),
        "std": _deviation(mine, held, "aflw2000_68", "aflw2000_68"),
    }
    errors, missed = [], 0
    for i, image in enumerate(held.images):
        face = _nearest(tracker.detect(image), truth[i])
        missed += face is None
        errors.append(
            MISSED if face is None else float(_nme(face.landmarks_px("aflw2000_68")[None], truth[i][None])[0])
        )
        say("own locator", i + 1, len(held))
    out["own_locator"] = score(np.array(errors), held.yaw) | {"missed": missed}
    found = np.array(errors) < MISSED
    out["own_locator_found"] = score(np.array(errors)[found], held.yaw[found])
    return out


def _one_look(tracker: FaceTracker, image: Image, box: Array) -> Face:
    """As a video's frame is read: `detect` looks several times."""
    x0, y0, x1, y1 = (float(v) for v in box)
    return tracker.look(image, (x0, y0, x1, y1))


def _nearest(faces: list[Face], truth: Array) -> Face | None:
    """The face whose box is centred within half a true box of the true centre, on both axes."""
    low, high = truth.min(0), truth.max(0)
    for face in faces:
        x0, y0, x1, y1 = face.bbox
        off = np.abs(np.array([(x0 + x1) / 2, (y0 + y1) / 2]) - (low + high) / 2)
        if (off <= (high - low) / 2).all():
            return face
    return None


def _pose(faces: list[Face], rows: Rows) -> dict[str, float]:
    """Mean absolute error of (yaw, pitch, roll) on the validate fold, and the geodesic mean.

    The two head frames differ by a constant rotation, which is estimated on the train fold.
    """
    mine = np.stack([face.pose.rotation for face in faces]).astype(np.float64)
    labels = rows.angles
    truth = np.stack([_label_rotation(*angle) for angle in labels])
    train = ~rows.held_out
    u, _, vt = np.linalg.svd(np.einsum("nji,njk->ik", mine[train], truth[train]))
    frame = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    aligned = mine[rows.held_out] @ frame
    found = np.array([_label_angles(r) for r in aligned])
    off = np.abs(found - labels[rows.held_out])
    between = np.einsum("nji,njk->nik", aligned, truth[rows.held_out])
    turn = np.degrees(np.arccos(np.clip((np.trace(between, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    pitch, yaw, roll = off.mean(0)
    names = {"yaw": yaw, "pitch": pitch, "roll": roll, "mean": off.mean(), "geodesic": turn.mean()}
    return {name: round(float(value), 2) for name, value in names.items()}


def _label_rotation(pitch: float, yaw: float, roll: float) -> npt.NDArray[np.float64]:
    """AFLW2000-3D's angles (degrees) -> camera_from_head: its R = Rx(pitch) Ry(yaw) Rz(roll) has y up."""
    a, b, c = np.radians([pitch, yaw, roll])
    rx = np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, -np.sin(b)], [0, 1, 0], [np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), np.sin(c), 0], [-np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(FACING.astype(np.float64) @ rx @ ry @ rz)


def _label_angles(rotation: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """The inverse of `_label_rotation`: (pitch, yaw, roll) in degrees."""
    q = FACING.astype(np.float64) @ rotation
    yaw = -np.degrees(np.arcsin(np.clip(q[0, 2], -1, 1)))
    pitch = np.degrees(np.arctan2(q[1, 2], q[2, 2]))
    roll = np.degrees(np.arctan2(q[0, 1], q[0, 0]))
    return float(pitch), float(yaw), float(roll)


def _merl(tracker: FaceTracker, rows: Rows, say: Progress) -> dict[str, Any]:
    """MERL-RAV's test rows: visible points, by yaw; whether the deviations tell the truth; visibility."""
    faces = _detect(tracker, rows, rows.box, "MERL-RAV test", say)
    truth, sure = rows.points[:, SLICES["merl68"]], rows.weights[:, SLICES["merl68"]] > 0.9
    error = _visible_error(_points(faces, "merl68"), truth, sure)
    other = _visible_error(_points(faces, "ibug68"), truth, sure)
    seen = np.stack([face.visibility("ibug68") for face in faces])
    hidden = rows.visibility == 0
    called = seen < 0.5
    known = rows.visibility >= 0
    return {
        "visible": score(error, rows.yaw),
        "visible, read as ibug68": score(other, rows.yaw),
        "std": _deviation(faces, rows, "merl68", "merl68"),
        "self_occluded": {
            "precision": round(float((called & hidden).sum() / max((called & known).sum(), 1)), 3),
            "recall": round(float((called & hidden).sum() / max(hidden.sum(), 1)), 3),
        },
    }


def _visible_error(found: Array, truth: Array, sure: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    masked = np.where(sure[..., None], truth, np.nan)
    w, h = np.moveaxis(np.nanmax(masked, 1) - np.nanmin(masked, 1), -1, 0)
    distance = np.linalg.norm(found - truth, axis=-1)
    return np.asarray((distance * sure).sum(1) / sure.sum(1) / np.sqrt(w * h))


def _deviation(faces: list[Face], rows: Rows, layout: str, labels: str) -> dict[str, float]:
    """E[e^2 / std^2] / 2 (1 is right), shares within the 50 and 95 % circles, rank correlation with the error."""
    from scipy.stats import spearmanr

    truth, sure = rows.points[:, SLICES[labels]], rows.weights[:, SLICES[labels]] > 0.9
    error = np.linalg.norm(_points(faces, layout) - truth, axis=-1)[sure]
    std = np.stack([face.std_px(layout) for face in faces])[sure]
    size = np.repeat(np.array([f.size_px for f in faces])[:, None], truth.shape[1], 1)[sure]
    z = error / std
    return {
        "mean_square_ratio": round(float((z**2).mean() / 2), 3),
        "within_50": round(float((z < 1.1774).mean()), 3),
        "within_95": round(float((z < 2.4477).mean()), 3),
        "rank_correlation": round(float(spearmanr(std / size, error / size)[0]), 3),
    }


def _jitter(tracker: FaceTracker, rows: Rows, say: Progress) -> dict[str, Any]:
    """Boxes scaled by up to 1.2 and moved by up to 15 %, pictures rolled by up to 30 degrees, against neither."""
    import cv2

    rng = np.random.default_rng(0)
    truth, sure = rows.points[:, SLICES["merl68"]], rows.weights[:, SLICES["merl68"]] > 0.9
    plain = _visible_error(_points(_detect(tracker, rows, rows.box, "boxes as given", say), "merl68"), truth, sure)
    moved = []
    for i, image in enumerate(rows.images):
        box, size = rows.box[i], image.shape[0]
        roll = float(rng.uniform(-30, 30))
        side = (box[2:] - box[:2]) * np.exp(rng.uniform(-np.log(1.2), np.log(1.2)))
        centre = (box[:2] + box[2:]) / 2
        turn = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), roll, 1.0)
        # The picture is turned about the face (pixel centres at +0.5), which leaves the box unrolled.
        matrix = turn.copy()
        matrix[:, 2] += turn[:, :2] @ (0.5, 0.5) - 0.5
        turned = np.asarray(cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR), dtype=np.uint8)
        shift = rng.uniform(-0.15, 0.15, 2) * side.max()
        x0, y0 = centre + shift - side / 2
        face = tracker.detect(turned, bboxes=[(x0, y0, x0 + side[0], y0 + side[1])])[0]
        back = np.linalg.inv(turn[:, :2])
        moved.append((face.landmarks_px("merl68") - turn[:, 2]) @ back.T)
        say("jittered boxes", i + 1, len(rows))
    error = _visible_error(np.stack(moved).astype(np.float32), truth, sure)
    return {"given": score(plain, rows.yaw), "jittered": score(error, rows.yaw)}


def _pack(tracker: FaceTracker, rows: Rows, say: Progress) -> dict[str, Any]:
    """A pack's validation rows against each label set that it has."""
    out: dict[str, Any] = {}
    faces = _detect(tracker, rows, rows.box, str(rows.pack[0]), say)
    for labels in ("merl68", "aflw21", "mediapipe478", "tddfa68"):
        sure = rows.weights[:, SLICES[labels]] > 0.3
        use = sure.sum(1) >= 8
        if use.sum() < 5:
            continue
        found = _points([f for f, u in zip(faces, use, strict=True) if u], labels)
        distance = np.linalg.norm(found - rows.points[use][:, SLICES[labels]], axis=-1)
        size = np.sqrt(np.prod(rows.box[use][:, 2:] - rows.box[use][:, :2], axis=1))
        out[labels] = score((distance * sure[use]).sum(1) / sure[use].sum(1) / size, rows.yaw[use])
    return out


def _spread_over_bins(yaw: npt.NDArray[np.float32], each: int) -> npt.NDArray[np.intp]:
    bins = np.digitize(np.abs(yaw), (30, 60), right=True)
    return np.concatenate([np.flatnonzero(bins == b)[:each] for b in range(3)])
