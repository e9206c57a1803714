"""The timeline under the video: what became of every frame, labels, curves, and the playhead over them.

What does not move is painted once into a pixmap; while the session plays only the playhead is painted over it. The
widget changes nothing itself: it tells what people do with it (`sought`, `picked`, `edited`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from tracker.session.labels import Label
from tracker.session.markers import Track
from tracker.session.timeline import Timeline

from ..theme import Colors, tabular
from .curves import Curve
from .grab import Grab, begin, moved
from .lanes import RULER, STATES, Layout, lay_out
from .paint import (
    STATE_NAMES,
    paint_curve,
    paint_labels,
    paint_playhead,
    paint_ruler,
    paint_states,
    paint_titles,
)
from .scale import TimeScale, clock

LEFT = 152
"""Width of the column of names, pixels."""
ZOOM = 1.25


class TimelineView(QWidget):
    """`sought` a time; `picked` the ids that are selected now; `edited` labels as they were dragged to."""

    sought = pyqtSignal(float)
    picked = pyqtSignal(object)
    edited = pyqtSignal(object)

    def __init__(self, line: Timeline, colors: Colors) -> None:
        super().__init__()
        self.scale = TimeScale(line.duration)
        self.curves: list[Curve] = []
        self.selected: set[str] = set()
        self._line, self._colors = line, colors
        self._labels: Sequence[Label] = ()
        self._tracks: Sequence[Track] = ()
        self._drafts: dict[str, Label] = {}
        self._layout: Layout = lay_out((), (), (), self.scale)
        self._still: QPixmap | None = None
        self._time = 0.0
        self._grab: Grab | None = None
        self.setFont(tabular(self.font()))
        self.setAccessibleName("Timeline")
        self.setAccessibleDescription(
            "Click or drag to go there. The wheel zooms, with Shift it moves, with Ctrl it scrolls."
        )
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)

    def sizeHint(self) -> QSize:
        return QSize(900, max(self._layout.height + 4, 120))

    # --- what is shown

    def show_labels(self, labels: Sequence[Label], tracks: Sequence[Track], selected: set[str]) -> None:
        self._labels, self._tracks, self.selected = labels, tracks, selected
        self._changed()

    def show_curves(self, curves: Sequence[Curve]) -> None:
        self.curves = list(curves)
        self._changed()

    def show_time(self, time: float) -> None:
        """Where the playhead is; the page turns when it leaves the sight."""
        turned = self.scale.showing(time)
        before, self._time = self._time, time
        if turned != self.scale:
            self.scale = turned
            self._changed()
        for at in (before, time):
            self.update(int(self.scale.x(at)) - 8, 0, 17, self.height())

    def set_colors(self, colors: Colors) -> None:
        self._colors = colors
        self._changed()

    def zoom_by(self, factor: float, x: float | None = None) -> None:
        """About a place of the widget, or the playhead."""
        self.scale = self.scale.zoomed(factor, self.scale.x(self._time) if x is None else x)
        self._changed()

    def fit(self) -> None:
        """The whole session."""
        self.scale = replace(self.scale, first=0.0, seconds=0.0)
        self._changed()

    @property
    def layout_now(self) -> Layout:
        """Where everything lies: for tests and the mouse."""
        return self._layout

    def _changed(self) -> None:
        labels = [self._drafts.get(one.id, one) for one in self._labels]
        before = self._layout.height
        curves = [(curve.name, curve.beside is not None) for curve in self.curves]
        self._layout = lay_out(self._tracks, labels, curves, self.scale)
        if self._layout.height != before:
            self.setMinimumHeight(self._layout.height + 4)
            self.updateGeometry()
        self._still = None
        self.update()

    # --- painting

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self.scale = self.scale.fitted(LEFT, max(self.width() - LEFT - 10, 1))
        self._changed()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self._still is None:
            self._still = self._painted()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._still)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = self.scale.x(self._time)
        if LEFT - 1 <= x <= self.width():
            paint_playhead(painter, x, self._colors, self.height())
        if self._grab is not None and self._grab.kind == "box":
            painter.setPen(QPen(QColor(self._colors.accent), 1, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(QPointF(*self._grab.start), QPointF(*self._grab.now)).normalized())
        painter.end()

    def _painted(self) -> QPixmap:
        ratio, colors = self.devicePixelRatioF(), self._colors
        pixmap = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(QColor(colors.panel))
        painter = QPainter(pixmap)
        painter.setFont(self.font())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(QRectF(LEFT - 1, 0, self.width() - LEFT + 1, self.height()))
        paint_ruler(painter, self.scale, colors, self.height())
        paint_states(painter, self._line, self.scale, colors)
        by_name = {curve.name: curve for curve in self.curves}
        for row in self._layout.rows:
            if row.track is None:
                paint_curve(painter, by_name[row.title], row, self._line, self.scale, colors)
        paint_labels(painter, self._layout, self.selected, colors)
        painter.setClipping(False)
        paint_titles(painter, self._layout.rows, self.curves, colors, LEFT, self.height())
        painter.end()
        return pixmap

    # --- the mouse

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is None or event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            return
        x, y = event.position().x(), event.position().y()
        if event.button() == Qt.MouseButton.MiddleButton:
            self._grab = Grab("pan", (x, y), (x, y))
            return
        held = event.modifiers()
        more = bool(held & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier))
        self._grab, selected = begin(self._layout, self.selected, x, y, more)
        if selected != self.selected:
            self.picked.emit(selected)
        if self._grab.kind == "seek" and x >= LEFT - 4:
            self.sought.emit(self.scale.time(x))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None:
            return
        x, y = event.position().x(), event.position().y()
        if self._grab is None:
            self._hover(x, y)
            return
        before, self._grab = self._grab, replace(self._grab, now=(x, y))
        if self._grab.kind == "seek":
            self.sought.emit(self.scale.time(x))
        elif self._grab.kind == "pan":
            self.scale = self.scale.panned(x - before.now[0])
            self._changed()
        elif self._grab.kind == "box":
            self.update()
        elif self._grab.far:
            self._drafts = {one.id: one for one in moved(self._grab, self._labels, self.scale, self._line)}
            self._changed()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        grab, self._grab = self._grab, None
        if grab is None:
            return
        drafts, self._drafts = self._drafts, {}
        if grab.kind == "box":
            if grab.far:
                self.picked.emit(grab.held | self._layout.within(*grab.start, *grab.now))
            else:
                self.sought.emit(self.scale.time(grab.start[0]))
            self.update()
        elif drafts:
            self.edited.emit(list(drafts.values()))
            self._changed()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Go to where the marker begins."""
        placed = None if event is None else self._layout.at(event.position().x(), event.position().y())
        if placed is not None:
            self.sought.emit(placed.label.start)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is None:
            return
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()  # up and down, where there are more rows than room
            return
        turn = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or abs(turn.x()) > abs(turn.y()):
            self.scale = self.scale.panned((turn.y() or turn.x()) * 0.7)
            self._changed()
        else:
            self.zoom_by(ZOOM ** (turn.y() / 120), max(event.position().x(), LEFT))
        event.accept()

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = self._said(event.pos().x(), event.pos().y())
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def _hover(self, x: float, y: float) -> None:
        placed = self._layout.at(x, y)
        if placed is not None and placed.part(x) != "body":
            self.setCursor(Qt.CursorShape.SizeHorCursor)
        elif placed is not None:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            self.unsetCursor()

    def _said(self, x: float, y: float) -> str:
        """The tooltip at a place."""
        placed = self._layout.at(x, y)
        if placed is not None:
            one = placed.label
            until = "" if one.end is None else f" – {clock(one.end)}"
            return "\n".join(filter(None, (one.label, f"{clock(one.start)}{until}", one.note)))
        if x < LEFT:
            row = self._layout.row_at(y)
            return row.title if row is not None else "What became of every frame: dropped, without a face"
        position = self._line.at(self.scale.time(x))
        state = str(self._line.state[position]) if len(self._line) else ""
        where = clock(self.scale.time(x))
        if RULER <= y < RULER + STATES and state in STATE_NAMES:
            return f"{where}: frame {self._line.index[position]} {STATE_NAMES[state]}"
        row = self._layout.row_at(y)
        curve = next((c for c in self.curves if row is not None and row.track is None and c.name == row.title), None)
        if curve is not None and len(curve.values):
            return f"{where}: {curve.name} {curve.values[position]:.5g} {curve.unit}".strip()
        return where
