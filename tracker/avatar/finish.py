"""From what was seen to a whole texture: mirrored, completed, continued, and marked as such."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..types import Array, Image
from .atlas import Texels
from .completion import SIZE, WIDE, Completion
from .eyes import paint_eyes
from .lids import lid_skin
from .membrane import at_vertices, bust, hollows, mirrored, scalp, smoothstep, spread
from .types import EYEBALL, GUESSED, INSIDE, MIRRORED, SEEN

_SURE, _UNSURE = 0.22, 0.04
"""Confidence of a texel that is taken as it is, and of one that counts as unseen."""
_AS_MIRRORED = 0.6  # what the other half's colour counts for beside a texel's own
_EVEN, _UNEVEN = 0.06, 0.15
"""By how much less one half may be seen as in a picture from the front; and the width of what is between."""
_LOW_MM = 6.0
_UNLIKE_SKIN, _UNLIKE_HAIR = 60.0, 20.0
"""Grey levels: what differs so much from skin is a beard or a shadow and no nape's colour; from hair, its lights."""
_HAIR_DECAY = 0.03
_EAR = 2
_DEEP_M, _DARKEN = 0.004, 0.25
_GUESS_BLUR = 1.5
"""Of the network's texels: its colours are wanted for how they go, not for what is finer."""
_INSIDE_LIGHT, _TEETH_LIGHT, _TEETH = 0.55, 0.7, 6
"""Lips shade gums and tongue; teeth stand in front."""


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """(S, S, ...) arrays as `Avatar` has them."""

    texture: Image
    confidence: Image
    provenance: Image


def finish(
    albedo: Array,
    confidence: Array,
    texels: Texels,
    completion: Completion | None,
    mirror: bool = True,
    seed: int = 0,
    hair: Array | None = None,
) -> Finished:
    """Complete a fused texture: albedo (n, 3) 0..255 and confidence (n,) 0..1 at the texels that show something.

    completion None leaves the learned part out, mirror False the mirror image too: what is unseen is then carried over
    the surface from where it was seen.
    """
    head = load_head()
    skin = ~np.isin(head.region, (*INSIDE, EYEBALL))[head.tri[texels.triangle]].any(1)
    shown, confidence = confidence, np.where(skin, confidence, 0).astype(np.float32)
    taken = smoothstep((confidence - _UNSURE) / (_SURE - _UNSURE))
    hair = texels.points(scalp()[:, None])[:, 0] if hair is None else smoothstep((hair - 0.3) / 0.4)
    other, other_taken = mirrored(albedo, taken, texels)
    other_taken = other_taken * _alike(hair, texels) if mirror else np.zeros_like(other_taken)
    base = _base(albedo, taken, other, other_taken, hair, texels, completion)
    detail, roughness = _detail(albedo, taken, hair, texels)
    other_detail, _ = mirrored(detail, taken, texels)
    rough = _rough(roughness, hair[:, None], texels, seed)
    unseen = _shaded(base, hair, texels) + np.where(other_taken[:, None] > 0.5, other_detail, rough)
    colour = taken[:, None] * albedo + (1 - taken[:, None]) * unseen
    inside = np.isin(head.region, INSIDE)[head.tri[texels.triangle]].any(1)
    colour[inside] = _of_mouth(texels)[inside]
    source = np.select([taken > 0.5, other_taken > 0.5], [SEEN, MIRRORED], GUESSED).astype(np.uint8)
    colour, source = lid_skin(colour, source, albedo, shown, texels)
    colour, source = paint_eyes(colour, source, albedo, shown, texels)
    source[inside] = GUESSED
    return Finished(
        np.asarray(texels.image(np.clip(colour + 0.5, 0, 255).astype(np.uint8)), dtype=np.uint8),
        np.asarray(texels.image((255 * np.clip(confidence, 0, 1)).astype(np.uint8), spread=False), dtype=np.uint8),
        np.asarray(texels.image(source, spread=False), dtype=np.uint8),
    )


def plain(albedo: Array, confidence: Array, texels: Texels) -> Finished:
    """The projected texture alone: what was not seen has the seen skin's mean colour. What `finish` is measured
    against."""
    head = load_head()
    taken = smoothstep((confidence - _UNSURE) / (_SURE - _UNSURE))
    mean = (albedo * taken[:, None]).sum(0) / max(float(taken.sum()), 1e-6)
    colour = taken[:, None] * albedo + (1 - taken[:, None]) * mean
    inside = np.isin(head.region, INSIDE)[head.tri[texels.triangle]].any(1)
    colour[inside] = _of_mouth(texels)[inside]
    source = np.where(taken > 0.5, SEEN, GUESSED).astype(np.uint8)
    return Finished(
        np.asarray(texels.image(np.clip(colour + 0.5, 0, 255).astype(np.uint8)), dtype=np.uint8),
        np.asarray(texels.image((255 * np.clip(confidence, 0, 1)).astype(np.uint8), spread=False), dtype=np.uint8),
        np.asarray(texels.image(source, spread=False), dtype=np.uint8),
    )


def _of_mouth(texels: Texels) -> Array:
    """(n, 3): the model's own colours, as dark as the mouth's inside is between lips."""
    head = load_head()
    teeth = (head.region == _TEETH)[head.tri[texels.triangle]].any(1)
    light = np.where(teeth, np.float32(_TEETH_LIGHT), np.float32(_INSIDE_LIGHT))
    return np.asarray(light[:, None] * texels.points(head.color.astype(np.float32)), dtype=np.float32)


def _one_sided(taken: Array, texels: Texels) -> float:
    """0..1: whether one half of the head was seen and the other was not, as in a single picture of a turned one."""
    left = texels.points(load_head().mean[:, :1])[:, 0] > 0
    halves = float(taken[left].sum()), float(taken[~left].sum())
    less = 1 - min(halves) / max(*halves, 1.0)
    return float(smoothstep(np.array((less - _EVEN) / _UNEVEN)))


def _alike(hair: Array, texels: Texels) -> Array:
    """(n,) 0..1: whether a texel's surroundings are hair, or skin, as those of its mirror partner are: the edge of hair
    on one cheek is no wrinkle of the other."""
    whole = np.asarray(texels.image(hair), dtype=np.float32)
    whole = cv2.GaussianBlur(whole, (0, 0), 1.5 * _LOW_MM * texels.size / 1024)
    other = cv2.remap(whole, texels.mirror[..., 0], texels.mirror[..., 1], cv2.INTER_LINEAR)
    return np.asarray(smoothstep(1.2 - 4 * np.abs(whole - other)).ravel()[texels.flat], dtype=np.float32)


def _base(
    albedo: Array,
    taken: Array,
    other: Array,
    other_taken: Array,
    hair: Array,
    texels: Texels,
    completion: Completion | None,
) -> Array:
    """(n, 3): a smooth colour for every texel, that runs into what was seen without a seam; hair (n,) 0..1."""
    hairy, _ = at_vertices(hair[:, None], np.ones_like(taken), texels)
    bare = 1 - hairy[:, 0]
    if completion is None:
        known = np.where(taken[:, None] >= other_taken[:, None], albedo, other)
        trust = np.maximum(taken, _AS_MIRRORED * other_taken)
        return texels.points(_continued(*at_vertices(known, trust, texels), hairy[:, 0]))
    learned, inside = _learned(albedo, taken, texels, completion)
    guess, reach = at_vertices(learned, inside, texels)
    # The network's colour holds what is near the face; beyond it the surface carries on.
    # Where one half is hardly seen, the other's image is nearer to it than the network's guess.
    believed = _AS_MIRRORED * _one_sided(taken, texels) * other_taken
    seen_only, seen_sure = at_vertices(
        np.where((taken >= believed)[:, None], albedo, other), np.maximum(taken, believed), texels
    )
    off = np.where(seen_sure[:, None] > 0, seen_only - guess, 0)
    # By how much it misses hair says nothing of the skin beside it.
    miss = spread(off, seen_sure * reach * bare**3, decay=0.003)
    held = np.where(seen_sure > 0.3, 1.0, 0.25 * reach * bare).astype(np.float32)
    whole = texels.points(_continued(np.where(seen_sure[:, None] > 0.3, seen_only, guess + miss), held, hairy[:, 0]))
    inside = (inside * (1 - hair))[:, None]  # it knows little of hair
    mixed = inside * (learned + texels.points(miss)) + (1 - inside) * whole
    return np.asarray(mixed, dtype=np.float32)


def _continued(values: Array, sure: Array, hair: Array) -> Array:
    """(6017, 3) over the whole mesh; hair (6017,) takes hair's colour and the neck skin's, each from its own side."""
    clothes = bust() * (1 - hair)
    sure = sure * (sure > 0.05)
    # A white collar does not make a white nape, nor a beard a dark one: each has its own membrane.
    firm = sure * (1 - clothes) * (1 - hair) ** 3
    skin = spread(values, firm * _alike_one(values, firm, _UNLIKE_SKIN)[1] + np.float32(1e-6))
    out = (1 - clothes)[:, None] * skin
    if (sure * clothes).sum() < 3:
        out = skin
    else:
        out += clothes[:, None] * spread(values, sure * clothes + np.float32(1e-6))
    if (sure * hair).sum() > 5:
        own = _of_hair(values, sure * hair**3)
        out = hair[:, None] * own + (1 - hair[:, None]) * out
    return np.asarray(out, dtype=np.float32)


def _of_hair(values: Array, sure: Array) -> Array:
    """(6017, 3): hair's own tone everywhere, and near to what was seen what differs from it: the lights on a fringe are
    none of the back's."""
    tone, alike = _alike_one(values, sure, _UNLIKE_HAIR)
    return np.asarray(tone + spread(values - tone, sure * alike, decay=_HAIR_DECAY), dtype=np.float32)


def _alike_one(values: Array, sure: Array, unlike: float) -> tuple[Array, Array]:
    """The tone (3,) of what is surest, and (6017,) 0..1 how far each value is of it: what is off by much more than
    `unlike` grey levels is something else."""
    known = sure > 0.6 * max(float(sure.max()), 1e-6)
    tone = np.median(values[known], axis=0) if known.any() else values.mean(0)
    return tone, np.asarray(1 / (1 + (np.abs(values - tone).mean(1) / unlike) ** 4), dtype=np.float32)


def _shaded(base: Array, hair: Array, texels: Texels) -> Array:
    """Colours (n, 3), darker in the ears' hollows: from the front their folds are not seen, and without them it is no
    ear."""
    depth = texels.points((hollows() * (load_head().region == _EAR))[:, None])[:, 0]
    dark = _DARKEN * np.clip(depth / _DEEP_M, -0.4, 1.0) * (1 - hair)
    return np.asarray(base * (1 - dark[:, None]), dtype=np.float32)


def _learned(albedo: Array, taken: Array, texels: Texels, completion: Completion) -> tuple[Array, Array]:
    """The network's colour at the texels (n, 3), and how far it may speak there (n,): on the face's half only."""
    image = np.asarray(texels.image(albedo / np.float32(255)), dtype=np.float32)
    mask = np.asarray(texels.image(taken, spread=False), dtype=np.float32)
    to = (SIZE, SIZE)
    small_mask = cv2.resize(mask, to, interpolation=cv2.INTER_AREA)
    small = (
        cv2.resize(image * mask[..., None], to, interpolation=cv2.INTER_AREA) / np.maximum(small_mask, 1e-3)[..., None]
    )
    out = completion(np.clip(small[:, :WIDE], 0, 1), small_mask[:, :WIDE] * 0.25)
    # From column to column its guesses differ a little, which would be streaks down the cheeks.
    there = cv2.resize(texels.covered.astype(np.float32), to, interpolation=cv2.INTER_AREA)[:, :WIDE]
    near = cv2.GaussianBlur(there, (0, 0), _GUESS_BLUR)
    out = cv2.GaussianBlur(out * there[..., None], (0, 0), _GUESS_BLUR) / np.maximum(near, 1e-3)[..., None]
    half = texels.size // 2
    large = cv2.resize(out, (half, texels.size), interpolation=cv2.INTER_CUBIC)
    whole = np.zeros((texels.size, texels.size, 3), np.float32)
    whole[:, :half] = large * 255
    columns = texels.flat % texels.size
    head = load_head()
    place = texels.points(head.mean)
    # Crown, back and shoulders are seldom in a portrait's texture: nothing was learnt of them.
    inside = (columns < half) * smoothstep((place[:, 2] + 0.11) / 0.03) * smoothstep((place[:, 1] + 0.15) / 0.03)
    return whole.reshape(-1, 3)[texels.flat], np.asarray(inside, dtype=np.float32)


def _detail(albedo: Array, taken: Array, hair: Array, texels: Texels) -> tuple[Array, tuple[float, float]]:
    """What is finer than the smooth base (n, 3), and its deviation in grey levels on seen hair and on seen skin."""
    sigma = _LOW_MM * texels.size / 1024
    image = np.asarray(texels.image(albedo), dtype=np.float32)
    mask = np.asarray(texels.image(taken, spread=False), dtype=np.float32)
    weight = cv2.GaussianBlur(mask, (0, 0), sigma)
    low = cv2.GaussianBlur(image * mask[..., None], (0, 0), sigma) / np.maximum(weight, 1e-3)[..., None]
    detail = (image - low).reshape(-1, 3)[texels.flat] * taken[:, None]
    deviations = []
    for part in ((hair > 0.7) & (taken > 0.8), (hair < 0.1) & (taken > 0.8)):
        grey = detail[part].mean(1)
        spread_of = float(1.48 * np.median(np.abs(grey - np.median(grey)))) if part.sum() > 200 else 3.0
        deviations.append(min(spread_of, 18.0))
    return np.asarray(detail, dtype=np.float32), (deviations[0] * _apart(albedo, hair, taken), deviations[1])


def _apart(albedo: Array, hair: Array, taken: Array) -> float:
    """0..1: how well the hair that is seen stands out from the skin: a bald head has no strands."""
    parts = [(part & (taken > 0.8)) for part in (hair > 0.7, hair < 0.1)]
    if min(part.sum() for part in parts) < 200:
        return 1.0
    hair_tone, skin_tone = (np.median(albedo[part], axis=0) for part in parts)
    return float(np.clip((np.abs(hair_tone - skin_tone).mean() - 10.0) / 20.0, 0, 1))


def _rough(deviation: tuple[float, float], hair: Array, texels: Texels, seed: int) -> Array:
    """(n, 1): invented roughness: strands down the scalp, grain on the skin."""
    rng = np.random.default_rng(seed)
    k = texels.size / 1024
    noise = rng.standard_normal((2, texels.size, texels.size)).astype(np.float32)
    strands = cv2.GaussianBlur(noise[0], (0, 0), sigmaX=max(1.2 * k, 0.4), sigmaY=max(9.0 * k, 1.0))
    grain = cv2.GaussianBlur(noise[1], (0, 0), max(1.2 * k, 0.4))
    of_hair = (strands / strands.std()).ravel()[texels.flat][:, None]
    of_skin = (grain / grain.std()).ravel()[texels.flat][:, None]
    return np.asarray(hair * deviation[0] * of_hair + (1 - hair) * 0.5 * deviation[1] * of_skin, dtype=np.float32)


def covered_share(finished: Finished) -> dict[str, float]:
    """Shares of the atlas that were seen, mirrored and guessed."""
    counts: npt.NDArray[np.intp] = np.bincount(finished.provenance.ravel(), minlength=4)
    total = max(int(counts[1:].sum()), 1)
    return {
        name: round(float(counts[code]) / total, 4)
        for name, code in (("seen", SEEN), ("mirrored", MIRRORED), ("guessed", GUESSED))
    }
