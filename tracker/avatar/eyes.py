"""Eyeballs: painted by angle from the pole, in the colours that the pictures show of iris and white."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..types import Array
from .atlas import Texels
from .types import GUESSED, ball_centre, eyeball

_PUPIL_DEG, _IRIS_DEG = 8.5, 22.5
_IRIS = np.array([96.0, 70.0, 50.0], np.float32)
_WHITE = np.array([226.0, 216.0, 210.0], np.float32)


def paint_eyes(
    colour: Array, source: npt.NDArray[np.uint8], seen: Array, confidence: Array, texels: Texels
) -> tuple[Array, npt.NDArray[np.uint8]]:
    """Texels' colours (n, 3) and provenance (n,) with both eyeballs painted.

    seen (n, 3) and confidence (n,) are what pictures show. In a dim picture whites are dim too: where little of them
    was seen they are as much lighter than the skin as they are in most people.
    """
    colour, source = colour.copy(), source.copy()
    angle = np.full(len(texels.flat), np.inf, np.float32)
    for side in (1.0, -1.0):
        part, degrees = _angles(side, texels)
        angle[part] = degrees
    ball = np.isfinite(angle)
    sure = ball & (confidence > 0.1)
    skin = float(np.average(seen.mean(1), weights=confidence + 1e-6))
    level = np.float32(np.clip(1.35 * skin / 210, 0.3, 0.95))
    iris = _tone(seen[sure & (angle > _PUPIL_DEG + 2) & (angle < _IRIS_DEG - 4)], _IRIS * level, 50)
    white = _tone(seen[sure & (angle > _IRIS_DEG + 5) & (angle < 60)], _WHITE * level, 60)
    white = 0.4 * white + 0.6 * _WHITE * min(white.mean() / _WHITE.mean(), 0.95)
    colour[ball] = _painted(angle[ball], iris, white)
    source[ball] = GUESSED
    return colour, source


def _painted(angle: Array, iris: Array, white: Array) -> Array:
    """(n, 3) of an eyeball at these angles (n,) from its pole, degrees."""
    a = angle[:, None]
    ring = np.clip((a - _PUPIL_DEG) / (_IRIS_DEG - _PUPIL_DEG), 0, 1)
    tone = iris * (1.25 - 0.75 * ring**2)  # lighter round the pupil, dark at the rim
    inner = np.clip((a - _PUPIL_DEG) / 2.0 + 0.5, 0, 1)
    outer = np.clip((a - _IRIS_DEG) / 3.0 + 0.5, 0, 1)
    disc = inner * tone + (1 - inner) * np.array([14.0, 12.0, 12.0])
    # Lids shade what lies beside the iris.
    return np.asarray((1 - outer) * disc + outer * white * (1 - 0.35 * np.clip((a - 30) / 30, 0, 1)), dtype=np.float32)


def _tone(colours: Array, otherwise: Array, percentile: float) -> Array:
    """A robust colour (3,) of what was seen, mixed with a default while little was."""
    if len(colours) == 0:
        return otherwise
    share = min(len(colours) / 150, 1.0)
    return np.asarray(share * np.percentile(colours, percentile, axis=0) + (1 - share) * otherwise, dtype=np.float32)


def _angles(side: float, texels: Texels) -> tuple[npt.NDArray[np.intp], Array]:
    """Texels of an eyeball, and their angles from its pole."""
    head = load_head()
    ball = eyeball(side)
    mine = np.zeros(len(head.mean), bool)
    mine[ball] = True
    part = np.flatnonzero(mine[head.tri[texels.triangle]].all(1))
    place = texels.points(head.mean)[part] - ball_centre(head.mean[ball])
    cosine = place[:, 2] / np.linalg.norm(place, axis=1)
    return part, np.degrees(np.arccos(np.clip(cosine, -1, 1))).astype(np.float32)
