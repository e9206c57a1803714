"""Contact sheets: many small pictures with points drawn on them and a line of text below each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
SIDE, CAPTION, COLUMNS = 200, 16, 8
PARTS = ((0, 17), (17, 22), (22, 27), (27, 31), (31, 36), (36, 42), (42, 48), (48, 60), (60, 68))
CLOSED = (36, 42, 48, 60)


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """`points` (N, 2) pixels in one colour (RGB); `joined` draws 68 points as the lines of a face."""

    points: npt.NDArray[np.floating]
    color: tuple[int, int, int]
    joined: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A picture, the line of text below it, and what is marked in it."""

    image: Image
    label: str
    marks: tuple[Marks, ...]


def sheet(tiles: list[Tile], columns: int = COLUMNS, side: int = SIDE) -> Image:
    """(H, W, 3) uint8 RGB: the tiles row by row."""
    rows = max(1, -(-len(tiles) // columns))
    out = np.zeros((rows * (side + CAPTION), columns * side, 3), np.uint8)
    for i, tile in enumerate(tiles):
        y, x = (i // columns) * (side + CAPTION), (i % columns) * side
        out[y : y + side, x : x + side] = _drawn(tile, side)
        cv2.putText(out, tile.label, (x + 2, y + side + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.34, (255, 255, 255), 1)
    return out


def _drawn(tile: Tile, side: int) -> Image:
    """The part of the picture that its marks lie in, enlarged, with the marks."""
    height, width = tile.image.shape[:2]
    every = np.concatenate([m.points for m in tile.marks] or [np.array([[0, 0], [width, height]])])
    low, high = every.min(0), every.max(0)
    span = float(max((high - low).max() * 1.35, 8.0))
    corner = (low + high) / 2 - span / 2
    k = side / span
    affine = np.array([[k, 0, -k * corner[0]], [0, k, -k * corner[1]]])
    affine[:, 2] += 0.5 * k - 0.5  # from and to pixel centres at whole numbers
    out = np.asarray(cv2.warpAffine(tile.image, affine, (side, side), flags=cv2.INTER_LINEAR), dtype=np.uint8)
    for marks in tile.marks:
        at = (marks.points - corner) * k
        where = [(round(float(np.clip(x, -999, 999)) * 8), round(float(np.clip(y, -999, 999)) * 8)) for x, y in at]
        if marks.joined and len(where) == 68:
            for start, end in PARTS:
                line = np.array(where[start:end], np.int32)
                cv2.polylines(out, [line], start in CLOSED, marks.color, 1, cv2.LINE_AA, 3)
        else:
            for point in where:
                cv2.circle(out, point, 10, marks.color, -1, cv2.LINE_AA, 3)
    return out
