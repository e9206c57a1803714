"""Finds faces in a whole picture in two looks (ONNX Runtime, one thread).

First a small network says, on a grid of stride 8 over a shrunken copy of the picture, where faces may be, and the
square of each (see `tracker.training.locator_net`). Then a smaller one looks at each of these squares, cut upright
out of the picture itself, and says whether it is a face and how the square should be mended (see
`tracker.training.locator_check`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from ..assets import ROOT
from ..errors import ModelError
from ..types import Array, Image
from .crop import sample, similarity

STRIDE = 8
"""Pixels of the network's input per cell of its grid."""
MULTIPLE = 32
"""Height and width of the network's input are multiples of this."""
SIDE_UNIT = 32.0
"""The grid says the logarithm of a side over this many input pixels."""
VERSION = "1"
"""Of the meaning of inputs and outputs; both models carry the same in their metadata."""
LIVE_PIXELS = 352 * 256
"""Size of the live input at most: 384x224 for a 16:9 picture, 352x256 for a 4:3 one, 288x288 for a square."""
STILL_PIXELS = 4 * LIVE_PIXELS
"""Size of the second input that stills get."""
STILL_LARGEST = 160.0
"""Sides (pixels of the second input) beyond which the first input's finds are the better ones."""
CLOSE = 0.45
"""Of two finds whose centres are nearer than this share of the larger side, only the surer is kept."""
CANDIDATE = 0.12
"""Heat from which the first look's squares are looked at again."""
CANDIDATES = 4
"""Second looks for each face that is asked for, and eight more."""
HALF_BELIEVED, BELIEVED = 0.15, 0.9
"""Scores between which a square, mended, is judged once more."""
CHECK_SIZE = 48
"""Side of the second look's crop, pixels."""
CHECK_SHARE = 1.5
"""Side of that crop over the square's."""
MODEL = ROOT / "models" / "locator.onnx"
CHECK_NAME = "locator_check.onnx"
"""The second look's weights lie beside the first's."""


@dataclass(frozen=True, slots=True)
class Find:
    """A face that was found.

    box       (x0, y0, x1, y1) pixels of the picture: the square that is tight round the face's 68 points (jaw to
              brows) in the face's own roll, turned upright about its centre
    score     0..1
    roll      radians, positive: clockwise
    yaw_sign  -1..1, about the sine of the yaw: positive where the nose points to the picture's right
    """

    box: tuple[float, float, float, float]
    score: float
    roll: float
    yaw_sign: float

    @property
    def side(self) -> float:
        return self.box[2] - self.box[0]

    @property
    def centre(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


class Locator:
    """The two networks and a threshold. One instance serves one thread at a time."""

    def __init__(
        self,
        model: str | Path | ort.InferenceSession = MODEL,
        threshold: float = 0.5,
        check: str | Path | ort.InferenceSession | None = None,
    ) -> None:
        """`model` and `check` are paths or sessions; without `check` it is the file beside the model's, or the one
        that ships. Raises ModelError where one of them cannot be used."""
        if check is None:
            check = (MODEL if isinstance(model, ort.InferenceSession) else Path(model)).with_name(CHECK_NAME)
        self.session = _session(model)
        self.check = _session(check)
        self.threshold = threshold
        self._check_input = self.check.get_inputs()[0].name

    def find(self, image: Image, max_faces: int = 16, pyramid: bool = False) -> list[Find]:
        """Faces of a picture (H, W, 3) uint8 RGB of any size, by falling score times side, at most `max_faces`.

        `pyramid` looks a second time at four times the pixels: smaller faces, five times the work. For stills.
        """
        if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            return []
        candidates = first_look(self.session, image, pyramid)[: 8 + CANDIDATES * max_faces]
        once = merge(self.look_again(image, candidates, min(HALF_BELIEVED, self.threshold)))
        # A square that lay askew was mended, and is judged anew where it then lies.
        sure = [find for find in once if find.score > BELIEVED]
        again = self.look_again(image, [find for find in once if find.score <= BELIEVED], self.threshold)
        return merge([*sure, *again])[:max_faces]

    def first(self, view: Image) -> Array:
        """The first network's maps (7, H / 8, W / 8) of a view (H, W, 3) uint8 whose sides are multiples of 32."""
        return maps_of(self.session, view)

    def look_again(self, image: Image, candidates: Sequence[Find], threshold: float) -> list[Find]:
        """The second look at each candidate: mended, those that score above the threshold."""
        if not candidates:
            return []
        crops = np.stack([check_crop(image, f.centre, f.side, f.roll) for f in candidates])
        finds = (mended(f, a) for f, a in zip(candidates, self.second(crops), strict=True))
        return [f for f in finds if f.score > threshold]

    def second(self, crops: Image) -> Array:
        """The second network's answers (n, 6) to crops (n, CHECK_SIZE, CHECK_SIZE, 3), as `mended` reads them."""
        (answers,) = self.check.run(None, {self._check_input: crops})
        return np.asarray(answers, np.float32)


def first_look(
    session: ort.InferenceSession, image: Image, pyramid: bool = False, threshold: float = CANDIDATE
) -> list[Find]:
    """What the first network takes for faces, the surest first."""
    found = _pass(session, image, LIVE_PIXELS, threshold)
    if pyramid and image.shape[0] * image.shape[1] > LIVE_PIXELS / 4:
        found += _pass(session, image, STILL_PIXELS, threshold, STILL_LARGEST)
    return sorted(merge(found), key=lambda f: -f.score)


def _pass(
    session: ort.InferenceSession, image: Image, pixels: int, threshold: float, largest: float = np.inf
) -> list[Find]:
    shrunk, scale = fit(image, pixels)
    return decode(maps_of(session, shrunk), threshold, scale, largest)


def maps_of(session: ort.InferenceSession, view: Image) -> Array:
    """The first network's answer to one view, as `decode` reads it."""
    (maps,) = session.run(None, {session.get_inputs()[0].name: view[None]})
    return np.asarray(maps[0], np.float32)


def check_crop(image: Image, centre: tuple[float, float], side: float, roll: float) -> Image:
    """The second look's crop (CHECK_SIZE, CHECK_SIZE, 3): a square and its surroundings, upright."""
    return sample(image, similarity(centre, side * CHECK_SHARE, roll, CHECK_SIZE), CHECK_SIZE)


def mended(find: Find, answer: npt.NDArray[np.float32]) -> Find:
    """A candidate after the second look: (score, shift of the centre in sides along and across the face, log of the
    side's factor, further roll, sine of the yaw)."""
    score, along, down, grow, turn, yaw = (float(v) for v in answer)
    cos, sin = float(np.cos(find.roll)), float(np.sin(find.roll))
    x = find.centre[0] + find.side * (cos * along - sin * down)
    y = find.centre[1] + find.side * (sin * along + cos * down)
    half = find.side * float(np.exp(np.clip(grow, -1.0, 1.0))) / 2
    roll = (find.roll + turn + np.pi) % (2 * np.pi) - np.pi
    return Find((x - half, y - half, x + half, y + half), score, float(roll), min(max(yaw, -1.0), 1.0))


def fit(image: Image, pixels: int) -> tuple[Image, tuple[float, float]]:
    """The picture scaled to at most `pixels` and padded with black on the right and below to multiples of 32.

    Returns it with the picture's pixels per input pixel in x and y. Small pictures are enlarged, eightfold at most.
    """
    height, width = image.shape[:2]
    across, down = _input_size(height, width, pixels)
    scale = width / across, height / down
    while min(image.shape[1] / across, image.shape[0] / down) >= 2:
        # Halving by 2x2 means and one linear step: eight times as fast as area averaging, and as good.
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = np.asarray(
            cv2.resize(image[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA), np.uint8
        )
    padded = np.zeros((_whole(down), _whole(across), 3), np.uint8)
    padded[:down, :across] = cv2.resize(image, (across, down), interpolation=cv2.INTER_LINEAR)
    return padded, scale


@lru_cache(64)
def _input_size(height: int, width: int, pixels: int) -> tuple[int, int]:
    """The largest (across, down) in the picture's shape whose padded size stays within `pixels`."""
    best = (1, 1)
    for steps in range(1, int(pixels / MULTIPLE**2) + 1):
        for scale in (steps * MULTIPLE / width, steps * MULTIPLE / height):
            across, down = max(round(width * min(scale, 8.0)), 1), max(round(height * min(scale, 8.0)), 1)
            if _whole(across) * _whole(down) <= pixels and across * down > best[0] * best[1]:
                best = (across, down)
    return best


def _whole(length: int) -> int:
    return -(-length // MULTIPLE) * MULTIPLE


def decode(
    maps: npt.NDArray[np.float32], threshold: float, scale: tuple[float, float], largest: float = np.inf
) -> list[Find]:
    """The network's output (7, rows, columns) -> finds in pixels of the picture."""
    rows, columns = np.nonzero(maps[0] > threshold)
    finds = []
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        score, dx, dy, log_side, cos, sin, turn = (float(v) for v in maps[:, row, column])
        side = SIDE_UNIT * float(np.exp(np.clip(log_side, -4.0, 4.0)))
        if side > largest:
            continue
        x, y = (column + 0.5 + dx) * STRIDE * scale[0], (row + 0.5 + dy) * STRIDE * scale[1]
        half = side * (scale[0] * scale[1]) ** 0.5 / 2
        turn = min(max(turn, -1.0), 1.0)
        finds.append(Find((x - half, y - half, x + half, y + half), score, float(np.arctan2(sin, cos)), turn))
    return finds


def merge(finds: Sequence[Find]) -> list[Find]:
    """One find a face: the surest of those that lie close; sorted by score times side."""
    kept: list[Find] = []
    for find in sorted(finds, key=lambda f: -f.score):
        if not any(close(find, other) for other in kept):
            kept.append(find)
    return sorted(kept, key=lambda f: -f.score * f.side)


def close(find: Find, other: Find) -> bool:
    """Whether two finds lie on one face."""
    (x0, y0), (x1, y1) = find.centre, other.centre
    return float(np.hypot(x0 - x1, y0 - y1)) <= CLOSE * max(find.side, other.side)


def _session(model: str | Path | ort.InferenceSession) -> ort.InferenceSession:
    session = model if isinstance(model, ort.InferenceSession) else _open(Path(model))
    found = session.get_modelmeta().custom_metadata_map.get("version", "unknown")
    if found != VERSION:
        raise ModelError(
            f"The locator's weights are version {found}, wanted {VERSION}; "
            "restore assets/models or export them anew with this version's training code."
        )
    return session


def _open(path: Path) -> ort.InferenceSession:
    if not path.is_file():
        raise ModelError(f"The locator's weights {path} are missing; reinstall Stillpoint or train them anew.")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many kinds, none of them public
        raise ModelError(f"The locator's weights {path} cannot be read ({error}); reinstall Stillpoint.") from error
