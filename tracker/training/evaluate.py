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
from ..types import Array, Face, Image
from .blendshapes import agreement, gaze, mirrored
from .packs import ALL_PACKS, SETS, SLICES, Rows, load_rows
from .pose import pose_errors
from .protocol import bin_means, face_sizes
from .reliability import expected, factor, figures
from .worst import Scored

log = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]
MISSED = 0.20
"""The error that a face counts with that was not found."""
MIRRORED = ("fairface", "facesynthetics")
"""Packs whose held-out pictures are read mirrored, too."""


def evaluate(
    data: Path,
    tracker: FaceTracker,
    packs: tuple[str, ...] = ALL_PACKS,
    progress: Progress | None = None,
    keep: list[Scored] | None = None,
) -> dict[str, Any]:
    """Every figure as {"balanced": .., "bins": [..], "n": ..} (percent) or plain numbers, by name.

    `keep` collects what was read of every set, for contact sheets and reliability plots.
    """
    rows = load_rows(data, packs)
    keep = [] if keep is None else keep
    say = progress or (lambda what, done, total: None)
    out: dict[str, Any] = {"model": tracker.model_info, "engine": tracker.engine_name}
    calibration = rows.take(rows.pack == "aflw2000_calibration")
    if len(calibration):
        out["aflw2000_calibration"] = _calibration(tracker, calibration, say, keep)
    test = rows.take(rows.merl_test & ((rows.weights[:, SLICES["merl68"]] > 0.9).sum(1) >= 8))
    if len(test):
        out["merl_test"] = _merl(tracker, test, say, keep)
        out["roi_jitter"] = _jitter(tracker, test.take(_spread_over_bins(test.yaw, 300)), say)
    for pack in packs:
        held = rows.take((rows.pack == pack) & rows.held_out & ~rows.merl_test)
        if len(held) and pack != "aflw2000_calibration":
            out[pack] = _pack(tracker, held, say, keep)
    return out


def std_factors(
    data: Path, tracker: FaceTracker, each: int = 300, progress: Progress | None = None
) -> dict[str, float]:
    """By what each label set's deviations must be multiplied, from training rows drawn over yaw and packs.

    Factors that the model already has are part of the answer.
    """
    rows = load_rows(data)
    rows = rows.take(rows.trainable)
    say = progress or (lambda what, done, total: None)
    out: dict[str, float] = {}
    for s in SETS:
        index = np.flatnonzero((rows.weights[:, SLICES[s.name]] > 0.9).sum(1) >= 8)
        index = np.random.default_rng(0).permutation(index)
        chosen = rows.take(index[_spread_over_bins(rows.yaw[index], each // 3)])
        if len(chosen) < 20:
            continue
        own = s.name in ("aflw2000_68", "ibug68")
        box = _tight(chosen.points[:, SLICES["aflw2000_68"]]) if own else chosen.box
        faces = _detect(tracker, chosen, box, f"deviations of {s.name}", say)
        out[s.name] = factor(expected(faces, chosen, s.name, s.name)) * tracker.basis.scale(s.name)
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


def _calibration(tracker: FaceTracker, rows: Rows, say: Progress, keep: list[Scored]) -> dict[str, Any]:
    """The validate fold: both label sets, boxes given and by the own locator; pose against the labels' rotation."""
    original = rows.points[:, SLICES["aflw2000_68"]]
    faces = _detect(tracker, rows, _tight(original), "AFLW2000-3D calibration", say)
    fold = rows.held_out
    held = rows.take(fold)
    mine = [face for face, keep in zip(faces, fold, strict=True) if keep]
    truth, again = held.points[:, SLICES["aflw2000_68"]], held.points[:, SLICES["ibug68"]]
    once = [_one_look(tracker, image, box) for image, box in zip(held.images, _tight(truth), strict=True)]
    first, second = _nme(_points(mine, "aflw2000_68"), truth), _nme(_points(mine, "ibug68"), again)
    keep.append(Scored("calibration, original", held, mine, "aflw2000_68", "aflw2000_68", first))
    keep.append(Scored("calibration, reannotated", held, mine, "ibug68", "ibug68", second))
    out = {
        "original": score(first, held.yaw),
        "original, one look": score(_nme(_points(once, "aflw2000_68"), truth), held.yaw),
        "reannotated": score(second, held.yaw),
        "pose_mae_deg": pose_errors(np.stack([face.pose.rotation for face in faces]), rows),
        "std": figures(expected(mine, held, "aflw2000_68", "aflw2000_68")),
        "std, ibug68": figures(expected(mine, held, "ibug68", "ibug68")),
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


def _merl(tracker: FaceTracker, rows: Rows, say: Progress, keep: list[Scored]) -> dict[str, Any]:
    """MERL-RAV's test rows: visible points, by yaw; whether the deviations tell the truth; visibility."""
    faces = _detect(tracker, rows, rows.box, "MERL-RAV test", say)
    truth, sure = rows.points[:, SLICES["merl68"]], rows.weights[:, SLICES["merl68"]] > 0.9
    error = _visible_error(_points(faces, "merl68"), truth, sure)
    other = _visible_error(_points(faces, "ibug68"), truth, sure)
    keep.append(Scored("merl test", rows, faces, "merl68", "merl68", error))
    seen = np.stack([face.visibility("ibug68") for face in faces])
    hidden = rows.visibility == 0
    called = seen < 0.5
    known = rows.visibility >= 0
    return {
        "visible": score(error, rows.yaw),
        "visible, read as ibug68": score(other, rows.yaw),
        "std": figures(expected(faces, rows, "merl68", "merl68")),
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


def _pack(tracker: FaceTracker, rows: Rows, say: Progress, keep: list[Scored]) -> dict[str, Any]:
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
        error = (distance * sure[use]).sum(1) / sure[use].sum(1) / size
        out[labels] = score(error, rows.yaw[use])
        read = [f for f, u in zip(faces, use, strict=True) if u]
        keep.append(Scored(f"{rows.pack[0]}, {labels}", rows.take(use), read, labels, labels, error))
    if np.isfinite(rows.blend).any():
        out["blendshapes"] = agreement(faces, rows)
        out["gaze"] = gaze(faces, rows)
    if rows.pack[0] in MIRRORED:
        out["mirrored"] = mirrored(tracker, rows, faces)
    return out


def _spread_over_bins(yaw: npt.NDArray[np.float32], each: int) -> npt.NDArray[np.intp]:
    bins = np.digitize(np.abs(yaw), (30, 60), right=True)
    return np.concatenate([np.flatnonzero(bins == b)[:each] for b in range(3)])
