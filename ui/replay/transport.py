"""The bar between the video and the timeline: play, step, speed, where we are, the timeline's zoom."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QWidget

from ..panels.form import named
from ..theme import Colors, tabular
from .keys import KEYS
from .player import SPEEDS

_HINTS = {key.action: f"{key.text} ({key.keys[0]})" for key in KEYS}
_BUTTONS = ("first", "back", "play", "on", "last")


class Transport(QWidget):
    """`does`: what the buttons do, by the actions' names."""

    def __init__(self, does: Mapping[str, Callable[[], object]], set_speed: Callable[[float], object]) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._playing = False
        self._colors: Colors | None = None
        self.buttons = {name: self._button(name, does[name]) for name in (*_BUTTONS, "closer", "wider", "whole")}
        self.buttons["whole"].setText("All")
        self.speed = QComboBox()
        for value in SPEEDS:
            self.speed.addItem(f"{value:g} ×", value)
        named(self.speed, "Speed", "How fast it plays (, and .)")
        self.speed.activated.connect(lambda _: set_speed(self.speed.currentData()))
        self.where = QLabel()
        self.where.setFont(tabular(self.where.font()))
        self.where.setProperty("role", "value")
        self.where.setMinimumWidth(190)
        self.state = QLabel()
        self.state.setProperty("role", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 3, 8, 3)
        row.setSpacing(5)
        for name in _BUTTONS:
            row.addWidget(self.buttons[name])
        row.addWidget(self.speed)
        row.addSpacing(8)
        row.addWidget(self.where)
        row.addWidget(self.state, 1)
        for name in ("wider", "closer", "whole"):
            row.addWidget(self.buttons[name])

    def show_where(self, text: str, state: str) -> None:
        self.where.setText(text)
        self.state.setText(state)

    def show_playing(self, playing: bool, speed: float) -> None:
        with QSignalBlocker(self.speed):
            self.speed.setCurrentIndex(max(self.speed.findData(speed), 0))
        if playing != self._playing:
            self._playing = playing
            if self._colors is not None:
                self.set_colors(self._colors)

    def set_colors(self, colors: Colors) -> None:
        self._colors = colors
        for name, button in self.buttons.items():
            if name != "whole":
                button.setIcon(glyph("pause" if name == "play" and self._playing else name, colors.text))

    def _button(self, name: str, act: Callable[[], object]) -> QToolButton:
        button = QToolButton()
        button.setIconSize(QSize(18, 18))
        button.setAutoRepeat(name in ("back", "on", "closer", "wider"))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        named(button, _HINTS[name].split(" (")[0], _HINTS[name])
        button.clicked.connect(lambda: act())
        return button


def glyph(name: str, color: str) -> QIcon:
    """The signs of a tape deck, drawn."""
    pixmap = QPixmap(48, 48)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(color))
    if name in ("first", "back"):  # the mirror image of last, on
        painter.translate(48, 0)
        painter.scale(-1, 1)
    if name == "play":
        painter.drawPolygon(_triangle(13, 39, 8, 40))
    elif name == "pause":
        painter.drawRect(QRectF(12, 9, 8, 30))
        painter.drawRect(QRectF(28, 9, 8, 30))
    elif name in ("on", "back"):
        painter.drawPolygon(_triangle(21, 39, 12, 36))
        painter.drawRect(QRectF(11, 12, 5, 24))
    elif name in ("last", "first"):
        painter.drawPolygon(_triangle(9, 21, 12, 36))
        painter.drawPolygon(_triangle(21, 33, 12, 36))
        painter.drawRect(QRectF(34, 12, 5, 24))
    else:
        painter.drawRect(QRectF(9, 21, 30, 6))
        if name == "closer":
            painter.drawRect(QRectF(21, 9, 6, 30))
    painter.end()
    return QIcon(pixmap)


def _triangle(left: float, right: float, top: float, bottom: float) -> QPolygonF:
    return QPolygonF([QPointF(left, top), QPointF(right, (top + bottom) / 2), QPointF(left, bottom)])
