"""Charts as inline SVG: text in, text out. Colours are CSS classes, so one drawing serves light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 620, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 12, 40
Line = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """`x`, `y` (n,) with NaN for gaps; `style`: the CSS class of the contestant; `titles`: one tooltip a dot."""

    name: str
    style: str
    x: Line
    y: Line
    line: bool = True
    dots: float = 0.0
    titles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Axis:
    """`span`: lowest and highest value shown; None takes them from the data."""

    label: str
    log: bool = False
    span: tuple[float, float] | None = None


def chart(series: Sequence[Series], x: Axis, y: Axis, alt: str) -> str:
    """One chart with axes and grid, as wide as its container. `alt` says in words what it shows."""
    across = _Scale(x, np.concatenate([s.x for s in series] or [np.zeros(0)]), _LEFT, WIDTH - _RIGHT)
    up = _Scale(y, np.concatenate([s.y for s in series] or [np.zeros(0)]), HEIGHT - _BOTTOM, _TOP)
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(alt, quote=True)}">']
    for value in across.ticks():
        at = across(np.array([value]))[0]
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>')
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - _BOTTOM + 15}" text-anchor="middle">{_short(value)}</text>')
    for value in up.ticks():
        at = up(np.array([value]))[0]
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{_short(value)}</text>')
    middle = (HEIGHT - _BOTTOM + _TOP) / 2
    parts.append(f'<text x="{(WIDTH + _LEFT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x.label)}</text>')
    parts.append(f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">{escape(y.label)}</text>')
    parts.append(
        f'<clipPath id="plot"><rect x="{_LEFT}" y="{_TOP}" width="{WIDTH - _RIGHT - _LEFT}" '
        f'height="{HEIGHT - _BOTTOM - _TOP}"/></clipPath><g clip-path="url(#plot)">'
    )
    for one in series:
        parts += _drawn(one, across(one.x), up(one.y))
    parts.append("</g></svg>")
    return "".join(parts)


def legend(names: Sequence[tuple[str, str]]) -> str:
    """(name, style) of each series."""
    keys = "".join(f'<span><i class="{style}"></i>{escape(name)}</span>' for name, style in names)
    return f'<p class="legend">{keys}</p>'


class _Scale:
    """Values -> pixels."""

    def __init__(self, axis: Axis, values: Line, start: float, end: float) -> None:
        good = values[np.isfinite(values) & ((values > 0) | (not axis.log))]
        low, high = axis.span or ((float(good.min()), float(good.max())) if good.size else (0.1, 1.0))
        self._log = axis.log
        if axis.log:
            low, high = np.log10(low), np.log10(high)
        margin = 0.0 if axis.span else max(0.05 * (high - low), 1e-9 + 0.02 * abs(high))
        self._low, self._high = low - margin, high + margin
        self._start, self._end = start, end

    def __call__(self, values: Line) -> Line:
        if self._log:
            values = np.log10(np.where(values > 0, values, np.nan))
        share = (values - self._low) / (self._high - self._low)
        return np.asarray(self._start + share * (self._end - self._start))

    def ticks(self) -> list[float]:
        """Round numbers inside."""
        if not self._log:
            return round_numbers(self._low, self._high)
        decades = range(int(np.floor(self._low)), int(np.ceil(self._high)) + 1)
        few = self._high - self._low < 2.5
        every = [m * 10.0**d for d in decades for m in ((1, 2, 5) if few else (1,))]
        return [v for v in every if self._low <= np.log10(v) <= self._high]


def round_numbers(low: float, high: float, count: int = 6) -> list[float]:
    """About `count` multiples of 1, 2 or 5 times a power of ten between the two."""
    rough = (high - low) / count
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough * 0.999)
    return [round(float(v), 10) + 0.0 for v in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step]


def _short(value: float) -> str:
    return f"{value:g}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.0e}".replace("e-0", "e-")


def _drawn(series: Series, x: Line, y: Line) -> list[str]:
    parts = []
    good = np.isfinite(x) & np.isfinite(y)
    if series.line:
        breaks = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(int), [0]])))
        for start, end in breaks.reshape(-1, 2):
            path = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[start:end], y[start:end], strict=True))
            parts.append(f'<polyline class="{series.style}" points="{path}"/>')
    if series.dots > 0:
        titles = series.titles or (series.name,) * len(x)
        for a, b, title, on in zip(x, y, titles, good, strict=True):
            if on:
                parts.append(
                    f'<circle class="{series.style}" cx="{a:.1f}" cy="{b:.1f}" r="{series.dots:g}">'
                    f"<title>{escape(title)}</title></circle>"
                )
    return parts
