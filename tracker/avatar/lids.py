"""The skin of the eyes' lids, which no picture of open eyes shows.

An open eye folds its upper lid away: what a picture shows where it lies is lashes, the lid's shadow and, where the fit
is off by a pixel, the white and the iris. On a lid that shuts all that would be stretched over the eye, and it would
look open. So lids take their colour from the skin round them, and a line of lashes along their edges.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..head import EXPRESSIONS, load_head
from ..types import Array
from .atlas import Texels
from .membrane import at_vertices, smoothstep, spread
from .types import GUESSED

_UPPER = (33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362)
_LOWER = (33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362)
"""The lids' edges from the eye's outer corner to its inner one, points of mediapipe478."""
_NEAR_M, _FADE_M, _FAR_M = (0.003, 0.0015), 0.002, 0.014
"""From the upper edge, and the lower one: what is so near is lid whatever it does, fading over the second; beyond the
third nothing is."""
_GROWS, _GROWS_WHOLLY = 1.1, 1.35
"""What a blink enlarges so many times (in area) is folded away while the eye is open: not at all, and wholly."""
_LASHES_M = 0.0028, 0.0015
_DARK, _DARK_LOWER = (0.35, 0.75), 0.25
"""How much darker than skin the line of lashes is on the upper lid, at least and at most, and on the lower one."""
_FEW = 20
"""With fewer texels of an edge seen, its lashes are as light as can be."""
_ROUND_M, _UNLIKE = 0.03, 0.15
"""Round the eyes is so near to an edge; what is lighter or darker than the skin there by this share counts half."""


def lid_skin(
    colour: Array, source: npt.NDArray[np.uint8], seen: Array, confidence: Array, texels: Texels
) -> tuple[Array, npt.NDArray[np.uint8]]:
    """Texels' colours (n, 3) and provenance (n,) with the lids made up from the skin about them.

    seen (n, 3) and confidence (n,) are what pictures show: from these lashes are as dark as they are there.
    """
    head, cover = load_head(), lids()
    known, sure = at_vertices(colour, np.ones(len(colour), np.float32), texels)
    bare = (1 - cover) ** 2 * (head.region == 0) * sure
    bare *= _like_skin(known, bare)
    share = texels.points(cover[:, None])[:, 0] * (head.region[head.tri].max(1) == 0)[texels.triangle]
    here = np.flatnonzero(share > 0)
    skin = texels.points(spread(known, np.maximum(bare, np.float32(1e-6))))[here]
    place = texels.points(head.mean)[here]
    upper, lower = (
        np.exp(-((_far(edges, place) / wide) ** 2))
        for edges, wide in zip((_edges(_UPPER), _edges(_LOWER)), _LASHES_M, strict=True)
    )
    line = (upper > 0.5) & (confidence[here] > 0.1)
    light = float(np.median(seen[here][line].mean(1) / np.maximum(skin[line].mean(1), 1))) if line.sum() > _FEW else 1.0
    made = skin * (1 - np.clip(1 - light, *_DARK) * upper)[:, None] * (1 - _DARK_LOWER * lower)[:, None]
    colour, source = colour.copy(), source.copy()
    colour[here] += share[here, None] * (made - colour[here])
    source[share > 0.5] = GUESSED
    return colour, source


def _like_skin(colours: Array, sure: Array) -> Array:
    """(6017,) 0..1: how far each vertex is as light as the skin round the eyes; creases, smeared lashes and whites are
    not."""
    near = (_far(_edges(_UPPER + _LOWER), load_head().mean) < _ROUND_M) & (sure > 0.5)
    light = colours.mean(1)
    usual = max(float(np.median(light[near] if near.any() else light)), 1.0)
    return np.asarray(1 / (1 + ((usual - light) / (_UNLIKE * usual)) ** 4), dtype=np.float32)


@lru_cache(maxsize=1)
def lids() -> Array:
    """(6017,) 0..1: what of the head is an eye's lid."""
    head = load_head()
    shut = head.mean + sum(head.expression[EXPRESSIONS.index(f"eyeBlink{side}")] for side in ("Left", "Right"))
    skin = head.tri[head.region[head.tri].max(1) == 0]
    areas = np.zeros((2, len(head.mean)))
    for area, places in zip(areas, (head.mean, shut), strict=True):
        a, b, c = (places[skin[:, k]] for k in range(3))
        np.add.at(area, skin, np.linalg.norm(np.cross(b - a, c - a), axis=1)[:, None])
    grows = areas[1] / np.maximum(areas[0], 1e-12)
    far = [_far(_edges(edge), head.mean) for edge in (_UPPER, _LOWER)]
    near = [smoothstep(1 - (away - most) / _FADE_M) for away, most in zip(far, _NEAR_M, strict=True)]
    folded = smoothstep((grows - _GROWS) / (_GROWS_WHOLLY - _GROWS)) * (np.minimum(*far) < _FAR_M)
    return np.asarray(np.maximum(folded, np.maximum(*near)) * (head.region == 0), np.float32)


def _edges(lines: tuple[tuple[int, ...], ...]) -> Array:
    """(pieces, 2, 3): the ends of the straight pieces of lids' edges, on the mean head."""
    head = load_head()
    points = head.layouts["mediapipe478"].of(head.mean)
    return np.concatenate([np.stack([points[list(line[:-1])], points[list(line[1:])]], 1) for line in lines])


def _far(pieces: Array, places: Array) -> Array:
    """(N,) distances of places (N, 3) from the nearest of straight pieces (P, 2, 3)."""
    out: npt.NDArray[np.floating] = np.full(len(places), np.inf)
    for a, b in pieces:
        along = np.clip((places - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        out = np.minimum(out, np.linalg.norm(places - a - along[:, None] * (b - a), axis=1))
    return np.asarray(out, dtype=np.float32)
