"""The picture with its overlay. Paints what `scene.compose` prepared: one blit, then sprites and a few lines."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFont,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from tracker.types import Image

from .bridge import Bridge
from .face_paint import paint_face
from .overlay import Overlay, Spot
from .scene import Pane, Scene, panes
from .theme import Colors

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
        self._overlays: list[Overlay] = []
        self._taker: Overlay | None = None
        self.painted = 0
        self.setAccessibleName("Video")
        self.setAccessibleDescription("The camera's picture with the tracked face drawn on it")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(360, 240)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        bridge.arrived.connect(self.show_scene)

    def sizeHint(self) -> QSize:
        return QSize(860, 520)

    @property
    def scene(self) -> Scene | None:
        return self._scene

    def show_scene(self, scene: Scene) -> None:
        """Paint this scene from now on."""
        self._scene = scene
        self._image = _as_image(scene.image)  # the scene is kept beside it, so the memory lives as long
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

    def add_overlay(self, overlay: Overlay) -> None:
        """Paint this above what is painted already, and let it have the mouse before the others."""
        self._overlays.append(overlay)
        self.update()

    # --- zoom

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom about a point of the view (its middle if not given)."""
        wish = self._bridge.wish
        zoom = float(np.clip(wish.zoom * factor, 1.0, ZOOM_MOST))
        centre = wish.centre
        if self._scene is not None and zoom != wish.zoom:
            half = QPointF(wish.pane / 2 / self.devicePixelRatioF(), self.height() / 2)
            before, middle = self._fraction(at or half), self._fraction(half)
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
        device = self._in_pane(at) - place.target[:2]
        x, y = device / place.scale + place.crop[:2]
        return float(x / width), float(y / height)

    def _in_pane(self, at: QPointF) -> npt.NDArray[np.float64]:
        """A point of the view -> device pixels (2,) of the picture that it is on."""
        assert self._scene is not None
        place = np.array([at.x(), at.y()]) * self.devicePixelRatioF()
        wish = self._scene.wish
        if wish.pane < wish.width and place[0] >= wish.width - wish.pane:
            place[0] -= wish.width - wish.pane
        return place

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is not None and self._scene is not None:
            self.zoom_by(ZOOM_STEP ** (event.angleDelta().y() / 120), event.position())
            event.accept()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self._scene is not None:
            spot = self._spot(event)
            self._taker = next((overlay for overlay in reversed(self._overlays) if overlay.press(spot)), None)
        if self._taker is None and self._bridge.wish.zoom > 1:
            self._grabbed = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None or self._scene is None:
            return
        if self._taker is not None:
            self._taker.move(self._spot(event))
        elif self._grabbed is not None:
            here, there = self._fraction(event.position()), self._fraction(self._grabbed)
            wish = self._bridge.wish
            self._grabbed = event.position()
            self._move(wish.zoom, (wish.centre[0] - here[0] + there[0], wish.centre[1] - here[1] + there[1]))
        else:
            self._point(self._spot(event))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        taker, self._taker = self._taker, None
        if taker is not None and event is not None and self._scene is not None:
            taker.release(self._spot(event))
        self._grabbed = None
        self.unsetCursor()

    def _spot(self, event: QMouseEvent) -> Spot:
        assert self._scene is not None
        at, ratio = event.position(), self.devicePixelRatioF()
        height, width = self._scene.tracked.raw.frame.image.shape[:2]
        x, y = self._fraction(at)
        view = (at.x() * ratio, at.y() * ratio)
        return Spot((x * width, y * height), view, ratio, self._scene, event.modifiers())

    def _point(self, spot: Spot) -> None:
        """The mouse is only moved: an overlay may say what can be taken here."""
        shapes = (overlay.cursor(spot) for overlay in reversed(self._overlays))
        shape = next((shape for shape in shapes if shape is not None), None)
        if shape is None:
            self.unsetCursor()
        else:
            self.setCursor(shape)

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
        painter.save()
        if (wish.width, wish.height) != (round(self.width() * ratio), round(self.height() * ratio)):
            painter.translate(
                (self.width() - wish.width * stretch / ratio) / 2,
                (self.height() - wish.height * stretch / ratio) / 2,
            )
            painter.scale(stretch, stretch)
        painter.scale(1 / ratio, 1 / ratio)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        for pane in panes(scene):
            painter.save()
            painter.setClipRect(QRectF(*pane.clip))
            painter.translate(pane.shift, 0)
            self._paint_pane(painter, scene, pane, image, ratio)
            painter.restore()
        for overlay in self._overlays:
            painter.save()
            overlay.paint_over(painter, scene, ratio)
            painter.restore()
        painter.restore()
        if wish.raw and wish.overlay and scene.before is None:
            self._paint_badge(painter, "RAW – unfiltered")

    def _paint_pane(self, painter: QPainter, scene: Scene, pane: Pane, image: QImage, ratio: float) -> None:
        x, y = scene.placement.target[:2]
        before = scene.before if pane.before else None
        painter.drawImage(x, y, image if before is None else _as_image(before.image))
        for face in scene.faces if before is None else before.faces:
            paint_face(painter, face, ratio)
        for overlay in self._overlays:
            painter.save()
            if before is None:
                overlay.paint(painter, scene, ratio)
            else:
                overlay.paint_before(painter, scene, ratio)
            painter.restore()

    def _paint_badge(self, painter: QPainter, text: str) -> None:
        font = QFont(self.font())
        font.setBold(True)
        painter.setFont(font)
        width = painter.fontMetrics().horizontalAdvance(text) + 20
        box = QRectF(self.width() - width - 12, 12, width, painter.fontMetrics().height() + 8)  # REC is at the left
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
        title = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideMiddle, self.width() - 48)
        painter.drawText(QRectF(24, middle - line - 4, self.width() - 48, line), Qt.AlignmentFlag.AlignCenter, title)
        painter.setFont(self.font())
        painter.setPen(QColor(self._colors.muted))
        below = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(QRectF(24, middle + 8, self.width() - 48, self.height() / 2), below, text)


def _as_image(pixels: Image) -> QImage:
    """(h, w, 4) BGRA as Qt's image; it shares the array's memory."""
    height, width = pixels.shape[:2]
    return QImage(cast(bytes, pixels.data), width, height, 4 * width, QImage.Format.Format_RGB32)
