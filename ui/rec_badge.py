"""REC on the picture: that it records is told by shape, word and colour, with how long, how much, and what is left."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from .overlay import Overlay
from .scene import Scene
from .theme import tabular

_PLATE, _INK, _DOT = QColor(15, 17, 21, 205), QColor("#ffffff"), QColor("#ff5a52")
"""On a picture, whatever the theme is."""
_MARGIN, _PAD, _GAP = 12.0, 9.0, 7.0


@dataclass(frozen=True, slots=True)
class RecState:
    """`seconds` recorded, `size` and `free` bytes of the disk, frames that are missing, and the seconds after which it
    ends by itself (0: never)."""

    seconds: float
    size: int
    free: int
    dropped: int = 0
    limit: float = 0.0


def words(state: RecState) -> str:
    """01:05 / 10:00   14.2 MiB   12.3 GiB free   3 dropped"""
    time = clock(state.seconds) + (f" / {clock(state.limit)}" if state.limit else "")
    parts = [time, amount(state.size), f"{amount(state.free)} free"]
    parts += [f"{state.dropped} dropped"] if state.dropped else []
    return "   ".join(parts)


def clock(seconds: float) -> str:
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60:02d}:{rest % 60:02d}"


def amount(size: float) -> str:
    """Bytes in the largest fitting unit, with as many digits after the point as it always has."""
    for unit, digits in (("B", 0), ("KiB", 0), ("MiB", 1)):
        if size < 1000:
            return f"{size:.{digits}f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB" if size < 100 else f"{size:.0f} GiB"


class RecBadge(Overlay):
    """Painted while there is a `state`."""

    def __init__(self) -> None:
        self.state: RecState | None = None

    def paint_over(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        if self.state is None:
            return
        font = tabular(painter.font())
        font.setPixelSize(round(14 * ratio))
        bold = QFont(font)
        bold.setWeight(QFont.Weight.Bold)
        text, metrics, strong = words(self.state), QFontMetricsF(font), QFontMetricsF(bold)
        pad, gap, high = _PAD * ratio, _GAP * ratio, metrics.height() + 10 * ratio
        dot, rec = 0.36 * metrics.height(), strong.horizontalAdvance("REC")
        wide = pad + 2 * dot + gap + rec + 2 * gap + metrics.horizontalAdvance(text) + pad
        left = top = _MARGIN * ratio
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_PLATE)
        painter.drawRoundedRect(QRectF(left, top, wide, high), 6 * ratio, 6 * ratio)
        painter.setBrush(_DOT)
        painter.drawEllipse(QPointF(left + pad + dot, top + high / 2), dot, dot)
        painter.setPen(_INK)
        x = left + pad + 2 * dot + gap
        for part, face, width in (("REC", bold, rec), (text, font, wide)):
            painter.setFont(face)
            painter.drawText(QRectF(x, top, width, high), Qt.AlignmentFlag.AlignVCenter, part)
            x += width + 2 * gap
