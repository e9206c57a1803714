"""The row above the 3D head: whether it turns with the face, and back to the front."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from .keys import hint
from .theme import Colors, icon


class HeadBar(QWidget):
    """Two buttons; it says what is asked and shows what it is told."""

    follow_asked = pyqtSignal(bool)
    front_asked = pyqtSignal()

    def __init__(self, follow: bool, colors: Colors) -> None:
        super().__init__()
        self._colors = colors
        self._follow = QToolButton()
        self._follow.setText("Follows the pose")
        self._follow.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._follow.setCheckable(True)
        self._follow.setChecked(follow)
        self._follow.setToolTip(hint("follow", "The head turns as the face does, or stays frontal"))
        self._follow.setAccessibleName("3D head follows the pose")
        self._follow.toggled.connect(self.follow_asked)
        self._follow.toggled.connect(lambda _: self._dress())
        self._front = QToolButton()
        self._front.setToolTip("Look from the front again")
        self._front.setAccessibleName("Look at the 3D head from the front")
        self._front.clicked.connect(self.front_asked)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.addWidget(self._follow)
        row.addStretch(1)
        row.addWidget(self._front)
        self._dress()

    def show_follow(self, follow: bool) -> None:
        self._follow.setChecked(follow)

    def set_colors(self, colors: Colors) -> None:
        self._colors = colors
        self._dress()

    def _dress(self) -> None:
        ink = self._colors.on_accent if self._follow.isChecked() else self._colors.text
        self._follow.setIcon(icon("follow", ink))
        self._front.setIcon(icon("reset", self._colors.text))
