"""Persons that a pack shows from several sides, for measuring heads: frames of one video each, never of two."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..avatar.evaluate import Portrait
from ..types import Image
from .packs import load_rows

PACK = "ytf"
"""The pack whose names say person, video and frame: set/Person_VF."""
_FRONTAL_DEG, _TURNED_DEG = 15.0, (28.0, 65.0)
_FLAT = 1.2
"""Grey levels by which neighbouring rows of a picture differ at least; the pack's repeated edges differ by less."""


def portraits(folder: Path) -> list[Portrait]:
    """Persons whom one video of the pack shows both from the front and turned by 30 to 60 degrees or so (by the labels
    of the pack). Raises SourceError where it is missing from `folder`."""
    rows = load_rows(folder, (PACK,))
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(rows.name):
        groups.setdefault(str(name).rsplit("/", 1)[-1][:-1], []).append(i)
    found = []
    for video, members in sorted(groups.items()):
        turned = np.abs(rows.yaw[members])
        if turned.min() < _FRONTAL_DEG and ((turned > _TURNED_DEG[0]) & (turned < _TURNED_DEG[1])).any():
            pictures = []
            for i in members:
                image, corner = shown(rows.images[i])
                x0, y0, x1, y1 = (float(v) for v in rows.box[i] - np.tile(corner, 2))
                pictures.append((str(rows.name[i]).rsplit("/", 1)[-1], image, (x0, y0, x1, y1)))
            found.append(Portrait(video, tuple(pictures)))
    return found


def shown(image: Image) -> tuple[Image, npt.NDArray[np.intp]]:
    """A crop without the rows and columns by which a picture's edge was repeated, and the new corner (x, y)."""
    top, bottom = _repeated(image), _repeated(image[::-1])
    across = image.transpose(1, 0, 2)
    left, right = _repeated(across), _repeated(across[::-1])
    kept = image[top : len(image) - bottom, left : image.shape[1] - right]
    return np.ascontiguousarray(kept), np.array([left, top])


def _repeated(image: Image) -> int:
    """How many of the first rows only repeat what comes after them; at most a third."""
    step = np.abs(np.diff(image[: len(image) // 3].astype(np.int16), axis=0)).mean((1, 2))
    flat = int(np.argmax(np.append(step, np.inf) >= _FLAT))
    return flat + 1 if flat > 1 else 0
