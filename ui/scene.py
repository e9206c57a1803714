"""What one frame looks like in the window, worked out before the window's thread sees it.

`compose` runs in the bridge's thread: it cuts and scales the picture to the view, projects the overlay into it and
deforms the 3D head. The window's thread only blits and strokes. Picture and overlay come out of the same `Tracked`, so
an overlay can never sit on another frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from tracker.head import Basis, HeadModel
from tracker.head.model import vertex_normals
from tracker.settings import View
from tracker.types import FACING, Array, Face, Frame, Image, Tracked

LEVELS = 6
CERTAIN, VAGUE = 0.008, 0.08  # deviations, relative to the face's size, at the two ends of the colour scale
AXIS_M = 0.075
NET_ALPHA = 0.45
_NET_DEPTH_M = -0.07  # behind the ears the net is not worth its lines
_FACE_REGIONS = (0, 3)  # skin of the face, lips


@dataclass(frozen=True, slots=True)
class Wish:
    """What the views want to be given. `width`, `height`: the video view in device pixels; `centre`: the point of
    the frame, as fractions, that stays in the view's middle; `raw`: the unfiltered faces; `net_color` r, g, b.

    `arrangement`: one picture; raw `beside` stabilized; or `split`, raw left of the `divider` (a fraction of the view's
    width) and stabilized right of it.
    """

    width: int = 960
    height: int = 540
    zoom: float = 1.0
    centre: tuple[float, float] = (0.5, 0.5)
    layout: str = "mediapipe478"
    landmarks: bool = True
    mesh: bool = False
    box: bool = False
    axes: bool = True
    overlay: bool = True
    raw: bool = False
    head: bool = True
    net_color: tuple[int, int, int] = (66, 194, 176)
    arrangement: Literal["one", "beside", "split"] = "one"
    divider: float = 0.5

    @property
    def pane(self) -> int:
        """The width that one picture has, device pixels."""
        return self.width // 2 if self.arrangement == "beside" else self.width


def wish_of(wish: Wish, view: View, accent: str) -> Wish:
    """A wish with what the settings say; `accent` #rrggbb is the mesh's colour."""
    net = (int(accent[1:3], 16), int(accent[3:5], 16), int(accent[5:7], 16))
    return replace(
        wish,
        layout=view.layout,
        landmarks=view.landmarks,
        mesh=view.mesh,
        box=view.box,
        axes=view.axes,
        net_color=net,
    )


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the frame lies in the view: pixels of the frame -> device pixels of the view, p * scale + offset.

    `crop` (x0, y0, x1, y1) of the frame is what can be seen; `target` (x, y, w, h) is where it goes.
    """

    crop: tuple[int, int, int, int]
    target: tuple[int, int, int, int]

    @property
    def scale(self) -> npt.NDArray[np.float64]:
        x0, y0, x1, y1 = self.crop
        return np.array([self.target[2] / (x1 - x0), self.target[3] / (y1 - y0)])

    def to_view(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """(N, 2) pixels of the frame -> (N, 2) device pixels of the view."""
        return np.asarray((points - np.array(self.crop[:2])) * self.scale + np.array(self.target[:2]))


@dataclass(frozen=True, slots=True, eq=False)
class FaceDrawing:
    """One face's overlay in device pixels of the view.

    points (N, 2); level (N,) 0 vague .. LEVELS - 1 certain; hidden (N,) behind the head itself; box (x0, y0, x1, y1);
    axes (4, 2): origin and the ends of x, y, z; side: of the face, sqrt of its box's area; opacity: below 1 where this
    frame does not show the face and it is held (`Face.held`).
    """

    points: npt.NDArray[np.float64]
    level: npt.NDArray[np.uint8]
    hidden: npt.NDArray[np.bool_]
    box: tuple[float, float, float, float] | None
    axes: npt.NDArray[np.float64] | None
    label: str
    side: float
    opacity: float = 1.0

    @property
    def held(self) -> bool:
        return self.opacity < 1.0


@dataclass(frozen=True, slots=True, eq=False)
class HeadShape:
    """The 3D head of a face: vertices (V, 3) m, normals (V, 3), and `turn` (3, 3), the pose as seen by the viewer
    (x right, y up, z towards the viewer)."""

    vertices: Array
    normals: Array
    turn: Array


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """`image` (h, w, 4) uint8 BGRA for a placement's target, and the faces that lie on it."""

    image: Image
    faces: tuple[FaceDrawing, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A frame ready to paint: `image` (h, w, 4) uint8 BGRA for `placement.target`, and what lies on it. `before`: the
    same unfiltered, where the two are compared."""

    tracked: Tracked
    wish: Wish
    placement: Placement
    image: Image
    faces: tuple[FaceDrawing, ...]
    head: HeadShape | None
    before: Picture | None = None


@dataclass(frozen=True, slots=True)
class Pane:
    """A part of the view, device pixels: `shift` to the right of the placement, `clip` (x, y, w, h) in the view;
    `before`: it shows the unfiltered picture."""

    shift: int
    clip: tuple[int, int, int, int]
    before: bool = False


def panes(scene: Scene) -> tuple[Pane, ...]:
    """What of the view shows what."""
    wish = scene.wish
    x, y, w, h = scene.placement.target
    if scene.before is None:
        return (Pane(0, (x, y, w, h)),)
    if wish.arrangement == "beside":
        shift = wish.width - wish.pane
        return Pane(0, (x, y, w, h), before=True), Pane(shift, (x + shift, y, w, h))
    middle = min(max(round(wish.divider * wish.width), x), x + w)
    return Pane(0, (x, y, middle - x, h), before=True), Pane(0, (middle, y, x + w - middle, h))


def place(frame_width: int, frame_height: int, wish: Wish) -> Placement:
    """Fit the frame into the view, zoomed about `wish.centre`; never beyond its edges."""
    width, height = max(wish.pane, 1), max(wish.height, 1)
    scale = wish.zoom * min(width / frame_width, height / frame_height)
    sides = []
    for size, view, centre in ((frame_width, width, wish.centre[0]), (frame_height, height, wish.centre[1])):
        drawn = size * scale
        offset = (view - drawn) / 2 if drawn <= view else min(0.0, max(view - drawn, view / 2 - centre * drawn))
        first = int(max(0.0, np.floor(-offset / scale)))
        last = int(min(float(size), np.ceil((view - offset) / scale)))
        last = max(last, first + 1)
        sides.append((first, last, round(offset + first * scale), max(1, round((last - first) * scale))))
    (x0, x1, x, w), (y0, y1, y, h) = sides
    return Placement((x0, y0, x1, y1), (x, y, w, h))


def compose(tracked: Tracked, wish: Wish) -> Scene:
    """Everything the window's thread needs to paint this frame."""
    frame = tracked.raw.frame
    height, width = frame.image.shape[:2]
    placement = place(width, height, wish)
    compared = wish.arrangement != "one"
    image = _picture(frame, placement)
    before = None
    if compared:
        bare = image.copy() if wish.overlay and wish.mesh else image
        before, _ = _overlaid(bare, tracked.raw.faces, placement, wish, False)
    faces = (tracked.raw if wish.raw and not compared else tracked.stable).faces
    picture, mesh = _overlaid(image, faces, placement, wish, wish.head)
    head = _head(faces[0], mesh) if wish.head and faces else None
    return Scene(tracked, wish, placement, picture.image, picture.faces, head, before)


def _overlaid(
    image: Image, faces: tuple[Face, ...], placement: Placement, wish: Wish, head: bool
) -> tuple[Picture, Array | None]:
    """The faces on a picture, which gets their nets; and the first one's mesh where `head` or a net needs it."""
    net = wish.overlay and wish.mesh
    meshes = [_mesh(face) if net or (head and i == 0) else None for i, face in enumerate(faces)]
    if net:
        for face, mesh in zip(faces, meshes, strict=True):
            _draw_net(image, face, mesh, placement, wish.net_color)
    drawings = tuple(_drawing(face, placement, wish) for face in faces) if wish.overlay else ()
    return Picture(image, drawings), meshes[0] if meshes else None


def confidence_levels(face: Face, layout: str) -> npt.NDArray[np.uint8]:
    """(N,) 0 .. LEVELS - 1 from the deviations that the network expects, on a logarithmic scale."""
    relative = face.std_px(layout) / face.size_px
    vague = np.log(np.maximum(relative, 1e-6) / CERTAIN) / np.log(VAGUE / CERTAIN)
    return np.asarray(np.clip((1.0 - vague) * LEVELS, 0, LEVELS - 1), dtype=np.uint8)


def _picture(frame: Frame, placement: Placement) -> Image:
    x0, y0, x1, y1 = placement.crop
    w, h = placement.target[2:]
    seen = frame.image[y0:y1, x0:x1]
    shrunk = w / (x1 - x0) < 0.5
    resized = cv2.resize(seen, (w, h), interpolation=cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(resized, cv2.COLOR_RGB2BGRA), dtype=np.uint8)


def _drawing(face: Face, placement: Placement, wish: Wish) -> FaceDrawing:
    points, level, hidden = np.zeros((0, 2)), np.zeros(0, np.uint8), np.zeros(0, np.bool_)
    if wish.landmarks:
        points = placement.to_view(face.landmarks_px(wish.layout))
        level, hidden = confidence_levels(face, wish.layout), face.visibility(wish.layout) < 0.5
    box = None
    if wish.box:
        corners = placement.to_view(np.asarray(face.bbox, dtype=np.float64).reshape(2, 2)).ravel()
        box = (float(corners[0]), float(corners[1]), float(corners[2]), float(corners[3]))
    axes = None
    if wish.axes:
        ends = np.vstack([np.zeros(3), np.eye(3) * AXIS_M]).astype(np.float32)
        axes = placement.to_view(face.state.project(ends))
    side = face.size_px * float(placement.scale.mean())
    label = f"Face {face.id} · {f'{100 * face.presence:.0f} %' if face.held == 0.0 else 'not seen, held'}"
    return FaceDrawing(points, level, hidden, box, axes, label, side, face.opacity)


def _mesh(face: Face) -> Array | None:
    """(V, 3) the bare head model, deformed; None where the face has another basis."""
    return face.basis.skin(face.state) if isinstance(face.basis, Basis) else None


def _head(face: Face, mesh: Array | None) -> HeadShape | None:
    if mesh is None or not isinstance(face.basis, Basis):
        return None
    turn = np.ascontiguousarray(FACING @ face.pose.rotation, dtype=np.float32)
    return HeadShape(mesh, vertex_normals(mesh, face.basis.head.tri), turn)


@lru_cache(maxsize=2)
def face_edges(head: HeadModel) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The face's triangles (T, 3) without the neck, its edges (E, 2) as vertices, a triangle beside each edge (E,)."""
    tri = head.tri[np.isin(head.region[head.tri], _FACE_REGIONS).all(1)]
    chin = head.layouts["ibug68"].of(head.mean)[8]
    middle = head.mean[tri].mean(1)
    tri = tri[(middle[:, 1] > chin[1] - 0.012) & (middle[:, 2] > _NET_DEPTH_M)]
    pairs = np.sort(np.concatenate([tri[:, [0, 1]], tri[:, [1, 2]], tri[:, [2, 0]]]), axis=1)
    edges, first = np.unique(pairs, axis=0, return_index=True)
    return tri, edges, first % len(tri)


def _draw_net(image: Image, face: Face, mesh: Array | None, placement: Placement, color: tuple[int, int, int]) -> None:
    """Stroke the front of the dense mesh into the picture; in place, inside the face's own rectangle only."""
    if mesh is None or not isinstance(face.basis, Basis):
        return
    tri, edges, beside = face_edges(face.basis.head)
    seen = placement.to_view(face.state.project(mesh)) - np.array(placement.target[:2])
    a, b, c = (seen[tri[:, k]] for k in range(3))
    front = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]) < 0
    drawn = edges[front[beside]]
    height, width = image.shape[:2]
    low = np.clip(np.floor(seen[tri.ravel()].min(0)) - 2, 0, (width, height)).astype(int)
    high = np.clip(np.ceil(seen[tri.ravel()].max(0)) + 2, 0, (width, height)).astype(int)
    if (high <= low).any() or not len(drawn):
        return
    part = image[low[1] : high[1], low[0] : high[0]]
    inked = part.copy()
    lines = np.ascontiguousarray(np.round((seen[drawn] - low) * 8), dtype=np.int32)
    cv2.polylines(inked, list(lines), False, (color[2], color[1], color[0], 255), 1, cv2.LINE_AA, 3)
    alpha = NET_ALPHA * face.opacity
    cv2.addWeighted(inked, alpha, part, 1 - alpha, 0, dst=part)
