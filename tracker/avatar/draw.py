"""A personal head's splats as a picture, on the processor: for videos and sheets, and where OpenGL is missing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..head import load_head
from ..head.model import vertex_normals
from ..types import Array, FaceState, Image
from .lighting import shading
from .raster import footprints, rasterize
from .render import TINTS
from .splats import Look, Rig, Splats
from .types import Avatar

TINTED = 0.55
"""How much of a splat's colour gives way to that of where it comes from, in the honest view."""
_NO_TINT = (128, 128, 128)


class SplatHead:
    """Draws one avatar's splats. Raises ModelError where it has none."""

    def __init__(self, avatar: Avatar) -> None:
        if avatar.splats is None:
            raise ModelError("This head has no splats; build it again with torch installed, or draw its textured mesh.")
        self.avatar = avatar
        self.rig = Rig(Splats.of(avatar.splats), load_head().tri)
        self._tints = tints(self.rig.splats.source)

    def draw(
        self,
        state: FaceState,
        size: tuple[int, int],
        lighting: Array | None = None,
        tinted: bool = False,
    ) -> tuple[Image, npt.NDArray[np.float32]]:
        """Picture (height, width, 3) uint8 over black, and its opacity (height, width) 0..1; see `over`.

        `state`: pose and expression, in the picture's pixels; `size` (height, width); `lighting` (9, 3): else the
        avatar's own; `tinted`: show what was seen, mirrored and guessed.
        """
        vertices = self.avatar.vertices(state.expression)
        look = Look.of(state)
        posed = self.rig.posed(vertices)
        prints = footprints(posed, self.rig.alpha, look)
        color = self.rig.color(posed.mean, look.eye)
        if tinted:
            color = color * (1 - TINTED) + self._tints * TINTED
        normals = vertex_normals(vertices, load_head().tri) @ state.rotation.T
        light = shading(self.avatar.lighting if lighting is None else lighting, normals)
        color = np.clip(color * self.rig.spread(light).T, 0.0, 1.0)
        picture, cover = rasterize(prints, self.rig.alpha, color, size[1], size[0])
        return np.asarray(np.clip(picture * 255 + 0.5, 0, 255), np.uint8), cover


def tints(source: npt.NDArray[np.uint8]) -> Array:
    """(N, 3) 0..1: the colours of codes of provenance (N,), as `render.TINTS` has them."""
    table = np.array([TINTS.get(code, _NO_TINT) for code in range(4)], np.float32) / 255
    return np.asarray(table[source], dtype=np.float32)


def over(picture: Image, cover: npt.NDArray[np.float32], background: Image | tuple[int, int, int]) -> Image:
    """A drawn head (with its opacity) before a background: a picture of the same size, or one colour."""
    behind = np.asarray(background, np.float32) * (1.0 - np.clip(cover, 0, 1))[..., None]
    return np.asarray(np.clip(picture + behind + 0.5, 0, 255), np.uint8)
