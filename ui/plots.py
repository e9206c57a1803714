"""Live curves: pose, jitter raw against filtered, latency by stage. Redrawn 15 times a second from a fixed ring."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QSize, Qt, QTimer
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from .docks import in_sight
from .history import STAGES, Curves, History, Values
from .theme import Colors, tabular

SECONDS = 10.0
PERIOD_MS = 22
"""One plot is drawn each time, in turn, so that each is drawn 15 times a second and none delays a frame by much."""


class _Ago(pg.AxisItem):  # type: ignore[misc]
    """Seconds before now."""

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, float]]:
        """As close as the labels fit beside one another."""
        return [(2.0 if size > 160 else 5.0, 0.0)]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return ["now" if abs(value) < 1e-6 else f"{value:g} s".replace("-", "\N{MINUS SIGN}") for value in values]


class Plot(QWidget):
    """One plot: a title, a legend that shows the newest values, and up to `STAGES` curves over the last seconds."""

    def __init__(self, title: str, unit: str, tip: str, colors: Colors, floor: float | None, least: float) -> None:
        super().__init__()
        self._floor, self._least = floor, least
        self._colors = colors
        self.setToolTip(tip)
        self.setAccessibleName(title)
        self.setAccessibleDescription(tip)
        self._title = QLabel(f"{title}, {unit}")
        self._title.setProperty("role", "heading")
        self._legend = QLabel()
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setFont(tabular(self._legend.font()))
        self._legend.setWordWrap(True)
        self._legend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._plot = pg.PlotWidget(axisItems={"bottom": _Ago("bottom")})
        self._plot.setMinimumHeight(70)
        self._plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._plot.setMouseEnabled(False, False)
        self._plot.hideButtons()
        self._plot.setMenuEnabled(False)
        self._plot.setXRange(-SECONDS, 0, padding=0.01)
        self._plot.getAxis("left").setWidth(38)
        self._plot.getAxis("bottom").setHeight(20)
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._curves = [self._plot.plot([], []) for _ in range(STAGES)]
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 2, 8, 4)
        column.setSpacing(1)
        column.addWidget(self._title)
        column.addWidget(self._legend)
        column.addWidget(self._plot, 1)
        self.set_colors(colors)

    def set_colors(self, colors: Colors) -> None:
        self._colors = colors
        self._plot.setBackground(QColor(colors.panel))
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(colors.border))
            axis.setTextPen(pg.mkPen(colors.muted))
        self._plot.showGrid(x=False, y=True, alpha=0.25)
        for i, curve in enumerate(self._curves):
            # Of this width Qt draws lines in half the time that it takes for wider ones.
            curve.setPen(pg.mkPen(colors.series[i % len(colors.series)], width=1.0, style=_dash(i, colors)))

    def show_curves(self, age: Values, named: Sequence[tuple[str, Values]]) -> None:
        """Draw these; more than fit are left out."""
        words = []
        drawn: list[Values] = []
        for i, curve in enumerate(self._curves):
            if i >= len(named) or not len(age):
                curve.setData([], [])
                continue
            name, values = named[i]
            curve.setData(age, values, connect="finite")
            drawn.append(values)
            color = self._colors.series[i % len(self._colors.series)]
            words.append(f'<span style="color:{color}">■</span>&nbsp;{escape(name)}&nbsp;<b>{_newest(values)}</b>')
        self._legend.setText(" &nbsp; ".join(words))
        self._fit(drawn)

    def _fit(self, drawn: Sequence[Values]) -> None:
        """A range that holds the curves and moves only when it must, so that the axis does not dance."""
        every = np.concatenate([v[np.isfinite(v)] for v in drawn]) if drawn else np.zeros(0)
        if not len(every):
            return
        if self._floor is not None:
            low, high = self._floor, max(float(np.percentile(every, 99.5)), self._floor + self._least)
        else:
            middle = 0.5 * float(every.min() + every.max())
            half = 0.5 * max(float(np.ptp(every)), self._least)
            low, high = middle - half, middle + half
        room = 0.12 * (high - low)
        now_low, now_high = self._plot.viewRange()[1]
        if low < now_low or high > now_high or high - low + 2 * room < 0.55 * (now_high - now_low):
            self._plot.setYRange(low if self._floor is not None else low - room, high + room, padding=0)


class Plots(QWidget):
    """The three plots, beside one another."""

    def __init__(self, history: History, colors: Colors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Signals")
        self.pose = Plot("Pose", "°", "Yaw, pitch and roll of the first face, filtered, in degrees", colors, None, 6.0)
        self.jitter = Plot(
            "Landmark jitter",
            "% of eye distance",
            "How much the 68 landmarks shake: their distance from the quadratic through the seven frames around, as "
            "the deviation that noise would need for it, in % of the distance between the eyes. The demo's own motion, "
            "which is known, is taken out first",
            colors,
            0.0,
            0.4,
        )
        self.latency = Plot("Latency by stage", "ms", "How long each stage of each frame took, in ms", colors, 0.0, 2.0)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        for plot in self.all:
            self._row.addWidget(plot, 1)
        self._turn = 0
        self._timer = QTimer(self)
        self._timer.setInterval(PERIOD_MS)
        self._timer.timeout.connect(self._next)
        self._timer.start()

    def sizeHint(self) -> QSize:
        return QSize(860, 190)

    @property
    def all(self) -> tuple[Plot, Plot, Plot]:
        return self.pose, self.jitter, self.latency

    def set_colors(self, colors: Colors) -> None:
        for plot in self.all:
            plot.set_colors(colors)
        self.refresh()

    def refresh(self) -> None:
        """Draw what the ring holds now."""
        for plot in self.all:
            self._draw(plot, self._history.curves(SECONDS))

    def _next(self) -> None:
        if in_sight(self):
            self._turn = (self._turn + 1) % len(self.all)
            self._draw(self.all[self._turn], self._history.curves(SECONDS))

    def _draw(self, plot: Plot, curves: Curves) -> None:
        if plot is self.pose:
            plot.show_curves(curves.age, [("yaw", curves.yaw), ("pitch", curves.pitch), ("roll", curves.roll)])
        elif plot is self.jitter:
            plot.show_curves(curves.age, [("filtered", curves.stable_jitter), ("raw", curves.raw_jitter)])
        else:
            plot.show_curves(curves.age, list(curves.stages.items()))


def _dash(i: int, colors: Colors) -> Qt.PenStyle:
    """Curves beyond the set of colours are dashed."""
    return Qt.PenStyle.SolidLine if i < len(colors.series) else Qt.PenStyle.DashLine


def _newest(values: Values) -> str:
    """The last value with two digits after the point where it is small."""
    value = values[-1] if len(values) else np.nan
    if not np.isfinite(value):
        return "–"
    return f"{value:.2f}" if 0.005 <= abs(value) < 2 else f"{value:.1f}"
