"""Persons that the packs show several times: from several sides, for measuring heads, or just in several pictures, for
measuring what pictures tell of a shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..avatar.evaluate import Portrait
from ..types import Image
from .packs import Rows, load_rows

PACK = "ytf"
"""The pack whose names say person, video and frame: set/Person_VF."""
SEVERAL = ("frl", "ytf", "lfw")
"""Packs with several pictures of a person: neutral and smiling; frames of up to five videos; photographs."""
_MOST = 5
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
                pictures.append(_picture(rows, i))
            found.append(Portrait(video, PACK, tuple(pictures)))
    return found


def acquaintances(folder: Path, packs: tuple[str, ...] = SEVERAL, one_video: bool = True) -> list[Portrait]:
    """Persons of whom a pack has several pictures (up to _MOST are taken): of "ytf" frames of `one_video`, the one that
    shows them most often, or of all. Raises SourceError where a pack is missing."""
    found = []
    for pack in packs:
        rows = load_rows(folder, (pack,))
        persons: dict[str, dict[str, list[int]]] = {}
        for i, path in enumerate(rows.name):
            person, video = _who(pack, str(path).rsplit("/", 1)[-1])
            persons.setdefault(person, {}).setdefault(video if one_video else "", []).append(i)
        for person, videos in sorted(persons.items()):
            members = max(videos.values(), key=len)[:_MOST]
            if len(members) > 1:
                found.append(Portrait(person, pack, tuple(_picture(rows, i) for i in members)))
    return found


def _who(pack: str, name: str) -> tuple[str, str]:
    """A picture's person and video ("" where pictures are no frames): Person_VF, Person_0001 and 001_03."""
    if pack == PACK:
        return name[:-3], name[-2]
    return name.rsplit("_", 1)[0], ""


def _picture(rows: Rows, i: int) -> tuple[str, Image, tuple[float, float, float, float]]:
    image, corner = shown(rows.images[i])
    x0, y0, x1, y1 = (float(v) for v in rows.box[i] - np.tile(corner, 2))
    return str(rows.name[i]).rsplit("/", 1)[-1], image, (x0, y0, x1, y1)


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
