"""How the timeline is painted: ruler, states of the frames, labels, curves. Plain functions of what is there."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QLineF, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QPen, QPolygonF

from tracker.session.timeline import Timeline

from ..theme import Colors
from .curves import Curve, per_pixel, span_of
from .lanes import GAP, RULER, STATES, Layout, Placed, Row
from .scale import TimeScale

STATE_NAMES = {"dropped": "dropped", "lost": "no face", "held": "no face, held", "unmeasured": "not measured"}


SLIVER = 3.0
"""Pixels: spans below are strokes without a frame and words."""


def paint_ruler(painter: QPainter, scale: TimeScale, colors: Colors, height: int) -> None:
    """Times at the top, and lines through all rows."""
    for time, text in scale.ticks():
        x = round(scale.x(time)) + 0.5
        painter.setPen(QPen(QColor(colors.border), 1))
        painter.drawLine(QPointF(x, RULER - 6), QPointF(x, height))
        painter.setPen(QColor(colors.muted))
        room = QRectF(x + 7, 0, 120, RULER - 4)
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def state_colors(colors: Colors) -> dict[str, str]:
    return {
        "held": colors.series[4],
        "lost": colors.series[1],
        "unmeasured": colors.muted,
        "dropped": colors.record,
    }


def paint_states(painter: QPainter, line: Timeline, scale: TimeScale, colors: Colors) -> None:
    """A strip under the ruler: what became of every frame. One that was dropped is at least two pixels wide."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colors.raised))
    painter.drawRect(QRectF(scale.left, RULER, scale.width, STATES))
    for state, color in state_colors(colors).items():
        painter.setBrush(QColor(color))
        for first, last in runs(line.state == state):
            x0, x1 = scale.x(float(line.time[first])), scale.x(line.end(last))
            if x1 >= scale.left and x0 <= scale.left + scale.width:
                top = RULER + (0 if state == "dropped" else 2)
                painter.drawRect(QRectF(x0, top, max(x1 - x0, 2.0), STATES - (0 if state == "dropped" else 4)))


def runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last position of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def paint_titles(
    painter: QPainter, rows: Sequence[Row], curves: Sequence[Curve], colors: Colors, left: int, height: int
) -> None:
    """The column on the left: each row's name; a curve's with its range."""
    painter.fillRect(QRectF(0, 0, left, height), QColor(colors.panel))
    painter.setPen(QPen(QColor(colors.border), 1))
    painter.drawLine(QPointF(left - 0.5, 0), QPointF(left - 0.5, height))
    painter.setPen(QColor(colors.muted))
    painter.drawText(
        QRectF(10, RULER - 3, left - 18, STATES + 8),
        Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
        "Frames",
    )
    by_name = {curve.name: curve for curve in curves}
    for row in rows:
        if row.track is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(row.track.color or colors.muted))
            painter.drawRoundedRect(QRectF(10, row.top + 5, 9, 9), 2.5, 2.5)
        painter.setPen(QColor(colors.text))
        room = QRectF(25 if row.track is not None else 10, row.top, left - 33, 19)
        words = painter.fontMetrics().elidedText(row.title, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        if row.track is None:
            _paint_legend(painter, by_name[row.title], row, colors, left)


def _paint_legend(painter: QPainter, curve: Curve, row: Row, colors: Colors, left: int) -> None:
    words = [("this", colors.series[0])]
    if curve.beside is not None:
        words += [("other", colors.series[1]), ("difference", colors.series[3])]
    font = QFont(painter.font())
    small = QFont(font)
    small.setPointSizeF(font.pointSizeF() * 0.88)
    painter.setFont(small)
    top = row.top + 19.0
    if curve.unit:
        painter.setPen(QColor(colors.muted))
        painter.drawText(QRectF(10, top, left - 18, 15), Qt.AlignmentFlag.AlignLeft, curve.unit)
        top += 14
    if len(words) > 1:
        for text, color in words:
            painter.setPen(QPen(QColor(color), 2))
            painter.drawLine(QLineF(10, top + 7, 20, top + 7))
            painter.setPen(QColor(colors.muted))
            painter.drawText(QRectF(25, top, left - 32, 14), Qt.AlignmentFlag.AlignLeft, text)
            top += 12
    painter.setFont(font)


def paint_labels(painter: QPainter, layout: Layout, selected: Collection[str], colors: Colors) -> None:
    """Spans as bars with their words, points as flags; what is selected has a frame."""
    slivers: set[tuple[float, int]] = set()
    for placed in layout.placed:
        chosen = placed.label.id in selected
        if placed.label.end is not None and placed.x1 - placed.x0 < SLIVER and not chosen:
            place = (placed.top, int(placed.x0))
            if place not in slivers:  # an hour of blinks: one stroke a pixel
                slivers.add(place)
                painter.fillRect(QRectF(place[1], placed.top, SLIVER - 1, placed.height), QColor(placed.color))
            continue
        color = QColor(placed.color or colors.muted)
        if placed.label.end is None:
            _paint_point(painter, placed, color, chosen, colors)
        else:
            _paint_span(painter, placed, color, chosen, colors)


def _paint_point(painter: QPainter, placed: Placed, color: QColor, chosen: bool, colors: Colors) -> None:
    x, top, bottom = placed.x0, placed.top, placed.top + placed.height
    flag = [QPointF(x, top), QPointF(x + 7, top + 3.5), QPointF(x, top + 7)]
    painter.setPen(QPen(QColor(colors.text) if chosen else color, 2.4 if chosen else 1.6))
    painter.drawLine(QPointF(x, top), QPointF(x, bottom))
    painter.setBrush(color)
    painter.drawPolygon(QPolygonF(flag))


def _paint_span(painter: QPainter, placed: Placed, color: QColor, chosen: bool, colors: Colors) -> None:
    box = QRectF(placed.x0, placed.top, max(placed.x1 - placed.x0, 2.0), placed.height)
    fill = QColor(color)
    fill.setAlpha(170 if chosen else 110)
    painter.setBrush(fill)
    painter.setPen(QPen(QColor(colors.text) if chosen else color, 2 if chosen else 1.2))
    painter.drawRoundedRect(box, 3, 3)
    inside = box.adjusted(5, 0, -3, 0)
    if inside.width() > 16:
        painter.setPen(QColor(colors.text))
        words = painter.fontMetrics().elidedText(placed.label.label, Qt.TextElideMode.ElideRight, int(inside.width()))
        painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)


def paint_curve(
    painter: QPainter, curve: Curve, row: Row, line: Timeline, scale: TimeScale, colors: Colors
) -> tuple[float, float]:
    """An envelope per pixel where there are many frames, a line where there are few. Returns the range drawn."""
    box = QRectF(scale.left, row.top, scale.width, row.height - GAP)
    painter.fillRect(box, QColor(colors.window))
    drawn = [(curve.values, colors.series[0])]
    if curve.beside is not None:
        drawn.append((curve.beside, colors.series[1]))
    width = max(int(scale.width), 1)
    envelopes = [per_pixel(values, line.time, scale.first, scale.seconds, width) for values, _ in drawn]
    low, high = span_of(*(edge for pair in envelopes for edge in pair))
    if curve.difference is not None:
        below = QRectF(box.left(), box.top() + box.height() * 0.64, box.width(), box.height() * 0.36)
        box = box.adjusted(0, 0, 0, -below.height())
        _paint_difference(
            painter, per_pixel(curve.difference, line.time, scale.first, scale.seconds, width), below, colors
        )
    for pair, (_, color) in zip(envelopes, drawn, strict=True):
        _stroke(painter, pair, box, low, high, color)
    for value, where in ((high, Qt.AlignmentFlag.AlignTop), (low, Qt.AlignmentFlag.AlignBottom)):
        _paint_number(painter, f"{value:.4g}", box, where, colors)
    return low, high


def _paint_number(painter: QPainter, text: str, box: QRectF, where: Qt.AlignmentFlag, colors: Colors) -> None:
    """At the right edge, on a pale ground: the curve is seen to run behind it."""
    room, flags = box.adjusted(0, 0, -4, 0), Qt.AlignmentFlag.AlignRight | where
    ground = QColor(colors.window)
    ground.setAlpha(190)
    painter.fillRect(painter.boundingRect(room, flags, text).adjusted(-3, 0, 4, 0), ground)
    painter.setPen(QColor(colors.muted))
    painter.drawText(room, flags, text)


def _paint_difference(
    painter: QPainter, pair: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]], box: QRectF, colors: Colors
) -> None:
    """About its zero, in the lower third, with its own range."""
    widest = max((float(np.nanmax(np.abs(edge))) for edge in pair if np.isfinite(edge).any()), default=0.0) or 1.0
    painter.setPen(QPen(QColor(colors.border), 1))
    for y in (box.top(), box.center().y()):
        painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
    _stroke(painter, pair, box, -1.15 * widest, 1.15 * widest, colors.series[3])
    _paint_number(painter, f"± {widest:.3g}", box, Qt.AlignmentFlag.AlignTop, colors)


def _stroke(
    painter: QPainter,
    pair: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    box: QRectF,
    low: float,
    high: float,
    color: str,
) -> None:
    """A stroke from the lowest to the highest of each pixel, and one to the next, broken where frames have no value.

    Single lines: Qt takes seconds to stroke a path that goes up and down a thousand times.
    """
    x = np.flatnonzero(np.isfinite(pair[0]))
    if not x.size:
        return
    y0, y1 = (box.bottom() - (edge[x] - low) / (high - low) * box.height() for edge in pair)
    gaps = np.diff(x)
    usual = max(float(np.median(gaps)) if gaps.size else 1.0, 1.0)
    at, tall, joined = box.left() + x + 0.5, np.abs(y1 - y0) > 0.7, gaps <= 2.5 * usual
    middle = 0.5 * (y0 + y1)
    ends = (
        np.concatenate([at[tall], at[:-1][joined]]),
        np.concatenate([y0[tall], middle[:-1][joined]]),
        np.concatenate([at[tall], at[1:][joined]]),
        np.concatenate([y1[tall], middle[1:][joined]]),
    )
    lines = list(map(QLineF, *(values.tolist() for values in ends)))
    painter.setPen(QPen(QColor(color), 1.3))
    if lines:
        painter.drawLines(lines[0], *lines[1:])


def paint_playhead(painter: QPainter, x: float, colors: Colors, height: int) -> None:
    painter.setPen(QPen(QColor(colors.accent), 1.6))
    painter.drawLine(QPointF(x, RULER - 8), QPointF(x, height))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colors.accent))
    head = [QPointF(x - 6, 2), QPointF(x + 6, 2), QPointF(x + 6, RULER - 12), QPointF(x, RULER - 5)]
    painter.drawPolygon(QPolygonF([*head, QPointF(x - 6, RULER - 12)]))
