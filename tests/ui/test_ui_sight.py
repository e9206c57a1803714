"""What cannot be seen costs nothing, and what cannot be done is not offered."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QWidget

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


def test_tab_goes_to_what_is_in_front_only(window: Window) -> None:
    for front in ("Source", "Outputs"):
        window.go_to(front)
        QApplication.processEvents()
        window.status.toggle.setFocus()
        reached: list[QWidget] = []
        for key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            for _ in range(80):
                QTest.keyClick(window.focusWidget(), key)
                held = window.focusWidget()
                assert held is not None
                if held is window.status.toggle:
                    break
                assert in_sight(held)  # a panel that is too long scrolls to it
                reached.append(held)
            assert window.focusWidget() is window.status.toggle  # all the way round, both ways
        inside = {title for title, dock in window.docks.items() if any(dock.isAncestorOf(widget) for widget in reached)}
        assert inside == {"3D head", front}


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
