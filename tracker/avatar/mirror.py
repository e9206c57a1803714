"""A photograph is read in its mirror image, too: what the network says of a face depends a little on where it is cut
out and leans a little to one side; the mean of both readings does so less."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..detection.follow import FaceTracker
from ..head import expression_flip, load_head
from ..types import Array, Face, Image
from .fit import Seen, landmarks_of

_LEAST_PRESENCE = 0.5
_FARTHEST = 0.06
"""Of the face's size, how far the two readings' landmarks may lie apart on average."""


def both_ways(image: Image, face: Face, tracker: FaceTracker) -> Seen:
    """What a picture (H, W, 3) and its mirror image say of a face in it, on average; where the mirror image shows
    another face or none, what the picture says."""
    seen, width = landmarks_of(face), image.shape[1]
    x0, y0, x1, y1 = face.bbox
    twin = tracker.detect(np.ascontiguousarray(image[:, ::-1]), [(width - x1, y0, width - x0, y1)])[0]
    if twin.presence < _LEAST_PRESENCE:
        return seen
    other = unmirrored(landmarks_of(twin), width)
    apart = float(np.linalg.norm(other.at - seen.at, axis=1).mean())
    return mean_of(seen, other) if apart < _FARTHEST * face.size_px else seen


def unmirrored(seen: Seen, width: float) -> Seen:
    """What `landmarks_of` found in a mirror image, in the picture of that `width` itself; where it starts keeps its
    pose, which is not mirrored."""
    points, shapes = _flips()
    at = seen.at[points]
    at[:, 0] = width - at[:, 0]
    start = replace(seen.start, expression=seen.start.expression[shapes])
    return replace(seen, at=at, std=seen.std[points], start=start)


def mean_of(seen: Seen, other: Seen) -> Seen:
    """Points, deviations, expression and nearness of both on average; the pose of the first."""
    one, two = seen.start, other.start
    start = replace(
        one,
        expression=_mean(one.expression, two.expression),
        nearness=float(np.sqrt(one.nearness * two.nearness)),
    )
    return replace(seen, start=start, at=_mean(seen.at, other.at), std=_mean(seen.std, other.std))


def _mean(one: Array, two: Array) -> Array:
    return np.asarray((one + two) / 2, dtype=np.float32)


@lru_cache(maxsize=1)
def _flips() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Mirror partners of the points of `landmarks_of`, and of the expressions."""
    layouts = load_head().layouts
    dense = layouts["mediapipe478"].flip
    contour = layouts["ibug68"].flip[:17]
    return np.concatenate([dense, len(dense) + contour]), expression_flip()
