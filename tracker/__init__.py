"""Stillpoint: real-time face tracking that sits still.

    from tracker import FaceTracker, Stabilizer, open_source

    tracker, stabilizer = FaceTracker(), Stabilizer("default")
    for frame in open_source("clip.mp4"):  # a camera's index or name, a URL, a folder of images, "demo"
        for face in stabilizer.apply(tracker.step(frame)).faces:
            face.landmarks_px("ibug68")  # (68, 2) pixels
            face.pose.yaw_deg, face.std_px("ibug68"), face.visibility("ibug68")

    faces = FaceTracker().detect(image)  # a still: (H, W, 3) uint8 RGB

`Pipeline` runs all of it in threads, with sinks that record, send or show. What flows (`Frame`, `Face`, `TrackResult`),
the frames of reference, signs and units are stated in `tracker.types`. Every error that a person can mend is a
`StillpointError`, whose text is a sentence. The names below load what they need when they are first used: importing
`tracker` loads neither torch nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .capture.source import open_source as open_source
    from .detection.follow import FaceTracker as FaceTracker
    from .errors import StillpointError as StillpointError
    from .pipeline import Pipeline as Pipeline
    from .temporal import Stabilizer as Stabilizer
    from .types import Face as Face
    from .types import FaceState as FaceState
    from .types import Frame as Frame
    from .types import Pose as Pose
    from .types import Tracked as Tracked
    from .types import TrackResult as TrackResult

__version__ = "0.1.0"

_HOME = {
    "Face": "types",
    "FaceState": "types",
    "FaceTracker": "detection.follow",
    "Frame": "types",
    "Pipeline": "pipeline",
    "Pose": "types",
    "Stabilizer": "temporal",
    "StillpointError": "errors",
    "TrackResult": "types",
    "Tracked": "types",
    "open_source": "capture.source",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
