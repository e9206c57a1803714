"""The picture with its overlay. Paints what `scene.compose` prepared: one blit, then sprites and a few lines."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, cast

import numpy as np
from PyQt6 import sip
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFont,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from .bridge import Bridge
from .scene import LEVELS, FaceDrawing, Scene
from .theme import Colors

CELL = 16  # device-independent pixels of one sprite
SCALE_COLORS = ("#d1495b", "#e8803a", "#f0b429", "#b9d353", "#5fd08a", "#3fe0c5")
"""Vague to certain. Certain points are also smaller and more opaque, so the scale does not rest on colour alone."""
AXIS_COLORS = (("#ff6b5e", "x"), ("#6fe36a", "y"), ("#62a8ff", "z"))
ZOOM_STEP, ZOOM_MOST = 1.25, 12.0


class VideoView(QWidget):
    """Shows scenes; asks the bridge for the size, zoom and place that it has. Wheel zooms, drag moves."""

    zoomed = pyqtSignal(float)

    def __init__(self, bridge: Bridge, colors: Colors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._colors = colors
        self._scene: Scene | None = None
        self._image: QImage | None = None
        self._words = ("", "")
        self._grabbed: QPointF | None = None
        self.painted = 0
        self.setAccessibleName("Video")
        self.setAccessibleDescription("The camera's picture with the tracked face drawn on it")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(360, 240)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        bridge.arrived.connect(self.show_scene)

    def sizeHint(self) -> QSize:
        return QSize(860, 520)

    @property
    def scene(self) -> Scene | None:
        return self._scene

    def show_scene(self, scene: Scene) -> None:
        """Paint this scene from now on."""
        self._scene = scene
        height, width = scene.image.shape[:2]
        # The image shares the array's memory; the scene is kept beside it, so the memory lives as long.
        self._image = QImage(cast(bytes, scene.image.data), width, height, 4 * width, QImage.Format.Format_RGB32)
        self.update()

    def clear(self, title: str, text: str = "") -> None:
        """Show words instead of a picture."""
        self._scene = self._image = None
        self._words = (title, text)
        self.setAccessibleDescription(f"{title} {text}".strip())
        self.update()

    def set_colors(self, colors: Colors) -> None:
        self._colors = colors
        self.update()

    # --- zoom

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom about a point of the view (its middle if not given)."""
        wish = self._bridge.wish
        zoom = float(np.clip(wish.zoom * factor, 1.0, ZOOM_MOST))
        centre = wish.centre
        if self._scene is not None and zoom != wish.zoom:
            before = self._fraction(at or QPointF(self.width() / 2, self.height() / 2))
            middle = self._fraction(QPointF(self.width() / 2, self.height() / 2))
            ratio = wish.zoom / zoom
            centre = tuple(b + (m - b) * ratio for b, m in zip(before, middle, strict=True))  # type: ignore[assignment]
        self._move(zoom, centre)

    def fit(self) -> None:
        """The whole picture."""
        self._move(1.0, (0.5, 0.5))

    def _move(self, zoom: float, centre: tuple[float, float]) -> None:
        x, y = (float(np.clip(c, 0.0, 1.0)) for c in centre)
        self._bridge.change(lambda wish: replace(wish, zoom=zoom, centre=(x, y)))
        self.zoomed.emit(zoom)

    def _fraction(self, at: QPointF) -> tuple[float, float]:
        """A point of the view -> fractions of the frame."""
        assert self._scene is not None
        height, width = self._scene.tracked.raw.frame.image.shape[:2]
        place = self._scene.placement
        device = np.array([at.x(), at.y()]) * self.devicePixelRatioF() - place.target[:2]
        x, y = device / place.scale + place.crop[:2]
        return float(x / width), float(y / height)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is not None and self._scene is not None:
            self.zoom_by(ZOOM_STEP ** (event.angleDelta().y() / 120), event.position())
            event.accept()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and event.button() == Qt.MouseButton.LeftButton and self._bridge.wish.zoom > 1:
            self._grabbed = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None or self._grabbed is None or self._scene is None:
            return
        here, there = self._fraction(event.position()), self._fraction(self._grabbed)
        wish = self._bridge.wish
        self._grabbed = event.position()
        self._move(wish.zoom, (wish.centre[0] - here[0] + there[0], wish.centre[1] - here[1] + there[1]))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        self._grabbed = None
        self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self.fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        ratio = self.devicePixelRatioF()
        width, height = round(self.width() * ratio), round(self.height() * ratio)
        self._bridge.change(lambda wish: replace(wish, width=width, height=height))

    # --- painting

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._colors.stage))
        if self._scene is None or self._image is None:
            self._paint_words(painter)
        else:
            self._paint_scene(painter, self._scene, self._image)
            self.painted += 1
        painter.end()

    def _paint_scene(self, painter: QPainter, scene: Scene, image: QImage) -> None:
        ratio = self.devicePixelRatioF()
        # Until the next frame is composed for a new size, the old scene is stretched to it.
        wish = scene.wish
        stretch = ratio * min(self.width() / max(wish.width, 1), self.height() / max(wish.height, 1))
        x, y, w, h = scene.placement.target
        painter.save()
        if (wish.width, wish.height) != (round(self.width() * ratio), round(self.height() * ratio)):
            painter.translate(
                (self.width() - wish.width * stretch / ratio) / 2,
                (self.height() - wish.height * stretch / ratio) / 2,
            )
            painter.scale(stretch, stretch)
        painter.scale(1 / ratio, 1 / ratio)
        painter.drawImage(x, y, image)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setClipRect(QRectF(x, y, w, h))
        for face in scene.faces:
            self._paint_face(painter, face, ratio)
        painter.restore()
        if wish.raw and wish.overlay:
            self._paint_badge(painter, "RAW – unfiltered")

    def _paint_face(self, painter: QPainter, face: FaceDrawing, ratio: float) -> None:
        if len(face.points):
            sprites, cell = _sprites(round(ratio * 100))
            painter.drawPixmapFragments(_fragments(face, cell, dot_scale(face.side / ratio, len(face.points))), sprites)
        if face.box is not None:
            x0, y0, x1, y1 = face.box
            for color, width in (("#000000", 3.5), ("#ffffff", 1.5)):
                painter.setPen(QPen(QColor(color), width * ratio, join=Qt.PenJoinStyle.MiterJoin))
                painter.drawRect(QRectF(x0, y0, x1 - x0, y1 - y0))
            self._paint_label(painter, face.label, QPointF(x0, y0 - 6 * ratio), ratio)
        if face.axes is not None:
            self._paint_axes(painter, face.axes, ratio)

    def _paint_axes(self, painter: QPainter, axes: np.ndarray, ratio: float) -> None:
        origin = QPointF(*axes[0])
        for end, (color, name) in zip(axes[1:], AXIS_COLORS, strict=True):
            tip = QPointF(*end)
            for ink, width in (("#000000", 4.5), (color, 2.5)):
                painter.setPen(QPen(QColor(ink), width * ratio, cap=Qt.PenCapStyle.RoundCap))
                painter.drawLine(origin, tip)
            out = tip + (tip - origin) * (10 * ratio / max(float(np.hypot(*(end - axes[0]))), 1.0))
            self._paint_label(painter, name, out, ratio, centred=True)

    def _paint_label(self, painter: QPainter, text: str, at: QPointF, ratio: float, centred: bool = False) -> None:
        font = QFont(self.font())
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

    def _paint_badge(self, painter: QPainter, text: str) -> None:
        font = QFont(self.font())
        font.setBold(True)
        painter.setFont(font)
        width = painter.fontMetrics().horizontalAdvance(text) + 20
        box = QRectF(12, 12, width, painter.fontMetrics().height() + 8)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#f0a52a"))
        painter.drawRoundedRect(box, 5, 5)
        painter.setPen(QColor("#201400"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_words(self, painter: QPainter) -> None:
        title, text = self._words
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.5)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(self._colors.text))
        middle = self.height() / 2
        line = painter.fontMetrics().height()
        painter.drawText(QRectF(24, middle - line - 4, self.width() - 48, line), Qt.AlignmentFlag.AlignCenter, title)
        painter.setFont(self.font())
        painter.setPen(QColor(self._colors.muted))
        below = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(QRectF(24, middle + 8, self.width() - 48, self.height() / 2), below, text)


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
