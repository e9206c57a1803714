"""What the locator learns from: faces cut out of the packs, and whole pictures with the faces in them marked.

A mark is six numbers (x, y, side, roll, turn, kind): centre and side in pixels of its picture (first pixel's centre
at (0.5, 0.5)) of the square that is tight round the face's 68 points in its own roll; roll in radians, clockwise;
turn the sine of the yaw as seen upright (positive: the nose points to the right); kind FACE or IGNORE (something that
may be a face: neither learned nor punished).
"""

from __future__ import annotations

import json
import logging
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import SourceError
from ..types import Image
from .packs import SLICES, load_rows

log = logging.getLogger(__name__)

Marks = npt.NDArray[np.float32]
FACE, IGNORE = 1.0, 0.0
CROP_PACKS = ("aflw", "fairface", "frl", "scut", "ytf", "facesynthetics")
"""Without `lfw`: grey, and cut so close that there are streaks round the face."""
PICTURE_PACK = "aflw2000_calibration"
LONGEST = 640
"""Backgrounds are kept in memory no larger than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Pictures (H, W, 3) uint8 RGB, each with its marks (n, 6)."""

    images: list[Image]
    marks: list[Marks]

    def __len__(self) -> int:
        return len(self.images)

    def __add__(self, other: Pictures) -> Pictures:
        return Pictures(self.images + other.images, self.marks + other.marks)

    def where(self, with_faces: bool) -> Pictures:
        """Those with (or entirely without) anything marked."""
        keep = [i for i, marks in enumerate(self.marks) if bool(len(marks)) == with_faces]
        return Pictures([self.images[i] for i in keep], [self.marks[i] for i in keep])


def marks_of(points: npt.NDArray[np.floating], rotation: npt.NDArray[np.floating]) -> Marks:
    """68 points (n, 68, 2) in pixels and rotations view_from_head (n, 3, 3) -> marks (n, 6) of kind FACE.

    The roll is the mean direction in the picture of the head's two axes x and -y (turned by a right angle), each
    with its length there as weight: a profile's x axis points at the camera and says nothing, its y axis does.
    """
    points, rotation = np.asarray(points, dtype=np.float64), np.asarray(rotation, dtype=np.float64)
    roll = np.arctan2(rotation[:, 1, 0] + rotation[:, 0, 1], rotation[:, 0, 0] - rotation[:, 1, 1])
    cos, sin = np.cos(roll)[:, None], np.sin(roll)[:, None]
    u = cos * points[..., 0] + sin * points[..., 1]
    v = cos * points[..., 1] - sin * points[..., 0]
    mid_u, mid_v = (u.min(1) + u.max(1)) / 2, (v.min(1) + v.max(1)) / 2
    side = np.maximum(np.ptp(u, axis=1), np.ptp(v, axis=1))
    x, y = cos[:, 0] * mid_u - sin[:, 0] * mid_v, sin[:, 0] * mid_u + cos[:, 0] * mid_v
    turn = cos[:, 0] * rotation[:, 0, 2] + sin[:, 0] * rotation[:, 1, 2]
    return np.stack([x, y, side, roll, turn, np.full(len(x), FACE)], 1).astype(np.float32)


def move(marks: Marks, affine: npt.NDArray[np.floating]) -> Marks:
    """Marks under a similarity (2, 3) of pixels, mirrored ones (negative determinant) included."""
    out = marks.copy()
    out[:, :2] = marks[:, :2] @ affine[:, :2].T + affine[:, 2]
    out[:, 2] *= np.sqrt(abs(np.linalg.det(affine[:, :2])))
    if np.linalg.det(affine[:, :2]) < 0:
        out[:, 3], out[:, 4] = -marks[:, 3], -marks[:, 4]
        turned = np.arctan2(-affine[1, 0], -affine[0, 0])
    else:
        turned = np.arctan2(affine[1, 0], affine[0, 0])
    out[:, 3] = (out[:, 3] + turned + np.pi) % (2 * np.pi) - np.pi
    return out


def load_faces(folder: Path, skip: Path | None = None) -> tuple[Pictures, Pictures]:
    """The packs in `folder` -> (crops of one face each, wide pictures), of the rows to train on.

    `skip` names a JSON file {"pack|name": boxes} of crops that show a second face nobody marked; they are left out.
    """
    second = frozenset(json.loads(skip.read_text(encoding="utf-8"))) if skip else frozenset()
    crops = _balanced(_from_packs(folder, CROP_PACKS, second))
    pictures = _balanced(_from_packs(folder, (PICTURE_PACK,), second))
    log.info("%d crops and %d pictures", len(crops), len(pictures))
    return crops, pictures


def _balanced(pictures: Pictures) -> Pictures:
    """Turned faces are rare and hard: a profile is listed three times."""
    index = np.repeat(np.arange(len(pictures)), [1 + round(2 * abs(float(m[0, 4]))) for m in pictures.marks])
    return Pictures([pictures.images[i] for i in index], [pictures.marks[i] for i in index])


def _from_packs(folder: Path, packs: tuple[str, ...], skip: frozenset[str]) -> Pictures:
    rows = load_rows(folder, packs)
    part = "aflw2000_68" if packs == (PICTURE_PACK,) else "tddfa68"
    known = (rows.weights[:, SLICES[part]] > 0).all(1) & np.isfinite(rows.rotation).all((1, 2))
    keep = (
        known
        & rows.trainable
        & np.array([f"{pack}|{name}" not in skip for pack, name in zip(rows.pack, rows.name, strict=True)])
    )
    rows = rows.take(keep)
    marks = marks_of(rows.points[:, SLICES[part]], rows.rotation)
    return Pictures(rows.images, list(marks[:, None]))


def load_backgrounds(folder: Path, held_out: bool = False, share: int = 12) -> Pictures:
    """Every picture under `folder`; every `share`-th (by its name's checksum) is held out.

    `faces.json` in the folder, {relative path: [[x, y, side, roll, turn, kind], ...]}, marks the faces that are in
    them; pictures that it does not name show none. Raises SourceError where the folder holds no picture.
    """
    listed = folder / "faces.json"
    marked: dict[str, list[list[float]]] = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else {}
    images, marks = [], []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}):
        name = path.relative_to(folder).as_posix()
        if (zlib.crc32(name.encode()) % share == 0) != held_out:
            continue
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None or min(image.shape[:2]) < 64:
            continue
        scale = min(1.0, LONGEST / max(image.shape[:2]))
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        images.append(np.ascontiguousarray(small[..., ::-1]))
        found = np.array(marked.get(name, []), dtype=np.float32).reshape(-1, 6)
        marks.append(move(found, np.diag([size[0] / image.shape[1], size[1] / image.shape[0], 1.0])[:2]))
    if not images:
        raise SourceError(f"No pictures were found in {folder}; give a folder of photographs with --backgrounds.")
    log.info("%d backgrounds, %d with faces", len(images), sum(len(m) > 0 for m in marks))
    return Pictures(images, marks)


__all__ = ["FACE", "IGNORE", "Image", "Marks", "Pictures", "load_backgrounds", "load_faces", "marks_of", "move"]
