"""Lips: read off a picture where its landmarks show them, whatever the fit's mouth does, and shut on a head at rest.

The fit opens its mouth by the 52 expressions alone, some millimetres less than the person does: what then lies on the
model's lips are the person's teeth.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..head import load_head
from ..types import Array, FaceState
from .atlas import Texels
from .drive import lips_apart
from .fit import Seen
from .membrane import smoothstep, spread
from .texture import Sample

LAYOUT = "mediapipe478"
_INNER = (
    (13, 14), (82, 87), (312, 317), (81, 178), (311, 402), (80, 88), (310, 318), (191, 95), (415, 324),
)  # fmt: skip
"""Upper and lower points of the gap between lips."""
_CORNERS = (78, 308, 61, 291)
_OUTER = (185, 40, 39, 37, 0, 267, 269, 270, 409, 146, 91, 181, 84, 17, 314, 405, 321, 375)
_STIFF, _DECAY = 0.3, 0.05  # what is not lips follows for a centimetre or so
_FARTHEST_M = 0.01
_OVERLAP_M = 0.0006
_OPEN_M = 0.004
_LIP, _CLEAR = 3, 0.3
_PALER, _DARKER, _FADE = 0.08, 0.55, 0.06
"""From how much more green beside red than lips have a texel is teeth, below which share of their brightness it is the
mouth's inside, and within how much more it loses its weight."""


def lips_where_seen(vertices: Array, state: FaceState, seen: Seen) -> Array:
    """The vertices (6017, 3) of a fit, head frame, with the lips moved along the picture to where `seen` has them."""
    upper, lower = np.array(_INNER).T
    at = seen.at.copy()
    told = np.linalg.norm(at[lower] - at[upper], axis=1) / state.scale
    # Lips that touch are told some millimetres apart.
    share = np.array([lips_apart(float(gap)) / max(float(gap), 1e-6) for gap in told], np.float32)[:, None]
    middle = (at[upper] + at[lower]) / 2
    at[upper], at[lower] = middle + share * (at[upper] - middle), middle + share * (at[lower] - middle)
    points = np.array([*upper, *lower, *_CORNERS, *_OUTER])
    index, weight = seen.index[points], seen.weight[points]
    place = np.einsum("nkc,nk->nc", vertices[index], weight)
    depth = 1.0 + state.nearness * (place @ state.rotation[2])
    off = np.zeros((len(points), 3), np.float32)
    off[:, :2] = (at[points] - state.project(place)) * (depth / state.scale)[:, None]
    off *= np.minimum(1.0, _FARTHEST_M / np.maximum(np.linalg.norm(off, axis=1, keepdims=True), 1e-6))
    return np.asarray(vertices + _carried(off @ state.rotation, index, weight), dtype=np.float32)


def without_teeth(sample: Sample, seen: Seen, texels: Texels) -> Sample:
    """The sample without what it shows on lips that are apart and looks like teeth or the mouth's inside."""
    upper, lower = np.array(_INNER).T
    gap = float(np.linalg.norm(seen.at[lower] - seen.at[upper], axis=1).mean()) / seen.start.scale
    lip = (load_head().region[load_head().tri[texels.triangle]] == _LIP).any(1)
    clear = lip & (sample.weight > _CLEAR)
    if gap < _OPEN_M or not clear.any():
        return sample
    red, green = sample.colour[:, 0], sample.colour[:, 1]
    tinge = green / np.maximum(red, 1.0)
    paler = (tinge - np.median(tinge[clear]) - _PALER) / _FADE
    darker = (_DARKER - red / np.median(red[clear])) / _FADE
    lost = np.maximum(smoothstep(paler), smoothstep(darker)) * lip
    return replace(sample, weight=np.asarray(sample.weight * (1 - lost), dtype=np.float32))


def shut(neutral: Array) -> Array:
    """The vertices (6017, 3) of a head at rest with lips that touch: the model's stand half a millimetre apart, and a
    line of teeth showed between them."""
    rows = load_head().layouts[LAYOUT]
    upper, lower = np.array(_INNER).T
    points = rows.of(neutral)
    gap = np.maximum(points[upper, 1] - points[lower, 1] + _OVERLAP_M, 0.0)
    off = np.zeros((2 * len(upper), 3), np.float32)
    off[:, 1] = np.concatenate([-gap / 2, gap / 2])
    both = np.concatenate([upper, lower])
    return np.asarray(neutral + _carried(off, rows.index[both], rows.weight[both]), dtype=np.float32)


def _carried(off: Array, index: np.ndarray[tuple[int, ...], np.dtype[np.intp]], weight: Array) -> Array:
    """(6017, 3): how all vertices move where points of the mesh (their corners and weights (n, 3)) move by `off`
    (n, 3)."""
    count = len(load_head().mean)
    trust, moved = np.zeros(count, np.float32), np.zeros((count, 3), np.float32)
    np.add.at(trust, index.ravel(), weight.ravel())
    np.add.at(moved, index.ravel(), (weight[..., None] * off[:, None]).reshape(-1, 3))
    mean = np.asarray(moved / np.maximum(trust, 1e-6)[:, None], dtype=np.float32)
    return spread(mean, np.minimum(trust, 1.0), decay=_DECAY, stiff=_STIFF)
