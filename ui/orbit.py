"""Where one looks at the 3D head from: the view's axes, and the camera that circles it.

World axes of the view: X towards the viewer, Y to the viewer's right, Z up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.types import Array

DISTANCE_M, FIELD_DEG = 0.85, 28.0
VIEW_FROM_FACE = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
"""(x right, y up, z to the viewer) -> the view's world axes."""
MIDDLE = np.array([0.0, -0.05, -0.06], dtype=np.float32)
"""Roughly the head's middle, head frame, metres: what the camera circles."""


@dataclass(frozen=True, slots=True)
class Orbit:
    """The circling camera: degrees, and metres from the head's middle."""

    azimuth: float = 0.0
    elevation: float = 0.0
    distance: float = DISTANCE_M

    def rotation(self, turn: Array) -> Array:
        """(3, 3) camera_from_head (camera axes x right, y down, z forward) of a head that is turned by `turn` (3, 3),
        its pose's rotation in the viewer's axes (x right, y up, z to the viewer)."""
        a, e = np.radians([self.azimuth, self.elevation])
        backward = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
        right = np.array([-np.sin(a), np.cos(a), 0.0])
        down = np.cross(right, backward)
        camera = np.stack([right, down, -backward])
        return np.ascontiguousarray(camera @ VIEW_FROM_FACE @ turn, dtype=np.float32)


def eye_of(rotation: Array, distance: float) -> Array:
    """(3,) where that camera stands, head frame, metres."""
    return np.asarray(MIDDLE - distance * rotation[2], dtype=np.float32)
