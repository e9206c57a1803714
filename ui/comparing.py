"""What the stability feature paints on the picture: divider, shaking, the peer, the close-up, the countdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
from PyQt6.QtCore import QLineF, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QImage, QPainter, QPen, QPolygonF

from tracker.stability.measures import Floats
from tracker.stability.sit_still import COUNTDOWN_S, MEASURE_S
from tracker.stability.tracks import MEDIAPIPE_68

from .overlay import Overlay, Spot
from .scene import Scene
from .watch import CLOSE_UP_PX, CloseUp, Watch

RAW_INK, STABLE_INK, PEER_INK = "#ffb454", "#58d6ff", "#ff8ad8"
"""On photographs, whatever the theme: raw, stabilized, MediaPipe."""
GRIP_PX = 9
PEER_AGE_S = 0.5
TAKE_PX = 10


class Divider(Overlay):
    """The names of what is compared, and the line that can be dragged where the picture is split."""

    def __init__(self, move: Callable[[float], None]) -> None:
        self._move = move

    def paint_over(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        wish = scene.wish
        if scene.before is None:
            return
        middle = wish.divider * wish.width if wish.arrangement == "split" else wish.width / 2
        painter.setPen(QPen(QColor(0, 0, 0, 160), 3 * ratio))
        painter.drawLine(QPointF(middle, 0), QPointF(middle, wish.height))
        painter.setPen(QPen(QColor("#ffffff"), 1.5 * ratio))
        painter.drawLine(QPointF(middle, 0), QPointF(middle, wish.height))
        if wish.arrangement == "split":
            self._grip(painter, QPointF(middle, wish.height / 2), ratio)
        pill(painter, "Raw", QPointF(middle - 10 * ratio, 12 * ratio), ratio, RAW_INK, right=True)
        pill(painter, "Stabilized", QPointF(middle + 10 * ratio, 12 * ratio), ratio, STABLE_INK)

    def press(self, spot: Spot) -> bool:
        return self._at(spot)

    def move(self, spot: Spot) -> None:
        self._move(spot.view[0] / max(spot.wish.width, 1))

    def cursor(self, spot: Spot) -> Qt.CursorShape | None:
        return Qt.CursorShape.SplitHCursor if self._at(spot) else None

    def _at(self, spot: Spot) -> bool:
        wish = spot.wish
        return wish.arrangement == "split" and abs(spot.view[0] - wish.divider * wish.width) <= GRIP_PX * spot.ratio

    def _grip(self, painter: QPainter, at: QPointF, ratio: float) -> None:
        painter.setPen(QPen(QColor(0, 0, 0, 160), 1.5 * ratio))
        painter.setBrush(QColor("#ffffff"))
        painter.drawEllipse(at, GRIP_PX * ratio, GRIP_PX * ratio)
        painter.setPen(QPen(QColor("#20242b"), 1.5 * ratio))
        for side in (-1, 1):
            tip = at + QPointF(side * 5.5 * ratio, 0)
            for end in (-1, 1):
                painter.drawLine(tip, tip + QPointF(-side * 2.5 * ratio, end * 2.5 * ratio))


class Magnifier(Overlay):
    """Each of the 68 landmarks' displacement from its local mean, many times as long as it is."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.factor = 0.0
        """0: off."""

    def paint(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        raw = scene.wish.raw and scene.before is None
        self._paint(painter, scene, ratio, 0 if raw else 1, RAW_INK if raw else STABLE_INK)

    def paint_before(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        self._paint(painter, scene, ratio, 0, RAW_INK)

    def paint_over(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        if self.factor and scene.wish.overlay:
            at = QPointF(scene.wish.width - 12 * ratio, scene.wish.height - 32 * ratio)
            pill(painter, f"shaking × {self.factor:g}", at, ratio, "#ffffff", right=True)

    def _paint(self, painter: QPainter, scene: Scene, ratio: float, which: int, ink: str) -> None:
        moment = self._watch.moment(scene.tracked.raw.frame.index) if self.factor and scene.wish.overlay else None
        if moment is None:
            return
        points, offsets = moment.points[which], moment.shaking[which].offsets
        if not np.isfinite(offsets).all():
            return
        calm = scene.placement.to_view(points)
        loud = scene.placement.to_view(points + self.factor * offsets)
        lines = [QLineF(a, b, c, d) for (a, b), (c, d) in zip(calm, loud, strict=True)]
        dots = QPolygonF([QPointF(x, y) for x, y in loud])
        for color, width, dot in ((QColor(0, 0, 0, 170), 3.0, 6.5), (QColor(ink), 1.5, 4.5)):
            painter.setPen(QPen(color, width * ratio))
            painter.drawLines(*lines)
            painter.setPen(QPen(color, dot * ratio, cap=Qt.PenCapStyle.RoundCap))
            painter.drawPoints(dots)


class PeerDots(Overlay):
    """What MediaPipe says of the newest frame that it has seen."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.on = False

    def paint(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        peer = self._watch.peer() if self.on and scene.wish.overlay else None
        if peer is None or abs(scene.tracked.raw.frame.time - peer.time) > PEER_AGE_S:
            return
        dense = scene.wish.layout == "mediapipe478"
        points = peer.points[:, :2] if dense else MEDIAPIPE_68 @ peer.points[:478, :2]
        dots = QPolygonF([QPointF(x, y) for x, y in scene.placement.to_view(points)])
        painter.setPen(QPen(QColor(0, 0, 0, 110), (3.4 if dense else 5.4) * ratio, cap=Qt.PenCapStyle.RoundCap))
        painter.drawPoints(dots)
        painter.setPen(QPen(QColor(PEER_INK), (2.0 if dense else 3.6) * ratio, cap=Qt.PenCapStyle.RoundCap))
        painter.drawPoints(dots)

    def paint_over(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        if self.on and scene.wish.overlay and self._watch.peer() is not None:
            at = QPointF(scene.wish.width - 12 * ratio, scene.wish.height - 58 * ratio)
            pill(painter, "● MediaPipe", at, ratio, PEER_INK, right=True)


class CloseUpView(Overlay):
    """One landmark's surroundings at the lower left, with the way that it went, raw and stabilized."""

    def __init__(self, watch: Watch, choose: Callable[[int], None]) -> None:
        self._watch, self._choose = watch, choose
        self.title = ""
        self._image: tuple[CloseUp, QImage] | None = None

    def paint_over(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        moment = self._watch.moment(scene.tracked.raw.frame.index)
        close_up = moment.close_up if moment is not None else None
        if close_up is None:
            return
        if self._image is None or self._image[0] is not close_up:
            data = cast(bytes, close_up.image.data)
            picture = QImage(data, CLOSE_UP_PX, CLOSE_UP_PX, 3 * CLOSE_UP_PX, QImage.Format.Format_RGB888)
            self._image = close_up, picture
        side = min(210.0 * ratio, 0.42 * scene.wish.height)
        box = QRectF(12 * ratio, scene.wish.height - side - 12 * ratio, side, side)
        painter.drawImage(box, self._image[1])
        painter.save()
        painter.setClipRect(box)
        for trail, ink in ((close_up.raw, RAW_INK), (close_up.stable, STABLE_INK)):
            self._trail(painter, trail, close_up, box, ratio, ink)
        painter.restore()
        painter.setPen(QPen(QColor("#ffffff"), 1.5 * ratio))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)
        zoom = side / (2.0 * close_up.half)
        pill(painter, f"{self.title} × {zoom:.0f}", box.topLeft() + QPointF(6, 6) * ratio, ratio, "#ffffff")

    def press(self, spot: Spot) -> bool:
        """A click on a landmark takes it."""
        if self._watch.landmark is None or not spot.wish.overlay:
            return False
        moment = self._watch.moment(spot.index)
        if moment is None:
            return False
        away = np.linalg.norm(moment.points[1] - np.array(spot.frame), axis=1) * spot.scale
        nearest = int(np.argmin(away))
        if away[nearest] > TAKE_PX * spot.ratio:
            return False
        self._choose(nearest)
        return True

    def _trail(self, painter: QPainter, trail: Floats, close_up: CloseUp, box: QRectF, ratio: float, ink: str) -> None:
        zoom = box.width() / (2.0 * close_up.half)
        places = (trail - close_up.centre) * zoom + np.array([box.center().x(), box.center().y()])
        way = QPolygonF([QPointF(x, y) for x, y in places])
        for color, width, dot in ((QColor(0, 0, 0, 150), 3.0, 9.0), (QColor(ink), 1.4, 6.5)):
            painter.setPen(QPen(color, width * ratio))
            painter.drawPolyline(way)
            painter.setPen(QPen(color, dot * ratio, cap=Qt.PenCapStyle.RoundCap))
            painter.drawPoint(QPointF(*places[-1]))


class Countdown(Overlay):
    """While somebody sits still: how long yet."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def paint_over(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        progress = self._watch.progress
        if progress is None or progress.phase not in ("countdown", "measuring"):
            return
        whole = COUNTDOWN_S if progress.phase == "countdown" else MEASURE_S
        words = progress.why or ("Get ready" if progress.phase == "countdown" else "Sit still")
        ink = "#f0c040" if progress.phase == "countdown" else "#55d08f"
        middle = QPointF(scene.wish.width / 2, 86 * ratio)  # below the names of what is compared
        radius = 34 * ratio
        ring = QRectF(middle.x() - radius, middle.y() - radius, 2 * radius, 2 * radius)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(10, 12, 16, 190))
        painter.drawEllipse(middle, radius + 8 * ratio, radius + 8 * ratio)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(255, 255, 255, 60), 6 * ratio))
        painter.drawEllipse(ring)
        painter.setPen(QPen(QColor(ink), 6 * ratio, cap=Qt.PenCapStyle.RoundCap))
        painter.drawArc(ring, 90 * 16, -round(360 * 16 * (1.0 - progress.left / whole)))
        painter.setFont(_font(painter, 26 * ratio))
        painter.setPen(QColor("#ffffff"))
        painter.drawText(ring, Qt.AlignmentFlag.AlignCenter, str(int(np.ceil(progress.left))))
        pill(painter, words, middle + QPointF(0, radius + 16 * ratio), ratio, ink, centred=True)


def pill(
    painter: QPainter, text: str, at: QPointF, ratio: float, ink: str, right: bool = False, centred: bool = False
) -> None:
    """A word on a dark ground: its upper left corner is `at`, or its upper right one, or the middle of its top."""
    painter.setFont(_font(painter, 12.5 * ratio))
    width = painter.fontMetrics().horizontalAdvance(text) + 18 * ratio
    x = at.x() - (width if right else width / 2 if centred else 0.0)
    box = QRectF(x, at.y(), width, 22 * ratio)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(10, 12, 16, 190))
    painter.drawRoundedRect(box, 5 * ratio, 5 * ratio)
    painter.setPen(QColor(ink))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _font(painter: QPainter, pixels: float) -> QFont:
    font = QFont(painter.font())
    font.setPixelSize(max(1, round(pixels)))
    font.setBold(True)
    return font
