"""A clip beside the personal head that does the same, and how well lips and lids of the two agree.

The head's apertures are read twice: off its mesh where it is drawn, and off its picture, which the tracker looks at as
at any other face's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..detection.follow import FaceTracker
from ..head import load_head
from ..types import Array, Face, FaceState, Frame, Image, TrackResult
from .draw import over
from .drive import LAYOUT, Driver
from .show import BACKDROP, Drawer
from .types import Avatar

PARTS = ("lips", "lids")
_LIPS, _CORNERS = (13, 14), (61, 291)
_LIDS = ((159, 145, 33, 133), (386, 374, 263, 362))
"""Of LAYOUT: upper and lower lid, and the eye's corners; of both eyes."""
_SIDE_SHARE = 1.9  # of the face's size: what is shown round it
_SMOOTH = 0.08  # share of a frame's way by which the cut-out follows the face
_LEAST_FRAMES = 10


Pairs = list[tuple[float, float]]
"""An aperture of the clip's face and of the head, a frame each."""


@dataclass(slots=True)
class Agreement:
    """Apertures of clip and head: `mesh` read off the head's vertices, `seen` by the tracker that looks at the drawn
    head, where it found one. Each has the parts "lips" and "lids"."""

    mesh: dict[str, Pairs] = field(default_factory=lambda: {part: [] for part in PARTS})
    seen: dict[str, Pairs] = field(default_factory=lambda: {part: [] for part in PARTS})

    def add(self, into: dict[str, Pairs], clip: Array, head: Array) -> None:
        """One frame more: landmarks (478, 2) of the clip's face and of the head, pixels."""
        for part, one, other in zip(PARTS, apertures(clip), apertures(head), strict=True):
            into[part].append((one, other))

    def figures(self) -> dict[str, dict[str, dict[str, Any]]]:
        """{"mesh", "seen"}, {"lips", "lids"}: frames, Pearson's correlation, and gain, both None where there is too
        little to compare or nothing moves."""
        return {
            way: {part: {"frames": len(p), "correlation": correlation(p), "gain": gain(p)} for part, p in pairs.items()}
            for way, pairs in (("mesh", self.mesh), ("seen", self.seen))
        }


def correlation(pairs: Pairs) -> float | None:
    """Pearson's; None where there is too little to compare or nothing moves."""
    values = np.asarray(pairs, dtype=np.float64)
    if len(values) < _LEAST_FRAMES or (values.std(0) < 1e-6).any():
        return None
    return float(np.asarray(np.corrcoef(values.T))[0, 1])


def gain(pairs: Pairs) -> float | None:
    """How much the head's aperture moves for one of the clip's (1 is right): the slope of the straight line through
    them; None as for the correlation."""
    if correlation(pairs) is None:
        return None
    clip, head = np.asarray(pairs, dtype=np.float64).T
    return float(np.polyfit(clip, head, 1)[0])


def apertures(points: Array) -> tuple[float, float]:
    """How far lips and lids are open, relative to the mouth's and the eyes' widths in the picture; (478, 2) pixels."""

    def far(a: int, b: int) -> float:
        return float(np.linalg.norm(points[a] - points[b]))

    lips = far(*_LIPS) / max(far(*_CORNERS), 1e-6)
    lids = [far(up, low) / max(far(a, b), 1e-6) for up, low, a, b in _LIDS]
    return lips, float(np.mean(lids))


def mesh_landmarks(avatar: Avatar, state: FaceState) -> Array:
    """(478, 2) pixels: where the head's own vertices put the landmarks."""
    return state.project(load_head().layouts[LAYOUT].of(avatar.vertices(state.expression)))


def perform(
    results: Iterable[tuple[Frame, TrackResult]],
    drawer: Drawer,
    watcher: FaceTracker | None = None,
    agreement: Agreement | None = None,
    size: int = 360,
    lighting: Array | None = None,
) -> Iterator[tuple[Image, float]]:
    """Pictures (size, 2 size, 3) of a tracked clip beside the head in the same pose, with their times.

    `agreement` is filled, its `seen` where a `watcher` is given that looks at the drawn head. Frames without a face
    show the clip alone.
    """
    driver = Driver(drawer.avatar)
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
            state = moved(driver.state(face), corner, share)
            beside = over(*drawer.draw(state, (size, size), lighting), BACKDROP)
            if agreement is not None:
                shown = np.asarray((face.landmarks_px(LAYOUT) - corner) * share, np.float32)
                agreement.add(agreement.mesh, shown, mesh_landmarks(drawer.avatar, state))
                box = (np.asarray(face.bbox).reshape(2, 2) - corner) * share
                looked = watcher.detect(beside, [tuple(box.ravel())]) if watcher is not None else []
                if looked:
                    agreement.add(agreement.seen, shown, looked[0].landmarks_px(LAYOUT))
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
