"""Two passes over one session, or two sessions of one video, beside each other: how far their landmarks lie apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import SourceError
from .columns import POINTS
from .replay import Session
from .take import Take
from .timeline import timeline_of

_NEAR = 0.6
"""Of a frame's step: further apart in time two frames are not the same one."""
_EYES = (36, 45)
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the frames in which both have the face: mean and largest distance of a landmark, px and % of the face's size
    (sqrt of its box's area); the jitter of either, the mean second difference in % of the eyes' distance."""

    frames: int
    both: int
    mean_px: float
    max_px: float
    mean_share: float
    max_share: float
    jitter: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Comparison:
    """`other` (F,): which frame of the second belongs to each of the first, -1: none; `distance` (F,) px, mean over
    the landmarks, NaN where one has no face."""

    other: npt.NDArray[np.int64]
    distance: Numbers
    figures: Figures


def compare(first: Session, second: Session) -> Comparison:
    """Compare the values that either session shows (`Session.which`), of the face that is there longest.

    Raises SourceError where a table lacks the points, or not one frame of the two is of the same time.
    """
    other = matched(first, second)
    if not (other >= 0).any():
        raise SourceError(f"{first.folder} and {second.folder} have no frame in common; compare sessions of one video.")
    one, two = _points(first.take()), _points(second.take())
    beside = np.full_like(one, np.nan)
    beside[other >= 0] = two[other[other >= 0]]
    apart = np.linalg.norm(one - beside, axis=2)
    size = _size(one)
    shared = np.isfinite(apart).all(1)
    if not shared.any():
        raise SourceError(f"{first.folder} and {second.folder} never have a face in the same frame.")
    share = 100.0 * apart[shared] / size[shared, None]
    figures = Figures(
        len(other), int(shared.sum()), float(apart[shared].mean()), float(apart[shared].max()), float(share.mean()),
        float(share.max()), (jitter(one), jitter(two)),
    )  # fmt: skip
    distance = np.full(len(other), np.nan)
    distance[shared] = apart[shared].mean(1)
    return Comparison(other, distance, figures)


def matched(first: Session, second: Session) -> npt.NDArray[np.int64]:
    """(F,) for each frame of the first the frame of the second that is nearest in time from the start; -1: none."""
    one, two = timeline_of(first), timeline_of(second)
    if not len(one) or not len(two):
        return np.full(len(one), -1, np.int64)
    after = np.clip(np.searchsorted(two.time, one.time), 1, max(len(two) - 1, 1))
    before = np.minimum(after - 1, len(two) - 1)
    after = np.minimum(after, len(two) - 1)
    nearer = np.where(np.abs(two.time[before] - one.time) <= np.abs(two.time[after] - one.time), before, after)
    near = np.abs(two.time[nearer] - one.time) <= _NEAR * max(one.step, 1e-3)
    return np.where(near, nearer, -1).astype(np.int64)


def jitter(points: Numbers) -> float:
    """Mean length of the second difference of points (F, N, 2), in % of the distance of the outer eye corners."""
    bend = np.linalg.norm(np.diff(points, 2, axis=0), axis=2)
    seen = np.isfinite(bend).all(1)
    if not seen.any():
        return float("nan")
    eyes = np.linalg.norm(points[2:, _EYES[0]] - points[2:, _EYES[1]], axis=1)[seen]
    return float((bend[seen].mean(1) / np.maximum(eyes, 1e-6)).mean() * 100.0)


def _points(take: Take) -> Numbers:
    return take.values(POINTS).reshape(len(take), -1, 2)


def _size(points: Numbers) -> Numbers:
    """(F,) sqrt of the area of the points' box."""
    width = points[:, :, 0].max(1) - points[:, :, 0].min(1)
    height = points[:, :, 1].max(1) - points[:, :, 1].min(1)
    return np.asarray(np.sqrt(np.maximum(width * height, 1e-6)))
