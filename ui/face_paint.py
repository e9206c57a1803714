"""One face on the picture: its landmarks, box and axes; faded and dashed where the frame does not show it."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QPen

from .dots import paint_dots
from .scene import FaceDrawing

AXIS_COLORS = (("#ff6b5e", "x"), ("#6fe36a", "y"), ("#62a8ff", "z"))
_DASH = 4.0, 3.0
"""Stroke and gap, device-independent pixels."""


def paint_face(painter: QPainter, face: FaceDrawing, ratio: float) -> None:
    """In device pixels of the view, `ratio` of them to a device-independent one."""
    whole = painter.opacity()
    painter.setOpacity(whole * face.opacity)
    paint_dots(painter, face, ratio)
    if face.box is not None:
        x0, y0, x1, y1 = face.box
        for color, width in (("#000000", 3.5), ("#ffffff", 1.5)):
            pen = _pen(color, width, ratio, face.held)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawRect(QRectF(x0, y0, x1 - x0, y1 - y0))
    if face.axes is not None:
        _paint_axes(painter, face.axes, ratio, face.held)
    painter.setOpacity(whole)
    if face.box is not None:
        _paint_label(painter, face.label, QPointF(face.box[0], face.box[1] - 6 * ratio), ratio)


def _paint_axes(painter: QPainter, axes: np.ndarray, ratio: float, dashed: bool) -> None:
    origin = QPointF(*axes[0])
    for end, (color, name) in zip(axes[1:], AXIS_COLORS, strict=True):
        tip = QPointF(*end)
        for ink, width in (("#000000", 4.5), (color, 2.5)):
            painter.setPen(_pen(ink, width, ratio, dashed))
            painter.drawLine(origin, tip)
        out = tip + (tip - origin) * (10 * ratio / max(float(np.hypot(*(end - axes[0]))), 1.0))
        _paint_label(painter, name, out, ratio, centred=True)


def _pen(color: str, width: float, ratio: float, dashed: bool) -> QPen:
    """Round ends, or dashes of the same length whatever the width."""
    cap = Qt.PenCapStyle.FlatCap if dashed else Qt.PenCapStyle.RoundCap
    pen = QPen(QColor(color), width * ratio, cap=cap)
    if dashed:
        pen.setDashPattern([length / width for length in _DASH])
    return pen


def _paint_label(painter: QPainter, text: str, at: QPointF, ratio: float, centred: bool = False) -> None:
    font = QFont(painter.font())
    font.setPixelSize(max(1, round(12 * ratio)))
    font.setBold(True)
    painter.setFont(font)
    if centred:
        metrics = painter.fontMetrics()
        at = at + QPointF(-metrics.horizontalAdvance(text) / 2, metrics.xHeight() / 2)
    painter.setPen(QColor(0, 0, 0, 200))
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        painter.drawText(at + QPointF(dx * ratio, dy * ratio), text)
    painter.setPen(QColor("#ffffff"))
    painter.drawText(at, text)
