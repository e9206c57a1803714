"""The heads that an evaluation compares, from the plainest to the one that ships, all of one picture's shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..types import Array, FaceState, Image
from .assemble import Gathered, Recipe
from .lighting import WHITE
from .render import render_mesh
from .show import Drawer, drawer
from .types import SEEN, Avatar

CONTESTANTS = ("generic", "bare", "projected", "mirrored", "mesh")
"""The generic head in the skin's mean colour; the picture's projection with nothing where nothing was seen; the same
with the seen texels' mean colour there; that with the mirror image and colours carried on; with the learned completion.
"splats" where they are asked for. All but the first share shape and light."""

Optimise = Callable[[Avatar], Avatar]


class SeenHead:
    """Draws a head's textured mesh where a picture showed it; the rest is left out, as the background is."""

    def __init__(self, avatar: Avatar) -> None:
        self.avatar = avatar
        seen = np.where(avatar.provenance == SEEN, np.uint8(255), np.uint8(0))
        self._seen = replace(avatar, texture=np.repeat(seen[..., None], 3, axis=2))

    def draw(
        self, state: FaceState, size: tuple[int, int], lighting: Array | None = None, tinted: bool = False
    ) -> tuple[Image, npt.NDArray[np.float32]]:
        """As `MeshHead.draw`."""
        picture, cover, _ = render_mesh(self.avatar, state, size, lighting=lighting, provenance=tinted)
        seen = render_mesh(self._seen, state, size, lighting=WHITE)[0]
        # Both are over black and have the mesh's own edge in them: it must count once.
        share = (seen[..., 0] / np.maximum(255 * cover, 1)).clip(0, 1).astype(np.float32)
        return np.asarray(picture * share[..., None] + 0.5, dtype=np.uint8), cover * share


def contestants(head: Gathered, optimise: Optimise | None = None) -> dict[str, Drawer]:
    """What draws each of the heads that are compared, by name."""
    projected = head.finished(Recipe(complete=False))
    seen = head.confidence > 0.1
    mean = np.average(head.albedo[seen], axis=0, weights=head.confidence[seen]) if seen.any() else np.full(3, 128.0)
    plain = np.broadcast_to(np.clip(mean + 0.5, 0, 255).astype(np.uint8), (64, 64, 3)).copy()
    none = np.zeros((64, 64), np.uint8)
    generic = replace(projected, neutral=load_head().mean, texture=plain, confidence=none, provenance=none)
    mesh = head.finished(Recipe())
    drawers = (
        drawer(generic), SeenHead(projected), drawer(projected), drawer(head.finished(Recipe(learned=False))),
        drawer(mesh),
    )  # fmt: skip
    out: dict[str, Drawer] = dict(zip(CONTESTANTS, drawers, strict=True))
    if optimise is not None:
        out["splats"] = drawer(optimise(mesh))
    return out
