"""The values that flow through Stillpoint, and the frames of reference they are given in.

Frames of reference
    image   pixels; the origin is the top-left *corner* of the top-left pixel, so the centre of that
            pixel is (0.5, 0.5); x right, y down; never mirrored.
    head    metres, right-handed; the origin lies midway between the eyes' centres, +x towards the
            subject's left, +y up, +z out of the face; 63 mm between the pupils.
    camera  metres, OpenCV's: x right, y down, z forward.
    view    the camera turned so that its optical axis runs through the head's origin. This is the
            camera that the network's crop is the picture of; `Pose` is the same head in the true camera.

Angles (degrees) of a rotation R = camera_from_head, with F = diag(1, -1, -1) (a face that looks straight
into the camera):  F R = Rx(-pitch) Ry(yaw) Rz(roll).  Positive yaw turns the nose to the subject's left
(image right), positive pitch raises it, positive roll tips the crown to the image's left. This is the order
of the 300W-LP and AFLW2000-3D labels (their yaw and roll have the opposite sign).

All arrays are float32 unless said, C-contiguous, and never written to after construction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
Layout = str | npt.NDArray[Any]
"""A layout's name, or an (N, 3) array of queries: points of the mean head, head frame, metres."""

FACING = np.diag([1.0, -1.0, -1.0]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera without distortion: focal length and principal point in pixels of the frame."""

    focal: float
    cx: float
    cy: float


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture: `image` (H, W, 3) uint8 RGB, `time` in seconds on the capture clock, `index` from 0.

    `motion` (3, 3), where a source knows it, maps homogeneous pixels of the source's reference
    picture to pixels of this frame.
    """

    image: Image
    time: float
    index: int = 0
    motion: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where the head is in the camera: `rotation` (3, 3) camera_from_head, `translation` (3,) metres."""

    rotation: Array
    translation: Array

    @property
    def yaw_deg(self) -> float:
        return float(_angles(self.rotation)[0])

    @property
    def pitch_deg(self) -> float:
        return float(_angles(self.rotation)[1])

    @property
    def roll_deg(self) -> float:
        return float(_angles(self.rotation)[2])


def _angles(rotation: Array) -> tuple[float, float, float]:
    """(yaw, pitch, roll) in degrees; see the module's formula."""
    q = (FACING @ rotation).tolist()
    yaw = math.asin(min(max(q[0][2], -1.0), 1.0))
    pitch = math.atan2(q[1][2], q[2][2])
    roll = math.atan2(-q[0][1], q[0][0])
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)


def rotation_from_angles(yaw_deg: float, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Array:
    """The (3, 3) rotation whose `Pose` has these angles."""
    a, b, c = np.radians([-pitch_deg, yaw_deg, roll_deg])
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.ascontiguousarray(FACING @ rx @ ry @ rz, dtype=np.float32)


def _ray_rotation(ray: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The shortest-arc rotation (3, 3) that takes the optical axis to `ray` (3,), a unit vector with z > 0."""
    x, y, z = ray
    k = 1.0 / (1.0 + z)
    return np.array([[1 - x * x * k, -x * y * k, x], [-x * y * k, 1 - y * y * k, y], [-x, -y, z]])


@dataclass(frozen=True, slots=True, eq=False)
class FaceState:
    """What the network says of a face, in few numbers: the value that temporal filters work on.

    rotation    (3, 3) view_from_head; see `view` above
    centre      (2,) pixels: the projection of the head's origin
    scale       pixels per metre at the head's origin
    nearness    1/m: one over the distance that the picture's perspective shows (0: none)
    camera      of the frame; its focal length turns `scale` into a distance
    identity    (40,) standard deviations of the head model's first modes
    expression  (52,) ARKit's coefficients in ARKit's order, 0..1
    residual    (R,) coefficients of the learned basis
    spread      (8,) coefficients of the log-variance basis
    """

    rotation: Array
    centre: Array
    scale: float
    nearness: float
    camera: Camera
    identity: Array
    expression: Array
    residual: Array
    spread: Array

    def project(self, points: Array) -> Array:
        """Head-frame points (N, 3), metres -> pixels of the frame (N, 2)."""
        seen = points @ self.rotation.T
        depth = np.maximum(1.0 + self.nearness * seen[:, 2:], 0.05)
        return np.asarray(self.centre + self.scale * seen[:, :2] / depth, dtype=np.float32)

    @property
    def pose(self) -> Pose:
        cam = self.camera
        slope = np.array([(self.centre[0] - cam.cx) / cam.focal, (self.centre[1] - cam.cy) / cam.focal, 1.0])
        rotation = _ray_rotation(slope / np.linalg.norm(slope)) @ self.rotation
        return Pose(
            np.ascontiguousarray(rotation, dtype=np.float32),
            np.asarray(slope * (cam.focal / self.scale), dtype=np.float32),
        )


class LandmarkBasis(Protocol):
    """Evaluates the continuous landmarks of a state; `tracker.head.basis` holds the real one."""

    def points(self, state: FaceState, layout: Layout) -> Array: ...
    def std(self, state: FaceState, layout: Layout) -> Array: ...
    def visibility(self, state: FaceState, layout: Layout) -> Array: ...
    def query_at(self, state: FaceState, x_px: float, y_px: float) -> Array | None: ...


HELD_DRIFT = 0.5
"""Face sizes a second: how fast the place of a face that is not seen becomes uncertain."""
HELD_OPACITY = 0.2, 0.55
"""Wherever a face is drawn that is held: when its presence has faded to 0, and when it is still 1."""

SKIN_M = 0.02
"""Metres by which the skin of nose and cheeks lies nearer than the head's origin: depths in `Face.carried` are counted
from there."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a frame. `bbox` (x0, y0, x1, y1) pixels, tight round its 68 points; `presence` 0..1.

    `carried`, where it could be measured: how the face's own pixels moved since the frame before, from pixels of that
    frame to pixels of this one. (2, 3): a similarity. (2, 4): with a last column for the head's turn from or to the
    camera, the pixels by which a point moves besides for every pixel that it lies deeper than the skin (`SKIN_M`).
    `held`: seconds since the face was last seen, 0 in a frame that shows it. A filter goes on giving a lost face for a
    moment, its presence fading and its deviations growing; the tracker itself never does.

    Accessors take a layout's name ("ibug68", "merl68", "aflw2000_68", "mediapipe478", "aflw21", "dense")
    or an (N, 3) array of queries; they evaluate on demand and keep what they evaluated. Raises ModelError for another
    name or shape.
    """

    state: FaceState
    basis: LandmarkBasis = field(repr=False)
    presence: float = 1.0
    id: int = 0
    carried: npt.NDArray[np.float64] | None = field(default=None, repr=False)
    held: float = 0.0
    _kept: dict[tuple[str, str], Array] = field(default_factory=dict, repr=False)

    @cached_property
    def pose(self) -> Pose:
        return self.state.pose

    @cached_property
    def bbox(self) -> tuple[float, float, float, float]:
        points = self.landmarks_px("ibug68")
        (x0, y0), (x1, y1) = points.min(0), points.max(0)
        return float(x0), float(y0), float(x1), float(y1)

    @property
    def size_px(self) -> float:
        """sqrt(width * height) of the box: the length that errors and deviations are given relative to."""
        x0, y0, x1, y1 = self.bbox
        return float(np.sqrt(max(x1 - x0, 1e-6) * max(y1 - y0, 1e-6)))

    def landmarks_head(self, layout: Layout = "ibug68") -> Array:
        """(N, 3) metres, head frame: pose taken out, expression and identity left in."""
        return self._evaluate("head", layout, lambda: self.basis.points(self.state, layout))

    def landmarks_px(self, layout: Layout = "ibug68") -> Array:
        """(N, 2) pixels of the full frame."""
        return self._evaluate("px", layout, lambda: self.state.project(self.landmarks_head(layout)))

    def std_px(self, layout: Layout = "ibug68") -> Array:
        """(N,) pixels: the standard deviation per axis that the network expects of each landmark."""
        return self._evaluate("std", layout, lambda: self._std(layout) * np.float32(self.size_px))

    def visibility(self, layout: Layout = "ibug68") -> Array:
        """(N,) 0..1: 1 where nothing of the head itself hides the landmark."""
        return self._evaluate("visibility", layout, lambda: self.basis.visibility(self.state, layout))

    def query_at(self, x_px: float, y_px: float) -> Array | None:
        """The query (3,) of the mean head, metres, that is drawn at a pixel of the frame: a landmark made by pointing.

        `landmarks_px(np.array([query]))` comes back to the pixel, in this frame and, with the face, in every other.
        None where the pixel shows no skin of this face (beside it, or in an eye or an open mouth).
        """
        return self.basis.query_at(self.state, x_px, y_px)

    @property
    def opacity(self) -> float:
        """How strongly it is to be drawn: 1 where the frame shows it, less and less while it is held."""
        least, most = HELD_OPACITY
        return 1.0 if self.held == 0.0 else least + (most - least) * min(max(self.presence, 0.0), 1.0)

    def with_state(self, state: FaceState, **changes: Any) -> Face:
        """The same face with another state: what a filter returns."""
        if changes:
            return replace(self, state=state, _kept={}, **changes)
        return Face(state, self.basis, self.presence, self.id, self.carried, self.held)  # quicker: once a frame

    def _std(self, layout: Layout) -> Array:
        """(N,) face sizes."""
        std = self.basis.std(self.state, layout)
        return std if self.held == 0.0 else np.hypot(std, np.float32(HELD_DRIFT * self.held))

    def _evaluate(self, what: str, layout: Layout, compute: Any) -> Array:
        if not isinstance(layout, str):
            return np.asarray(compute(), dtype=np.float32)
        key = (what, layout)
        if key not in self._kept:
            value = np.asarray(compute(), dtype=np.float32)
            value.flags.writeable = False
            self._kept[key] = value
        return self._kept[key]


@dataclass(frozen=True, slots=True, eq=False)
class TrackResult:
    """The faces of one frame, the seconds each stage took, and the frames dropped before this one."""

    frame: Frame
    faces: tuple[Face, ...]
    timings: Mapping[str, float] = field(default_factory=dict)
    dropped: int = 0

    @property
    def seen(self) -> tuple[Face, ...]:
        """The faces that this frame shows: without those that a filter holds."""
        return tuple(face for face in self.faces if face.held == 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """What every sink gets: the same frame as measured and as stabilized. `done`: when that was, seconds on the capture
    clock (None where the source is not live)."""

    raw: TrackResult
    stable: TrackResult
    done: float | None = None
