"""Does a drawn head's skin stay where it is while the face moves? Optical flow of its picture beside the mesh's way.

A head is drawn from one side, at rest and with the expressions of a clip. Where the mesh rests, the picture must rest;
where the mesh moves, the picture must move with it. What differs is texture that swims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..head.model import SKIN_REGIONS
from ..types import Array, FaceState, Image
from .lighting import WHITE
from .render import interpolated, rasterise, seen_from, viewpoint
from .show import Drawer
from .types import Avatar

_RESTS_PX, _MOVES_PX = 0.05, 1.0
_BESIDE_PX = 6
"""So near to what moves, or to an edge, the flow's window sees both: not counted."""
_LEAST_CONTRAST = 4.0  # grey levels: nothing can be followed on plain skin
_HIDDEN_M = 0.003


@dataclass(frozen=True, slots=True)
class Swimming:
    """Pixels of a picture of `size`, over all frames.

    rests_px    how far the picture moves where the mesh rests: 95 % of it less than that
    beside_px   how far the picture's way lies from the mesh's where that moves: median, and 95 %
    way_px      the median of the mesh's own way there

    None where there was nothing of it.
    """

    frames: int
    size: int
    rests_px: float | None
    beside_px: float | None
    beside_95_px: float | None
    way_px: float | None


def swimming(drawer: Drawer, expressions: Sequence[Array], size: int = 360, yaw: float = 0.0) -> Swimming:
    """Measure a head with expressions (52,) each, in white light from everywhere, seen from `yaw` degrees."""
    avatar, state = drawer.avatar, viewpoint(yaw, 0.0, size)
    before = _grey(drawer, state, size)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    rests: list[Array] = []
    beside: list[Array] = []
    way: list[Array] = []
    for expression in expressions:
        moved = replace(state, expression=expression)
        after = _grey(drawer, moved, size)
        found = flow.calc(before, after, None)
        truth, shown = mesh_way(avatar, state, moved, size)
        contrast = _contrast(before) > _LEAST_CONTRAST
        length = np.linalg.norm(truth, axis=-1)
        still = cv2.erode((shown & (length < _RESTS_PX)).astype(np.uint8), _disc()) > 0
        goes = cv2.erode((shown & (length > _MOVES_PX)).astype(np.uint8), _disc()) > 0
        rests.append(np.linalg.norm(found, axis=-1)[still & contrast])
        beside.append(np.linalg.norm(found - truth, axis=-1)[goes & contrast])
        way.append(length[goes & contrast])

    def share(values: list[Array], percent: float) -> float | None:
        every = np.concatenate(values) if values else np.zeros(0)
        return round(float(np.percentile(every, percent)), 3) if len(every) else None

    return Swimming(len(expressions), size, share(rests, 95), share(beside, 50), share(beside, 95), share(way, 50))


def mesh_way(avatar: Avatar, rest: FaceState, moved: FaceState, size: int) -> tuple[Array, npt.NDArray[np.bool_]]:
    """(size, size, 2) pixels: how far the skin under each pixel goes from one state to the other; and where that is
    known, (size, size): skin that is seen in both."""
    head = load_head()
    vertices, after = avatar.vertices(rest.expression), avatar.vertices(moved.expression)
    raster = rasterise(*seen_from(rest, vertices), head.tri, (size, size))
    points, depth = seen_from(moved, after)
    skin = np.isin(head.region[head.tri].max(1), SKIN_REGIONS)
    shown = (raster.triangle >= 0) & skin[raster.triangle]
    there = interpolated(np.concatenate([points, depth[:, None]], 1), raster)
    front = rasterise(points, depth, head.tri, (size, size)).depth
    column, row = (np.clip(there[..., k].astype(np.int64), 0, size - 1) for k in (0, 1))
    shown &= there[..., 2] < front[row, column] + _HIDDEN_M
    place = np.stack(np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5), -1)
    return np.asarray(there[..., :2] - place, np.float32), shown


def _grey(drawer: Drawer, state: FaceState, size: int) -> Image:
    picture, _ = drawer.draw(state, (size, size), WHITE)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def _contrast(grey: Image) -> Array:
    """(h, w) grey levels: how much a pixel's surroundings vary."""
    values = grey.astype(np.float32)
    mean = cv2.blur(values, (9, 9))
    return np.asarray(np.sqrt(np.maximum(cv2.blur(values * values, (9, 9)) - mean * mean, 0)), np.float32)


def _disc() -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _BESIDE_PX + 1,) * 2), np.uint8)
