"""Carries a crop along with the face's own pixels, to a few hundredths of a pixel.

What the landmark network says wavers by a pixel while the face wanders through its crop; in a crop that moves with the
face's pixels it says the same in every frame. So the face's motion since an earlier frame is measured on the pixels
themselves: the pyramidal tracker of Lucas and Kanade (Bouguet 2001) on a grid inside the face, and the similarity that
most of the grid agrees on, so that eyes that blink, or a hand, do not drag it. Where the picture's depth is known
(`relief`), it tells besides how the head turned from or to the camera.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ..types import Face, Image
from .crop import CROP, Affine, Shrunk, compose, invert, sample_grey, scale_of
from .relief import Relief, laid_over, relief_of
from .spin import STILL, Spin

AGREE = 0.6
"""Crop pixels: a point of the grid further from the common motion counts as disagreeing."""
MOST = 0.6
"""Share of the grid that must agree; below it nothing was measured."""
FRESH = 0.85
"""Below this share the face looks different by now, and a new picture of it is taken."""
DOUBTED, BELIEVED = 0.7, 0.9
"""Shares of the grid that agree, at which a relief is believed not at all, and wholly: a hand has not the face's
depths."""
FOREIGN, ALIKE = 8.0, 4.0
"""Levels of grey by which the face differs from a relief that is believed not at all, and wholly."""
_OFF, _TURNED = 3.0, 0.2
"""Crop pixels from where the grid has it, and radians: a relief beyond is given up."""
_AHEAD = 0.8
"""Of the last turn is expected again."""
_FAINT = 0.01
"""Pixels per pixel of depth: a turn since the picture was taken that need not be taken from the grid's motion."""
_COAST_S = 0.2
_WINDOW = (13, 13)
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 8, 0.02)


def _grid() -> npt.NDArray[np.float32]:
    """(n, 2) crop pixels on forehead, eyes and nose: the part of a face that speech does not move."""
    y, x = np.mgrid[-4:1, -3:4] * 10.0
    inside = (x / 34.0) ** 2 + ((y + 12.0) / 34.0) ** 2 <= 1.0
    return np.stack([x[inside] + CROP / 2, y[inside] + CROP / 2], axis=1).astype(np.float32)


GRID = _grid()


@dataclass(frozen=True, slots=True, eq=False)
class Anchor:
    """A picture of the face, `patch` (CROP, CROP) uint8, where it `lies` in the latest frame (patch px -> frame px),
    that frame's `time`, and its `velocity` there (2,), frame px per second.

    `relief`: an earlier picture with its depth, once a face was read there; `shown`: where it lies in the latest frame,
    p -> a p + b of complex points; the head's `turn` since it was taken, how fast it turns, `spin`, and what is
    believed of its turn since `patch` was taken, `told`. `moved` (2, 3 or 4): how the face moved since the frame
    before, see `Face.carried`.
    """

    patch: Image
    lies: Affine
    time: float
    velocity: npt.NDArray[np.float64]
    relief: Relief | None = None
    shown: tuple[complex, complex] = (1.0, 0.0)
    turn: complex = 0.0
    spin: Spin = STILL
    told: complex = 0.0
    moved: npt.NDArray[np.float64] | None = None


def anchor_at(image: Image | Shrunk, crop: Affine, time: float) -> Anchor:
    """A new picture of the face."""
    return Anchor(_patch(image, crop), crop, time, np.zeros(2))


def with_relief(anchor: Anchor, image: Image | Shrunk, face: Face) -> Anchor:
    """The anchor with a relief of its latest frame, which shows this face, if it has none."""
    if anchor.relief is not None:
        return anchor
    relief = relief_of(_patch(image, anchor.lies), anchor.lies, face)
    return replace(anchor, relief=relief, shown=_complex(anchor.lies), turn=0.0)


def carry(anchor: Anchor, image: Image | Shrunk, time: float) -> Anchor | None:
    """The anchor where it lies in a later frame; None where the pixels do not say."""
    dt = time - anchor.time
    guess = anchor.lies.copy()
    if 0.0 < dt < _COAST_S:
        guess[:, 2] += anchor.velocity * dt
    patch = _patch(image, guess)
    start = GRID - 0.5  # OpenCV counts a pixel's centre as whole numbers
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        anchor.patch, patch, start[:, None], None, winSize=_WINDOW, maxLevel=2, criteria=_STOP
    )
    end = found[:, 0] + np.float32(0.5)
    turn = anchor.told
    if anchor.relief is not None and abs(turn) > _FAINT:
        turn *= 1.0 - _FAINT / abs(turn)
        end = end - anchor.relief.depth(GRID)[:, None] * np.array((turn.real, turn.imag), np.float32)
    motion, share = common_motion(GRID, end, status[:, 0] > 0)
    if share < MOST or not 0.8 < scale_of(motion) < 1.25:
        return None
    lies = compose(guess, motion)
    middle = np.array([CROP / 2, CROP / 2, 1.0])
    velocity = (lies @ middle - anchor.lies @ middle) / dt if dt > 0.0 else anchor.velocity
    after = replace(anchor, lies=lies, time=time, velocity=velocity, moved=compose(lies, invert(anchor.lies)))
    if anchor.relief is not None:
        after = _turned(anchor.relief, anchor, after, patch, guess, share)
    if share < FRESH:
        return replace(after, patch=_patch(image, lies), told=0.0)
    return after


def _turned(relief: Relief, before: Anchor, after: Anchor, patch: Image, guess: Affine, share: float) -> Anchor:
    """`after` with its relief laid over `patch`, which was cut at the `guess`; without it where it no longer fits."""
    dt = after.time - before.time
    brief = 0.0 < dt < _COAST_S
    ahead = before.turn + (_AHEAD * dt * before.spin.latest if brief else 0.0)
    (cut_a, cut_b), (was_a, was_b) = _complex(guess), before.shown
    plain_a, plain_b = _complex(motion_between(before, after))
    laid = laid_over(relief, patch, plain_a * was_a / cut_a, (plain_a * was_b + plain_b - cut_b) / cut_a, ahead)
    a, b, turn = cut_a * laid.a, cut_a * laid.b + cut_b, laid.turn
    zoom = a / was_a - plain_a
    shift = b - a / was_a * was_b - plain_b
    middle = was_a * complex(CROP / 2, CROP / 2) + was_b
    if laid.apart >= FOREIGN or abs(zoom * middle + shift) > _OFF * abs(cut_a) or abs(turn) > _TURNED:
        return replace(after, relief=None, spin=STILL)
    sure = _ramp((share - DOUBTED) / (BELIEVED - DOUBTED)) * _ramp((FOREIGN - laid.apart) / (FOREIGN - ALIKE))
    spin = before.spin.then(turn - before.turn, laid.pulls, dt) if brief else STILL
    trust = sure * spin.belief
    if sure > 0.0:
        zoom, shift = plain_a + trust * zoom, plain_b + trust * shift
        way = trust * (turn - before.turn) * a / abs(was_a)
        moved = np.array(((zoom.real, -zoom.imag, shift.real, way.real), (zoom.imag, zoom.real, shift.imag, way.imag)))
        after = replace(after, moved=moved)
    told = before.told + trust * (turn - before.turn)
    return replace(after, shown=(a, b), turn=turn, spin=spin, told=told)


def _ramp(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _complex(affine: Affine) -> tuple[complex, complex]:
    """A similarity as p -> a p + b of complex points."""
    return complex(affine[0, 0], affine[1, 0]), complex(affine[0, 2], affine[1, 2])


def motion_between(before: Anchor, after: Anchor) -> Affine:
    """From pixels of the frame of `before` to pixels of the frame of `after`, at the face."""
    return compose(after.lies, invert(before.lies))


def common_motion(
    start: npt.NDArray[np.floating], end: npt.NDArray[np.floating], found: npt.NDArray[np.bool_]
) -> tuple[Affine, float]:
    """The similarity (2, 3) that takes most points (n, 2) from `start` to `end`, and the share of all that agree.

    Least squares, again and again with Cauchy's weights 1 / (1 + (distance / scale)^2), from the median shift.
    """
    # Points as complex numbers: a similarity is a product and a sum.
    a, b = (p[found].astype(np.float64) @ (1.0, 1.0j) for p in (start, end))
    if len(a) < 4:
        return np.eye(2, 3), 0.0
    away = np.abs(b - a - _middle((b - a).real) - 1.0j * _middle((b - a).imag))
    for _ in range(3):
        weight = 1.0 / (1.0 + (away / max(1.5 * _middle(away), 0.02)) ** 2)
        weight /= weight.sum()
        p, to = a - weight @ a, weight @ b
        heavy = weight * p.conj()
        turn = (heavy @ (b - to)) / (heavy @ p)
        shift = to - turn * (weight @ a)
        away = np.abs(turn * a + shift - b)
    motion = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
    return motion, float((away < AGREE).sum() / len(start))


def _middle(values: npt.NDArray[np.float64]) -> float:
    """The upper median; np.median takes four times as long over so few."""
    return float(np.sort(values)[len(values) // 2])


def _patch(image: Image | Shrunk, crop: Affine) -> Image:
    """Grey, with mean and contrast made the same, so that light may change."""
    grey = sample_grey(image, crop, CROP)
    mean, spread = (float(v[0, 0]) for v in cv2.meanStdDev(grey))
    gain = 45.0 / max(spread, 4.0)
    return np.asarray(cv2.convertScaleAbs(grey, alpha=gain, beta=128.0 - gain * mean), np.uint8)
