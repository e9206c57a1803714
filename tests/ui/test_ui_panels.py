"""The panels ask for settings and show what is in force; the small parts beside them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from patience import PATIENCE_MS
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot
from ui_faces import face_at

from tracker.capture import SourceInfo
from tracker.detection.weights import load_weights
from tracker.settings import Capture, Filter, OneEuro, Settings, View, with_setting
from tracker.temporal import STABILIZERS
from ui.banner import Banner
from ui.panels.filter import NAMES, PARAMETERS, FilterPanel
from ui.panels.form import STEPS, Panel
from ui.panels.source import SourcePanel
from ui.panels.tracking import ENGINES, LAYOUTS, MODELS, TrackingPanel
from ui.panels.view import ViewPanel
from ui.recordings import Recordings
from ui.status import Figures, StatusRow
from ui.theme import DARK, Theme


def asked_of(panel: Panel) -> list[tuple[str, object]]:
    asked: list[tuple[str, object]] = []
    panel.asked.connect(lambda key, value: asked.append((key, value)))
    return asked


# --- filter


def test_every_filter_has_a_name_and_its_parameters_are_settings(theme: Theme) -> None:
    assert set(NAMES) == set(STABILIZERS)
    for method, parameters in PARAMETERS.items():
        assert method in STABILIZERS
        for parameter in parameters:
            changed = with_setting(Settings(), parameter.key, parameter.low)
            assert changed != Settings() or parameter.low == parameter.high


def test_a_slider_asks_while_it_moves_and_shows_its_value(qtbot: QtBot, theme: Theme) -> None:
    panel = FilterPanel(Filter(method="one_euro", one_euro=OneEuro(min_cutoff=1.0)))
    qtbot.addWidget(panel)
    asked = asked_of(panel)
    slider = panel.sliders["filter.one_euro.min_cutoff"]
    p = slider.parameter
    slider.slider.setValue(STEPS // 4)
    key, value = asked[-1]
    assert key == "filter.one_euro.min_cutoff"
    assert value == pytest.approx(p.low * math.sqrt(math.sqrt(p.high / p.low)), rel=0.01)
    slider.slider.setValue(STEPS)
    assert asked[-1][1] == pytest.approx(p.high, rel=0.01)
    assert f"{p.high:g} Hz" in slider.slider.accessibleDescription()


def test_showing_settings_asks_for_nothing(qtbot: QtBot, theme: Theme) -> None:
    panel = FilterPanel(Filter())
    qtbot.addWidget(panel)
    asked = asked_of(panel)
    panel.show_settings(Filter(method="kalman"))
    panel.show_settings(Filter(method="one_euro", one_euro=OneEuro(beta=77.0)))
    assert asked == []
    assert set(panel.sliders) == {p.key for p in PARAMETERS["one_euro"]}
    assert panel.sliders["filter.one_euro.beta"].value == 77.0


def test_latency_is_compensated_in_milliseconds(qtbot: QtBot, theme: Theme) -> None:
    panel = FilterPanel(Filter(ahead_ms=30.0))
    qtbot.addWidget(panel)
    asked = asked_of(panel)
    assert panel.ahead.value() == 30 and panel.ahead.text() == "30 ms"
    panel.ahead.setValue(panel.ahead.maximum())
    assert asked == [("filter.ahead_ms", 100.0)]
    assert with_setting(Settings(), *asked[0]).filter.ahead_ms == 100.0
    panel.show_settings(Filter(method="none"))
    assert not panel.ahead.isEnabled() and len(asked) == 1


def test_double_click_takes_the_default_back(qtbot: QtBot, theme: Theme) -> None:
    panel = FilterPanel(Filter(method="one_euro", one_euro=OneEuro(beta=77.0)))
    qtbot.addWidget(panel)
    asked = asked_of(panel)
    qtbot.mouseDClick(panel.sliders["filter.one_euro.beta"], Qt.MouseButton.LeftButton)
    assert asked == [("filter.one_euro.beta", OneEuro().beta)]


def test_off_and_on_again_comes_back_to_the_same_method(qtbot: QtBot, theme: Theme) -> None:
    panel = FilterPanel(Filter(method="kalman"))
    qtbot.addWidget(panel)
    asked = asked_of(panel)
    panel.on.toggle()
    panel.show_settings(Filter(method="none"))
    assert not panel._sliders_box.isEnabled() and not panel.on.isChecked()
    panel.on.toggle()
    assert asked == [("filter.method", "none"), ("filter.method", "kalman")]


def test_raw_is_shown_only_while_the_button_is_held(qtbot: QtBot, theme: Theme) -> None:
    panel = FilterPanel(Filter())
    qtbot.addWidget(panel)
    held: list[bool] = []
    panel.raw_held.connect(held.append)
    qtbot.mousePress(panel.raw, Qt.MouseButton.LeftButton)
    assert held == [True]
    qtbot.mouseRelease(panel.raw, Qt.MouseButton.LeftButton)
    assert held == [True, False]


# --- source


@pytest.fixture
def source(qtbot: QtBot, theme: Theme) -> SourcePanel:
    panel = SourcePanel(Capture(), "demo", lambda: [("0", "Front (0)"), ("2", "Back (2)")])
    qtbot.addWidget(panel)
    with qtbot.waitSignal(panel._found, timeout=PATIENCE_MS):
        panel.look_for_cameras()
    qtbot.waitUntil(lambda: panel.kind.count() == 7, timeout=PATIENCE_MS)
    return panel


def test_cameras_are_listed_by_name_and_open_when_chosen(source: SourcePanel) -> None:
    opened: list[str] = []
    source.opened.connect(opened.append)
    assert source.kind.currentData() == "demo"
    index = source.kind.findText("Back (2)")
    source.kind.setCurrentIndex(index)
    source.kind.activated.emit(index)
    assert opened == ["2"]


def test_an_address_opens_with_enter(source: SourcePanel, qtbot: QtBot) -> None:
    opened: list[str] = []
    source.opened.connect(opened.append)
    source.choose_kind("stream")
    qtbot.keyClicks(source.address, "http://phone:8080/video")
    qtbot.keyClick(source.address, Qt.Key.Key_Return)
    assert opened == ["http://phone:8080/video"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("clip.mp4", "file"),
        ("rtsp://cam/1", "stream"),
        ("2", "2"),
        ("demo", "demo"),
        ("demo:7?motion=0", "demo"),
        ("camera", "0"),
    ],
)
def test_any_source_is_shown_as_what_it_is(source: SourcePanel, name: str, kind: str) -> None:
    source.show_source(name)
    assert source.kind.currentData() == kind
    if kind in ("file", "stream"):
        assert source.address.text() == name


def test_the_demo_opens_with_its_options_again(source: SourcePanel, qtbot: QtBot) -> None:
    source.show_source("demo:7?motion=0")
    with qtbot.waitSignal(source.opened) as opened:
        source.open_button.click()
    assert opened.args == ["demo:7?motion=0"]


def test_a_listing_that_fails_leaves_the_other_sources(qtbot: QtBot, theme: Theme) -> None:
    def broken() -> list[tuple[str, str]]:
        raise OSError("no bus")

    panel = SourcePanel(Capture(), "demo", broken)
    qtbot.addWidget(panel)
    with qtbot.waitSignal(panel._found, timeout=PATIENCE_MS):
        panel.look_for_cameras()
    assert [panel.kind.itemData(i) for i in range(panel.kind.count())] == ["demo", "file", "folder", "stream", "look"]


def test_a_camera_is_shown_as_one_before_it_is_found_and_where_it_is_not(qtbot: QtBot, theme: Theme) -> None:
    there: list[list[tuple[str, str]]] = [[], [("0", "Front (0)"), ("1", "Logitech C920 (1)")]]
    panel = SourcePanel(Capture(), "1", lambda: there.pop(0))
    qtbot.addWidget(panel)
    opened: list[str] = []
    panel.opened.connect(opened.append)
    assert panel.kind.currentText() == "Camera 1" and panel._address_row.isHidden()
    with qtbot.waitSignal(panel._found, timeout=PATIENCE_MS):
        panel.look_for_cameras()
    qtbot.waitUntil(lambda: panel.kind.findText("No camera found: look again") > 0, timeout=PATIENCE_MS)
    assert panel.kind.currentText() == "Camera 1"
    panel.kind.setCurrentIndex(panel.kind.findData("look"))  # it was plugged in meanwhile
    with qtbot.waitSignal(panel._found, timeout=PATIENCE_MS):
        panel.kind.activated.emit(panel.kind.currentIndex())
    qtbot.waitUntil(lambda: panel.kind.currentText() == "Logitech C920 (1)", timeout=PATIENCE_MS)
    assert panel.kind.findText("Camera 1") < 0 and panel.kind.findText("Look for cameras again") > 0
    panel.show_source("logitech")
    assert panel.kind.currentData() == "1" and opened == []


def test_asked_got_and_the_likely_cause_are_shown(source: SourcePanel) -> None:
    note = "12 fps came where 30 were asked: the exposure is longer than a frame."
    source.show_info(
        SourceInfo("Front", "camera", True, 640, 480, 12.0, None, "1280x720 30 fps", "640x480 12 fps", (note,))
    )
    assert source.asked_words.text() == "1280x720 30 fps" and source.got.text() == "640x480 12 fps"
    assert source.notes.text() == note and not source.notes.isHidden()
    source.show_info(None)
    assert source.notes.isHidden()


def test_a_size_that_the_list_lacks_is_added(source: SourcePanel) -> None:
    source.show_settings(Capture(width=800, height=600, fps=25.0))
    assert source.picture_size.currentText() == "800 × 600" and source.frame_rate.currentText() == "25 fps"


# --- tracking and view


def test_every_engine_and_layout_can_be_chosen(theme: Theme) -> None:
    for _, engine in ENGINES:
        with_setting(Settings(), "detection.engine", engine)
    for _, layout in LAYOUTS:
        assert len(face_at().landmarks_px(layout)) == int(dict(map(reversed, LAYOUTS))[layout].split()[0])  # type: ignore[call-overload]


def test_every_network_that_can_be_chosen_ships(qtbot: QtBot, theme: Theme, tmp_path: Path) -> None:
    for _, name in MODELS:
        assert load_weights(name).facts["size"] == name
    panel = TrackingPanel(Settings())
    qtbot.addWidget(panel)
    asked = asked_of(panel)
    panel.model.setCurrentIndex(1)
    panel.model.activated.emit(1)
    assert asked == [("detection.model", "fast")]
    own = with_setting(Settings(), "detection.model", str(tmp_path / "mine"))
    panel.show_settings(own)
    assert panel.model.currentText() == "mine" and panel.model.currentData() == str(tmp_path / "mine")


def test_presence_is_shown_for_each_face(qtbot: QtBot, theme: Theme) -> None:
    panel = TrackingPanel(Settings())
    qtbot.addWidget(panel)
    panel.show_faces([face_at(name=3), face_at(yaw=-20, name=4)])
    assert [not bar.isHidden() for bar, _ in panel._bars] == [True, True]
    assert "Face 4" in panel._bars[1][1].text() and "yaw -20°" in panel._bars[1][1].text()
    assert panel._bars[0][0].value() == 97
    panel.show_faces([])
    assert all(bar.isHidden() for bar, _ in panel._bars) and not panel.none.isHidden()


def test_a_switch_asks_for_its_setting(qtbot: QtBot, theme: Theme) -> None:
    panel = ViewPanel(View())
    qtbot.addWidget(panel)
    asked = asked_of(panel)
    for switch in panel.switches.values():
        switch.toggle()
    first = View()
    assert asked == [(f"view.{name}", not getattr(first, name)) for name in panel.switches]


# --- banner, status, recordings


def test_a_banner_says_and_acts(qtbot: QtBot, theme: Theme) -> None:
    banner = Banner(DARK)
    qtbot.addWidget(banner)
    done: list[str] = []
    banner.say("trouble", "The camera is gone.", {"Retry": lambda: done.append("retry")})
    assert banner.text == "The camera is gone." and banner.accessibleName() == banner.text
    banner.buttons[0].click()
    assert done == ["retry"]
    banner.say("notice", "Done.", for_s=0.01)
    assert banner.buttons == []
    qtbot.waitUntil(banner.isHidden, timeout=PATIENCE_MS)


def test_the_status_row_shows_figures_and_dashes(qtbot: QtBot, theme: Theme) -> None:
    row = StatusRow(DARK)
    qtbot.addWidget(row)
    row.show_figures(Figures(59.94, 30.0, 29.96, (4.25, 9.0), 12))
    assert [row.cells[n].value.text() for n in ("camera", "tracker", "screen", "latency", "dropped")] == [
        "59.9 fps",
        "30.0 fps",
        "30.0 fps",
        "4.2 / 9.0 ms",
        "12",
    ]
    row.show_figures(Figures())
    assert row.cells["latency"].value.text() == "–"


def test_recording_is_told_by_shape_text_and_colour(qtbot: QtBot, theme: Theme) -> None:
    row = StatusRow(DARK)
    qtbot.addWidget(row)
    row.show_running(True, "onnx")
    row.show_recording(75.0, Path("/videos/x"))
    cell = row.cells["record"]
    assert cell.value.text() == "● REC 01:15" and DARK.record in cell.value.styleSheet()
    assert (
        "/videos/x" in cell.toolTip().replace("\\", "/") and row.record.isChecked() and row.record.text() == "Stop REC"
    )
    row.show_recording(None, Path("/videos/x"))
    assert cell.value.text() == "Saved" and not row.record.isChecked()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_escape_asks_before_it_ends_a_long_recording(tmp_path: Path) -> None:
    clock = Clock()
    recordings = Recordings(tmp_path, clock)
    assert recordings.escape() == "nothing"
    recordings.note(tmp_path / "a")
    clock.now += 5
    assert recordings.escape() == "stop"
    clock.now += 60
    assert recordings.escape() == "ask"
    clock.now += 4
    assert recordings.escape() == "ask"
    clock.now += 1
    assert recordings.escape() == "stop"
    assert recordings.seconds == 70
    recordings.note(None)
    assert recordings.seconds is None and recordings.last == tmp_path / "a"


def test_two_recordings_never_share_a_folder(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path)
    first = recordings.new_folder()
    first.mkdir()
    assert not recordings.new_folder().exists()
