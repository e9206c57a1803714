"""One person's pictures -> an Avatar. Photograph and turn meet here: a photograph is a turn of one picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import StillpointError
from ..head import load_head
from ..types import Array, Face, FaceState, Image
from .align import vertices_found
from .atlas import PHOTO_SIZE, SIZE, Texels, texels
from .completion import load_completion
from .fall import falling
from .finish import covered_share, finish, plain
from .fit import Fit, Seen, fit_alone, fit_views, landmarks_of
from .hair import hair_volume
from .lighting import WHITE
from .lips import lips_where_seen, shut, without_teeth
from .locks import hair_of_all, hair_on_atlas, hair_seen, with_locks
from .membrane import scalp
from .picture import matte, sharpness, silhouette
from .texture import Sample, fuse, light_of, unwrap, without_stains, without_worse_halves
from .types import Avatar, View

STAGES = ("fit", "align", "outline", "texture", "complete")
Progress = Callable[[str, float], None]
"""Called with a stage's name and the share 0..1 of it that is done."""


_CUT_M, _CUT_LEFT, _WIDE_M = -0.155, 0.3, 0.08
"""Metres below the eyes, and aside of the neck's middle, beyond which the bust keeps so much of its extent."""
_NECK = np.array([0.0, -0.105], np.float32)  # x and z


class Cancelled(StillpointError):  # noqa: N818 (what a person did is no error)
    """The person who asked for the head changed their mind."""

    def __init__(self, kept: str = "") -> None:
        super().__init__(f"The head was not built: it was cancelled. {kept or 'Nothing was written.'}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What goes into a head. Evaluation leaves parts out to see what each is worth.

    size of the texture; 0: as large as the pictures are worth.
    """

    align: bool = True
    hair: bool = True
    mirror: bool = True
    learned: bool = True
    complete: bool = True
    size: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A cut-out with the face found in it: `image` (S, S, 3), `shown` (S, S) which pixels the picture really has;
    `both` is what it and its mirror image say of the face, where that was asked."""

    name: str
    image: Image
    shown: npt.NDArray[np.bool_]
    face: Face
    both: Seen | None = None

    @property
    def seen(self) -> Seen:
        """What the cut-out says of the face."""
        return landmarks_of(self.face) if self.both is None else self.both


@dataclass(slots=True)
class Clock:
    """Says how far a build is, stops it where it was cancelled, and keeps each stage's seconds."""

    progress: Progress | None = None
    cancelled: Callable[[], bool] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    _stage: str = ""
    _since: float = 0.0

    def at(self, stage: str, share: float = 0.0) -> None:
        """Raises Cancelled where the build is no longer wanted."""
        now = time.perf_counter()
        if self._stage:
            self.seconds[self._stage] = round(self.seconds.get(self._stage, 0.0) + now - self._since, 3)
        self._stage, self._since = stage, now
        if self.cancelled is not None and self.cancelled():
            raise Cancelled
        if self.progress is not None:
            self.progress(stage, share)


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What the pictures say before anything is made up: the shape with light and views but no texture, and of the
    atlas the albedo (n, 3) 0..255, confidence (n,) and hair (n,) 0..1 of `grid`'s texels. `bare`: the shape without
    hair's volume."""

    shape: Avatar
    bare: Avatar
    albedo: Array
    confidence: Array
    grid: Texels
    hair: Array
    misfit: float

    def finished(self, recipe: Recipe) -> Avatar:
        """The avatar, completed as the recipe says."""
        done = (
            finish(
                self.albedo,
                self.confidence,
                self.grid,
                load_completion() if recipe.learned else None,
                recipe.mirror,
                hair=self.hair,
            )
            if recipe.complete
            else plain(self.albedo, self.confidence, self.grid)
        )
        facts = {**self.shape.facts, "shares": covered_share(done)}
        return replace(
            self.shape, texture=done.texture, confidence=done.confidence, provenance=done.provenance, facts=facts
        )


def assemble(
    shots: Sequence[Shot],
    recipe: Recipe | None = None,
    clock: Clock | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Avatar:
    """Build the head that all the pictures show; the first is the best. Raises Cancelled."""
    recipe, clock = recipe or Recipe(), clock or Clock()
    gathered = gather(shots, recipe, clock)
    clock.at("complete")
    avatar = gathered.finished(recipe)
    clock.at("", 1.0)
    about = {**(facts or {}), **avatar.facts, "seconds": dict(clock.seconds)}
    return replace(avatar, facts=about)


def gather(shots: Sequence[Shot], recipe: Recipe, clock: Clock) -> Gathered:
    """Fit, align, cut out and fuse the pictures. Raises Cancelled."""
    clock.at("fit")
    seen = [shot.seen for shot in shots]
    fit = fit_views(seen) if len(seen) > 1 else fit_alone(seen[0])
    if recipe.align and len(shots) > 1:
        clock.at("align")
        fit = _aligned(shots, seen, fit, clock)
    bare = _shape(fit.identity)
    cuts, mattes, hairs = _outlines(shots, fit, bare, clock)
    shape, hair = _with_hair(shots, fit, bare, mattes, hairs) if recipe.hair else (bare, scalp())
    mattes = [_on_head(*place, shape) for place in zip(cuts, mattes, fit.states, strict=True)]
    clock.at("texture")
    large = max(len(shot.image) for shot in shots) > 1.4 * SIZE
    grid = texels(recipe.size or (PHOTO_SIZE if large else SIZE))
    clock.at("texture")
    sharp = _sharpnesses(shots, fit, shape)
    samples: list[Sample] = []
    shown_hair: list[Array | None] = []
    for i, (shot, m, state, mask) in enumerate(zip(shots, mattes, fit.states, hairs, strict=True)):
        clock.at("texture", i / len(shots))
        vertices = shape.vertices(state.expression)
        lips = lips_where_seen(vertices, state, shot.seen)
        sample = unwrap(shot.image, m, state, lips, grid, shot.shown, hair)
        samples.append(without_teeth(sample, shot.seen, grid))
        shown_hair.append(None if mask is None else hair_on_atlas(mask, state, vertices, len(shot.image), grid))
    clock.at("texture", 1.0)
    light = light_of(samples, grid)
    if len(samples) == 1:  # of a turn another picture shows the far side
        samples = [without_worse_halves(sample, grid) for sample in samples]
    clock.at("texture", 1.0)
    hairy = hair_of_all(shown_hair, [s.weight for s in samples], [s.glimpsed for s in samples], hair, grid)
    samples = [without_stains(sample, light, hairy, grid) for sample in samples]
    clock.at("texture", 1.0)
    albedo, confidence = fuse(samples, light, sharp)
    views = tuple(
        View(shot.name, shot.image, m, state, s)
        for shot, m, state, s in zip(shots, mattes, fit.states, sharp, strict=True)
    )
    facts = {"views": len(shots), "misfit": round(fit.misfit, 5)}
    shape = replace(shape, lighting=light, views=views, facts=facts)
    return Gathered(shape, bare, albedo, confidence, grid, hairy, fit.misfit)


def _outlines(
    shots: Sequence[Shot], fit: Fit, bare: Avatar, clock: Clock
) -> tuple[list[Image], list[Image], list[Image | None]]:
    """Of each picture the matte, the matte with the locks that hang beside the neck, and where there is hair."""
    cuts: list[Image] = []
    mattes: list[Image] = []
    hairs: list[Image | None] = []
    for i, (shot, state) in enumerate(zip(shots, fit.states, strict=True)):
        clock.at("outline", i / len(shots))
        vertices = bare.vertices(state.expression)
        cuts.append(matte(shot.image, state, vertices, shot.shown))
        hairs.append(hair_seen(shot.image, cuts[-1], state, vertices, shot.shown))
        mattes.append(with_locks(cuts[-1], hairs[-1], shot.shown))
    return cuts, mattes, hairs


def _on_head(cut: Image, matte: Image, state: FaceState, shape: Avatar) -> Image:
    """The matte (S, S) whose locks, unlike the rest that was `cut` out, end with the head's shape: splats would be
    drawn out to where hair is only supposed."""
    drawn = silhouette(state, shape.vertices(state.expression), len(cut), above=-1.0)
    return np.asarray(np.maximum(cut, np.where(drawn, matte, 0)), dtype=np.uint8)


def _with_hair(
    shots: Sequence[Shot], fit: Fit, bare: Avatar, mattes: Sequence[Image], hairs: Sequence[Image | None]
) -> tuple[Avatar, Array]:
    """The shape with its hair's volume, and (6017,) 0..1 where it is hair."""
    placed = [(state, bare.vertices(state.expression)) for state in fit.states]
    outlines = [(m, *place, shot.shown) for m, place, shot in zip(mattes, placed, shots, strict=True)]
    full = _cut_off(bare.neutral + hair_volume(outlines, bare.neutral))
    longer, hangs = falling(hairs, [(*p, len(shot.image)) for p, shot in zip(placed, shots, strict=True)], full)
    return replace(bare, neutral=full + longer), np.maximum(scalp(), hangs)


def _sharpnesses(shots: Sequence[Shot], fit: Fit, shape: Avatar) -> list[float]:
    """0.2..1: how sharp each picture is beside the sharpest."""
    found = [
        sharpness(shot.image, silhouette(state, shape.vertices(state.expression), len(shot.image)))
        for shot, state in zip(shots, fit.states, strict=True)
    ]
    return [float(np.clip(s / max(max(found), 1e-9), 0.2, 1.0)) for s in found]


def _shape(identity: Array) -> Avatar:
    """An avatar of an identity (40,) that has no texture yet."""
    head = load_head()
    neutral = shut(np.asarray(head.mean + np.tensordot(identity, head.identity, 1), dtype=np.float32))
    none = np.zeros((1, 1), np.uint8)
    return Avatar(neutral, identity, np.zeros((1, 1, 3), np.uint8), none, none, WHITE)


def _cut_off(neutral: Array) -> Array:
    """(6017, 3): with the bust cut off level, and narrow: the model's chest ends in a point, its shoulders nowhere."""
    out = neutral.copy()
    below = neutral[:, 1] < _CUT_M
    out[below, 1] = _CUT_M + _CUT_LEFT * (neutral[below, 1] - _CUT_M)
    away = neutral[:, [0, 2]] - _NECK
    far = np.linalg.norm(away, axis=1)
    narrow = np.where(far > _WIDE_M, (_WIDE_M + _CUT_LEFT * (far - _WIDE_M)) / np.maximum(far, 1e-6), 1.0)
    share = np.clip((_CUT_M + 0.02 - neutral[:, 1]) / 0.02, 0, 1)
    out[:, [0, 2]] = _NECK + away * (1 + share * (narrow - 1))[:, None]
    return np.asarray(out, dtype=np.float32)


def _aligned(shots: Sequence[Shot], seen: list[Seen], fit: Fit, clock: Clock, rounds: int = 2) -> Fit:
    """The fit, brought to where the pictures agree on the texture: what each sees is looked for in the others."""
    grid = texels(256)
    for k in range(rounds):
        avatar, samples = _provisional(shots, fit, grid, partial(clock.at, "align", k / rounds))
        more = []
        for i, (shot, state, points) in enumerate(zip(shots, fit.states, seen, strict=True)):
            clock.at("align", (k + i / len(shots)) / rounds)
            found = vertices_found(avatar, shot.image, state, samples[i], grid)
            started = replace(points, start=replace(state, nearness=points.start.nearness))
            more.append(started.with_points(*found) if len(found[0]) else started)
        fit = fit_views(more, fit.identity, rounds=4)
    return fit


def _provisional(
    shots: Sequence[Shot], fit: Fit, grid: Texels, going: Callable[[], None]
) -> tuple[Avatar, list[Sample]]:
    avatar = _shape(fit.identity)
    samples = []
    for shot, state in zip(shots, fit.states, strict=True):
        going()
        everything = np.where(shot.shown, np.uint8(255), np.uint8(0))
        samples.append(unwrap(shot.image, everything, state, avatar.vertices(state.expression), grid))
    going()
    light = light_of(samples, grid)
    albedo, confidence = fuse(samples, light, [1.0] * len(samples))
    done = plain(albedo, confidence, grid)
    return replace(
        avatar, texture=done.texture, confidence=done.confidence, provenance=done.provenance, lighting=light
    ), samples
