"""A line across the top of the picture: what went wrong or was done, and a button that does something about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PyQt6.QtCore import QSize, Qt, QTimer
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from .panels.form import named
from .theme import Colors, icon

Kind = Literal["trouble", "notice"]


class Banner(QFrame):
    """One message at a time, never a dialog: a dead camera must not stand in the way of anything else."""

    def __init__(self, colors: Colors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._colors = colors
        self.kind: Kind = "notice"
        self._icon = QLabel()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._buttons: list[QPushButton] = []
        self._close = QToolButton()
        self._close.setAutoRaise(True)
        named(self._close, "Dismiss the message", "Dismiss")
        self._close.clicked.connect(self.hide)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 7, 7, 7)
        self._row.setSpacing(10)
        self._row.addWidget(self._icon)
        self._row.addWidget(self._text, 1)
        self._row.addWidget(self._close)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self.set_colors(colors)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    @property
    def buttons(self) -> list[QPushButton]:
        return self._buttons

    def say(
        self, kind: Kind, text: str, actions: dict[str, Callable[[], None]] | None = None, for_s: float = 0.0
    ) -> None:
        """Show a message with buttons; it goes by itself after `for_s` seconds, or stays where that is 0."""
        self.kind = kind
        self._text.setText(text)
        for button in self._buttons:
            self._row.removeWidget(button)
            button.deleteLater()
        self._buttons = []
        for name, act in (actions or {}).items():
            button = QPushButton(name)
            button.setAccessibleDescription(text)
            button.clicked.connect(lambda _, act=act: act())
            self._row.insertWidget(self._row.count() - 1, button)
            self._buttons.append(button)
        self._icon.setVisible(kind == "trouble")
        self._dress()
        self.setAccessibleName(text)
        self.show()
        self._timer.stop()
        if for_s:
            self._timer.start(round(1000 * for_s))

    def set_colors(self, colors: Colors) -> None:
        self._colors = colors
        self._dress()

    def _dress(self) -> None:
        colors = self._colors
        ink = colors.warn_text if self.kind == "trouble" else colors.text
        self._icon.setPixmap(icon("warning", ink).pixmap(QSize(22, 22)))
        self._close.setIcon(icon("close", ink))
        self.setProperty("kind", self.kind)
        for part in (self, self._text):  # style sheets notice a changed property only when told to look again
            if (style := part.style()) is not None:
                style.unpolish(part)
                style.polish(part)
