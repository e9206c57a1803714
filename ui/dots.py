"""The landmarks as sprites: all points of a face in one call of Qt's, however many there are."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import numpy as np
from PyQt6 import sip
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QColor, QPainter, QPixmap

from .scene import LEVELS, FaceDrawing

CELL = 16  # device-independent pixels of one sprite
SCALE_COLORS = ("#d1495b", "#e8803a", "#f0b429", "#b9d353", "#5fd08a", "#3fe0c5")
"""Vague to certain. Certain points are also smaller and more opaque, so the scale does not rest on colour alone."""


def paint_dots(painter: QPainter, face: FaceDrawing, ratio: float) -> None:
    """A face's landmarks, coloured by how certain they are."""
    if len(face.points):
        sprites, cell = _sprites(round(ratio * 100))
        painter.drawPixmapFragments(_fragments(face, cell, dot_scale(face.side / ratio, len(face.points))), sprites)


def dot_scale(side: float, count: int) -> float:
    """How large dots are, 1 for 478 of them on a face of 240 device-independent pixels: they must not cover it."""
    return float(np.clip(side / 240.0 * np.sqrt(478.0 / max(count, 1)), 0.35, 1.0))


def _fragments(face: FaceDrawing, cell: int, scale: float) -> sip.array[QPainter.PixmapFragment | None]:
    """One sprite a point; hidden points take the lower row."""
    count = len(face.points)
    fragments: Any = cast(Any, sip.array)(QPainter.PixmapFragment, count)
    # Qt's PixmapFragment is ten doubles: x, y, source left, top, width, height, scale x, y, rotation, opacity.
    rows = np.frombuffer(cast(Any, sip.voidptr(fragments, count * 80)), dtype=np.float64).reshape(count, 10)
    rows[:, :2] = face.points
    rows[:, 2] = face.level.astype(np.float64) * cell
    rows[:, 3] = face.hidden * float(cell)
    rows[:, 4:6] = cell
    rows[:, 6:8] = scale
    rows[:, 8] = 0.0
    rows[:, 9] = 1.0
    return cast("sip.array[QPainter.PixmapFragment | None]", fragments)


@lru_cache(maxsize=8)
def _sprites(ratio_percent: int) -> tuple[QPixmap, int]:
    """The dots: a column a level of confidence, seen above, hidden below; and the cell's side in device pixels."""
    ratio = ratio_percent / 100
    cell = int(CELL * ratio + 0.5)
    sheet = QPixmap(cell * LEVELS, cell * 2)
    sheet.fill(Qt.GlobalColor.transparent)
    painter = QPainter(sheet)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for level, name in enumerate(SCALE_COLORS):
        radius = (3.1 - 1.5 * level / (LEVELS - 1)) * ratio
        for row, alpha in ((0, 150 + 105 * level // (LEVELS - 1)), (1, 60)):
            middle = QPointF((level + 0.5) * cell, (row + 0.5) * cell)
            color = QColor(name)
            color.setAlpha(alpha)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(0, 0, 0, alpha // 2))
            painter.drawEllipse(middle, radius + 0.6 * ratio, radius + 0.6 * ratio)
            painter.setBrush(color)
            painter.drawEllipse(middle, radius, radius)
    painter.end()
    return sheet, cell
