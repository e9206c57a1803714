"""What every real clip is held to, beside MediaPipe and beside the tracker's own raw values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .tracks import RAW, VIDEO

_LEAST_NOD_DEG = 0.1
"""A pitch that follows the jaw by less is no nod that could be halved."""

Figures = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ClipMark:
    """`measure` of a contestant over that of another (None: as it is), and what is wanted of it."""

    label: str
    measure: str
    over: str | None
    wanted: float
    at_least: bool = False
    least: float = 0.0

    @property
    def said(self) -> str:
        return f"{'at least' if self.at_least else 'at most'} {self.wanted:g}"

    def value(self, figures: Figures, contestant: str = "default") -> float | None:
        """None where it was not measured, or where what it is relative to is next to nothing."""
        mine = figures.get(contestant, {}).get(self.measure)
        if mine is None or self.over is None:
            return mine
        other = figures.get(self.over, {}).get(self.measure)
        return None if other is None or other <= self.least else float(mine) / float(other)

    def met(self, value: float | None) -> bool | None:
        """None where there is nothing to be met."""
        if value is None:
            return None
        return value >= self.wanted if self.at_least else value <= self.wanted


CLIP_MARKS = (
    ClipMark("acceleration / MediaPipe VIDEO's", "acceleration", VIDEO, 0.7),
    ClipMark("7-frame residual / MediaPipe VIDEO's", "residual", VIDEO, 0.7),
    ClipMark("pitch that follows the jaw / raw", "pitch_with_jaw_deg", RAW, 0.5, least=_LEAST_NOD_DEG),
    ClipMark("the same beside true nods", "pitch_beside_nods_deg", RAW, 0.5, least=_LEAST_NOD_DEG),
    ClipMark("eyelids' amplitude / unfiltered", "blink_kept", None, 0.9, at_least=True),
)
