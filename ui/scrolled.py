"""A dialog's content that scrolls where the screen is too small for it, and only there."""

from __future__ import annotations

from PyQt6.QtCore import QSize
from PyQt6.QtWidgets import QFrame, QScrollArea, QWidget

ACROSS = 0.94
"""Of the screen's width, at most."""


class Scrolled(QScrollArea):
    """Asks for its content's size, so that no bar is seen where the screen has room; for no more than `down` of the
    screen's height, the rest is for the dialog's other parts."""

    def __init__(self, content: QWidget, down: float) -> None:
        super().__init__()
        self._down = down
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidget(content)

    def sizeHint(self) -> QSize:
        content, screen, bar = self.widget(), self.screen(), self.verticalScrollBar()
        if content is None or screen is None or bar is None:
            return super().sizeHint()
        wanted = content.sizeHint() + QSize(bar.sizeHint().width(), 0)
        room = screen.availableSize()
        return wanted.boundedTo(QSize(round(ACROSS * room.width()), round(self._down * room.height())))
