"""FaceTracker: finds faces in a picture, and follows them from frame to frame.

    locator (only when needed) -> box \\
    last state -> predicted box -------> region -> normalizer -> crop -> network -> FaceState

`detect` has no memory. `step` predicts each face's region from its last states and asks the locator only when a
face is missing, or now and then for new ones.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from ..errors import SourceError
from ..head import Basis, load_head
from ..types import Array, Camera, Face, FaceState, Frame, Image, TrackResult
from .align import Anchor, anchor_at, carry, motion_between
from .code import decode, presence
from .crop import CROP, ROI, ROI_SIDE, Affine, apply, compose, invert, sample, similarity
from .engines import load_engine
from .locator import Find, Locator
from .looks import further_crops, mean_face
from .normalizer import ASTRAY, apart, crop_of, lead, look, settle
from .weights import load_weights

NEW_PRESENCE, KEEP_PRESENCE = 0.5, 0.35
NEW_STD, KEEP_STD = 0.05, 0.10
"""Of the face's size: where the network is less sure of its landmarks than this, there is no face. Letters and animals
that look like one give themselves away when they are looked at several times."""
LOOK_EVERY = 15
"""Frames between looks for further faces."""
ASSUMED_FOCAL = 0.785
"""Of a video frame's longer side: the 65 degrees of view that webcams have. A still may be cut from a larger picture,
so its focal length is read from the face's own perspective instead."""
COAST_S = 0.2
"""A longer gap between frames says nothing of where a face has gone."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Track:
    """What is remembered of a face: its last states, when they were, the crop it was read from, and its picture."""

    face: Face
    time: float
    before: FaceState | None
    before_time: float
    crop: Affine | None
    anchor: Anchor | None = None


class FaceTracker:
    """Detects and follows faces.

    engine: "auto" (CUDA where torch and a driver answer, else ONNX Runtime), "onnx", "torch", "torch:cuda";
    max_faces: at least 1; threads of the engine (and of OpenCV in this process), None for one; model: a shipped
    model's name or a folder; focal: pixels, where the camera's is known. Raises ModelError where weights are missing
    or damaged.
    """

    def __init__(
        self,
        engine: str = "auto",
        max_faces: int = 1,
        threads: int | None = None,
        model: str = "default",
        focal: float | None = None,
    ) -> None:
        if max_faces < 1:
            raise ValueError(f"max_faces must be at least 1, found {max_faces}.")
        # Crops are small: shared out to OpenCV's threads they wait for the slowest core longer than they take.
        cv2.setNumThreads(max(1, threads or 1))
        self._weights = load_weights(model)
        self._engine = load_engine(engine, self._weights, threads or 1)
        self._locator = Locator(self._weights.locator)
        self._focal = focal or None
        self.basis = Basis(load_head(), self._weights.field)
        self.max_faces = max_faces
        self.reset()

    @property
    def engine_name(self) -> str:
        return self._engine.name

    @property
    def model_info(self) -> dict[str, Any]:
        """Name, format and hashes of the weights."""
        return self._weights.info

    def reset(self) -> None:
        """Forget every face; ids start again at 0."""
        self._tracks: list[_Track] = []
        self._next_id = 0
        self._since_look = LOOK_EVERY

    def detect(self, image: Image, bboxes: Sequence[Box] | None = None) -> list[Face]:
        """Faces of a still (H, W, 3) uint8 RGB, without memory; each is looked at several times (see `looks`).

        With `bboxes` (x0, y0, x1, y1; tight round each face's 68 points) the locator is bypassed and one face is
        returned for each box, in their order, whatever its presence. Raises SourceError for another kind of array.
        """
        _check(image)
        camera = self._still_camera(image)
        if bboxes is not None:
            boxes = [_checked_box(box) for box in bboxes]
            regions = [_region((b[0] + b[2]) / 2, (b[1] + b[3]) / 2, max(b[2] - b[0], b[3] - b[1])) for b in boxes]
            return [replace(self._study(image, r, camera), id=i) for i, r in enumerate(regions)]
        finds = self._locator.find(image, max_faces=max(16, self.max_faces), pyramid=True)
        faces: list[Face] = []
        for find in finds:
            face = self._study(image, _find_region(find), camera)
            if _believable(face, NEW_PRESENCE, NEW_STD) and not any(_same(face, other) for other in faces):
                faces.append(replace(face, id=len(faces)))
            if len(faces) == self.max_faces:
                break
        return faces

    def look(self, image: Image, bbox: Box) -> Face:
        """One look at the face in a box: what `step` makes of a frame, without its memory."""
        _check(image)
        x0, y0, x1, y1 = _checked_box(bbox)
        region = _region((x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0))
        return self._read(image, region, self._still_camera(image))[0]

    def step(self, frame: Frame) -> TrackResult:
        """Follow the faces into the next frame of a video. A lost face is no error: it is not in the result."""
        _check(frame.image)
        spent = {"locate": 0.0, "align": 0.0, "normalize": 0.0, "landmarks": 0.0}
        camera = self._camera(frame.image)
        kept: list[_Track] = []
        for track in self._tracks:
            region = _follow_region(track, frame.time)
            anchor, moved = _carried(track, frame, spent)
            face, crop = self._read(frame.image, region, camera, track.crop, spent, moved)
            ok = _believable(face, KEEP_PRESENCE, KEEP_STD) and _plausible(face, frame.image)
            if ok and not any(_same(face, other.face) for other in kept):
                face = replace(face, id=track.face.id, carried=moved)
                if anchor is None or apart(crop, anchor.lies) > ASTRAY:
                    anchor = anchor_at(frame.image, crop, frame.time)
                kept.append(_Track(face, frame.time, track.face.state, track.time, crop, anchor))
        self._since_look += 1
        lost = len(kept) < len(self._tracks)
        searching = not kept or lost or self._since_look >= LOOK_EVERY
        if len(kept) < self.max_faces and searching:
            self._since_look = 0
            kept += self._search(frame, camera, kept, spent)
        self._tracks = kept
        return TrackResult(frame, tuple(track.face for track in kept), spent)

    def _search(self, frame: Frame, camera: Camera, kept: list[_Track], spent: dict[str, float]) -> list[_Track]:
        """New faces, and lost ones found again: those near to a track that was just lost take its id."""
        start = time.perf_counter()
        finds = self._locator.find(frame.image, max_faces=self.max_faces + 3)
        spent["locate"] += time.perf_counter() - start
        lost = [t for t in self._tracks if all(t.face.id != k.face.id for k in kept)]
        found: list[_Track] = []
        for find in finds:
            if len(kept) + len(found) >= self.max_faces:
                break
            if any(_covers(track.face, find) for track in (*kept, *found)):
                continue
            start = time.perf_counter()
            face = self._study(frame.image, _find_region(find), camera)
            spent["landmarks"] += time.perf_counter() - start
            known = any(_same(face, t.face) for t in (*kept, *found))
            if known or not _believable(face, NEW_PRESENCE, NEW_STD) or not _plausible(face, frame.image):
                continue
            old = next((t for t in lost if _covers(t.face, find)), None)
            if old is not None:
                lost.remove(old)
                number = old.face.id
            else:
                number, self._next_id = self._next_id, self._next_id + 1
            found.append(_Track(replace(face, id=number), frame.time, None, 0.0, None))
        return found

    def _study(self, image: Image, region: Affine, camera: Camera) -> Face:
        """One face of a still: a first look through the normalizer, further ones round what it found."""
        first, _ = self._read(image, region, camera)
        if not _plausible(first, image):
            return first
        crops = further_crops(_face_region(first))
        codes = self._engine.landmarks(np.stack([sample(image, crop, CROP) for crop in crops]))
        further = [self._face(code, crop, camera) for code, crop in zip(codes, crops, strict=True)]
        return mean_face([first, *further])

    def _face(self, code: Array, crop: Affine, camera: Camera) -> Face:
        state = decode(code, crop, camera)
        if camera.focal <= 0:
            state = replace(state, camera=replace(camera, focal=state.scale / state.nearness))
        return Face(state, self.basis, presence(code))

    def _read(
        self,
        image: Image,
        region: Affine,
        camera: Camera,
        kept: Affine | None = None,
        spent: dict[str, float] | None = None,
        moved: Affine | None = None,
    ) -> tuple[Face, Affine]:
        """One face from a region: normalize, cut, run the network. `kept`: the crop of the frame before; `moved`: how
        the face's pixels have gone since."""
        start = time.perf_counter()
        crop = crop_of(region, self._engine.normalize(look(image, region)))
        crop = settle(crop, kept) if kept is None or moved is None else lead(crop, compose(moved, kept))
        middle = time.perf_counter()
        code = self._engine.landmarks(sample(image, crop, CROP)[None])[0]
        face = self._face(code, crop, camera)
        if spent is not None:
            spent["normalize"] += middle - start
            spent["landmarks"] += time.perf_counter() - middle
        return face, crop

    def _still_camera(self, image: Image) -> Camera:
        """Focal length 0 where it is to be read from the face."""
        height, width = image.shape[:2]
        return Camera(self._focal or 0.0, width / 2, height / 2)

    def _camera(self, image: Image) -> Camera:
        height, width = image.shape[:2]
        return Camera(self._focal or ASSUMED_FOCAL * max(width, height), width / 2, height / 2)


def _carried(track: _Track, frame: Frame, spent: dict[str, float]) -> tuple[Anchor | None, Affine | None]:
    """Where the face's picture lies in this frame, and how its pixels moved since the last; None where they do not
    say."""
    if track.anchor is None:
        return None, None
    start = time.perf_counter()
    anchor = carry(track.anchor, frame.image, frame.time)
    spent["align"] += time.perf_counter() - start
    return anchor, None if anchor is None else motion_between(track.anchor, anchor)


def _check(image: Any) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise SourceError(f"An RGB picture (H, W, 3) of uint8 was wanted, found {found}; convert it first.")
    if image.size == 0:
        raise SourceError(f"The picture is empty: found {image.shape}, wanted at least one pixel.")


def _checked_box(box: Sequence[float]) -> Box:
    x0, y0, x1, y1 = (float(v) for v in box)
    if not (np.isfinite([x0, y0, x1, y1]).all() and x1 > x0 and y1 > y0):
        raise SourceError(f"A box (x0, y0, x1, y1) with x1 > x0 and y1 > y0 was wanted, found {tuple(box)}.")
    return x0, y0, x1, y1


def _region(cx: float, cy: float, side: float, roll: float = 0.0) -> Affine:
    """The region round a face whose 68 points span `side` pixels."""
    return similarity((cx, cy), max(side, 1.0) * ROI_SIDE, roll, ROI)


def _find_region(find: Find) -> Affine:
    x0, y0, x1, y1 = find.box
    return _region((x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0), find.roll)


def upright_roll(state: FaceState) -> float:
    """In-plane angle of the head's up axis, radians, clockwise in the image."""
    x, y = float(state.rotation[0, 1]), float(state.rotation[1, 1])
    return float(np.arctan2(x, -y)) if np.hypot(x, y) > 0.2 else 0.0


def _face_region(face: Face, shift: Array | None = None) -> Affine:
    """The square round the face's own points, upright in the face's roll, moved by `shift` (2,) pixels."""
    roll = upright_roll(face.state)
    frame = similarity((0.0, 0.0), 1.0, roll, 1)
    upright = apply(invert(frame), face.landmarks_px("ibug68"))
    low, high = upright.min(0), upright.max(0)
    centre = apply(frame, (low + high) / 2)
    if shift is not None:
        centre = centre + shift
    return _region(float(centre[0]), float(centre[1]), float((high - low).max()), roll)


def _follow_region(track: _Track, now: float) -> Affine:
    """Where the face should be now: its own region, moved on by its last velocity."""
    shift: Array | None = None
    ahead, behind = now - track.time, track.time - track.before_time
    if track.before is not None and 0 < ahead < COAST_S and 0 < behind < COAST_S:
        # Most of the last step again: a head that stops should not be overshot by far.
        shift = 0.8 * (track.face.state.centre - track.before.centre) * np.float32(ahead / behind)
    return _face_region(track.face, shift)


def _believable(face: Face, presence: float, std: float) -> bool:
    """Present enough, and sure enough of its landmarks."""
    return face.presence >= presence and float(face.std_px("ibug68").mean()) <= std * face.size_px


def _plausible(face: Face, image: Image) -> bool:
    """Not shrunk to nothing, not grown beyond the frame, its middle not far outside."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = face.bbox
    side = max(x1 - x0, y1 - y0)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    inside = -0.3 * side < cx < width + 0.3 * side and -0.3 * side < cy < height + 0.3 * side
    return bool(np.isfinite(side) and 8 < side < 3 * max(width, height) and inside)


def _same(one: Face, other: Face) -> bool:
    """Two readings of one face: their boxes' middles are nearer than half a side."""
    a, b = np.array(one.bbox), np.array(other.bbox)
    gap = float(np.linalg.norm((a[:2] + a[2:]) / 2 - (b[:2] + b[2:]) / 2))
    return gap < 0.5 * min(one.size_px, other.size_px)


def _covers(face: Face, find: Find) -> bool:
    """Whether a find is (near to) a face that is already known."""
    a, b = np.array(face.bbox), np.array(find.box)
    gap = float(np.linalg.norm((a[:2] + a[2:]) / 2 - (b[:2] + b[2:]) / 2))
    return gap < 0.6 * max(face.size_px, float(b[2] - b[0]))
