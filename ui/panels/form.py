"""The parts that panels are made of: titled groups, labelled rows, and a slider that knows its unit and its default."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from ..theme import tabular

STEPS = 1000
LABEL_WIDTH = 76


class Form(QFormLayout):
    """Rows whose labels are as wide in every group and stand level with their fields."""

    def row(self, text: str, field: QWidget, role: str = "") -> QLabel:
        label = QLabel(text)
        label.setProperty("role", role)
        label.setMinimumWidth(LABEL_WIDTH)
        label.setBuddy(field)
        if not isinstance(field, QLabel):
            label.setMinimumHeight(field.sizeHint().height())
        self.addRow(label, field)
        return label


class Panel(QScrollArea):
    """A column of rows that scrolls where the dock is too low for it."""

    asked = pyqtSignal(str, object)
    """(dotted settings key, value): the person wants this setting changed."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(f"{name} panel")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        self.column = QVBoxLayout(inner)
        self.column.setContentsMargins(12, 10, 12, 12)
        self.column.setSpacing(8)
        self.setWidget(inner)
        self.setMinimumWidth(250)

    def heading(self, text: str) -> QLabel:
        """A group's title."""
        if self.column.count():
            self.column.addSpacing(6)
        label = QLabel(text)
        label.setProperty("role", "heading")
        self.column.addWidget(label)
        return label

    def form(self) -> Form:
        """Rows of label and field."""
        form = Form()
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.column.addLayout(form)
        return form

    def choice(self, key: str, entries: Iterable[tuple[str, object]], name: str, tip: str) -> QComboBox:
        """A box of (text, value) that asks for the setting `key` when a person chooses; the caller places it."""
        box = QComboBox()
        for text, value in entries:
            box.addItem(text, value)
        named(box, name, tip)
        box.activated.connect(lambda _: self.asked.emit(key, box.currentData()))
        return box

    def words(self, text: str = "", role: str = "muted") -> QLabel:
        """A line of text that wraps."""
        label = QLabel(text)
        label.setProperty("role", role)
        label.setWordWrap(True)
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.column.addWidget(label)
        return label


def named(widget: QWidget, name: str, tip: str) -> None:
    """What screen readers and tooltips say of a control."""
    widget.setAccessibleName(name)
    widget.setAccessibleDescription(tip)
    widget.setToolTip(tip)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that a slider sets: its settings key, range (logarithmic: `low` > 0), unit, and what it does."""

    key: str
    label: str
    low: float
    high: float
    unit: str
    tip: str


class ParameterSlider(QWidget):
    """A logarithmic slider with its value beside it; double-click takes the default back."""

    changed = pyqtSignal(str, float)

    def __init__(self, parameter: Parameter, value: float, default: float) -> None:
        super().__init__()
        self.parameter, self._default = parameter, default
        self._value = value
        self._label = QLabel(parameter.label)
        self._shown = QLabel()
        self._shown.setProperty("role", "value")
        self._shown.setFont(tabular(self._shown.font()))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(STEPS // 20)
        named(self.slider, parameter.label, f"{parameter.tip} Double-click for the default, {default:g}.")
        self.setToolTip(self.slider.toolTip())
        top = QHBoxLayout()
        top.addWidget(self._label)
        top.addStretch(1)
        top.addWidget(self._shown)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 2)
        column.setSpacing(2)
        column.addLayout(top)
        column.addWidget(self.slider)
        self.set_value(value)
        self.slider.valueChanged.connect(self._moved)

    @property
    def value(self) -> float:
        return self._value

    def set_value(self, value: float) -> None:
        """Show a value without asking for it."""
        p = self.parameter
        self._value = value
        share = math.log(min(max(value, p.low), p.high) / p.low) / math.log(p.high / p.low)
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(share * STEPS))
        self._show()

    def _moved(self, step: int) -> None:
        p = self.parameter
        value = p.low * (p.high / p.low) ** (step / STEPS)
        digits = max(0, 2 - math.floor(math.log10(value)))
        self._value = round(value, digits)
        self._show()
        self.changed.emit(p.key, self._value)

    def _show(self) -> None:
        text = f"{self._value:.3g} {self.parameter.unit}".strip()
        self._shown.setText(text)
        self.slider.setAccessibleDescription(f"{text}. {self.parameter.tip}")

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self.set_value(self._default)
        self.changed.emit(self.parameter.key, self._default)
