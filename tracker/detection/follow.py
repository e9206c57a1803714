"""FaceTracker: finds faces in a picture, and follows them from frame to frame.

    locator (only when needed) -> box \\
    last state -> predicted box -------> region -> normalizer -> crop -> network -> FaceState

`detect` has no memory. `step` predicts each face's region from its last states and asks the locator only when a
face is missing, or now and then for new ones.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from ..errors import SettingsError
from ..head import Basis, load_head
from ..settings import Detection
from ..types import Array, Camera, Face, Frame, Image, TrackResult
from .align import anchor_at, with_relief
from .code import decode, presence
from .crop import CROP, Affine, Shrunk, compose, sample
from .engines import load_engine
from .gaze import EYES, load_gaze
from .locator import Find, Locator
from .looks import further_crops, mean_face
from .lost import Lost
from .normalizer import ASTRAY, apart, crop_of, lead, look, plain_crop, settle
from .regions import (
    Box,
    believable,
    check_box,
    check_frame,
    check_image,
    covers,
    plausible,
    region_of_box,
    region_of_face,
    region_of_find,
    same_face,
    unsure,
)
from .search import brightened, glance, looks_human, search
from .tracks import Track, carried, shift_of
from .weights import load_weights

NEW_PRESENCE, KEEP_PRESENCE = 0.5, 0.35
NEW_STD, KEEP_STD = 0.05, 0.10
"""Of the face's size: where the network is less sure of its landmarks than this, there is no face. Letters and animals
that look like one give themselves away when they are looked at several times."""
STILL_EVIDENCE, SURE_EVIDENCE, SURE_STD = 0.8, 0.0, 0.018
"""See `looks_human`; a still is judged once and for all. Less is enough where the landmarks are this sure."""
DOUBTFUL_STD, DOUBTFUL_PX = 0.025, 32.0
"""In a video a new face that is less sure than this, though large enough to be seen well, has to look human besides. Of
others no more is asked: a mask or a hand may hide half of them."""
SEARCHED_PRESENCE, SEARCHED_STD, SEARCHED_EVIDENCE = 0.8, 0.035, 1.9
"""For what only a long search brought up."""
LOOK_EVERY, LOOK_EVERY_S = 15, 0.5
"""Frames, and seconds, between looks for further faces."""
ASSUMED_FOCAL = 0.785
"""Of a video frame's longer side: the 65 degrees of view that webcams have. A still may be cut from a larger picture,
so its focal length is read from the face's own perspective instead."""


class FaceTracker:
    """Detects and follows faces. Not for two threads at once.

    engine: "auto" (CUDA where torch and a driver answer, else ONNX Runtime), "onnx", "onnx:int8", "torch",
    "torch:cuda" (see `engines`); max_faces: at least 1; threads of the engine (and of OpenCV in this process), None
    for one; model: a shipped model's name or a folder; focal: pixels, where the camera's is known. Raises ModelError
    where weights are missing or damaged or the engine is not installed, SettingsError for a number out of range.
    """

    def __init__(
        self,
        engine: str = "auto",
        max_faces: int = 1,
        threads: int | None = None,
        model: str = "default",
        focal: float | None = None,
    ) -> None:
        if max_faces < 1 or (threads or 0) < 0 or (focal or 0.0) < 0.0:
            raise SettingsError(f"{max_faces=}, {threads=}, {focal=}: at least 1, 0 and 0 were wanted.")
        # Crops are small: shared out to OpenCV's threads they wait for the slowest core longer than they take.
        cv2.setNumThreads(max(1, threads or 1))
        self._weights = load_weights(model)
        self._engine = load_engine(engine, self._weights, threads or 1)
        self._locator = Locator(self._weights.locator)
        self._gaze = load_gaze() if self._weights.reads_eyes else None
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
        self._tracks: list[Track] = []
        self._lost, self._next_id = Lost(), 0
        self._since_look, self._looked_at, self._glances = LOOK_EVERY, -np.inf, 0

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
        """Faces of a still in which the locator's short look found none."""
        faces = self._askew(lit, search(self._locator, lit), camera)
        return [replace(face, id=i) for i, face in enumerate(faces[: self.max_faces])]

    def _askew(self, image: Image, finds: Sequence[Find], camera: Camera) -> list[Face]:
        """The faces among half-believed finds. One may be there in several rolls: the landmark network says which is
        right."""
        faces: list[Face] = []
        for face in sorted((self._study(image, region_of_find(find), camera) for find in finds), key=unsure):
            believed = believable(face, SEARCHED_PRESENCE, SEARCHED_STD)
            believed = believed and looks_human(self._locator, image, face, SEARCHED_EVIDENCE)
            if believed and not any(same_face(face, other) for other in faces):
                faces.append(face)
        return faces

    def look(self, image: Image, bbox: Box) -> Face:
        """One look at the face in a box: what `step` makes of a frame, without its memory."""
        check_image(image)
        region = region_of_box(check_box(bbox))
        return self._read(image, [self._normalized(image, region)], self._still_camera(image))[0]

    def step(self, frame: Frame) -> TrackResult:
        """Follow the faces into a video's next frame. A lost one is not in the result; SourceError for no Frame."""
        check_frame(frame)
        spent = {"locate": 0.0, "align": 0.0, "normalize": 0.0, "landmarks": 0.0}
        camera = self._camera(frame.image)
        kept = self._follow(frame, camera, spent)
        for track in self._tracks:
            if all(track.face.id != other.face.id for other in kept):
                self._lost.add(track.face, track.time)
        self._lost.forget(frame.time)
        self._since_look += 1
        due = self._since_look >= LOOK_EVERY or not abs(frame.time - self._looked_at) < LOOK_EVERY_S
        if len(kept) < self.max_faces and (not kept or self._lost or due):
            self._since_look, self._looked_at = 0, frame.time
            kept += self._search(frame, camera, kept, spent)
        self._tracks = kept
        return TrackResult(frame, tuple(track.face for track in kept), spent)

    def _follow(self, frame: Frame, camera: Camera, spent: dict[str, float]) -> list[Track]:
        """The tracks of the frame before that go on in this one, in their order. Where two of them read one face, as
        when a head passes before another, it belongs to the one that has jumped less."""
        read: list[tuple[float, int, Track]] = []
        for place, track in enumerate(self._tracks):
            shift = shift_of(track, frame.time)
            region = region_of_face(track.face, shift)
            picture = Shrunk(frame.image)
            anchor, moved = carried(track, picture, frame.time, spent)
            start = time.perf_counter()
            crop = self._next_crop(picture, region, track.crop, moved)
            cut = time.perf_counter()
            (face,) = self._read(picture, [crop], camera)
            spent["normalize"] += cut - start
            spent["landmarks"] += time.perf_counter() - cut
            if believable(face, KEEP_PRESENCE, KEEP_STD) and plausible(face, frame.image):
                face = replace(face, id=track.face.id, carried=None if anchor is None else anchor.moved)
                if anchor is None or apart(crop, anchor.lies) > ASTRAY:
                    anchor = anchor_at(picture, crop, frame.time)
                anchor = with_relief(anchor, picture, face)
                jump = np.linalg.norm(face.state.centre - track.face.state.centre - shift) / face.size_px
                read.append((float(jump), place, Track(face, frame.time, track.face.state, track.time, crop, anchor)))
        kept: list[tuple[int, Track]] = []
        for _, place, track in sorted(read, key=lambda r: r[:2]):
            if not any(same_face(track.face, other.face) for _, other in kept):
                kept.append((place, track))
        return [track for _, track in sorted(kept, key=lambda k: k[0])]

    def _search(self, frame: Frame, camera: Camera, kept: list[Track], spent: dict[str, float]) -> list[Track]:
        """New faces, and lost ones found again. Where there is nobody at all, a glance at one turned view a frame."""
        start = time.perf_counter()
        finds = self._locator.find(frame.image, max_faces=self.max_faces + 3)
        spent["locate"] += time.perf_counter() - start
        found: list[Track] = []
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
            number = self._lost.take(face, frame.time)
            doubtful = number is None and unsure(face) > DOUBTFUL_STD and face.size_px > DOUBTFUL_PX
            if not doubtful or looks_human(self._locator, frame.image, face, STILL_EVIDENCE):
                found.append(self._track(face, frame, number))
        if not kept and not found:
            start = time.perf_counter()
            finds = glance(self._locator, frame.image, self._glances)
            self._glances += 1
            spent["locate"] += time.perf_counter() - start
            for face in self._askew(frame.image, finds, camera)[: self.max_faces]:
                found.append(self._track(face, frame, self._lost.take(face, frame.time)))
        return found

    def _track(self, face: Face, frame: Frame, number: int | None) -> Track:
        """A face that was found, from this frame on; without a number it is somebody new."""
        if number is None:
            number, self._next_id = self._next_id, self._next_id + 1
        # Carried from the very next frame on: what one look says after the mean of several would make it jump.
        anchor = anchor_at(frame.image, plain_crop(region_of_face(face)), frame.time)
        return Track(replace(face, id=number), frame.time, None, 0.0, None, with_relief(anchor, frame.image, face))

    def _study(self, image: Image, region: Affine, camera: Camera) -> Face:
        """One face of a still: a first look through the normalizer, further ones round what it found."""
        # The normalizer finds what lies askew; where the region was right it may only spoil it.
        crops = [self._normalized(image, region), plain_crop(region)]
        first = min(self._read(image, crops, camera), key=unsure)
        if not plausible(first, image):
            return first
        return mean_face([first, *self._read(image, further_crops(region_of_face(first)), camera)])

    def _face(self, image: Image | Shrunk, code: Array, crop: Affine, camera: Camera) -> Face:
        state = decode(code, crop, camera)
        if camera.focal <= 0:
            state = replace(state, camera=replace(camera, focal=state.scale / state.nearness))
        if self._gaze is not None:
            state = self._gaze.read(image, state, Face(state, self.basis).landmarks_px("ibug68")[EYES])
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
        return [self._face(image, code, crop, camera) for code, crop in zip(codes, crops, strict=True)]

    def _still_camera(self, image: Image) -> Camera:
        """Focal length 0 where it is to be read from the face."""
        height, width = image.shape[:2]
        return Camera(self._focal or 0.0, width / 2, height / 2)

    def _camera(self, image: Image) -> Camera:
        height, width = image.shape[:2]
        return Camera(self._focal or ASSUMED_FOCAL * max(width, height), width / 2, height / 2)
