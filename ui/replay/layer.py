"""What replay paints over the landmarks: corrections, landmarks of one's own, a second pass; and the hand on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QPen

from tracker.session.corrections import Layer
from tracker.session.play import Shown
from tracker.session.rows import RECORDED
from tracker.types import Face

from ..overlay import Overlay, Spot
from ..scene import Scene

NEAR = 12.0
"""Device-independent pixels within which a landmark is taken."""
CORRECTED, OTHER, OWN = "#ff5fd2", "#f0a52a", "#8ad0ff"
Mode = Literal["look", "correct", "add"]


@dataclass(frozen=True, slots=True)
class Hand:
    """A landmark in the hand: of which face, which one, where it was measured and where it is held, frame pixels."""

    face: int
    landmark: int
    was: tuple[float, float]
    at: tuple[float, float]


class ReplayOverlay(Overlay):
    """`dropped` gets the hand when it opens, `clicked` (face, x, y) a place for a new landmark; `changed` asks for a
    new painting."""

    def __init__(
        self,
        dropped: Callable[[Hand], None],
        clicked: Callable[[Face, float, float], None],
        changed: Callable[[], None],
    ) -> None:
        self.mode: Mode = "look"
        self.layer = Layer()
        self.own: dict[str, npt.NDArray[np.float64]] = {}
        """Name -> (F, 2) px, NaN where there is no face."""
        self.hand: Hand | None = None
        self._shown: list[Shown] = []
        self._dropped, self._clicked, self._changed = dropped, clicked, changed
        self._scene: Scene | None = None

    def show(self, shown: Shown) -> None:
        """A frame that is about to be painted: the last few are kept, a scene comes a little later."""
        self._shown = [*self._shown[-3:], shown]

    def shown_of(self, scene: Scene) -> Shown | None:
        return next((one for one in reversed(self._shown) if one.tracked is scene.tracked), None)

    # --- the mouse

    def press(self, spot: Spot) -> bool:
        if self._scene is None or self.mode == "look":
            return False
        if self.mode == "add":
            face = self._face_at(self._scene)
            if face is not None:
                self._clicked(face, *spot.frame)
            return True
        self.hand = self._take(self._scene, spot)
        self._changed()
        return self.hand is not None

    def move(self, spot: Spot) -> None:
        if self.hand is not None:
            self.hand = Hand(self.hand.face, self.hand.landmark, self.hand.was, spot.frame)
            self._changed()

    def release(self, spot: Spot) -> None:
        hand, self.hand = self.hand, None
        if hand is not None and hand.at != hand.was:
            self._dropped(hand)
        self._changed()

    def cursor(self, spot: Spot) -> Qt.CursorShape | None:
        if self.mode == "add":
            return Qt.CursorShape.CrossCursor
        if self.mode == "correct" and self._scene is not None and self._take(self._scene, spot) is not None:
            return Qt.CursorShape.OpenHandCursor
        return None

    def _faces(self, scene: Scene) -> tuple[Face, ...]:
        return (scene.tracked.raw if scene.wish.raw else scene.tracked.stable).faces

    def _face_at(self, scene: Scene) -> Face | None:
        faces = self._faces(scene)
        return faces[0] if faces else None

    def _take(self, scene: Scene, spot: Spot) -> Hand | None:
        """The nearest landmark of the layout that is shown."""
        shown = self.shown_of(scene)
        if shown is None or not scene.wish.overlay or not scene.wish.landmarks or scene.wish.layout not in RECORDED:
            return None
        best: tuple[float, Hand] | None = None
        measured = (shown.measured.raw if scene.wish.raw else shown.measured.stable).faces
        for face, plain in zip(self._faces(scene), measured, strict=True):
            points = face.landmarks_px(scene.wish.layout)
            away = np.linalg.norm(scene.placement.to_view(points) - np.array(spot.view), axis=1)
            nearest = int(away.argmin())
            if best is None or away[nearest] < best[0]:
                x, y = (float(v) for v in plain.landmarks_px(scene.wish.layout)[nearest])
                best = (float(away[nearest]), Hand(face.id, nearest, (x, y), spot.frame))
        return best[1] if best is not None and best[0] <= NEAR * self._ratio else None

    # --- painting

    _ratio = 1.0

    def paint(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        self._scene, self._ratio = scene, ratio
        shown = self.shown_of(scene)
        if shown is None or not scene.wish.overlay:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if shown.other is not None:
            self._paint_other(painter, scene, shown, ratio)
        self._paint_corrected(painter, scene, shown, ratio)
        self._paint_own(painter, scene, shown, ratio)
        if self.hand is not None:
            self._paint_hand(painter, scene, self.hand, ratio)

    def _paint_other(self, painter: QPainter, scene: Scene, shown: Shown, ratio: float) -> None:
        """The second pass: hollow rings, and a line to the same landmark of the first."""
        assert shown.other is not None
        faces = (shown.other.raw if scene.wish.raw else shown.other.stable).faces
        radius = 2.6 * ratio
        for face, mine in zip(faces, self._faces(scene), strict=False):
            points = scene.placement.to_view(face.landmarks_px(scene.wish.layout))
            ours = scene.placement.to_view(mine.landmarks_px(scene.wish.layout))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for (x, y), (u, v) in zip(points, ours, strict=True):
                painter.setPen(QPen(QColor(OTHER), 1.0 * ratio))
                painter.drawLine(QPointF(x, y), QPointF(u, v))
                painter.setPen(QPen(QColor(OTHER), 1.4 * ratio))
                painter.drawEllipse(QPointF(x, y), radius, radius)

    def _paint_corrected(self, painter: QPainter, scene: Scene, shown: Shown, ratio: float) -> None:
        """Moved landmarks: a ring where one was put by hand, a thin one where it only follows, and from where."""
        frame, layout = scene.tracked.raw.frame.index, scene.wish.layout
        measured = (shown.measured.raw if scene.wish.raw else shown.measured.stable).faces
        for face, plain in zip(self._faces(scene), measured, strict=True):
            for landmark in sorted({one.landmark for one in self.layer.of(layout, face.id)}):
                here = scene.placement.to_view(face.landmarks_px(layout)[landmark : landmark + 1])[0]
                was = scene.placement.to_view(plain.landmarks_px(layout)[landmark : landmark + 1])[0]
                by_hand = self.layer.at((frame, face.id, layout, landmark)) is not None
                if by_hand or np.linalg.norm(here - was) > 0.05:
                    _moved(painter, was, here, ratio, 2.4 if by_hand else 1.3)

    def _paint_own(self, painter: QPainter, scene: Scene, shown: Shown, ratio: float) -> None:
        side = 4.0 * ratio
        for name, track in self.own.items():
            point = track[shown.position] if shown.position < len(track) else np.full(2, np.nan)
            if np.isfinite(point).all():
                x, y = scene.placement.to_view(point[None])[0]
                for color, width in (("#000000", 3.2), (OWN, 1.6)):
                    painter.setPen(QPen(QColor(color), width * ratio))
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRect(QRectF(x - side, y - side, 2 * side, 2 * side))
                _words(painter, name, QPointF(x + 8 * ratio, y - 5 * ratio), ratio)

    def _paint_hand(self, painter: QPainter, scene: Scene, hand: Hand, ratio: float) -> None:
        at, was = scene.placement.to_view(np.array([hand.at, hand.was]))
        _moved(painter, was, at, ratio, 2.2)
        away = float(np.hypot(hand.at[0] - hand.was[0], hand.at[1] - hand.was[1]))
        _words(
            painter, f"landmark {hand.landmark}, {away:.1f} px", QPointF(at[0] + 12 * ratio, at[1] - 10 * ratio), ratio
        )


def _moved(
    painter: QPainter, was: npt.NDArray[np.float64], here: npt.NDArray[np.float64], ratio: float, width: float
) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, more in (("#000000", 1.4), (CORRECTED, 0.0)):
        painter.setPen(QPen(QColor(color), (width + more) * ratio))
        painter.drawLine(QPointF(*was), QPointF(*here))
        painter.drawEllipse(QPointF(*here), 5.5 * ratio, 5.5 * ratio)
    painter.setPen(QPen(QColor("#ffffff"), 1.2 * ratio))
    arm = 2.5 * ratio
    painter.drawLine(QPointF(was[0] - arm, was[1]), QPointF(was[0] + arm, was[1]))
    painter.drawLine(QPointF(was[0], was[1] - arm), QPointF(was[0], was[1] + arm))


def _words(painter: QPainter, text: str, at: QPointF, ratio: float) -> None:
    font = QFont(painter.font())
    font.setPixelSize(max(1, round(12 * ratio)))
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(QColor(0, 0, 0, 210))
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        painter.drawText(at + QPointF(dx * ratio, dy * ratio), text)
    painter.setPen(QColor("#ffffff"))
    painter.drawText(at, text)
