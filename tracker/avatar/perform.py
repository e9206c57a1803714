"""A clip beside the personal head that does the same, and how well lips and lids of the two agree.

The apertures of the head are not read off its mesh: the drawn head is looked at by the tracker like any other face.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from ..detection.follow import FaceTracker
from ..types import Array, Face, FaceState, Frame, Image, TrackResult
from .draw import over
from .show import BACKDROP, Drawer

_LIPS, _CORNERS = (13, 14), (61, 291)
_LIDS = ((159, 145, 33, 133), (386, 374, 263, 362))
"""Of the layout mediapipe478: upper and lower lid, and the eye's corners; of both eyes."""
_SIDE_SHARE = 1.9  # of the face's size: what is shown round it
_SMOOTH = 0.08  # share of a frame's way by which the cut-out follows the face
_LEAST_FRAMES = 10


@dataclass(slots=True)
class Agreement:
    """Apertures of clip and head, one entry for every frame in which both were found."""

    lips: list[tuple[float, float]] = field(default_factory=list)
    lids: list[tuple[float, float]] = field(default_factory=list)
    frames: int = 0

    def add(self, tracked: Face, drawn: Face) -> None:
        """One frame more."""
        (lips_a, lids_a), (lips_b, lids_b) = apertures(tracked), apertures(drawn)
        self.lips.append((lips_a, lips_b))
        self.lids.append((lids_a, lids_b))

    def correlations(self) -> dict[str, float | None]:
        """Pearson's, for lips and lids; None where there is too little to compare or nothing moves."""
        return {"lips": _pearson(self.lips), "lids": _pearson(self.lids)}


def gain(pairs: list[tuple[float, float]]) -> float | None:
    """How much the head's aperture moves for one of the clip's (1 is right): the slope of the straight line through
    them; None as for the correlation."""
    if _pearson(pairs) is None:
        return None
    clip, head = np.asarray(pairs, dtype=np.float64).T
    return float(np.polyfit(clip, head, 1)[0])


def apertures(face: Face) -> tuple[float, float]:
    """How far lips and lids are open, relative to the mouth's and the eyes' widths, in the picture."""
    p = face.landmarks_px("mediapipe478")

    def far(a: int, b: int) -> float:
        return float(np.linalg.norm(p[a] - p[b]))

    lips = far(*_LIPS) / max(far(*_CORNERS), 1e-6)
    lids = [far(up, low) / max(far(a, b), 1e-6) for up, low, a, b in _LIDS]
    return lips, float(np.mean(lids))


def perform(
    results: Iterable[tuple[Frame, TrackResult]],
    drawer: Drawer,
    watcher: FaceTracker | None = None,
    agreement: Agreement | None = None,
    size: int = 360,
    lighting: Array | None = None,
) -> Iterator[tuple[Image, float]]:
    """Pictures (size, 2 size, 3) of a tracked clip beside the head in the same pose, with their times.

    Where `watcher` is given, it looks at the drawn head, and `agreement` is filled. Frames without a face show the
    clip alone.
    """
    window: npt.NDArray[np.float64] | None = None
    for frame, result in results:
        face = result.faces[0] if result.faces else None
        if face is not None:
            wanted = np.array([*_middle(face), _SIDE_SHARE * face.size_px])
            window = wanted if window is None else np.asarray(window + _SMOOTH * (wanted - window))
        if window is None:
            continue
        corner, share = window[:2] - window[2] / 2, size / window[2]
        clip = _cut(frame.image, corner, share, size)
        beside = np.full_like(clip, BACKDROP)
        if face is not None:
            state = moved(face.state, corner, share)
            beside = over(*drawer.draw(state, (size, size), lighting), BACKDROP)
            if watcher is not None and agreement is not None:
                agreement.frames += 1
                box = np.asarray(face.bbox).reshape(2, 2)
                seen = watcher.detect(beside, [tuple(((box - corner) * share).ravel())])
                if seen:
                    agreement.add(face, seen[0])
        yield np.concatenate([clip, beside], axis=1), frame.time


def moved(state: FaceState, corner: npt.NDArray[np.float64], share: float) -> FaceState:
    """The same face in a cut-out that begins at `corner` and is `share` times as large."""
    return replace(
        state,
        centre=np.asarray((state.centre - corner) * share, dtype=np.float32),
        scale=float(state.scale * share),
    )


def _middle(face: Face) -> tuple[float, float]:
    x0, y0, x1, y1 = face.bbox
    return (x0 + x1) / 2, (y0 + y1) / 2 - 0.12 * (y1 - y0)  # the crown belongs to it


def _cut(image: Image, corner: npt.NDArray[np.float64], share: float, size: int) -> Image:
    affine = np.array([[share, 0, -share * corner[0] - 0.5 + 0.5 * share], [0, share, -share * corner[1]]])
    affine[1, 2] += 0.5 * share - 0.5
    way = cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.warpAffine(image, affine, (size, size), flags=way), dtype=np.uint8)


def _pearson(pairs: list[tuple[float, float]]) -> float | None:
    values = np.asarray(pairs, dtype=np.float64)
    if len(values) < _LEAST_FRAMES or (values.std(0) < 1e-6).any():
        return None
    return float(np.asarray(np.corrcoef(values.T))[0, 1])
