"""The temporal filter: which method, its parameters while it runs, and the raw values to compare with."""

from __future__ import annotations

from PyQt6.QtCore import QSignalBlocker, pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QComboBox, QPushButton, QSpinBox, QVBoxLayout, QWidget

from tracker.settings import Filter
from tracker.temporal import STABILIZERS

from ..keys import hint
from .form import Panel, Parameter, ParameterSlider, named

NAMES = {
    "default": ("Stillpoint", "Weighs each landmark's own noise: still when you are still, quick when you move."),
    "one_euro": ("1 € filter", "Smooths slow motion and lets fast motion through (Casiez et al., 2012)."),
    "kalman": ("Kalman, constant velocity", "Predicts with a constant velocity and corrects by each frame."),
    "none": ("None", "Every frame as the network measured it."),
}
PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "default": (
        Parameter("filter.still.calm", "Calm", 0.2, 5.0, "×", "More is calmer and later; less is livelier."),
        Parameter("filter.still.identity_s", "Shape memory", 1.0, 120.0, "s", "How long the head's shape is averaged."),
    ),
    "one_euro": (
        Parameter("filter.one_euro.min_cutoff", "Cut-off at rest", 0.05, 20.0, "Hz", "Lower is stiller and later."),
        Parameter("filter.one_euro.beta", "Speed", 0.1, 500.0, "", "Higher opens the filter sooner when moving."),
        Parameter("filter.one_euro.d_cutoff", "Cut-off of the speed", 0.1, 20.0, "Hz", "Smooths the speed itself."),
    ),
    "kalman": (
        Parameter("filter.kalman.process", "Expected motion", 0.01, 100.0, "×", "Higher is quicker, lower is stiller."),
        Parameter("filter.kalman.measurement", "Expected noise", 0.01, 100.0, "×", "Higher trusts each frame less."),
    ),
}
MOST_AHEAD_MS = 100


class FilterPanel(Panel):
    """Changes are asked for while the slider moves."""

    raw_held = pyqtSignal(bool)

    def __init__(self, settings: Filter) -> None:
        super().__init__("Filter")
        self._settings = settings
        self._last_method = settings.method if settings.method != "none" else "default"
        self.on = QCheckBox("Filter on")
        named(self.on, "Filter on", hint("filter"))
        self.column.addWidget(self.on)
        self.method = QComboBox()
        named(self.method, "Filter method", "Which temporal filter runs")
        for name in STABILIZERS:
            if name != "none":
                self.method.addItem(NAMES.get(name, (name, ""))[0], name)
        self.form().row("Method", self.method)
        self.about = self.words()
        self.ahead = QSpinBox()
        self.ahead.setRange(0, MOST_AHEAD_MS)
        self.ahead.setSuffix(" ms")
        self.ahead.setSingleStep(5)
        self.ahead.setKeyboardTracking(False)
        tip = "Latency compensation: the pose as it will be so much later, when it is on the screen; 0: as it is."
        named(self.ahead, "Look ahead", tip)
        self.form().row("Look ahead", self.ahead)
        self._sliders_box = QWidget()
        self._sliders_column = QVBoxLayout(self._sliders_box)
        self._sliders_column.setContentsMargins(0, 0, 0, 0)
        self._sliders_column.setSpacing(6)
        self.column.addWidget(self._sliders_box)
        self.sliders: dict[str, ParameterSlider] = {}
        self.raw = QPushButton("Hold for raw")
        named(self.raw, "Hold to see raw values", hint("raw", "Shows the unfiltered values while held"))
        self.raw.pressed.connect(lambda: self.raw_held.emit(True))
        self.raw.released.connect(lambda: self.raw_held.emit(False))
        self.column.addWidget(self.raw)
        self.column.addStretch(1)
        self.on.toggled.connect(lambda on: self.asked.emit("filter.method", self._last_method if on else "none"))
        self.method.activated.connect(lambda _: self.asked.emit("filter.method", self.method.currentData()))
        self.ahead.valueChanged.connect(lambda ms: self.asked.emit("filter.ahead_ms", float(ms)))
        self._shown = ""
        self.show_settings(settings)

    def show_settings(self, settings: Filter) -> None:
        """Show what is in force."""
        self._settings = settings
        running = settings.method != "none"
        if running:
            self._last_method = settings.method
        with QSignalBlocker(self.on), QSignalBlocker(self.method), QSignalBlocker(self.ahead):
            self.ahead.setValue(round(settings.ahead_ms))
            self.ahead.setEnabled(running)
            self.on.setChecked(running)
            self.method.setCurrentIndex(self.method.findData(self._last_method))
        self.about.setText(NAMES.get(settings.method, ("", ""))[1])
        if self._shown != self._last_method:
            self._build(self._last_method)
        for key, slider in self.sliders.items():
            slider.set_value(_at(settings, key))
        self._sliders_box.setEnabled(running)

    def _build(self, method: str) -> None:
        self._shown = method
        for slider in self.sliders.values():
            self._sliders_column.removeWidget(slider)
            slider.deleteLater()
        self.sliders.clear()
        for parameter in PARAMETERS.get(method, ()):
            slider = ParameterSlider(parameter, _at(self._settings, parameter.key), _at(Filter(), parameter.key))
            slider.changed.connect(self.asked.emit)
            self._sliders_column.addWidget(slider)
            self.sliders[parameter.key] = slider


def _at(settings: Filter, key: str) -> float:
    """The value of "filter.table.key"."""
    value: object = settings
    for name in key.split(".")[1:]:
        value = getattr(value, name)
    assert isinstance(value, int | float)
    return float(value)
