"""Avatar: the personal head, one immutable value. What builds it, what draws it and what exports it meet here.

Shape. `neutral` are the vertices of the head model (`tracker.head.load_head()`: the same triangles, regions, mirror
partners and the same order) of this person at rest, in the head frame in metres. Nothing in an avatar depends on the
landmark network: the 52 expressions of the head model are what moves it, and a tracked `FaceState` gives rotation,
centre, scale, nearness and expression; its identity and residual are not used.

Colour. `texture` is what the skin looks like under white light from everywhere (albedo), in the picture's own
gamma-coded sRGB values, on the one atlas that every avatar shares (`tracker.avatar.atlas.load_atlas()`: face and back
of the head side by side, eyeballs and teeth in the gaps). Row 0 of the texture is the atlas's v = 1, the texel (i, j)
of an atlas of size S has its centre at u = (j + 0.5) / S, v = 1 - (i + 0.5) / S. To draw a point: albedo times
`shading(normal in the camera)`; white light is `Avatar.lighting` replaced by `lighting.WHITE`.

Honesty. `provenance` says of each texel whether a picture showed it (SEEN), its mirror partner's was taken (MIRRORED),
or it was made up (GUESSED); NOWHERE is what no triangle covers (it is filled with its neighbours' colour, so that
filtering never bleeds). `confidence` is 0..255: how well it was seen, 0 where it was not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..head import EXPRESSIONS, load_head, moving
from ..head.axes import gaze_of, gaze_turn
from ..types import Array, FaceState, Image

NOWHERE, GUESSED, MIRRORED, SEEN = 0, 1, 2, 3
"""Codes of `Avatar.provenance`."""

EYEBALL = 7
"""The head model's region code of the eyeballs."""

INSIDE = (4, 5, 6, 8, 9)
"""The region codes of what lies within mouth and sockets: no skin."""

_STILL = np.array([0.0 if name.startswith("eyeLook") else 1.0 for name in EXPRESSIONS], dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One picture that the head was built from, cut out square round the head (at most 1024 px).

    name    where it came from: a file's name, or clip and frame number
    image   (S, S, 3) uint8 RGB
    matte   (S, S) uint8: 255 where the head, its hair and neck are, 0 background
    state   the jointly refined fit in this cut-out's pixels: `state.project(avatar.vertices(state.expression))` are
            the vertices' pixels; `residual` and `spread` are empty
    sharp   how sharp it is among its clip's views, 0..1
    """

    name: str
    image: Image
    matte: Image
    state: FaceState
    sharp: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Avatar:
    """A personal head.

    neutral     (6017, 3) metres, head frame: hair volume is in it as far as silhouettes showed it
    identity    (40,) standard deviations of the head model's modes: what `neutral` is but for its finer parts
    texture     (S, S, 3) uint8 RGB albedo, gamma-coded (S = 512 or 1024)
    confidence  (S, S) uint8
    provenance  (S, S) uint8: NOWHERE, GUESSED, MIRRORED, SEEN
    lighting    (9, 3) spherical harmonics of the light in the camera's axes, RGB (see `lighting.shading`)
    views       the pictures, best first; empty where they were not kept
    facts       JSON-able: how it was built (inputs and their sha256, seconds a stage, figures of the fit, notes)
    splats      named arrays of the splat set (`tracker.avatar.splats` defines them), or None before there is one
    """

    neutral: Array
    identity: Array
    texture: Image
    confidence: Image
    provenance: Image
    lighting: Array
    views: tuple[View, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    splats: Mapping[str, npt.NDArray[Any]] | None = None

    def vertices(self, expression: Array | None = None) -> Array:
        """(6017, 3) metres, head frame: at rest, or with an expression (52,) of ARKit's coefficients.

        Eyeballs are turned about their centres by the gaze that the eyeLook shapes say, so that they stay round.
        """
        if expression is None:
            return self.neutral
        head = load_head()
        weights = np.asarray(expression, dtype=np.float32)
        moves = moving(weights)
        moved = self.neutral + (moves @ head.expression.reshape(len(moves), -1)).reshape(self.neutral.shape)
        for gaze, side in zip(gaze_of(weights), (1.0, -1.0), strict=True):
            ball = eyeball(side)
            rest = self.neutral[ball]
            centre = ball_centre(rest)
            moved[ball] = (rest - centre) @ gaze_turn(gaze).T.astype(np.float32) + centre + moves @ _carrying(side)
        return moved


@lru_cache(maxsize=2)
def _carrying(side: float) -> Array:
    """(52, 3) metres: how each expression but a gaze moves an eyeball as a whole."""
    return np.asarray(load_head().expression[:, eyeball(side)].mean(1) * _STILL[:, None], dtype=np.float32)


@lru_cache(maxsize=2)
def eyeball(side: float) -> npt.NDArray[np.intp]:
    """Vertices of the subject's left (side > 0) or right eyeball."""
    head = load_head()
    return np.flatnonzero((head.region == EYEBALL) & (head.mean[:, 0] * side > 0))


def ball_centre(vertices: Array) -> Array:
    """(3,): the centre of the sphere through an eyeball's vertices (N, 3)."""
    a = np.concatenate([2 * vertices, np.ones((len(vertices), 1), np.float32)], 1).astype(np.float64)
    solution = np.linalg.lstsq(a, (vertices.astype(np.float64) ** 2).sum(1), rcond=None)[0]
    return np.asarray(solution[:3], dtype=np.float32)
