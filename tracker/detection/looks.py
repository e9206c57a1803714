"""A still is looked at several times: crops placed a little differently, what they say averaged.

What a network says depends a little on where its crop was cut; the mean of several looks does so less. On the
calibration images five looks took 4 to 7 % off the error of one. In a video the temporal filter does this work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..types import Array, Face, FaceState
from .crop import CROP, CROP_SHARE, ROI, Affine, compose, similarity

_LOOKS = ((0.93, 0.03, 0.0, 0.06), (1.07, -0.03, 0.0, -0.06), (1.0, 0.0, 0.03, -0.10), (1.0, 0.0, -0.03, 0.10))
"""Scale, shift (of the region's side) and roll (radians) of the further looks."""


def further_crops(region: Affine) -> list[Affine]:
    """Crops of a region round a face that was found, each placed a little differently."""
    middle = np.full(2, ROI / 2)
    return [
        compose(region, similarity(middle + np.array([dx, dy]) * ROI, ROI * CROP_SHARE * scale, roll, CROP))
        for scale, dx, dy, roll in _LOOKS
    ]


def mean_state(states: Sequence[FaceState]) -> FaceState:
    """The mean of states of one face in one frame; rotations by their chordal mean."""

    def mean(name: str) -> Array:
        return np.asarray(np.mean([getattr(state, name) for state in states], axis=0), dtype=np.float32)

    u, _, vt = np.linalg.svd(mean("rotation").astype(np.float64))
    turn = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    return replace(
        states[0],
        rotation=np.ascontiguousarray(turn, dtype=np.float32),
        centre=mean("centre"),
        scale=float(np.exp(np.mean([np.log(state.scale) for state in states]))),
        nearness=float(np.exp(np.mean([np.log(state.nearness) for state in states]))),
        identity=mean("identity"),
        expression=mean("expression"),
        residual=mean("residual"),
        spread=mean("spread"),
    )


def mean_face(faces: Sequence[Face]) -> Face:
    """The first face with the mean of all states and presences."""
    presence = float(np.mean([face.presence for face in faces]))
    return faces[0].with_state(mean_state([face.state for face in faces]), presence=presence)
