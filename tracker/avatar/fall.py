"""Long hair: the neck's sides and nape, and ears that are covered, stand out as far as the locks beside them do.

From the front hair shows how wide it hangs at every height, and how far down; how far back it hangs it does not show:
there it falls from the skull as it does from the sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..types import Array, FaceState, Image
from .membrane import scalp, smoothstep, spread

_AXIS_Z = -0.085
"""Of the upright line through the neck that widths are told from, head frame."""
_HEIGHTS = np.arange(0.06, -0.2201, -0.005, dtype=np.float32)
_STEPS = np.arange(0.03, 0.171, 0.002, dtype=np.float32)
_LEAST_RUN = 4  # steps: a thread is no lock
_NECK_M = 0.065  # what ends nearer to the axis below the ears is the neck's shade, or a collar
_LONG_M = -0.06  # hair that ends above this does not hang
_BEGINS_M = -0.1
_GAP = 3  # heights without hair after which it has ended
_TURNED = 0.9  # cosine: from farther aside the outline is not the sides'
_EAR, _SKIN = 2, (0, 1, 2)
_COVERED = 0.5
_BEFORE_EAR, _BEHIND_EAR = -0.045, -0.088
"""How far forward (z) hair stands out where it covers the ear, and where it lies behind it."""
_EDGE_M = 0.018
_LEAN = 0.94  # of the skull's depth: hair hangs closer behind the neck

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """How hair hangs on one side: `width` (heights,) metres from the axis, down to the height `end`; `covered`: over
    the ear."""

    width: npt.NDArray[np.float64]
    end: float
    covered: bool


def falling(
    hairs: Sequence[Image | None], views: Sequence[tuple[FaceState, Array, int]], neutral: Array
) -> tuple[Array, Array]:
    """(6017, 3) metres: what to add to `neutral` (6017, 3) for hair that hangs below the ears, and (6017,) 0..1 where
    it hangs; both 0 where none does.

    hairs: of each picture where hair was seen (`locks.hair_seen`); views: its state, its vertices (6017, 3) and its
    pixels a side.
    """
    sides = [_side(sign, hairs, views) for sign in (1.0, -1.0)]
    nothing = np.zeros_like(neutral), np.zeros(len(neutral), np.float32)
    if all(side is None for side in sides):
        return nothing
    head = load_head()
    skull = np.flatnonzero((scalp() > 0.5) & (neutral[:, 1] > 0) & (neutral[:, 1] < 0.06))
    back = _LEAN * (_AXIS_Z - float(neutral[skull, 2].min()))
    wanted = np.zeros_like(neutral)
    hangs = np.zeros(len(neutral), np.float32)
    ends = [side.end for side in sides if side is not None]
    for sign, side in zip((1.0, -1.0), sides, strict=True):
        mine = np.flatnonzero(np.isin(head.region, _SKIN) & (neutral[:, 0] * sign >= 0))
        x, y, z = np.abs(neutral[mine, 0]), neutral[mine, 1], neutral[mine, 2]
        if side is None:  # behind the neck it falls as on the other side, at this one not beyond the neck
            width, end, front = np.full(len(mine), 0.06), max(ends), _AXIS_Z - 0.02
        else:
            width, end = np.interp(-y, -_HEIGHTS, side.width), side.end
            front = _BEFORE_EAR if side.covered else _BEHIND_EAR
        aside, behind = x, np.maximum(_AXIS_Z - z, 0)
        # Outward from the axis to an ellipse behind it, straight out before it.
        reach = np.hypot(aside / np.maximum(width, 0.03), behind / back)
        grow = np.maximum(1 / np.maximum(reach, 0.2), 1.0)
        moved = np.stack([sign * aside * (grow - 1), np.zeros(len(mine)), -behind * (grow - 1)], 1)
        # Towards the end of the hair, its front edge and the crown (whose volume is another matter) it thins out.
        share = (
            smoothstep((y - (end - 0.02)) / 0.02)
            * smoothstep((front + _EDGE_M - z) / _EDGE_M)
            * smoothstep((0.055 - y) / 0.03)
        )
        if side is None or not side.covered:
            share = np.where(head.region[mine] == _EAR, 0, share)
        wanted[mine] = moved * share[:, None]
        hangs[mine] = share
    smooth = spread(wanted, np.ones(len(wanted), np.float32), stiff=0.5)
    return np.asarray(smooth, dtype=np.float32), hangs


def _side(sign: float, hairs: Sequence[Image | None], views: Sequence[tuple[FaceState, Array, int]]) -> Side | None:
    """What the pictures agree on of the subject's left (sign 1) or right (-1); None where no hair hangs."""
    found, covers = [], []
    head = load_head()
    ear = np.flatnonzero((head.region == _EAR) & (head.mean[:, 0] * sign > 0))
    for hair, (state, vertices, size) in zip(hairs, views, strict=True):
        if hair is None or state.rotation[0, 0] < _TURNED:
            continue
        k = len(hair) / size
        line = np.zeros((len(_HEIGHTS), len(_STEPS), 3), np.float32)
        line[..., 0], line[..., 1], line[..., 2] = sign * _STEPS, _HEIGHTS[:, None], _AXIS_Z
        at = state.project(line.reshape(-1, 3)) * np.float32(k)
        on = _read(hair, at).reshape(len(_HEIGHTS), -1)
        last = len(_STEPS) - 1 - np.argmax(on[:, ::-1], 1)
        lock = (on.sum(1) >= _LEAST_RUN) & ((_STEPS[last] > _NECK_M) | (_HEIGHTS > _LONG_M))
        found.append(np.where(lock, _STEPS[last], 0.0))
        covers.append(_read(hair, state.project(vertices[ear]) * np.float32(k)).mean())
    if not found:
        return None
    table = np.array(found)
    seen = (table > 0).mean(0) > 0.5  # one of two is a ground of hair's colour
    known = np.where(table > 0, table, np.nan)
    width = np.zeros(len(_HEIGHTS))
    width[seen] = np.nanmedian(known[:, seen], axis=0)
    end = _end(seen)
    if end > _LONG_M:
        return None
    held = np.flatnonzero(seen & (end <= _HEIGHTS))
    whole = np.interp(np.arange(len(_HEIGHTS)), held, width[held]).astype(np.float32)
    smooth = cv2.GaussianBlur(cv2.medianBlur(whole[:, None], 5), (1, 9), 1.5)[:, 0]
    return Side(smooth.astype(np.float64), end, float(np.mean(covers)) > _COVERED)


def _end(seen: Mask) -> float:
    """The height at which hair ends that begins on the head, or not far below the ears: locks may come from behind
    them."""
    end, missing = float(_HEIGHTS[0]), 0
    for height, here in zip(_HEIGHTS, seen, strict=True):
        if here and (missing <= _GAP or height > _BEGINS_M):
            end, missing = float(height), 0
        else:
            missing += 1
    return end


def _read(hair: Image, at: Array) -> Mask:
    """(n,) whether there is hair at pixels (n, 2)."""
    column, row = np.floor(at[:, 0]).astype(int), np.floor(at[:, 1]).astype(int)
    inside = (column >= 0) & (row >= 0) & (column < len(hair)) & (row < len(hair))
    return np.asarray(inside & (hair[np.where(inside, row, 0), np.where(inside, column, 0)] > 127))
