"""What is remembered of a followed face from one frame to the next, and what that foretells."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from ..types import Array, Face, FaceState
from .align import Anchor, carry, motion_between
from .crop import Affine, Shrunk

COAST_S = 0.2
"""A longer gap between frames says nothing of where a face has gone."""


@dataclass(frozen=True, slots=True)
class Track:
    """What is remembered of a face: its last states, when they were, the crop it was read from, and its picture."""

    face: Face
    time: float
    before: FaceState | None
    before_time: float
    crop: Affine | None
    anchor: Anchor | None = None


def carried(track: Track, picture: Shrunk, now: float, spent: dict[str, float]) -> tuple[Anchor | None, Affine | None]:
    """Where the face's picture lies in this frame, and how its pixels moved since the last; None where they do not
    say."""
    if track.anchor is None:
        return None, None
    start = time.perf_counter()
    anchor = carry(track.anchor, picture, now)
    spent["align"] += time.perf_counter() - start
    return anchor, None if anchor is None else motion_between(track.anchor, anchor)


def shift_of(track: Track, now: float) -> Array:
    """How far (2,) pixels the face should have moved since its last frame, by its last velocity."""
    ahead, behind = now - track.time, track.time - track.before_time
    if track.before is None or not (0 < ahead < COAST_S and 0 < behind < COAST_S):
        return np.zeros(2, np.float32)
    # Most of the last step again: a head that stops should not be overshot by far.
    return np.asarray(0.8 * (track.face.state.centre - track.before.centre) * (ahead / behind), np.float32)
