"""The long look at a still in which the short one found nobody: turned, shrunk and brightened; and `glance`, the same
in portions, for a video.

The first look knows faces up to about 45 degrees off upright, and those of a third of the picture best. Here the same
two networks see the picture turned by 45 and 90 degrees either way, at two sizes. It costs about ten first looks, and
believes what the second look half believes: whoever asks has to judge what comes of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..types import Array, Face, Image
from .crop import Affine, apply, invert
from .locator import LIVE_PIXELS, MULTIPLE, Find, Locator, check_crop, close, decode, fit
from .regions import square_of_face

TURNS = tuple(np.radians((0.0, 45.0, -45.0, 90.0, -90.0)).tolist())
PIXELS = (LIVE_PIXELS, LIVE_PIXELS // 4)
VIEWS = tuple((pixels, turn) for pixels in PIXELS for turn in TURNS)
GLANCES = VIEWS[1:3] + VIEWS[5:6] + VIEWS[3:5] + VIEWS[6:]
"""All but the view that the short look has, the likelier ones first."""
CANDIDATE = 0.06
"""Heat from which a square is looked at again."""
CANDIDATES, GLANCED = 40, 8
BELIEVED = 0.1
"""Score of the second look from which a find is returned."""
FRONTAL_DEG, TURNED_LESS = 30.0, 2.5
"""Yaw up to which the whole evidence is asked for, and how much less (a logit) of a face turned by twice that."""
SAME_ROLL = np.radians(40.0)
"""Finds in one place whose rolls differ by more are kept apart."""
CELLS = (32, 32)
DARK, BRIGHT = 100.0, 200.0
"""A picture of whose cells hardly one is lighter than the first is brightened until some reach the second."""
GAIN = 6.0
"""Beyond this there is nothing but noise."""


def search(locator: Locator, image: Image, max_finds: int = 8) -> list[Find]:
    """What may be faces in a picture (H, W, 3) uint8 RGB, by falling score, at most `max_finds`; many are none, and one
    face may be there in several rolls: judge them."""
    found: list[Find] = []
    for pixels in PIXELS:
        small, scale = fit(image, pixels)
        for turn in TURNS:
            found += turned_look(locator, small, scale, turn)
    return _again(locator, image, found, CANDIDATES)[:max_finds]


def glance(locator: Locator, image: Image, number: int, max_finds: int = 2) -> list[Find]:
    """What may be faces in one of the views of `search`: the next for each frame of a video in which nobody is seen.
    It costs about as much as a short look."""
    pixels, turn = GLANCES[number % len(GLANCES)]
    return _again(locator, image, turned_look(locator, *fit(image, pixels), turn), GLANCED)[:max_finds]


def _again(locator: Locator, image: Image, found: Sequence[Find], most: int) -> list[Find]:
    """Those of the `most` surest finds that two second looks half believe."""
    once = distinct(locator.look_again(image, distinct(found)[:most], BELIEVED / 2))
    return distinct(locator.look_again(image, once, BELIEVED))


def distinct(finds: Sequence[Find]) -> list[Find]:
    """The surest first, and of those that lie close in about the same roll only that one: a face that is seen in
    several turned pictures may be taken for one in several rolls."""
    kept: list[Find] = []
    for find in sorted(finds, key=lambda f: -f.score):
        if not any(close(find, other) and abs(_between(find.roll, other.roll)) < SAME_ROLL for other in kept):
            kept.append(find)
    return kept


def _between(roll: float, other: float) -> float:
    return float((roll - other + np.pi) % (2 * np.pi) - np.pi)


def looks_human(locator: Locator, image: Image, face: Face, wanted: float) -> bool:
    """Whether the `evidence` for a face that was read is as much as `wanted`.

    Less is asked of a turned face: the second look knows profiles less well, and the animals that pass for people
    look into the camera.
    """
    turned_by = (abs(face.pose.yaw_deg) - FRONTAL_DEG) / FRONTAL_DEG
    return evidence(locator, image, *square_of_face(face)) >= wanted - TURNED_LESS * min(max(turned_by, 0.0), 1.0)


def evidence(locator: Locator, image: Image, centre: Array, side: float, roll: float) -> float:
    """How surely a square (pixels, radians) holds a face: the mean of what the second look says, as a logit, of it
    moved, scaled and turned a little, and mirrored.

    An animal that looks like a person from one place seldom does so from all.
    """
    cos, sin = np.cos(roll), np.sin(roll)
    crops = []
    for scale, along, down, turn in _PLACES:
        at = centre + side * np.array([cos * along - sin * down, sin * along + cos * down])
        crop = check_crop(image, (float(at[0]), float(at[1])), side * scale, roll + turn)
        crops += [crop, np.ascontiguousarray(crop[:, ::-1])]
    crops = [brightened(crop) for crop in crops]
    score = np.clip(locator.second(np.stack(crops))[:, 0].astype(np.float64), 1e-4, 1 - 1e-4)
    return float(np.log(score / (1 - score)).mean())


_PLACES = (
    (1.0, 0.0, 0.0, 0.0),
    (0.85, 0.0, 0.0, 0.12),
    (1.18, 0.0, 0.0, -0.12),
    (1.0, 0.1, 0.0, 0.1),
    (1.0, -0.1, 0.0, -0.1),
    (0.92, 0.0, 0.1, 0.0),
    (1.08, 0.0, -0.1, 0.0),
)
"""Scale, shift along and down in sides, and turn in radians."""


def turned_look(locator: Locator, small: Image, scale: tuple[float, float], turn: float) -> list[Find]:
    """What the first look takes for faces in the shrunken picture turned by `turn` radians, in the picture's pixels;
    `scale` is that of `fit`."""
    view, back = turned(small, turn)
    finds = []
    for find in decode(locator.first(view), CANDIDATE, (1.0, 1.0)):
        x, y = apply(back, np.array(find.centre)) * scale
        half = find.side * (scale[0] * scale[1]) ** 0.5 / 2
        box = (float(x - half), float(y - half), float(x + half), float(y + half))
        finds.append(Find(box, find.score, _between(find.roll, turn), find.yaw_sign))
    return finds


def turned(image: Image, turn: float) -> tuple[Image, Affine]:
    """The whole picture turned clockwise by `turn` radians on black, its sides multiples of 32, and the affine from
    there back to the picture."""
    height, width = image.shape[:2]
    cos, sin = np.cos(turn), np.sin(turn)
    size = np.abs([[cos, sin], [sin, cos]]) @ (width, height)
    across, down = (int(np.ceil((length - 1e-6) / MULTIPLE)) * MULTIPLE for length in size)
    linear = np.array([[cos, -sin], [sin, cos]])
    forth = np.c_[linear, np.array([across, down]) / 2 - linear @ (width / 2, height / 2)]
    # OpenCV counts a pixel's centre as whole numbers.
    shift = forth[:, :2] @ (0.5, 0.5) + forth[:, 2] - 0.5
    view = cv2.warpAffine(image, np.c_[linear, shift], (across, down), flags=cv2.INTER_LINEAR)
    return np.asarray(view, np.uint8), invert(forth)


def brightened(image: Image) -> Image:
    """A dark picture lit up, any other as it is."""
    cells = cv2.resize(image, CELLS, interpolation=cv2.INTER_AREA).max(axis=2)
    # A few cells are enough: a face by night may be all that is lit, and has to keep its shades.
    high = float(np.partition(cells.ravel(), -3)[-3])
    if high >= DARK:
        return image
    return np.asarray(cv2.convertScaleAbs(image, alpha=min(BRIGHT / max(high, 1.0), GAIN)), np.uint8)
