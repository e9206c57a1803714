"""Both themes can be read, and the system's choice is followed unless another was made."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QSize
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QApplication

from tracker import assets
from ui.theme import DARK, LIGHT, Colors, Theme, icon


def luminance(name: str) -> float:
    color = QColor(name)
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in color.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(a: str, b: str) -> float:
    """WCAG 2's contrast ratio."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("c", [DARK, LIGHT], ids=lambda c: c.name)
def test_text_and_lines_stand_out(c: Colors) -> None:
    for back in (c.window, c.panel, c.raised):
        assert contrast(c.text, back) >= 4.5
    for back in (c.window, c.panel, c.stage):
        assert contrast(c.muted, back) >= 4.5
    assert contrast(c.on_accent, c.accent) >= 4.5
    assert contrast(c.on_record, c.record) >= 4.5
    assert contrast(c.warn_text, c.warn) >= 4.5
    assert contrast(c.accent, c.panel) >= 3
    for series in c.series:
        assert contrast(series, c.panel) >= 3
    assert len(set(c.series)) == len(c.series)


def test_the_choice_is_kept_and_told(qapp: QApplication) -> None:
    theme = Theme(qapp, "dark")
    told: list[Colors] = []
    theme.changed.connect(told.append)
    theme.choose("dark")
    assert told == []
    assert theme.flip() == "light"
    assert told == [LIGHT] and theme.colors is LIGHT
    assert qapp.palette().window().color() == QColor(LIGHT.window)


@pytest.mark.parametrize("path", sorted((assets.ROOT / "icons").glob("*.svg")), ids=lambda p: p.stem)
def test_every_icon_draws_something(qapp: QApplication, path: object) -> None:
    image = icon(path.stem, "#ff0000").pixmap(QSize(32, 32)).toImage()  # type: ignore[attr-defined]
    inked = [image.pixelColor(x, y) for x in range(32) for y in range(32) if image.pixelColor(x, y).alpha() > 200]
    assert len(inked) > 15
