"""How good a locator is: recall and false finds on marked pictures, by the faces' size and roll."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..detection.locator import Find
from ..types import Image
from .locator_data import FACE, Marks

SIDES = ((0.0, 12.0), (12.0, 16.0), (16.0, 24.0), (24.0, 32.0), (32.0, 64.0), (64.0, np.inf))
ROLLS = ((0.0, 15.0), (15.0, 30.0), (30.0, 45.0), (45.0, 180.0))


@dataclass(frozen=True, slots=True)
class Score:
    """`recall` maps a bin's name to (found, faces); `false_finds` counts finds on nothing marked, over `pictures`;
    `offset` and `log_side` are the median errors of the found: centre in shares of the side, logarithm of the side;
    `roll_deg` the median error of the roll."""

    recall: dict[str, tuple[int, int]]
    false_finds: int
    pictures: int
    offset: float
    log_side: float
    roll_deg: float


def hits(find: Find, marks: Marks) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which marks (n,) a find lies on: its centre within half a side of theirs on both axes."""
    x, y = find.centre
    half = marks[:, 2] / 2
    return np.asarray((np.abs(marks[:, 0] - x) < half) & (np.abs(marks[:, 1] - y) < half))


def validate_locator(find: Callable[[Image], list[Find]], pictures: Iterable[tuple[Image, Marks]]) -> Score:
    """Score finds of whole pictures against their marks; what lies on an IGNORE mark counts for nothing."""
    recall: dict[str, tuple[int, int]] = {}
    false_finds, count = 0, 0
    errors: list[tuple[float, float, float]] = []
    for image, marks in pictures:
        count += 1
        finds = find(image)
        false_finds += sum(not hits(f, marks).any() for f in finds)
        for mark in marks[marks[:, 5] == FACE]:
            on = [f for f in finds if hits(f, mark[None])[0]]
            for name in _bins(mark):
                found, total = recall.get(name, (0, 0))
                recall[name] = (found + bool(on), total + 1)
            if on:
                errors.append(_errors(max(on, key=lambda f: f.score), mark))
    offset, log_side, roll = np.median(errors, axis=0) if errors else (np.nan,) * 3
    return Score(dict(sorted(recall.items())), false_finds, count, float(offset), float(log_side), float(roll))


def _bins(mark: Marks) -> list[str]:
    side, roll = float(mark[2]), abs(float(np.degrees(mark[3])))
    names = ["all"]
    names += [f"side {low:g}-{high:g}" for low, high in SIDES if low <= side < high]
    names += [f"roll {low:g}-{high:g}" for low, high in ROLLS if low <= roll < high]
    return names


def _errors(find: Find, mark: Marks) -> tuple[float, float, float]:
    x, y = find.centre
    offset = float(np.hypot(x - mark[0], y - mark[1]) / mark[2])
    turn = (find.roll - float(mark[3]) + np.pi) % (2 * np.pi) - np.pi
    return offset, float(abs(np.log(find.side / mark[2]))), float(abs(np.degrees(turn)))
