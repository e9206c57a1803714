"""How a face's pixels move from frame to frame, measured twice; neither a tracker nor a filter has a part in it, but
for where the face is looked for.

Small windows on the upper half of the face, laid like the fields of a chessboard, are found again in the next frame
(Lucas and Kanade, IJCAI 1981; pyramidal, Bouguet 2001). White and black fields share no pixel: each colour gives
a measurement of its own, the similarity that most of its windows agree on.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..detection.align import common_motion
from ..types import Image
from .measures import EYES, Floats

_FACE = [*range(1, 4), *range(13, 16), *range(17, 27), *range(31, 36)]
"""Of the 68: round the part that speech moves little."""
_INSIDE, _EYE = 0.92, 0.25
"""Of that outline, what is looked at; about either eye's centre nothing is, in distances of the eyes."""
_EYES_PX = 60.0
"""A larger face is made smaller by a whole number, to about this distance of the eyes."""
_FIELDS, _SMALL, _LARGE = 6, 7, 11
"""Fields to the distance of the eyes, and the least and most pixels of one."""
_ROOM = 0.6
"""Distances of the eyes that are cut round it."""
_FEW, _AGREE = 6, 0.3
"""Windows of a colour that are needed, and the share of them that must agree (`align.AGREE`)."""
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.005)
_UNSEEN = np.full((2, 3, 3), np.nan)


class Pixels:
    """Fed with every frame of a clip; `points` (T, 68, 2) where a face was looked for, NaN where there was none, and
    `motions` (2, T, 3, 3), white and black: from each frame's pixels to the next one's, NaN where they do not say."""

    def __init__(self) -> None:
        self._points: list[Floats] = []
        self._motions: list[Floats] = []
        self._before: npt.NDArray[np.uint8] | None = None

    def add(self, image: Image, points: npt.NDArray[np.floating] | None) -> None:
        """A frame (H, W, 3) RGB and the face's 68 points in it, which need not be exact."""
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        now = np.full((68, 2), np.nan) if points is None else points.astype(np.float64)
        if self._before is not None:
            there = np.isfinite(self._points[-1]).all() and np.isfinite(now).all()
            self._motions.append(_followed(self._before, grey, self._points[-1], now) if there else _UNSEEN)
        self._points.append(now)
        self._before = grey

    @property
    def points(self) -> Floats:
        return np.array(self._points).reshape(-1, 68, 2)

    @property
    def motions(self) -> Floats:
        return np.stack([*self._motions, _UNSEEN], axis=1) if self._points else np.zeros((2, 0, 3, 3))


def _followed(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8], points: Floats, now: Floats) -> Floats:
    """(2, 3, 3) from a frame's pixels to the next one's, white and black; NaN where they do not say."""
    eyes = np.array([points[eye].mean(0) for eye in EYES])
    apart = float(np.linalg.norm(eyes[0] - eyes[1]))
    shrink = max(1, round(apart / _EYES_PX))
    hull = points[_FACE].mean(0) + _INSIDE * (points[_FACE] - points[_FACE].mean(0))
    shift = np.rint((now - points).mean(0)).astype(int)
    limits = np.array(before.shape[::-1])
    low = np.maximum(np.floor(hull.min(0) - _ROOM * apart).astype(int), np.maximum(0, -shift))
    high = np.minimum(np.ceil(hull.max(0) + _ROOM * apart).astype(int), np.minimum(limits, limits - shift))
    size = (high - low) // shrink
    if (size < 2 * _LARGE).any():
        return _UNSEEN
    field = int(np.clip(round(apart / shrink / _FIELDS), _SMALL, _LARGE))
    y, x = (v.ravel() for v in np.mgrid[0 : size[1] : field, 0 : size[0] : field])
    start = np.stack([x, y], axis=1) + 0.5
    outline = cv2.convexHull(((hull - low) / shrink).astype(np.float32))
    inside = np.array([cv2.pointPolygonTest(outline, (float(u), float(v)), False) >= 0 for u, v in start])
    for eye in (eyes - low) / shrink:
        inside &= np.linalg.norm(start - eye, axis=1) > _EYE * apart / shrink
    start, white = start[inside], ((x + y) // field % 2 > 0)[inside]
    if min(white.sum(), (~white).sum()) < _FEW:
        return _UNSEEN
    guess, _ = common_motion(points[17:48], now[17:48], np.ones(31, np.bool_))
    first = (((start * shrink + low) @ guess[:, :2].T + guess[:, 2] - low - shift) / shrink - 0.5).astype(np.float32)
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        _cut(before, low, size, shrink),
        _cut(after, low + shift, size, shrink),
        (start - 0.5).astype(np.float32)[:, None],  # OpenCV counts a pixel's centre as whole numbers
        first[:, None].copy(),
        winSize=(field - 3 + field % 2,) * 2,
        maxLevel=2,
        criteria=_STOP,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    end, good = found[:, 0] + np.float32(0.5), status[:, 0] > 0
    motions = [common_motion(start[part], end[part], good[part]) for part in (white, ~white)]
    if min(share for _, share in motions) < _AGREE:
        return _UNSEEN
    into, out = (np.array(((shrink, 0.0, x), (0.0, shrink, y), (0.0, 0.0, 1.0))) for x, y in (low, low + shift))
    return np.stack([out @ np.vstack([motion, (0.0, 0.0, 1.0)]) @ np.linalg.inv(into) for motion, _ in motions])


def _cut(picture: npt.NDArray[np.uint8], low: npt.NDArray[np.int_], size: npt.NDArray[np.int_], shrink: int) -> Image:
    (x, y), (width, height) = low.tolist(), size.tolist()
    part = picture[y : y + height * shrink, x : x + width * shrink]
    return np.ascontiguousarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
