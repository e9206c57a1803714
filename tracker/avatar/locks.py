"""Which of a picture's pixels show hair: on the head, and in the locks beside neck and cheeks, where no skull is.

Colours decide: what the matte holds over the scalp, beside those of the bare face and of what surely is background.
A head whose outline is of the face's colours is bald, where it is as smooth as the face; or its hair cannot be told
from its skin, and nothing is said.
Where the ground is of hair's colour, hair over the neck's sides still tells that it hangs there, but not how wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..types import Array, FaceState, Image
from .atlas import Texels
from .membrane import at_vertices, mirrored, scalp, spread
from .render import rasterise, seen_from
from .types import INSIDE

SIDE = 192
WIDEST_M, LOWEST_M = 0.17, -0.20
"""Hair is looked for so far aside of the head's axis, and down to so far below the eyes."""
_AXIS = np.array([[0.0, 0.0, -0.075]], np.float32)
_BINS, _BLUR = 24, (1.2, 1.0, 1.0)  # of the histograms of lightness and of the two colours
_LEAST_PX = 40
_SEED, _HAIR = 0.75, 0.5  # shares of the histograms from which on a pixel is hair
_RARE = np.float32(1e-3)  # of hair's colours, what is met no oftener is not taken for one of them
_RIM_M, _RIM_SHARE = 0.018, 0.5
"""Of a band so wide along the scalp's outline, so large a part looks unlike skin where there is hair."""
_ABOUT_M = 0.02  # hair stands off the scalp by as much, and is no background yet
_SEEDED_PX = 20
_LOBES_M, _BESIDE_M = -0.085, 0.115  # what begins about the ears' lobes, so near to the head, is hair
_NECK_RIM_M = 0.004  # a neck's outline is not known better
_GUESSED, _MIRRORED, _GLIMPSED = 0.03, 0.2, 0.05
"""Weights of what is supposed, of what the other half shows and of what is seen aslant, beside that of what is seen."""
_BALD = 0.03  # of the scalp that is seen, so little hair is none
_AS_LIGHT, _AS_TINGED, _AS_ROUGH, _DARKER, _BARE_DARK = 0.15, 4.0, 1.25, 0.75, 0.18
"""How far a bare skull is from the face's lightness (of it), from its colours (8-bit Lab), how rough it is beside it at
most, and how little of it is darker than so much of the face's lightness."""
_FRINGE_M = 0.034  # above this hair may hang over the forehead
_BEARD_M = -0.045  # below this a face's colours may be a beard's, which are hair's
_CROWN_M, _ROW_M, _ROWS, _WALL_ROWS = 0.05, 0.006, 80, 3
_TURNED = 0.9  # cosine: from farther aside what is seen beside the neck may be far behind the head
_VEILED, _VEIL_M = (0.05, 0.3), 0.11
"""Of the neck's sides, how much hair hides at least of one and of the other where it hangs; and how far from the axis
it is supposed to reach where the ground beside it has its colour."""
_SKULL_M, _GROWS_M = 0.095, (-0.08, 0.05)  # so far at the temples, and between which heights it becomes as wide
_GROUND_M, _SAME_GROUND = -0.12, 0.5  # of the ground beside the neck, so much looks like hair where it is of its colour

Mask = npt.NDArray[np.bool_]


def hair_seen(image: Image, matte: Image, state: FaceState, vertices: Array, shown: Mask) -> Image | None:
    """(SIDE, SIDE) uint8, 0 or 255: where a square cut-out (S, S, 3) shows hair; None where hair cannot be told.

    matte (S, S) as `picture.matte` has it; state and vertices (V, 3) of the fit in the cut-out's pixels; shown (S, S):
    which pixels are the picture's own. Of a bald head nothing is hair.
    """
    to = (SIDE, SIDE)
    small = cv2.resize(image, to, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(matte, to, interpolation=cv2.INTER_AREA) > 127
    real = cv2.resize(shown.astype(np.uint8), to, interpolation=cv2.INTER_NEAREST)
    there = cv2.erode(real, np.ones((3, 3), np.uint8), borderValue=1) > 0
    k = SIDE / len(image)
    placed = replace(state, centre=np.asarray(state.centre * k, np.float32), scale=state.scale * k)
    crown, face, front, neck = _parts(placed, vertices)
    aside, up = _places(placed)
    about = cv2.dilate(crown.astype(np.uint8), _disc(_ABOUT_M * placed.scale)) > 0
    over = inside & there & about & (up > 0.0) & ~front
    if min(over.sum(), (face & there).sum()) < _LEAST_PX:
        return None
    tone = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.int64) * _BINS // 256)
    skin = _colours(tone, face & there)
    seeds = over & (_share(tone, _colours(tone, over), skin) > _SEED)
    rim = over & (cv2.erode(np.where(there, inside, True).astype(np.uint8), _disc(_RIM_M * placed.scale)) == 0)
    if seeds.sum() < _LEAST_PX or (seeds & rim).sum() < _RIM_SHARE * max(rim.sum(), 1):
        return np.zeros(to, np.uint8) if _bare(small, over, face & there) else None
    reach = there & (np.abs(aside) < WIDEST_M) & (up > LOWEST_M)
    # What lies beyond the reach of hair, beside the head above the eyes, and beside the neck's foot.
    ground = there & (~reach | ((up > 0) & ~inside) | ((up < -0.16) & (np.abs(aside) > 0.11)))
    if ground.sum() < _LEAST_PX:
        ground = there & ~inside
    share = _share(tone, _colours(tone, seeds), _colours(tone, ground) + skin)
    # On the skull skin is all that hair could be taken for, whatever is behind it.
    like = cv2.GaussianBlur(_share(tone, _colours(tone, seeds), skin + _RARE), (0, 0), 0.8)
    hair = (np.where(over, like, cv2.GaussianBlur(share, (0, 0), 0.8)) > _HAIR) & reach & ~front
    solid = cv2.morphologyEx(hair.astype(np.uint8), cv2.MORPH_OPEN, _disc(2)) > 0
    solid = cv2.morphologyEx((solid | (hair & inside & (up > 0))).astype(np.uint8), cv2.MORPH_CLOSE, _disc(2)) > 0
    solid &= reach
    endless = _endless(solid, aside, up)
    count, label = cv2.connectedComponents(solid.astype(np.uint8))
    seeded = np.bincount(label[seeds], minlength=count) > _SEEDED_PX
    # A dark coat is no hair: what does not hang together with that on the head has to begin about the ears, and end.
    locks = np.bincount(label[(up > _LOBES_M) & (np.abs(aside) < _BESIDE_M)], minlength=count) > 0
    brink = ~(cv2.erode(there.astype(np.uint8), np.ones((3, 7), np.uint8), borderValue=1) > 0)
    brink[:, :4] = brink[:, -4:] = True
    locks &= np.bincount(label[(endless | brink) & solid], minlength=count) == 0
    rooted = seeded | locks
    rooted[0] = False
    found = rooted[label] & np.where(up >= _CROWN_M, inside, ~endless | (inside & crown))
    if state.rotation[0, 0] > _TURNED:
        found |= _veil((like > _HAIR) & there & ~front, neck & there, inside, aside, up)
    else:
        found &= inside
    return np.asarray(np.where(found, 255, 0), dtype=np.uint8)


def _veil(like: Mask, neck: Mask, inside: Mask, aside: Array, up: Array) -> Mask:
    """(SIDE, SIDE): what is taken for hair where the ground beside the neck has hair's colour: as far out as hair
    usually hangs, if on both sides some of the `neck` itself is hidden by what is `like` hair."""
    beside = ~inside & (np.abs(aside) < WIDEST_M) & (np.abs(aside) > _VEIL_M) & (up < 0.0) & (up > _GROUND_M)
    hidden = []
    for side in (aside > 0, aside <= 0):
        seen, ground = like[neck & side], like[beside & side]
        if not len(seen) or not len(ground) or ground.mean() < _SAME_GROUND:
            return np.zeros_like(like)
        hidden.append(float(seen.mean()))
    if min(hidden) < _VEILED[0] or max(hidden) < _VEILED[1]:
        return np.zeros_like(like)
    reach = np.interp(up, _GROWS_M, (_VEIL_M, _SKULL_M))
    return np.asarray(like & (np.abs(aside) < reach) & (up < _CROWN_M) & (up > LOWEST_M))


def _endless(hair: Mask, aside: Array, up: Array) -> Mask:
    """(SIDE, SIDE): the sides on which hair does not end before the reach does: there is a wall of hair's colour."""
    row = np.clip(((up - LOWEST_M) / _ROW_M).astype(int), 0, _ROWS - 1)
    found = np.zeros_like(hair)
    for side in (aside > 0, aside <= 0):
        far = hair & side & (np.abs(aside) > WIDEST_M - 0.015) & (up < _CROWN_M)
        if len(np.unique(row[far])) >= _WALL_ROWS:
            found |= side
    return found


def with_locks(matte: Image, hair: Image | None, shown: Mask) -> Image:
    """The matte (S, S), and what `hair_seen` found beside it."""
    if hair is None:
        return matte
    grown = cv2.resize(hair, matte.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.maximum(matte, np.where(shown, grown, 0)), dtype=np.uint8)


def hair_on_atlas(mask: Image, state: FaceState, vertices: Array, size: int, texels: Texels) -> Array:
    """(n,) 0..1: which texels are hair in a cut-out of `size` pixels, as `hair_seen` found it."""
    at = (texels.points(state.project(vertices)) * np.float32(SIDE / size)).astype(np.int32)
    column, row = np.clip(at, 0, SIDE - 1).T
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.7)[row, column] / np.float32(255), dtype=np.float32)


def hair_of_all(
    seen: Sequence[Array | None], weights: Sequence[Array], glimpsed: Sequence[Array], grows: Array, texels: Texels
) -> Array:
    """(n,) 0..1: which texels are hair: where pictures show them as they show them, else as their mirror partners, else
    as what is near, or as it `grows` (6017,); nowhere where all that is seen of the scalp is bare.

    seen: of each picture `hair_on_atlas`; weights and glimpsed (n,) as its `texture.Sample` has them.
    """
    # What is hair aslant is hair, though its colours are no more to be read; what is none may lie beside it.
    told = [(h, w + _GLIMPSED * g * h) for h, w, g in zip(seen, weights, glimpsed, strict=True) if h is not None]
    if not told:
        return texels.points(grows[:, None])[:, 0]
    total = np.asarray(sum(weight for _, weight in told), dtype=np.float32)
    shown = np.asarray(sum(weight * share for share, weight in told), dtype=np.float32)
    hair = np.asarray(shown / np.maximum(total, 1e-6), dtype=np.float32)
    there = total * (texels.points(scalp()[:, None])[:, 0] > 0.5)
    if there.sum() > 0 and (there * hair).sum() < _BALD * there.sum():
        grows = np.zeros_like(grows)
    other, other_total = mirrored(hair[:, None], total, texels)
    both = total + _MIRRORED * other_total
    hair = np.asarray((shown + _MIRRORED * other_total * other[:, 0]) / np.maximum(both, 1e-6), dtype=np.float32)
    near, trust = at_vertices(hair[:, None], both, texels)
    supposed = spread((trust * near[:, 0] + _GUESSED * grows)[:, None] / (trust + _GUESSED)[:, None], trust + _GUESSED)
    return np.asarray((both * hair + _GUESSED * texels.points(supposed)[:, 0]) / (both + _GUESSED), dtype=np.float32)


def _parts(state: FaceState, vertices: Array) -> tuple[Mask, Mask, Mask, Mask]:
    """(SIDE, SIDE) each: where the scalp is drawn, the bare face's middle, the face's whole front, and the neck but for
    its rim."""
    head = load_head()
    skin = np.flatnonzero(~np.isin(head.region[head.tri], INSIDE).any(1))
    points, depth = seen_from(state, vertices)
    drawn = rasterise(points, depth, head.tri[skin], (SIDE, SIDE)).triangle
    place = head.mean[head.tri[skin]].mean(1)
    x, y, z = np.abs(place[:, 0]), place[:, 1], place[:, 2]
    bald = head.region[head.tri[skin]].max(1) != 1
    parts = (
        scalp()[head.tri[skin]].min(1) > 0.5,
        bald & (x < 0.056) & (y < 0.045) & (y > _BEARD_M) & (z > -0.045),
        bald & (x < 0.060) & (y < _FRINGE_M) & (y > -0.115) & (z > -0.06),
        (y < -0.055) & (y > -0.13) & (z < -0.03),
    )
    crown, face, front, neck = ((drawn >= 0) & part[drawn] for part in parts)
    solid = cv2.erode((drawn >= 0).astype(np.uint8), _disc(_NECK_RIM_M * state.scale))
    return crown, face, front, neck & (solid > 0)


def _places(state: FaceState) -> tuple[Array, Array]:
    """(SIDE, SIDE) each: metres from the head's axis to its left, and above the eyes, of what a pixel shows."""
    middle = state.project(_AXIS)[0]
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    away = np.stack([columns - middle[0], rows - middle[1]], -1) / state.scale
    left, top = (state.rotation[:2, k] / max(float(np.linalg.norm(state.rotation[:2, k])), 1e-6) for k in (0, 1))
    return np.asarray(away @ left, dtype=np.float32), np.asarray(away @ top, dtype=np.float32)


def _colours(tone: npt.NDArray[np.int64], where: Mask) -> Array:
    """(bins, bins, bins) how often each colour is met there, summing up to 1, blurred."""
    counts = np.zeros((_BINS, _BINS, _BINS), np.float32)
    np.add.at(counts, tuple(tone[where].T), 1)
    for axis, sigma in enumerate(_BLUR):
        flat = np.moveaxis(counts, axis, 0).reshape(_BINS, -1)
        blurred = cv2.GaussianBlur(flat, (1, 7), sigmaX=1, sigmaY=sigma, borderType=cv2.BORDER_REPLICATE)
        counts = np.moveaxis(blurred.reshape(_BINS, _BINS, _BINS), 0, axis)
    return np.asarray(counts / max(float(counts.sum()), 1e-9), dtype=np.float32)


def _share(tone: npt.NDArray[np.int64], of: Array, beside: Array) -> Array:
    """(SIDE, SIDE) 0..1: how much likelier each pixel's colour is `of` one histogram than `beside` it."""
    index = tone[..., 0], tone[..., 1], tone[..., 2]
    mine = of[index]
    return np.asarray(mine / (mine + beside[index] + 1e-7), dtype=np.float32)


def _bare(picture: Image, over: Mask, face: Mask) -> bool:
    """Whether the head is `over` its scalp as its `face` is: blond hair is rougher, stubble partly darker."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    grey = lab[..., 0]
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.5))
    skin = np.median(lab[face], axis=0)
    off = np.abs(np.median(lab[over], axis=0) - skin)
    within = cv2.erode(over.astype(np.uint8), _disc(2)) > 0
    return bool(
        off[0] < _AS_LIGHT * skin[0]
        and off[1:].max() < _AS_TINGED
        and within.any()
        and np.median(fine[within]) < _AS_ROUGH * np.median(fine[face])
        and (grey[over] < _DARKER * skin[0]).mean() < _BARE_DARK
    )


def _disc(radius: float) -> Image:
    r = max(1, round(radius))
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1)), dtype=np.uint8)
