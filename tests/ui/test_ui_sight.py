"""What cannot be seen costs nothing, and what cannot be done is not offered."""

from __future__ import annotations

from PyQt6.QtWidgets import QApplication

from tracker.stability.sit_still import RAW
from ui.docks import in_sight
from ui.live import LiveState
from ui.stability import Stability
from ui.watch import Figures
from ui.window import Window


def test_what_lies_behind_a_tab_is_not_drawn(window: Window) -> None:
    """Qt calls such docks visible; drawing them would cost the frames that are."""
    window.go_to("Signals")
    assert in_sight(window.plots)
    window.go_to("Stability")
    QApplication.processEvents()
    assert window.plots.isVisible() and not in_sight(window.plots)


def test_without_a_picture_there_is_nothing_to_record(window: Window) -> None:
    assert not window.status.record.isEnabled()
    window._show_state(LiveState("troubled", "2", "Camera 2 has sent no picture."))
    assert not window.status.record.isEnabled() and window.status.toggle.text() == "Stop"
    window._show_state(LiveState("running", "2", ""))
    assert window.status.record.isEnabled()


def test_no_lag_has_no_sign(window: Window) -> None:
    (stability,) = (feature for feature in window.features if isinstance(feature, Stability))
    stability.panel.show_figures({RAW: Figures(0.2, 0.1, -0.4)})
    assert stability.panel._rows[RAW][2].text() == "0 ms"
