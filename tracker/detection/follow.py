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

from ..head import Basis, load_head
from ..settings import Detection
from ..types import Array, Camera, Face, FaceState, Frame, Image, TrackResult
from .align import Anchor, anchor_at, carry, motion_between
from .code import decode, presence
from .crop import CROP, Affine, Shrunk, compose, sample
from .engines import load_engine
from .locator import Locator
from .looks import further_crops, mean_face
from .normalizer import ASTRAY, apart, crop_of, lead, look, plain_crop, settle
from .regions import (
    Box,
    believable,
    check_box,
    check_image,
    covers,
    plausible,
    region_of_box,
    region_of_face,
    region_of_find,
    same_face,
    unsure,
)
from .search import brightened, looks_human, search
from .weights import load_weights

NEW_PRESENCE, KEEP_PRESENCE = 0.5, 0.35
NEW_STD, KEEP_STD = 0.05, 0.10
"""Of the face's size: where the network is less sure of its landmarks than this, there is no face. Letters and animals
that look like one give themselves away when they are looked at several times."""
STILL_EVIDENCE, SURE_EVIDENCE, SURE_STD = 0.8, 0.0, 0.018
"""See `looks_human`; a still is judged once and for all. Less is enough where the landmarks are this sure."""
SEARCHED_PRESENCE, SEARCHED_STD, SEARCHED_EVIDENCE = 0.8, 0.035, 1.9
"""For what only the long search of a still brought up."""
LOOK_EVERY = 15
"""Frames between looks for further faces."""
ASSUMED_FOCAL = 0.785
"""Of a video frame's longer side: the 65 degrees of view that webcams have. A still may be cut from a larger picture,
so its focal length is read from the face's own perspective instead."""
COAST_S = 0.2
"""A longer gap between frames says nothing of where a face has gone."""


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

    engine: "auto" (CUDA where torch and a driver answer, else ONNX Runtime), "onnx", "onnx:int8", "torch",
    "torch:cuda" (see `engines`); max_faces: at least 1; threads of the engine (and of OpenCV in this process), None
    for one; model: a shipped model's name or a folder; focal: pixels, where the camera's is known. Raises ModelError
    where weights are missing or damaged.
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

    @classmethod
    def configured(cls, settings: Detection, engine: str | None = None, max_faces: int | None = None) -> FaceTracker:
        """The tracker that the settings describe, but for what is given."""
        return cls(
            engine=engine or settings.engine,
            max_faces=max_faces or settings.max_faces,
            threads=settings.threads or None,
            model=settings.model,
            focal=settings.focal or None,
        )

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
        check_image(image)
        camera = self._still_camera(image)
        if bboxes is not None:
            boxes = [check_box(box) for box in bboxes]
            regions = [region_of_box(box) for box in boxes]
            return [replace(self._study(image, r, camera), id=i) for i, r in enumerate(regions)]
        finds = self._locator.find(image, max_faces=max(16, self.max_faces), pyramid=True)
        faces: list[Face] = []
        for find in finds:
            face = self._study(image, region_of_find(find), camera)
            wanted = SURE_EVIDENCE if unsure(face) < SURE_STD else STILL_EVIDENCE
            believed = believable(face, NEW_PRESENCE, NEW_STD) and looks_human(self._locator, image, face, wanted)
            if believed and not any(same_face(face, other) for other in faces):
                faces.append(replace(face, id=len(faces)))
            if len(faces) == self.max_faces:
                break
        return faces or self._searched(brightened(image), camera)

    def _searched(self, lit: Image, camera: Camera) -> list[Face]:
        """Faces of a still in which the locator's short look found none. A find may be there in several rolls: the
        landmark network says which is right."""
        read = [self._study(lit, region_of_find(find), camera) for find in search(self._locator, lit)]
        faces: list[Face] = []
        for face in sorted(read, key=unsure):
            believed = believable(face, SEARCHED_PRESENCE, SEARCHED_STD)
            believed = believed and looks_human(self._locator, lit, face, SEARCHED_EVIDENCE)
            if believed and not any(same_face(face, other) for other in faces):
                faces.append(replace(face, id=len(faces)))
        return faces[: self.max_faces]

    def look(self, image: Image, bbox: Box) -> Face:
        """One look at the face in a box: what `step` makes of a frame, without its memory."""
        check_image(image)
        region = region_of_box(check_box(bbox))
        return self._read(image, [self._normalized(image, region)], self._still_camera(image))[0]

    def step(self, frame: Frame) -> TrackResult:
        """Follow the faces into the next frame of a video. A lost face is no error: it is not in the result."""
        check_image(frame.image)
        spent = {"locate": 0.0, "align": 0.0, "normalize": 0.0, "landmarks": 0.0}
        camera = self._camera(frame.image)
        kept: list[_Track] = []
        for track in self._tracks:
            region = _follow_region(track, frame.time)
            picture = Shrunk(frame.image)
            anchor, moved = _carried(track, picture, frame.time, spent)
            start = time.perf_counter()
            crop = self._next_crop(picture, region, track.crop, moved)
            cut = time.perf_counter()
            (face,) = self._read(picture, [crop], camera)
            spent["normalize"] += cut - start
            spent["landmarks"] += time.perf_counter() - cut
            ok = believable(face, KEEP_PRESENCE, KEEP_STD) and plausible(face, frame.image)
            if ok and not any(same_face(face, other.face) for other in kept):
                face = replace(face, id=track.face.id, carried=moved)
                if anchor is None or apart(crop, anchor.lies) > ASTRAY:
                    anchor = anchor_at(picture, crop, frame.time)
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
            if any(covers(track.face, find) for track in (*kept, *found)):
                continue
            start = time.perf_counter()
            face = self._study(frame.image, region_of_find(find), camera)
            spent["landmarks"] += time.perf_counter() - start
            known = any(same_face(face, t.face) for t in (*kept, *found))
            if known or not believable(face, NEW_PRESENCE, NEW_STD) or not plausible(face, frame.image):
                continue
            old = next((t for t in lost if covers(t.face, find)), None)
            if old is not None:
                lost.remove(old)
                number = old.face.id
            else:
                number, self._next_id = self._next_id, self._next_id + 1
            face = replace(face, id=number)
            # Carried from the very next frame on: what one look says after the mean of several would make it jump.
            anchor = anchor_at(frame.image, plain_crop(region_of_face(face)), frame.time)
            found.append(_Track(face, frame.time, None, 0.0, None, anchor))
        return found

    def _study(self, image: Image, region: Affine, camera: Camera) -> Face:
        """One face of a still: a first look through the normalizer, further ones round what it found."""
        # The normalizer finds what lies askew; where the region was right it may only spoil it.
        crops = [self._normalized(image, region), plain_crop(region)]
        first = min(self._read(image, crops, camera), key=unsure)
        if not plausible(first, image):
            return first
        return mean_face([first, *self._read(image, further_crops(region_of_face(first)), camera)])

    def _face(self, code: Array, crop: Affine, camera: Camera) -> Face:
        state = decode(code, crop, camera)
        if camera.focal <= 0:
            state = replace(state, camera=replace(camera, focal=state.scale / state.nearness))
        return Face(state, self.basis, presence(code))

    def _normalized(self, image: Image | Shrunk, region: Affine) -> Affine:
        """The crop that the normalizer cuts out of a region."""
        return crop_of(region, self._engine.normalize(look(image, region)))

    def _next_crop(self, image: Image | Shrunk, region: Affine, kept: Affine | None, moved: Affine | None) -> Affine:
        """Where a followed face is read: `kept` the crop of the frame before, `moved` how its pixels have gone since.

        A face that was looked at several times, or that its pixels carry, is well placed, and read best from the
        middle of its region; what a jump left is placed by the normalizer.
        """
        if kept is None:
            return plain_crop(region)
        if moved is None:
            return settle(self._normalized(image, region), kept)
        return lead(plain_crop(region), compose(moved, kept))

    def _read(self, image: Image | Shrunk, crops: Sequence[Affine], camera: Camera) -> list[Face]:
        """What the network says of each crop."""
        codes = self._engine.landmarks(np.stack([sample(image, crop, CROP) for crop in crops]))
        return [self._face(code, crop, camera) for code, crop in zip(codes, crops, strict=True)]

    def _still_camera(self, image: Image) -> Camera:
        """Focal length 0 where it is to be read from the face."""
        height, width = image.shape[:2]
        return Camera(self._focal or 0.0, width / 2, height / 2)

    def _camera(self, image: Image) -> Camera:
        height, width = image.shape[:2]
        return Camera(self._focal or ASSUMED_FOCAL * max(width, height), width / 2, height / 2)


def _carried(
    track: _Track, picture: Shrunk, now: float, spent: dict[str, float]
) -> tuple[Anchor | None, Affine | None]:
    """Where the face's picture lies in this frame, and how its pixels moved since the last; None where they do not
    say."""
    if track.anchor is None:
        return None, None
    start = time.perf_counter()
    anchor = carry(track.anchor, picture, now)
    spent["align"] += time.perf_counter() - start
    return anchor, None if anchor is None else motion_between(track.anchor, anchor)


def _follow_region(track: _Track, now: float) -> Affine:
    """Where the face should be now: its own region, moved on by its last velocity."""
    shift: Array | None = None
    ahead, behind = now - track.time, track.time - track.before_time
    if track.before is not None and 0 < ahead < COAST_S and 0 < behind < COAST_S:
        # Most of the last step again: a head that stops should not be overshot by far.
        shift = 0.8 * (track.face.state.centre - track.before.centre) * np.float32(ahead / behind)
    return region_of_face(track.face, shift)
