"""What is drawn: overlay, theme, 3D head, window layout."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSignalBlocker, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QCheckBox, QPushButton, QWidget

from tracker.settings import View

from ..dots import SCALE_COLORS
from ..keys import BY_ACTION, hint
from .form import Panel, named

OVERLAYS = ("landmarks", "mesh", "box", "axes")
RENDERERS = (("Automatic", "auto"), ("OpenGL", "opengl"), ("Software", "software"))
THEMES = (("Like the system", "system"), ("Light", "light"), ("Dark", "dark"))


class ConfidenceScale(QWidget):
    """The legend of the landmarks' sizes and colours."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(34)
        named(
            self,
            "Legend of the landmarks",
            "Small and teal: certain. Large and red: vague. Faint: behind the head.",
        )

    def sizeHint(self) -> QSize:
        return QSize(220, 34)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        step = min(26.0, self.width() / (len(SCALE_COLORS) + 1))
        painter.setPen(Qt.PenStyle.NoPen)
        for level, name in enumerate(SCALE_COLORS):
            radius = 5.5 - 2.6 * level / (len(SCALE_COLORS) - 1)
            painter.setBrush(QColor(name))
            painter.drawEllipse(QRectF(6 + level * step - radius + 4, 9 - radius, 2 * radius, 2 * radius))
        painter.setPen(self.palette().color(self.palette().ColorRole.PlaceholderText))
        right = Qt.AlignmentFlag.AlignRight
        width = step * len(SCALE_COLORS)
        painter.drawText(QRectF(0, 18, width, 16), Qt.AlignmentFlag.AlignLeft, "vague")
        painter.drawText(QRectF(0, 18, width, 16), right, "certain")
        painter.end()


class ViewPanel(Panel):
    """Overlay switches and appearance."""

    overlay_asked = pyqtSignal(bool)
    fit_asked = pyqtSignal()
    reset_asked = pyqtSignal()

    def __init__(self, settings: View) -> None:
        super().__init__("View")
        self.heading("Overlay")
        self.overlay = QCheckBox("Show the overlay")
        named(self.overlay, "Show the overlay", hint("overlay"))
        self.overlay.setChecked(True)
        self.overlay.toggled.connect(self.overlay_asked.emit)
        self.column.addWidget(self.overlay)
        self.switches: dict[str, QCheckBox] = {}
        for name in (*OVERLAYS, "follow"):
            if name == "follow":
                self._add_scale()
            key = BY_ACTION[name]
            switch = QCheckBox(key.text)
            named(switch, key.text, hint(name))
            switch.toggled.connect(lambda on, name=name: self.asked.emit(f"view.{name}", on))
            self.column.addWidget(switch)
            self.switches[name] = switch
        form = self.form()
        tip = "OpenGL is smoother; software works everywhere"
        self.renderer = self.choice("view.renderer", RENDERERS, "Renderer of the 3D head", tip)
        form.row("Drawn by", self.renderer)
        self.heading("Window")
        form = self.form()
        self.theme = self.choice("view.theme", THEMES, "Theme", hint("theme"))
        form.row("Theme", self.theme)
        self.fit = QPushButton("Fit the picture")
        named(self.fit, "Fit the picture", hint("fit"))
        self.fit.clicked.connect(self.fit_asked.emit)
        self.column.addWidget(self.fit)
        self.reset = QPushButton("Reset the layout")
        named(self.reset, "Reset the layout", hint("reset_layout"))
        self.reset.clicked.connect(self.reset_asked.emit)
        self.column.addWidget(self.reset)
        self.column.addStretch(1)
        self.show_settings(settings)

    @property
    def by_key(self) -> dict[str, QCheckBox]:
        """The switches that have a key, by their names in `keys.KEYS`."""
        return {**self.switches, "overlay": self.overlay}

    def show_settings(self, settings: View) -> None:
        """Show what is in force."""
        for name, switch in self.switches.items():
            with QSignalBlocker(switch):
                switch.setChecked(bool(getattr(settings, name)))
        with QSignalBlocker(self.theme), QSignalBlocker(self.renderer):
            self.renderer.setCurrentIndex(self.renderer.findData(settings.renderer))
            self.theme.setCurrentIndex(self.theme.findData(settings.theme))

    def show_overlay(self, on: bool) -> None:
        with QSignalBlocker(self.overlay):
            self.overlay.setChecked(on)
        for name in OVERLAYS:
            self.switches[name].setEnabled(on)

    def _add_scale(self) -> None:
        self.column.addWidget(ConfidenceScale())
        self.heading("3D head")
