"""A photograph or a turn of the head -> an Avatar: finding the face, and choosing the views that are worth keeping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .. import __version__
from ..capture.source import PICTURES, Source, open_source
from ..detection.follow import FaceTracker
from ..errors import SourceError
from ..settings import Settings, load_settings
from ..types import Array, Face, Frame, Image
from .assemble import Clock, Progress, Recipe, Shot, assemble
from .mirror import both_ways
from .picture import PHOTO_SIDE, SIDE, cut_out, inside, sharpness
from .store import load_views, save_views, sha256_of
from .types import Avatar

MOST_VIEWS = 20
SECONDS = 30.0
"""A turn is watched no longer than this."""
_CELL_DEG = 7.0
_LEAST_FACE_PX = 36.0
_LEAST_PRESENCE, _MOST_STD = 0.75, 0.05
_LEAST_TURN_DEG = 8.0
_SMALL_FACE_PX = 100.0
"""Below this a head is built, and its blur is foretold."""
_AJAR = 0.12
"""Of the inner lips' distance over the mouth's width: from here on teeth show."""
_LOOKS = 3
"""So many of a clip's views are looked at as stills, until one of them shows a person."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A frame of a turn that may become a view."""

    shot: Shot
    yaw: float
    pitch: float
    worth: float


def build_head(
    source: str,
    tracker: FaceTracker,
    *,
    recipe: Recipe | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    resume: Path | None = None,
    settings: Settings | None = None,
) -> Avatar:
    """Build a head from a photograph's path, or from any source of frames: a clip, a folder of pictures, a session's
    folder, a camera.

    resume: a folder that keeps the chosen views of an interrupted build; they are used again where the input is the
    same. Raises SourceError where there is no face, only a part of one, or more than one person; Cancelled.
    """
    clock = Clock(progress, cancelled)
    path = recorded(source)
    digest = sha256_of(path) if path is not None and path.is_file() else None
    facts: dict[str, Any] = {"program": f"stillpoint {__version__}", "source": Path(source).name, "sha256": digest}
    facts["weights"] = tracker.model_info.get("sha256", {})
    if path is not None and path.is_file() and path.suffix.lower() in PICTURES:
        clock.at("find")
        shots = [shot_of_picture(read_picture(path), path.name, tracker)]
        note = _foretold(shots[0].face)
        if note:
            facts["note"] = note
    else:
        shots = _views(source if path is None else str(path), tracker, clock, digest, resume, settings)
        facts["covered_deg"] = _range(shots)
        if facts["covered_deg"] < _LEAST_TURN_DEG:
            facts["note"] = "The head hardly turns in this clip: it was built from what is as good as one picture."
    return assemble(shots, recipe, clock, facts)


def recorded(source: str) -> Path | None:
    """The file or folder that a source names; a session's folder stands for its clean video. None for cameras."""
    path = Path(source)
    if path.is_dir() and (path / "session.json").is_file():
        if not (path / "video.mkv").is_file():
            raise SourceError(f"The session {path} holds no clean video; a head can only be built from pictures.")
        return path / "video.mkv"
    return path if path.exists() else None


def read_picture(path: Path) -> Image:
    """RGB (H, W, 3) uint8, turned as the file says. Raises SourceError where it is no picture."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise SourceError(f"{path} is no picture that can be read; give a photograph (JPEG, PNG, WebP) or a clip.")
    return np.asarray(image[..., ::-1], dtype=np.uint8, order="C")


def shot_of_picture(image: Image, name: str, tracker: FaceTracker) -> Shot:
    """The one face of a photograph, checked. Raises SourceError saying what is wrong with it."""
    faces = tracker.detect(image)
    if not faces:
        raise SourceError(
            f"No face was found in {name}; a sharp photograph of one face, seen from the front, is wanted."
        )
    first = max(faces, key=lambda face: face.size_px)
    others = [f for f in faces if f is not first and f.size_px > 0.5 * first.size_px]
    if others or (tracker.max_faces == 1 and _crowd(image, first, tracker)):
        raise SourceError(
            f"More than one face was found in {name}; cut the picture to the person whose head is wanted."
        )
    _check(first, image, name)
    shot = cut_shot(image, first, name, tracker, PHOTO_SIDE)
    return replace(shot, both=both_ways(shot.image, shot.face, tracker))


def _foretold(face: Face) -> str:
    """What will be amiss with a head from this photograph; empty where nothing is known."""
    parts, size = [], face.size_px
    if size < _SMALL_FACE_PX:
        parts.append(f"The face is only {size:.0f} pixels large, so the head is blurred; take one from nearer.")
    if _open_mouth(face.landmarks_px("ibug68")) > _AJAR:
        parts.append("The mouth is open, so the lips' inner edges are made up; take one with closed lips.")
    return " ".join(parts)


def _crowd(image: Image, first: Face, tracker: FaceTracker) -> bool:
    """Whether faces of about the same size stand beside the first: asked with that one painted over."""
    x0, y0, x1, y1 = first.bbox
    w, h = x1 - x0, y1 - y0
    covered = image.copy()
    low = max(0, int(y0 - 0.6 * h)), max(0, int(x0 - 0.3 * w))
    covered[low[0] : int(y1 + 0.2 * h), low[1] : int(x1 + 0.3 * w)] = 128
    return any(face.size_px > 0.5 * first.size_px for face in tracker.detect(covered))


def _check(face: Face, image: Image, name: str) -> None:
    size = face.size_px
    if size < _LEAST_FACE_PX:
        raise SourceError(
            f"The face in {name} is {size:.0f} pixels large; at least {_LEAST_FACE_PX:.0f} are wanted: "
            "take a picture from nearer, or of higher resolution."
        )
    points = face.landmarks_px("ibug68")
    height, width = image.shape[:2]
    out = (points < -1).any(1) | (points[:, 0] > width + 1) | (points[:, 1] > height + 1)
    if out.mean() > 0.2:
        raise SourceError(f"Only a part of the face is in {name}; a picture with the whole face is wanted.")
    if float(face.std_px("dense").mean()) > _MOST_STD * size:
        raise SourceError(
            f"The face in {name} is not clear enough to fit a head to; take a sharp, well-lit photograph."
        )
    if abs(face.pose.yaw_deg) > 60:
        raise SourceError(f"The face in {name} is seen from the side; one that looks towards the camera is wanted.")


def cut_shot(image: Image, face: Face, name: str, tracker: FaceTracker, side: int = SIDE) -> Shot:
    """The square round a face, at most `side` pixels, and the face in its pixels."""
    cut, state = cut_out(image, face.state, tracker.basis.mesh(face.state), side)
    shown = inside(image.shape, face.state, state, len(cut))
    return Shot(name, cut, shown, face.with_state(state))


def _views(
    source: str, tracker: FaceTracker, clock: Clock, digest: str | None, resume: Path | None, settings: Settings | None
) -> list[Shot]:
    if resume is not None and digest is not None:
        kept = load_views(resume, digest)
        if kept:
            shots = []
            for i, (name, image, shown, box) in enumerate(kept):
                clock.at("find", i / len(kept))
                shots.append(Shot(name, image, shown, tracker.detect(image, [box])[0]))
            return shots
    clock.at("watch")
    with open_source(source, (settings or load_settings()).capture) as frames:
        shots = choose(watch(frames, tracker, clock, Path(source).name))
    clock.at("find")
    if not any(tracker.detect(shot.image) for shot in shots[:_LOOKS]):  # following is quicker to believe than finding
        raise SourceError(f"A head cannot be built from {Path(source).name}: what moves in it is no person's face.")
    for i, shot in enumerate(shots):
        clock.at("find", i / len(shots))
        shots[i] = _studied(shot, tracker)
    if resume is not None and digest is not None:
        save_views(resume, digest, [(s.name, s.image, s.shown, s.face.bbox) for s in shots])
    return shots


def watch(frames: Source, tracker: FaceTracker, clock: Clock, name: str) -> list[Candidate]:
    """Follow the face through a turn and keep, of every direction, the frame that shows it best. Raises SourceError."""
    if tracker.max_faces < 2:
        raise ValueError("A tracker for at least two faces is wanted: who else is there must be seen.")
    tracker.reset()
    best: dict[tuple[int, int], Candidate] = {}
    total = frames.info.frames
    seen = crowded = count = 0
    start: float | None = None
    for frame in frames:
        start = frame.time if start is None else start
        if frame.time - start > SECONDS:
            break
        count += 1
        share = count / total if total else min((frame.time - start) / SECONDS, 1.0)
        clock.at("watch", share)
        faces = tracker.step(frame).faces
        if not faces:
            continue
        seen += 1
        face = max(faces, key=lambda f: f.size_px)
        crowded += any(f is not face and f.size_px > 0.5 * face.size_px for f in faces)
        candidate = candidate_of(frame, face, tracker, name)
        if candidate is None:
            continue
        cell = round(candidate.yaw / _CELL_DEG), round(candidate.pitch / _CELL_DEG)
        if cell not in best or best[cell].worth < candidate.worth:
            best[cell] = candidate
    if count == 0:
        raise SourceError(f"{name} gave no picture. {frames.problem or ''}".strip())
    if crowded > 0.3 * seen and seen:
        raise SourceError(f"More than one person is in {name}; a turn of one head is wanted.")
    if not best:
        what = "no face was found" if seen == 0 else "the face is too small, too blurred or cut off"
        raise SourceError(f"A head cannot be built from {name}: {what}; film one face, from near, in good light.")
    return list(best.values())


def candidate_of(frame: Frame, face: Face, tracker: FaceTracker, name: str, side: int = SIDE) -> Candidate | None:
    """A frame's face cut out, and what it is worth; None where it is too small, unclear or cut off."""
    size = face.size_px
    if face.presence < _LEAST_PRESENCE or size < _LEAST_FACE_PX:
        return None
    unsure = float(face.std_px("dense").mean()) / size
    if unsure > _MOST_STD:
        return None
    points = face.landmarks_px("ibug68")
    height, width = frame.image.shape[:2]
    if ((points < 0).any(1) | (points[:, 0] > width) | (points[:, 1] > height)).mean() > 0.15:
        return None
    shot = cut_shot(frame.image, face, f"{name} {frame.index}", tracker, side)
    low = face.with_state(shot.face.state).landmarks_px("ibug68")
    mask = np.zeros(shot.image.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(low.astype(np.int32)), 1)
    moving = float(np.linalg.norm(face.state.expression))
    # An open mouth paints its teeth on the lips: skin is best read off a face at rest.
    worth = np.log(sharpness(shot.image, mask > 0) + 1e-3) - 0.5 * moving - 15 * unsure - 3.0 * _open_mouth(low)
    return Candidate(shot, face.pose.yaw_deg, face.pose.pitch_deg, float(worth))


def _open_mouth(points: Array) -> float:
    """The inner lips' distance over the mouth's width, of `ibug68`'s points (68, 2)."""
    width = float(np.linalg.norm(points[48] - points[54]))
    return float(np.linalg.norm(points[62] - points[66])) / max(width, 1e-6)


def choose(candidates: Sequence[Candidate], most: int = MOST_VIEWS) -> list[Shot]:
    """The views to build from, the most frontal first: of the sharper ones whichever is furthest from those taken."""
    worth = np.array([c.worth for c in candidates])
    keep = [c for c in candidates if c.worth >= np.median(worth) - 1.2]
    place = np.array([[c.yaw, c.pitch] for c in keep])
    first = int(np.argmin(np.hypot(place[:, 0], 0.7 * (place[:, 1] - np.median(place[:, 1]))) - 6 * _rank(keep)))
    taken = [first]
    while len(taken) < min(most, len(keep)):
        apart = np.linalg.norm(place[:, None] - place[taken][None], axis=2).min(1)
        score = apart * (0.6 + 0.4 * _rank(keep))
        score[taken] = -1
        taken.append(int(score.argmax()))
    return [keep[i].shot for i in taken]


def _rank(candidates: Sequence[Candidate]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """0..1: how each compares in worth."""
    order = np.argsort(np.argsort([c.worth for c in candidates]))
    return np.asarray(order / max(len(candidates) - 1, 1), dtype=np.float64)


def photographed(shot: Shot, tracker: FaceTracker) -> Shot:
    """A clip's frame looked at as a photograph is: several times, and in its mirror image."""
    studied = _studied(shot, tracker)
    return replace(studied, both=both_ways(studied.image, studied.face, tracker))


def _studied(shot: Shot, tracker: FaceTracker) -> Shot:
    """The face looked at again, several times, in its cut-out: better than a frame's one look."""
    face = tracker.detect(shot.image, [shot.face.bbox])[0]
    if face.presence < 0.5 or abs(face.state.scale / shot.face.state.scale - 1) > 0.2:
        return shot
    camera = shot.face.state.camera
    # The clip's camera is one and the same: a single frame's reading of perspective is not taken over.
    return replace(shot, face=face.with_state(replace(face.state, camera=camera, nearness=shot.face.state.nearness)))


def _range(shots: Sequence[Shot]) -> float:
    yaws = [shot.face.pose.yaw_deg for shot in shots]
    return round(max(yaws) - min(yaws), 1)
