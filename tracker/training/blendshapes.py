"""Blendshapes and gaze against the teacher's (MediaPipe's), and against the mirrored picture's.

Of gaze the picture shows where the iris lies between the lids: that is compared, in both meshes alike, and the
eyeLook shapes by their correlation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..detection.follow import FaceTracker
from ..head import EXPRESSIONS
from ..head.axes import SWAPPED, gaze_of
from ..types import Array, Face
from .packs import SLICES, Rows

LEAST_SPREAD = 0.02
"""Shapes that the teacher moves less than this (standard deviation over the rows) have no correlation to speak of."""
EYES = {"right": (33, 133, 159, 145, 468), "left": (362, 263, 386, 374, 473)}
"""Of MediaPipe's mesh: the corners from image left to right, the middles of both lids, and the iris."""
LOOKS = [i for i, name in enumerate(EXPRESSIONS) if name.startswith("eyeLook")]
FRONTAL = 35.0


def agreement(faces: list[Face], rows: Rows) -> dict[str, Any]:
    """Pearson's correlation with the teacher's shapes, and the mean absolute difference, over rows that have them."""
    use = np.flatnonzero(np.isfinite(rows.blend).any(1))
    mine = np.stack([faces[i].state.expression for i in use]).astype(np.float64)
    theirs = rows.blend[use].astype(np.float64)
    each: dict[str, float] = {}
    for k, name in enumerate(EXPRESSIONS):
        if np.isfinite(theirs[:, k]).all() and theirs[:, k].std() > LEAST_SPREAD:
            moved = mine[:, k].std() > 1e-6
            each[name] = round(float(np.corrcoef(mine[:, k], theirs[:, k])[0, 1]), 3) if moved else 0.0
    values = np.array(list(each.values()))
    return {
        "rows": len(use),
        "shapes": len(each),
        "median_correlation": round(float(np.median(values)), 3) if len(values) else None,
        "over_0.7": int((values > 0.7).sum()),
        "mean_difference": round(float(np.nanmean(np.abs(mine - theirs))), 4),
        "each": dict(sorted(each.items(), key=lambda item: item[1])),
    }


def iris_places(mesh: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(n, 478, 2) -> (n, 4): of the right and the left eye, how far the iris lies from the corners' middle along
    them, and from the lids' middle across them; in widths of the eye."""
    out = []
    for a, b, upper, lower, iris in EYES.values():
        along = mesh[:, b] - mesh[:, a]
        width = np.linalg.norm(along, axis=-1, keepdims=True)
        along = along / np.maximum(width, 1e-6)
        across = np.stack([-along[:, 1], along[:, 0]], -1)
        corners, lids = (mesh[:, a] + mesh[:, b]) / 2, (mesh[:, upper] + mesh[:, lower]) / 2
        out.append((((mesh[:, iris] - corners) * along).sum(-1, keepdims=True)) / width)
        out.append((((mesh[:, iris] - lids) * across).sum(-1, keepdims=True)) / width)
    return np.concatenate(out, 1).astype(np.float64)


def gaze(faces: list[Face], rows: Rows) -> dict[str, float]:
    """Of faces to 35 degrees of yaw: where the irises lie, against the teacher's mesh, and where the eyeLook shapes
    point, against its shapes."""
    sure = (rows.weights[:, SLICES["mediapipe478"]] > 0.5).all(1) & (np.abs(rows.yaw) < FRONTAL)
    use = np.flatnonzero(sure)
    if len(use) < 5:
        return {}
    mine = iris_places(np.stack([faces[i].landmarks_px("mediapipe478") for i in use]))
    theirs = iris_places(rows.points[use][:, SLICES["mediapipe478"]])
    out: dict[str, float] = {"rows": len(use)}
    for name, k in (("aside", (0, 2)), ("up_down", (1, 3))):
        a, b = mine[:, k].ravel(), theirs[:, k].ravel()
        out[f"{name}_difference"] = round(float(np.abs(a - b).mean()), 4)
        out[f"{name}_spread_of_teacher"] = round(float(b.std()), 4)
        out[f"{name}_correlation"] = round(float(np.corrcoef(a, b)[0, 1]), 3)
    told = use[np.isfinite(rows.blend[use][:, LOOKS]).all(1)]
    if len(told) >= 5:
        looks = _looks(np.stack([faces[i].state.expression for i in told])), _looks(rows.blend[told])
        for angle, name in enumerate(("looks_aside", "looks_up_down")):
            a, b = (look[..., angle].ravel() for look in looks)
            if a.std() > 1e-6 and b.std() > 1e-6:
                out[f"{name}_correlation"] = round(float(np.corrcoef(a, b)[0, 1]), 3)
    return out


def _looks(shapes: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(n, 52) -> (n, 2 eyes, yaw and pitch) degrees."""
    return np.array([[(eye.yaw, eye.pitch) for eye in gaze_of(row)] for row in shapes.astype(np.float32)])


def mirrored(tracker: FaceTracker, rows: Rows, faces: list[Face]) -> dict[str, float]:
    """The shapes of mirrored pictures with their sides swapped, against the pictures' own: both should be one."""
    mine, theirs = [], []
    for face, image, box in zip(faces, rows.images, rows.box, strict=True):
        width = image.shape[1]
        x0, y0, x1, y1 = (float(v) for v in box)
        other = tracker.detect(np.ascontiguousarray(image[:, ::-1]), bboxes=[(width - x1, y0, width - x0, y1)])[0]
        mine.append(face.state.expression)
        theirs.append(other.state.expression[SWAPPED])
    a, b = np.stack(mine).astype(np.float64), np.stack(theirs).astype(np.float64)
    moved = (a.std(0) > LEAST_SPREAD) & (b.std(0) > LEAST_SPREAD)
    each = [np.corrcoef(a[:, k], b[:, k])[0, 1] for k in np.flatnonzero(moved)]
    return {
        "rows": len(a),
        "mean_difference": round(float(np.abs(a - b).mean()), 4),
        "median_correlation": round(float(np.median(each)), 3) if each else 0.0,
    }


def shape(expression: Array, name: str) -> float:
    """One of ARKit's 52 by name."""
    return float(expression[EXPRESSIONS.index(name)])
