"""Heads made of nothing but the head model, for tests: no photograph, no network."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from tracker.avatar.atlas import SIZE, texels
from tracker.avatar.lighting import WHITE
from tracker.avatar.types import GUESSED, MIRRORED, SEEN, Avatar
from tracker.head import load_head
from tracker.types import Camera, FaceState, rotation_from_angles

FIELD_M, DISTANCE_M = 0.42, 0.8


@lru_cache(maxsize=1)
def plain() -> Avatar:
    """The mean head in the model's own colours: its right side seen, its left mirrored, its back guessed."""
    head, texel = load_head(), texels(SIZE)
    colors = np.clip(texel.points(head.color.astype(np.float32)), 0, 255).astype(np.uint8)
    place = texel.points(head.mean)
    source = np.where(place[:, 2] < -0.09, GUESSED, np.where(place[:, 0] > 0, MIRRORED, SEEN)).astype(np.uint8)
    provenance = texel.image(source, spread=False)
    return Avatar(
        head.mean, np.zeros(40, np.float32), texel.image(colors), (provenance * 80).astype(np.uint8), provenance, WHITE
    )


def patterned(contrast: float = 1.0) -> Avatar:
    """The same with broad spots."""
    texel = texels(SIZE)
    place = texel.points(load_head().mean)
    waves = 0.5 + 0.5 * np.sin(place[:, :1] * 220) * np.sin(place[:, 1:2] * 180)
    colors = (waves - 0.5) * np.array([150.0, 90.0, 70.0]) * contrast + 120
    return replace(plain(), texture=texel.image(colors.astype(np.uint8)))


def view_state(yaw: float, pitch: float, size: int, expression: np.ndarray | None = None) -> FaceState:
    """The head in the middle of a picture of `size` pixels."""
    none = np.zeros(0, np.float32)
    return FaceState(
        rotation=rotation_from_angles(yaw, pitch),
        centre=np.array([size / 2, size * 0.45], np.float32),
        scale=size / FIELD_M,
        nearness=1 / DISTANCE_M,
        camera=Camera(size / FIELD_M * DISTANCE_M, size / 2, size / 2),
        identity=np.zeros(40, np.float32),
        expression=np.zeros(52, np.float32) if expression is None else expression,
        residual=none,
        spread=none,
    )
