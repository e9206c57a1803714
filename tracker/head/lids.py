"""How shapes act on one another where a plain sum of them would not look like a face: a rig's corrective shapes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..types import Array
from .model import EXPRESSIONS

BLINK, LOOK_DOWN = (
    [EXPRESSIONS.index(name + side) for side in ("Left", "Right")] for name in ("eyeBlink", "eyeLookDown")
)


def moving(expression: npt.NDArray[np.floating]) -> Array:
    """ARKit's 52 shapes (..., 52) as they are seen -> as they move the mesh.

    Both a blink and a look down lower the upper lid, and a closed eye mostly looks down as well: added, the two would
    push the lid through the lower one. What a blink has closed sinks no further.
    """
    out = np.array(expression, dtype=np.float32)
    out[..., LOOK_DOWN] *= 1 - np.clip(out[..., BLINK], 0, 1)
    return out
