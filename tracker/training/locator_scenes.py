"""Scenes that the locator learns from, composed on the fly: scene(index) is always the same for the same seed.

Four kinds: real pictures moved, turned and scaled about one of their faces; faces pasted on backgrounds; a quilt of
crops; scenes without a face. Whatever gets pasted, faces and decoys (pieces of faceless pictures, heads whose face is
painted over), goes through the same masks, so that a paste's border says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..types import Image
from .locator_data import FACE, IGNORE, Marks, Pictures, move
from .locator_looks import cover_face, degrade, draw_shapes, recolour
from .locator_paste import (
    LARGEST,
    SMALLEST,
    mask_of,
    of_size,
    on_canvas,
    paste,
    placing,
    share_inside,
    turned,
    uncovered,
    warp,
)

Random = np.random.Generator

KINDS = ("real", "paste", "quilt", "empty")
SHARES = (0.32, 0.32, 0.18, 0.18)


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """What scenes are made of: crops of one face, pictures with faces, pictures without."""

    crops: Pictures
    peopled: Pictures
    empty: Pictures


def scene(stock: Stock, size: tuple[int, int], seed: int, index: int) -> tuple[Image, Marks]:
    """One scene (height, width, 3) uint8 RGB for `size` (width, height), and its marks (n, 6)."""
    random = np.random.default_rng((seed, index))
    kind = str(random.choice(KINDS, p=SHARES))
    if kind == "real":
        canvas, marks = _real(stock, size, random)
    elif kind == "quilt":
        canvas, marks = _quilt(stock, size, random)
    else:
        canvas, marks = _pasted(stock, size, random, faces=kind == "paste")
    return degrade(canvas, random), marks


def _real(stock: Stock, size: tuple[int, int], random: Random) -> tuple[Image, Marks]:
    """A picture with faces, placed so that one of them has a wanted size and lies anywhere on the canvas."""
    pick = int(random.integers(len(stock.peopled)))
    image, marks = stock.peopled.images[pick], stock.peopled.marks[pick]
    certain = marks[marks[:, 5] == FACE] if (marks[:, 5] == FACE).any() else marks
    one = certain[random.integers(len(certain))]
    side = _side(random, high=min(LARGEST, 2.2 * float(one[2])))
    centre = random.uniform((0.1, 0.1), (0.9, 0.9)) * size
    affine = placing(one[:2], centre, side / float(one[2]), turned(random, 0.5), random)
    # No reflecting border: it would make faces that nobody marked.
    border = cv2.BORDER_CONSTANT if random.random() < 0.6 else cv2.BORDER_REPLICATE
    canvas = warp(image, affine, size, border)
    moved = move(marks, affine)
    return canvas, on_canvas(moved, size)


def _pasted(stock: Stock, size: tuple[int, int], random: Random, faces: bool) -> tuple[Image, Marks]:
    """Crops and decoys pasted one over the other on a background; `faces` False: decoys alone."""
    width, height = size
    canvas, base = _background(stock, size, random, faces)
    owner = np.zeros((height, width), np.int16)
    count = int(random.choice([1, 2, 4, 10], p=[0.5, 0.2, 0.2, 0.1])) if faces else 0
    count = count if count < 4 else int(random.integers(3, 7 if count == 4 else 17))
    decoys = int(random.choice([0, 1, 2, 5], p=[0.4, 0.3, 0.2, 0.1]))
    jobs = ["face"] * count + ["decoy"] * decoys
    random.shuffle(jobs)
    pasted: list[Marks] = []
    for job in jobs:
        side = _side(random, high=min(LARGEST, 1.1 * min(size) / np.sqrt(max(count, 1))))
        image, mark = _decoy(stock, random) if job == "decoy" else _one(stock, random)
        centre = random.uniform((0.02, 0.02), (0.98, 0.98)) * size
        affine = placing(mark[0, :2], centre, side / float(mark[0, 2]), turned(random), random)
        mask = mask_of(image.shape[:2], mark[0], random)
        if job == "face":
            pasted.append(move(mark, affine))
        paste(canvas, owner, recolour(image, random, 0.5), mask, affine, len(pasted) if job == "face" else -1)
    marks = np.concatenate([base, *pasted]) if pasted or len(base) else np.zeros((0, 6), np.float32)
    owners = np.concatenate([np.zeros(len(base), int), np.arange(1, len(pasted) + 1)])
    return canvas, uncovered(marks, owners, owner)


def _quilt(stock: Stock, size: tuple[int, int], random: Random) -> tuple[Image, Marks]:
    """Crops side by side, each in its own context."""
    width, height = size
    tile = int(random.choice([36, 48, 64, 80, 112, 150]))
    canvas = np.zeros((height, width, 3), np.uint8)
    marks: list[Marks] = []
    for y0 in range(int(random.integers(-tile // 2, 1)), height, tile):
        for x0 in range(int(random.integers(-tile // 2, 1)), width, tile):
            face = random.random() < 0.7
            image, mark = _one(stock, random) if face else _decoy(stock, random)
            scale = tile / min(image.shape[:2]) * random.uniform(1.0, 1.25)
            middle = np.array([image.shape[1] / 2, image.shape[0] / 2])
            centre = np.array([x0 + tile / 2, y0 + tile / 2])
            affine = placing(middle, centre, scale, turned(random), random)
            left, top = max(x0, 0), max(y0, 0)
            right, bottom = min(x0 + tile, width), min(y0 + tile, height)
            local = affine.copy()
            local[:, 2] -= (left, top)
            patch = warp(recolour(image, random, 0.4), local, (right - left, bottom - top), cv2.BORDER_REPLICATE)
            canvas[top:bottom, left:right] = patch
            moved = move(mark, affine)
            seen = share_inside(moved, (left, top, right, bottom))
            moved[:, 5] = np.where(seen > 0.6, moved[:, 5], IGNORE)
            marks.append(moved[(seen > 0.1) & face])
    return canvas, of_size(np.concatenate(marks)) if marks else np.zeros((0, 6), np.float32)


def _one(stock: Stock, random: Random) -> tuple[Image, Marks]:
    """A crop of one face; a few have a part of the face covered by a piece of another picture."""
    pick = int(random.integers(len(stock.crops)))
    image, mark = stock.crops.images[pick], stock.crops.marks[pick]
    if random.random() < 0.15:
        image = image.copy()
        x, y, side = mark[0, :3]
        w, h = (random.uniform(0.25, 0.6, 2) * side).astype(int) + 1
        angle = random.uniform(0, 2 * np.pi)
        cx, cy = int(x + 0.4 * side * np.cos(angle)), int(y + 0.4 * side * np.sin(angle))
        patch = _piece(stock, random, (int(w), int(h)))
        x0, y0 = max(cx - int(w) // 2, 0), max(cy - int(h) // 2, 0)
        part = image[y0 : y0 + int(h), x0 : x0 + int(w)]
        part[:] = patch[: part.shape[0], : part.shape[1]]
    return image, mark


def _decoy(stock: Stock, random: Random) -> tuple[Image, Marks]:
    """Something shaped like a crop that shows no face; its mark says where a face would sit."""
    kind = random.random()
    if kind < 0.3:
        pick = int(random.integers(len(stock.crops)))
        mark = stock.crops.marks[pick]
        return cover_face(stock.crops.images[pick], mark[0], random), mark
    size = int(random.integers(60, 161))
    side = size * random.uniform(0.5, 0.75)
    mark = np.array([[size / 2, size / 2, side, 0, 0, IGNORE]], np.float32)
    piece = _piece(stock, random, (size, size))
    return draw_shapes(piece, random) if kind < 0.5 else piece, mark


def _piece(stock: Stock, random: Random, size: tuple[int, int]) -> Image:
    """A piece (h, w, 3) of a picture without faces."""
    image = stock.empty.images[int(random.integers(len(stock.empty)))]
    share = float(np.exp(random.uniform(np.log(0.1), 0)))
    h, w = image.shape[:2]
    ph, pw = max(int(share * h), 8), max(int(share * w), 8)
    y, x = int(random.integers(h - ph + 1)), int(random.integers(w - pw + 1))
    out = cv2.resize(image[y : y + ph, x : x + pw], size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(out[:, ::-1] if random.random() < 0.5 else out)


def _background(stock: Stock, size: tuple[int, int], random: Random, faces: bool) -> tuple[Image, Marks]:
    none = np.zeros((0, 6), np.float32)
    roll = random.random()
    if roll < 0.15:
        plain = np.empty((size[1], size[0], 3), np.uint8)
        plain[:] = random.integers(0, 256, 3) if roll < 0.11 else 0
        return plain, none
    # Scenes without pasted faces show bodies, hands and clothes as often as things and animals.
    from_empty = roll < (0.8 if faces else 0.6)
    source = stock.empty if from_empty else stock.peopled
    pick = int(random.integers(len(source)))
    image = source.images[pick]
    middle = random.uniform((0.2, 0.2), (0.8, 0.8)) * (image.shape[1], image.shape[0])
    fill = max(size[0] / image.shape[1], size[1] / image.shape[0])
    scale = fill * float(np.exp(random.uniform(np.log(0.6), np.log(3.5))))
    affine = placing(middle, np.array(size) / 2, scale, turned(random, 0.15), random)
    border = cv2.BORDER_REFLECT_101 if from_empty else cv2.BORDER_CONSTANT
    canvas = warp(image, affine, size, border)
    if from_empty and random.random() < 0.1:
        canvas = draw_shapes(canvas, random)
    if from_empty and random.random() < 0.15:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), random.uniform(2, 10)), np.uint8)
    return canvas, none if from_empty else on_canvas(move(source.marks[pick], affine), size)


def _side(random: Random, high: float) -> float:
    return float(np.exp(random.uniform(np.log(SMALLEST), np.log(max(high, SMALLEST + 1)))))


__all__ = ["FACE", "KINDS", "LARGEST", "SMALLEST", "Stock", "scene"]
