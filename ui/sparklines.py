"""A small curve per group of landmarks: how much each shakes, raw and filtered, on one scale."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget

from tracker.stability.measures import GROUPS

from .history import Values
from .theme import Colors, tabular

SECONDS = 10.0
LEAST = 0.1
"""%: the scale never shows less, so that a calm face looks calm."""
LABELS = {"jaw": "Contour"}
NAME_PX, VALUE_PX, ROW_PX = 58, 96, 22


class Sparklines(QWidget):
    """One row a group: name, curve of the last ten seconds, and the figures now."""

    def __init__(self, colors: Colors) -> None:
        super().__init__()
        self._colors = colors
        self._age: Values = np.zeros(0)
        self._raw = self._stable = np.zeros((0, len(GROUPS)))
        self._top = LEAST
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(NAME_PX + VALUE_PX + 40, ROW_PX * len(GROUPS))
        self.setAccessibleName("Jitter of each group of landmarks")
        self.setToolTip("Jitter of each group of landmarks over the last 10 seconds, in % of the distance of the eyes")

    def sizeHint(self) -> QSize:
        return QSize(300, 26 * len(GROUPS))

    def set_colors(self, colors: Colors) -> None:
        self._colors = colors
        self.update()

    def show_curves(self, age: Values, raw: Values, stable: Values) -> None:
        """`age` (n,) s, 0 or less; raw and stable (n, 5) %, in the order of `measures.GROUPS`."""
        self._age, self._raw, self._stable = age, raw, stable
        good = raw[np.isfinite(raw)]
        top = max(float(np.percentile(good, 98)) * 1.15 if len(good) else LEAST, LEAST)
        if top > self._top or top < 0.5 * self._top:  # moves only when it must
            self._top = top
        self.setAccessibleDescription(
            ", ".join(f"{_name(group)}: {self._words(i)}" for i, group in enumerate(GROUPS)) if len(age) else "Nothing"
        )
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(tabular(self.font()))
        height = self.height() / len(GROUPS)
        for i, group in enumerate(GROUPS):
            top = i * height
            painter.setPen(QColor(self._colors.muted))
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, NAME_PX, height), middle, _name(group))
            box = QRectF(NAME_PX, top + 3, self.width() - NAME_PX - VALUE_PX - 10, height - 6)
            painter.setPen(QPen(QColor(self._colors.border), 1))
            painter.drawLine(box.bottomLeft(), box.bottomRight())
            for values, color in ((self._raw, self._colors.series[1]), (self._stable, self._colors.series[0])):
                if len(self._age):
                    self._stroke(painter, box, values[:, i], color)
            painter.setPen(QColor(self._colors.text))
            right = QRectF(self.width() - VALUE_PX, top, VALUE_PX, height)
            painter.drawText(right, middle | Qt.AlignmentFlag.AlignRight, self._words(i))
        painter.end()

    def _stroke(self, painter: QPainter, box: QRectF, values: Values, color: str) -> None:
        # A point every second pixel; where several fall on one, the last counts.
        step = max(1, round(2 * len(values) / max(box.width(), 1.0)))
        age, seen = self._age[::-step][::-1], values[::-step][::-1]
        x = box.right() + age / SECONDS * box.width()
        y = box.bottom() - np.clip(seen / self._top, 0.0, 1.0) * box.height()
        painter.setPen(QPen(QColor(color), 1.0))  # Qt draws lines of this width ten times as fast
        good = np.isfinite(y)
        breaks = np.flatnonzero(np.diff(good.astype(np.int8)) != 0) + 1
        for part in np.split(np.arange(len(y)), breaks):
            if len(part) > 1 and good[part[0]]:
                painter.drawPolyline(QPolygonF([QPointF(a, b) for a, b in zip(x[part], y[part], strict=True)]))

    def _words(self, group: int) -> str:
        raw, stable = (values[-1, group] if len(values) else np.nan for values in (self._raw, self._stable))
        return f"{_percent(raw)} → {_percent(stable)}"


def _name(group: str) -> str:
    return LABELS.get(group, group.capitalize())


def _percent(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "–"
