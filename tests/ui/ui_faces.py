"""Faces on the real head model that need no network, for the window's tests."""

from __future__ import annotations

import numpy as np

from tracker.head import Basis, load_head
from tracker.types import Camera, Face, FaceState, Frame, Tracked, TrackResult, rotation_from_angles

BASIS = Basis(load_head())


def face_at(
    x: float = 320.0, y: float = 240.0, scale: float = 1500.0, yaw: float = 0.0, pitch: float = 0.0, name: int = 0
) -> Face:
    """A face whose head's origin lies at (x, y) of a 640x480 frame."""
    state = FaceState(
        rotation=rotation_from_angles(yaw, pitch),
        centre=np.array([x, y], np.float32),
        scale=scale,
        nearness=1.2,
        camera=Camera(500.0, 320.0, 240.0),
        identity=np.zeros(40, np.float32),
        expression=np.zeros(52, np.float32),
        residual=np.zeros(0, np.float32),
        spread=np.zeros(0, np.float32),
    )
    return Face(state, BASIS, presence=0.97, id=name)


def tracked(
    time: float = 0.0,
    raw: tuple[Face, ...] = (),
    stable: tuple[Face, ...] | None = None,
    image: np.ndarray | None = None,
) -> Tracked:
    """One frame with these faces; `stable` as `raw` if not given."""
    picture = np.full((480, 640, 3), 90, np.uint8) if image is None else image
    frame = Frame(picture, time, round(30 * time))
    timings = {"step": 0.004}
    return Tracked(
        TrackResult(frame, raw, timings),
        TrackResult(frame, raw if stable is None else stable, {**timings, "filter": 0.001}),
    )


class NodTracker:
    """Follows nothing: says that a face nods in the middle of every frame."""

    engine_name = "nod"

    def reset(self) -> None:
        """It has no memory."""

    def step(self, frame: Frame) -> TrackResult:
        height, width = frame.image.shape[:2]
        pitch = 10.0 * float(np.sin(frame.time))
        return TrackResult(frame, (face_at(width / 2, height / 2, 3.0 * height, pitch=pitch),), {"landmarks": 0.001})
