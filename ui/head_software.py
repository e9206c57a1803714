"""The head drawn without OpenGL: front faces, sorted, one flat shade each. Slower and plainer, and always there."""

from __future__ import annotations

from typing import NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QObject, QPointF, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PyQt6.QtWidgets import QWidget

from tracker.head import HeadModel
from tracker.types import Array, Image

from .newest import Newest
from .orbit import DISTANCE_M, FIELD_DEG, Orbit
from .person.prepare import PictureOf, Prepared

PERIOD_MS = 80  # between two meshes: drawing one takes some 12 ms
LARGEST = 320  # pixels: drawn so large at most, then scaled
_KEY = np.array([0.75, -0.5, 0.6]) / np.linalg.norm([0.75, -0.5, 0.6])
_FILL = np.array([0.5, 0.8, 0.1]) / np.linalg.norm([0.5, 0.8, 0.1])


def shade(
    vertices: Array,
    normals: Array,
    tri: npt.NDArray[np.intp],
    color: npt.NDArray[np.uint8],
    side: int,
    azimuth_deg: float,
    elevation_deg: float,
    distance: float,
    background: tuple[int, int, int],
) -> Image:
    """A picture (side, side, 3) uint8 of a mesh, colours in the order they were given in.

    vertices (V, 3) metres and normals (V, 3), X towards the viewer, Y right, Z up; tri (T, 3); color (V, 3).
    """
    a, e = np.radians([azimuth_deg, elevation_deg])
    about_up = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_side = np.array([[np.cos(e), 0, np.sin(e)], [0, 1, 0], [-np.sin(e), 0, np.cos(e)]])
    turn = (about_side @ about_up).astype(np.float32)
    seen = vertices @ turn.T
    focal = 0.5 * side / np.tan(np.radians(FIELD_DEG) / 2)
    depth = np.maximum(distance - seen[:, 0], 1e-3)
    flat = np.stack([0.5 * side + focal * seen[:, 1] / depth, 0.5 * side - focal * seen[:, 2] / depth], axis=1)
    p, q, r = (flat[tri[:, k]] for k in range(3))
    front = (q[:, 0] - p[:, 0]) * (r[:, 1] - p[:, 1]) - (q[:, 1] - p[:, 1]) * (r[:, 0] - p[:, 0]) < 0
    shown = tri[front]
    shown = shown[np.argsort(-depth[shown].mean(1))]
    light = normals @ turn.T
    level = 0.25 + 0.78 * np.maximum(light @ _KEY, 0) + 0.2 * np.maximum(light @ _FILL, 0)
    tones = np.empty((len(shown) + 1, 3), np.uint8)
    tones[0] = background
    tones[1:] = np.clip((color * level[:, None])[shown].mean(1), 0, 255)
    # Numbers first, colours after: thousands of colour tuples a picture would wake the garbage collector.
    number = np.zeros((side, side), np.int32)
    for i, corners in enumerate(np.round(flat[shown] * 16).astype(np.int32), 1):
        cv2.fillConvexPoly(number, corners, i, cv2.LINE_8, 4)
    return tones[number]


class _Bell(QObject):
    """Rings in the window's thread. The thread that draws keeps it, and may ring when the widget is gone."""

    shaded = pyqtSignal(object)


class _Drawing(NamedTuple):
    """What `shade` is given."""

    vertices: Array
    normals: Array
    tri: npt.NDArray[np.intp]
    color: npt.NDArray[np.uint8]
    side: int
    azimuth_deg: float
    elevation_deg: float
    distance: float
    background: tuple[int, int, int]


def _shade(drawing: _Drawing) -> tuple[_Drawing, Image]:
    return drawing, shade(*drawing) if drawing.side > 8 else np.zeros((1, 1, 3), np.uint8)


class SoftwareHead(QWidget):
    """The software renderer's widget: drag to orbit, scroll to zoom. A personal head comes as a finished picture.

    Heads that come with frames are drawn in a thread of their own, the newest first, so that no frame of the video
    waits for one; what a person turns or resizes is drawn at once.
    """

    turned = pyqtSignal()

    def __init__(self, head: HeadModel, background: str) -> None:
        super().__init__()
        self._tri, self._color = head.tri, head.color
        self._vertices: Array = head.mean
        self._normals: Array = head.normals
        self._background = QColor(background)
        self._azimuth = self._elevation = 0.0
        self._distance = DISTANCE_M
        self._picture: Image | None = None  # of a personal head
        self._drawn: Image | None = None  # of the generic one, as it is seen now
        self._stale = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.timeout.connect(self._ask)
        self._from: QPointF | None = None
        bell = _Bell()
        bell.shaded.connect(self._show_shaded)
        self._drawer: Newest[_Drawing, tuple[_Drawing, Image]] = Newest(
            "stillpoint-head", _shade, lambda made: bell.shaded.emit(made)
        )
        self.destroyed.connect(self._drawer.close)
        self.setAccessibleName("3D head, drawn in software")

    def show_mesh(self, vertices: Array, normals: Array) -> None:
        self._vertices, self._normals, self._picture = vertices, normals, None
        self._stale = True
        if not self._pause.isActive():
            self._ask()

    def _ask(self) -> None:
        if self._stale:
            self._stale = False
            self._drawer.ask(self._drawing())
            self._pause.start(PERIOD_MS)

    def show_texture(self, picture: Image) -> None:
        """Nothing to do: pictures come with their texture."""

    def show_person(self, prepared: Prepared, turn: Array) -> None:
        """The picture of a personal head."""
        if isinstance(prepared, PictureOf):
            self._picture = prepared.image
            self.update()

    @property
    def orbit(self) -> Orbit:
        return Orbit(self._azimuth, self._elevation, self._distance)

    def set_background(self, color: str) -> None:
        self._background = QColor(color)
        self._draw_at_once()

    def look_from_front(self) -> None:
        self._azimuth = self._elevation = 0.0
        self._distance = DISTANCE_M
        self._draw_at_once()
        self.turned.emit()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self._picture is None and self._drawn is None:
            drawing = self._drawing()
            self._drawn = shade(*drawing) if drawing.side > 8 else None
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._background)
        picture = self._drawn if self._picture is None else self._picture
        if picture is not None:
            self._put(painter, picture)
        painter.end()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._draw_at_once()

    def _draw_at_once(self) -> None:
        """As the person sees it now, when it is painted next."""
        self._drawn = None
        self.update()

    def _drawing(self) -> _Drawing:
        side = int(min(min(self.width(), self.height()) * self.devicePixelRatioF(), LARGEST))
        tone = (self._background.red(), self._background.green(), self._background.blue())
        mesh = self._vertices, self._normals, self._tri, self._color
        return _Drawing(*mesh, side, self._azimuth, self._elevation, self._distance, tone)

    @pyqtSlot(object)
    def _show_shaded(self, shaded: tuple[_Drawing, Image]) -> None:
        drawing, picture = shaded
        if drawing[4:] == self._drawing()[4:]:  # else the person has turned it meanwhile
            self._drawn = picture
            self.update()

    def _put(self, painter: QPainter, picture: Image) -> None:
        """A square picture, as large as there is room."""
        drawn, side = len(picture), min(self.width(), self.height())
        image = QImage(cast(bytes, picture.data), drawn, drawn, 3 * drawn, QImage.Format.Format_RGB888)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.translate((self.width() - side) / 2, (self.height() - side) / 2)
        painter.scale(side / drawn, side / drawn)
        painter.drawImage(0, 0, image)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is not None:
            self._from = event.position()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None or self._from is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        moved = event.position() - self._from
        self._from = event.position()
        self._azimuth -= moved.x()
        self._elevation = float(np.clip(self._elevation + moved.y(), -90, 90))
        self._draw_at_once()
        self.turned.emit()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is not None:
            self._distance = float(np.clip(self._distance * 0.999 ** event.angleDelta().y(), 0.3, 3.0))
            self._draw_at_once()
            self.turned.emit()
            event.accept()
