"""The guided turn: which directions the head has shown, the sharpest frame of each, and the ring that fills up."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QPen

from tracker.types import Face, Frame, Tracked

from ..overlay import Overlay
from ..scene import Scene
from ..theme import Colors

SECONDS = 20.0
CELL_DEG = 7.0
SECTORS = 12
REACH_DEG = 16.0
"""So far the head must turn, in yaw or pitch, for a sector of the ring to be filled."""
REST_DEG = 12.0, 18.0
"""So far, in yaw and pitch, where a head rests may lie from straight ahead: cameras stand above or beside screens."""
LEAST_PRESENCE, LEAST_FACE_PX = 0.75, 60.0
_MOST_FRAMES = 60


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """The sharpest frame of a direction."""

    frame: Frame
    sharp: float


@dataclass(slots=True)
class Turn:
    """Fed from the bridge's thread, read from the window's. `pose`: yaw and pitch from where the head was at first."""

    started: float | None = None
    now: float = 0.0
    kept: dict[tuple[int, int], Kept] = field(default_factory=dict)
    filled: set[int] = field(default_factory=set)
    pose: tuple[float, float] | None = None
    _rest: tuple[float, float] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, tracked: Tracked) -> None:
        """One frame more; well under a millisecond but for a frame that is kept."""
        frame, faces = tracked.raw.frame, tracked.stable.faces
        with self._lock:
            if self.started is None or frame.time < self.started:
                self.started = frame.time
            self.now = frame.time
            self.pose = None
            if not faces:
                return
            face = faces[0]
            yaw, pitch = face.pose.yaw_deg, face.pose.pitch_deg
            if self._rest is None:
                self._rest = tuple(np.clip((yaw, pitch), np.negative(REST_DEG), REST_DEG).tolist())
            aside, up = self.pose = yaw - self._rest[0], pitch - self._rest[1]
            if face.presence < LEAST_PRESENCE or face.size_px < LEAST_FACE_PX:
                return
            if np.hypot(aside, up) > REACH_DEG:
                self.filled.add(sector_of(aside, up))
            cell = round(yaw / CELL_DEG), round(pitch / CELL_DEG)
            sharp = _sharpness(frame, face)
            best = self.kept.get(cell)
            if (best is None and len(self.kept) < _MOST_FRAMES) or (best is not None and sharp > 1.05 * best.sharp):
                self.kept[cell] = Kept(frame, sharp)

    @property
    def seconds(self) -> float:
        return 0.0 if self.started is None else self.now - self.started

    @property
    def over(self) -> bool:
        """All round, or out of time."""
        return self.seconds >= SECONDS or len(self.filled) >= SECTORS

    def write(self, folder: Path) -> int:
        """The frames kept, in the order of their times, as PNG; returns how many. Raises OSError."""
        with self._lock:
            frames = sorted((kept.frame for kept in self.kept.values()), key=lambda frame: frame.time)
        for i, frame in enumerate(frames):
            done, data = cv2.imencode(".png", frame.image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
            if done:
                (folder / f"{i:03}.png").write_bytes(data.tobytes())
        return len(frames)


def sector_of(yaw: float, pitch: float) -> int:
    """0..SECTORS - 1, clockwise in the picture from the top: where the nose points."""
    return int(np.floor(np.degrees(np.arctan2(yaw, pitch)) % 360.0 / (360.0 / SECTORS)))


def _sharpness(frame: Frame, face: Face) -> float:
    """Contrast of neighbouring pixels in the middle of the face, in a small copy."""
    x0, y0, x1, y1 = (int(v) for v in face.bbox)
    part = frame.image[max(y0, 0) : max(y1, 1), max(x0, 0) : max(x1, 1), 1]
    if min(part.shape) < 8:
        return 0.0
    return float(cv2.Laplacian(cv2.resize(part, (96, 96), interpolation=cv2.INTER_AREA), cv2.CV_32F).std())


class Ring(Overlay):
    """A ring over the picture, a sector for each direction, and what to do now."""

    def __init__(self, colors: Colors) -> None:
        self.turn: Turn | None = None
        self.colors = colors

    def paint_over(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        turn = self.turn
        if turn is None:
            return
        x, y, width, height = scene.placement.target
        middle = QPointF(x + width / 2, y + height / 2)
        radius = 0.42 * min(width, height)
        box = QRectF(middle.x() - radius, middle.y() - radius, 2 * radius, 2 * radius)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        span = 360.0 / SECTORS
        for sector in range(SECTORS):
            color = QColor(self.colors.accent if sector in turn.filled else "#ffffff")
            color.setAlpha(235 if sector in turn.filled else 90)
            painter.setPen(QPen(color, 9 * ratio, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            # Qt counts sixteenths of degrees anticlockwise from three o'clock.
            painter.drawArc(box, round(16 * (90 - (sector + 1) * span + 1.5)), round(16 * (span - 3)))
        if turn.pose is not None:
            yaw, pitch = turn.pose
            far = min(float(np.hypot(yaw, pitch)) / REACH_DEG, 1.0) * (radius - 12 * ratio)
            angle = np.arctan2(yaw, pitch)
            spot = QPointF(middle.x() + far * float(np.sin(angle)), middle.y() - far * float(np.cos(angle)))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self.colors.accent))
            painter.drawEllipse(spot, 7 * ratio, 7 * ratio)
        left = max(SECONDS - turn.seconds, 0.0)
        words = f"Turn your head slowly all round  –  {len(turn.filled)} of {SECTORS}  –  {left:.0f} s"
        font = QFont(painter.font())
        font.setPixelSize(round(16 * ratio))
        painter.setFont(font)
        band = QRectF(x, y + height - 44 * ratio, width, 34 * ratio)
        back = QColor("#000000")
        back.setAlpha(150)
        painter.fillRect(band, back)
        painter.setPen(QColor("#ffffff"))
        painter.drawText(band, Qt.AlignmentFlag.AlignCenter, words)
