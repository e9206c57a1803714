"""A photograph whose head nods, or shakes, by known angles: how late a turn is told, and how much of it.

The head model says how deep each point of the face lies, so where it is drawn when the head turns about its neck; the
picture is pulled along, the skin exactly and what is round it (hair, ears, neck) by the same shifts, fading. Turns are
small: nothing comes to light that the photograph does not show. The network may well see less of such a turn than
there is, so the gain is to be compared between contestants, and lag above all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from ..types import Array, Face, FaceState, Frame, Image, Pose, rotation_from_angles
from .signals import FPS, Picture, Signal, sensed
from .talking import pulled

Axis = Literal["pitch", "yaw"]
AXES: tuple[Axis, ...] = ("pitch", "yaw")
_LAYOUT = "dense"
_NECK = np.array([[0.0, -0.12, -0.10]], np.float32)
"""Metres, head frame: what stays where it is."""
_WAVES = ((4.0, 0.8, 0.0), (1.5, 1.9, 1.0))
"""Degrees, Hz and phase of the turns that a nod is made of here."""
_REST_S = 0.7
_NEAR, _ROUND = 0.02, 0.25
"""Face sizes: skin goes where the points about so near go, what is round it with those about so far."""


def turn_way(frames: int) -> npt.NDArray[np.float64]:
    """(frames,) degrees, at rest at first."""
    t = np.arange(frames) / FPS
    wave = sum(size * np.sin(2.0 * np.pi * hertz * t + phase) for size, hertz, phase in _WAVES)
    return np.asarray(wave * np.clip((t - _REST_S) / 0.5, 0.0, 1.0))


def nod(picture: Picture, face: Face, axis: Axis, noise: float = 2.0, frames: int = 150, skip: int = 30) -> Signal:
    """`face`: the picture's own, as the tracker reads it. The axis "yaw" shakes it."""
    way = turn_way(frames)
    states = [turned(face.state, angle, axis) for angle in way.tolist()]
    truth = np.array([s.pose.pitch_deg if axis == "pitch" else s.pose.yaw_deg for s in states])

    def play() -> Iterator[Frame]:
        for number, state in enumerate(states):
            seen = filmed(picture.image, face, state).astype(np.float32)
            yield Frame(sensed(seen, noise, number), number / FPS, number)

    if axis == "pitch":
        return Signal("nodding photograph", "nod", play, skip=skip, turn=truth)
    return Signal("shaking photograph", "shake", play, skip=skip, turn=truth)


def turned(state: FaceState, angle_deg: float, axis: Axis) -> FaceState:
    """The head turned about its neck."""
    pose = Pose(state.rotation, np.zeros(3, np.float32))
    yaw, pitch = (angle_deg * (axis == name) for name in ("yaw", "pitch"))
    rotation = rotation_from_angles(pose.yaw_deg + yaw, pose.pitch_deg + pitch, pose.roll_deg)
    moved = replace(state, rotation=rotation)
    return replace(moved, centre=state.centre + (state.project(_NECK) - moved.project(_NECK))[0])


def filmed(image: Image, face: Face, state: FaceState) -> Image:
    """The picture (H, W, 3) when its face has another pose."""
    seen = face.visibility(_LAYOUT) > 0.5
    before, after = (f.landmarks_px(_LAYOUT)[seen] for f in (face, face.with_state(state)))
    way = after - before
    if float(np.abs(way).max()) < 1e-3:
        return image
    size = face.size_px
    height, width = image.shape[:2]
    room = 1.5 * size
    (left, top), (right, bottom) = after.min(0) - room, after.max(0) + room
    part = max(int(left), 0), max(int(top), 0), min(int(right), width), min(int(bottom), height)
    # What is round the face goes with all of it, the skin besides by what it goes beyond that.
    some = slice(None, None, 8)
    shift = pulled(after[some], way[some], _ROUND * size, part)
    rest = way - _at(shift, after - part[:2])
    room = 0.1 * size
    (left, top), (right, bottom) = after.min(0) - room, after.max(0) + room
    skin = max(int(left), part[0]), max(int(top), part[1]), min(int(right), part[2]), min(int(bottom), part[3])
    rows, columns = slice(skin[1] - part[1], skin[3] - part[1]), slice(skin[0] - part[0], skin[2] - part[0])
    shift[rows, columns] += pulled(after, rest, _NEAR * size, skin)
    y, x = np.mgrid[part[1] : part[3], part[0] : part[2]].astype(np.float32)
    out = image.copy()
    out[part[1] : part[3], part[0] : part[2]] = cv2.remap(
        image, x - shift[..., 0], y - shift[..., 1], cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE
    )
    return out


def _at(field: Array, points: npt.NDArray[np.floating]) -> Array:
    """(N, 2) of a field (h, w, 2)."""
    x, y = (np.asarray(points[:, i], np.float32) for i in (0, 1))
    return np.asarray(cv2.remap(field, x[None], y[None], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)[0], np.float32)
