"""Measuring heads: some pictures of a person build a head, the others say how well the head foretells them.

Three tasks. `one frame`: a clip's most frontal frame builds, all other directions are foretold; `one picture`: the same
of the persons of a pack. `turn`: every fifth frame is held out, the others build. Each foretold frame's pose and
expression come from its own landmarks and from where its pixels show the projected texture, with the head's shape held;
pixels are compared where the fitted head (without hair's volume) is and the frame's matte says head, and nothing else
of the frame is used: no gain but in the figure that says so. All contestants draw at the same pose but for the generic
head, which has one of its own, by its landmarks.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..capture.source import open_source
from ..detection.follow import FaceTracker
from ..errors import SourceError
from ..settings import Capture
from ..types import Face, FaceState, Frame, Image
from .agreement import CLIPS, PICTURES, evenly, person_of
from .align import vertices_found
from .assemble import Clock, Gathered, Recipe, Shot, gather
from .atlas import texels
from .build import Candidate, candidate_of, choose, photographed
from .contestants import Optimise, contestants
from .draw import over
from .figures import BINS, Foretold, Outcome, half_of
from .fit import Seen, fit_views
from .likeness import evened, psnr, ssim
from .picture import matte, silhouette
from .texture import unwrap
from .types import Avatar

SIDE = 256
_BEHIND = (128, 128, 128)
_FRAMES = 45
_PER_BIN = 4
_BUILD_VIEWS = 10
_HELD_OUT = 8
_ROUNDS = 5

Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One person in several `pictures`: each a name, RGB (H, W, 3) and a box round the face in its pixels; `source`
    says where they are from."""

    name: str
    source: str
    pictures: tuple[tuple[str, Image, tuple[float, float, float, float]], ...]


def evaluate(
    clips: Sequence[str],
    tracker: FaceTracker,
    tell: Tell,
    optimise: Optimise | None = None,
    portraits: Sequence[Portrait] = (),
    shapes_alone: bool = False,
) -> Outcome:
    """Run all tasks on every clip and portrait; with `shapes_alone` build nothing, and only see how well one person's
    shapes agree. Those without a face that is large enough are skipped and named."""
    outcome = Outcome()
    whole = len(clips) + len(portraits)
    for i, clip in enumerate(clips):
        name = Path(clip).stem

        def at(what: str, i: int = i, name: str = name) -> None:
            tell(f"{name}: {what}", i / whole)

        at("watching")
        try:
            found = _sampled(clip, tracker)
        except SourceError as error:
            outcome.skipped.append(f"{name}: {error}")
            continue
        if len(found) < 4:
            outcome.skipped.append(f"{name}: the face is too small or too seldom seen")
            continue
        at("identity")
        _identity(name, CLIPS, found, tracker, outcome)
        if shapes_alone:
            continue
        _one_frame(name, found, tracker, outcome, at, optimise)
        _turn(name, found, tracker, outcome, at, optimise)
    for i, portrait in enumerate(portraits):

        def of(what: str, i: int = i, name: str = portrait.name) -> None:
            tell(f"{name}: {what}", (len(clips) + i) / whole)

        if shapes_alone and half_of(portrait.name) == "tune":
            continue  # fits may be tuned on them
        of("looking")
        if shapes_alone:
            clear = _portrayed(portrait, tracker)
            if len(clear) > 1:
                _identity(portrait.name, portrait.source, clear, tracker, outcome)
            else:
                outcome.skipped.append(f"{portrait.name}: fewer than two clear pictures")
            continue
        _one_picture(portrait, tracker, outcome, of, optimise)
    return outcome


def _sampled(clip: str, tracker: FaceTracker) -> list[Candidate]:
    """Up to _FRAMES frames, evenly spread, with the largest face; looked at again in their cut-outs."""
    tracker.reset()
    with open_source(clip, Capture()) as source:
        every = max(1, (source.info.frames or 600) // _FRAMES)
        frames = _tracked(source, tracker)
        found = [
            candidate_of(frame, max(faces, key=lambda f: f.size_px), tracker, Path(clip).stem, SIDE)
            for frame, faces in frames
            if faces and frame.index % every == 0
        ]
    return [c for c in found if c is not None]


def _tracked(source: Any, tracker: FaceTracker) -> Iterator[tuple[Frame, tuple[Face, ...]]]:
    for frame in source:
        yield frame, tracker.step(frame).faces


def _portrayed(portrait: Portrait, tracker: FaceTracker) -> list[Candidate]:
    """The faces of a portrait's pictures that are clear enough."""
    found = []
    for name, image, box in portrait.pictures:
        candidate = candidate_of(Frame(image, 0.0, 0), tracker.look(image, box), tracker, name, SIDE)
        if candidate is not None:
            found.append(candidate)
    return found


def _identity(name: str, source: str, found: Sequence[Candidate], tracker: FaceTracker, outcome: Outcome) -> None:
    """How well the person's shapes agree, the shape of the person before compared."""
    before = [person.first for person in outcome.people if (person.half, person.source) == (half_of(name), source)]
    pictures = [photographed(candidate.shot, tracker).seen for candidate in evenly(found, PICTURES)]
    frames = [candidate.shot.seen for candidate in found]
    person = person_of(name, half_of(name), source, pictures, frames, before[-1] if before else None)
    outcome.people.append(person)


def _one_frame(
    name: str, found: list[Candidate], tracker: FaceTracker, outcome: Outcome, at: Callable[[str], None],
    optimise: Optimise | None,
) -> None:  # fmt: skip
    worth = np.array([c.worth for c in found])
    turned = np.array([np.hypot(c.yaw, 0.5 * (c.pitch - np.median([d.pitch for d in found]))) for c in found])
    first = int(np.argmin(turned - 2.0 * worth))
    at("building from one frame")
    head = _built([photographed(found[first].shot, tracker)], outcome, name, "one frame")
    targets: list[Candidate] = []
    for low, high in BINS:
        inside = [c for i, c in enumerate(found) if i != first and low <= abs(c.yaw) < high]
        picks = np.linspace(0, len(inside) - 1, min(_PER_BIN, len(inside))).astype(int)
        targets += [inside[i] for i in picks]
    _foretell(name, "one frame", head, targets, tracker, outcome, at, optimise)


def _one_picture(
    portrait: Portrait, tracker: FaceTracker, outcome: Outcome, at: Callable[[str], None], optimise: Optimise | None,
) -> None:  # fmt: skip
    found: list[Candidate] = []
    for name, image, box in portrait.pictures:
        face = tracker.detect(image, [box])[0]
        candidate = candidate_of(Frame(image, 0.0, 0), face, tracker, name, SIDE)
        if candidate is not None:
            found.append(candidate)
    found.sort(key=lambda c: abs(c.yaw))
    if len(found) < 2 or abs(found[0].yaw) > BINS[0][1] or abs(found[-1].yaw) < BINS[-1][0]:
        outcome.skipped.append(f"{portrait.name}: not seen clearly both from the front and turned")
        return
    head = _built([photographed(found[0].shot, tracker)], outcome, portrait.name, "one picture")
    targets = [c for c in found[1:] if BINS[-1][0] <= abs(c.yaw) < BINS[-1][1]]
    _foretell(portrait.name, "one picture", head, targets, tracker, outcome, at, optimise)


def _turn(
    name: str, found: list[Candidate], tracker: FaceTracker, outcome: Outcome, at: Callable[[str], None],
    optimise: Optimise | None,
) -> None:  # fmt: skip
    held = found[2::5]
    others = [c for i, c in enumerate(found) if i % 5 != 2]
    at("building from the turn")
    head = _built(choose(others, _BUILD_VIEWS), outcome, name, "turn")
    picks = np.linspace(0, len(held) - 1, min(_HELD_OUT, len(held))).astype(int)
    _foretell(name, "turn", head, [held[i] for i in picks], tracker, outcome, at, optimise)


def _built(shots: Sequence[Shot], outcome: Outcome, name: str, task: str) -> Gathered:
    wall, cpu = time.perf_counter(), time.process_time()
    head = gather(shots, Recipe(), Clock())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    outcome.builds.append({
        "clip": name, "task": task, "views": len(shots), "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2), "peak_gb": round(peak, 2),
    })  # fmt: skip
    return head


def _foretell(
    name: str, task: str, head: Gathered, targets: Sequence[Candidate], tracker: FaceTracker, outcome: Outcome,
    at: Callable[[str], None], optimise: Optimise | None,
) -> None:  # fmt: skip
    if not targets:
        return
    at(f"completing ({task})")
    known = contestants(head, optimise)
    projected = replace(head.finished(Recipe(complete=False)), neutral=head.bare.neutral)
    half = half_of(name)
    shown: list[tuple[str, Image]] = []
    turned = max(range(len(targets)), key=lambda i: abs(targets[i].yaw))
    for i, target in enumerate(targets):
        at(f"foretelling ({task}) {i + 1}/{len(targets)}")
        shot = target.shot
        seen = shot.seen
        state = _placed(seen, shot, head, projected)
        plain_state = fit_views([seen], np.zeros(40, np.float32), _ROUNDS, known=True).states[0]
        mask = _mask(shot, state, head.bare)
        if mask.sum() < 200:
            continue
        for contestant, avatar in known.items():
            side = len(shot.image)
            drawn = over(*avatar.draw(plain_state if contestant == "generic" else state, (side, side)), _BEHIND)
            outcome.foretold.append(
                Foretold(
                    name, half, task, contestant, shot.name, round(target.yaw, 1),
                    psnr(drawn, shot.image, mask), psnr(evened(drawn, shot.image, mask), shot.image, mask),
                    ssim(drawn, shot.image, mask), _landmark_error(drawn, shot.face, tracker),
                )
            )  # fmt: skip
            if i in (0, turned):
                shown.append((f"{contestant} {target.yaw:+.0f} deg", np.where(mask[..., None], drawn, drawn // 3)))
        if i in (0, turned):
            at_end = len(shown) - len(known)
            shown.insert(
                at_end, (f"frame {target.yaw:+.0f} deg", np.where(mask[..., None], shot.image, shot.image // 3))
            )
    outcome.pictures.append((f"{name}, {task}", shown))


def _placed(seen: Seen, shot: Shot, head: Gathered, projected: Avatar) -> FaceState:
    """Pose and expression of a foretold frame: by its landmarks, then by where it shows the projected texture (the one
    that all contestants share, so that none is favoured). The head's shape is held."""
    state = fit_views([seen], head.bare.identity, _ROUNDS, known=True).states[0]
    grid = texels(SIDE)
    everything = np.where(shot.shown, np.uint8(255), np.uint8(0))
    sample = unwrap(shot.image, everything, state, head.bare.vertices(state.expression), grid)
    found = vertices_found(projected, shot.image, state, sample, grid)
    if not len(found[0]):
        return state
    started = replace(seen, start=replace(state, nearness=seen.start.nearness)).with_points(*found)
    return fit_views([started], head.bare.identity, _ROUNDS, known=True).states[0]


def _mask(shot: Shot, state: FaceState, bare: Avatar) -> npt.NDArray[np.bool_]:
    vertices = bare.vertices(state.expression)
    size = len(shot.image)
    inside = silhouette(state, vertices, size) & shot.shown
    return np.asarray(inside & (matte(shot.image, state, vertices, shot.shown) > 127))


def _landmark_error(drawn: Image, face: Face, tracker: FaceTracker) -> float:
    found = tracker.look(cv2.GaussianBlur(drawn, (0, 0), 0.6), face.bbox)
    if found.presence < 0.5:
        return float("nan")
    off = np.linalg.norm(found.landmarks_px("ibug68") - face.landmarks_px("ibug68"), axis=1)
    return float(100 * off.mean() / face.size_px)
