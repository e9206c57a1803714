"""The whole window on the demo, with real capture, pipeline, filter and recorder; only the network is replaced."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE_MS, PATIENCE_S
from PyQt6.QtCore import QEvent, QObject, QSettings, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QAbstractButton, QAbstractSlider, QApplication, QComboBox, QLineEdit, QSpinBox, QWidget
from pytestqt.qtbot import QtBot
from ui_faces import NodTracker, face_at, tracked

from tracker.errors import ModelError
from tracker.pipeline import Tracker
from tracker.session.record import Recorder
from tracker.settings import Settings, load_settings, with_setting
from ui.keys import KEYS
from ui.live import LiveFilter
from ui.remember import LAYOUT_VERSION
from ui.stage import LEAST_SIZE
from ui.theme import DARK, LIGHT
from ui.window import Window

Make = Callable[..., Window]


def wait_for(qtbot: QtBot, phase: str, window: Window) -> None:
    qtbot.waitUntil(lambda: window.live.state.phase == phase, timeout=PATIENCE_MS)


@pytest.fixture
def running(window: Window, qtbot: QtBot) -> Window:
    window.open("demo")
    qtbot.waitUntil(lambda: window.video.scene is not None, timeout=PATIENCE_MS)
    return window


def press(target: QWidget, key: Qt.Key, kind: QEvent.Type = QEvent.Type.KeyPress) -> None:
    QApplication.sendEvent(target, QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, ""))


def test_the_demo_is_tracked_and_shown(running: Window, qtbot: QtBot) -> None:
    assert running.live.state.phase == "running"
    scene = running.video.scene
    assert scene is not None and len(scene.faces) == 1 and len(scene.faces[0].points) == 478
    qtbot.waitUntil(lambda: running.status.cells["face"].value.text() == "Tracked", timeout=PATIENCE_MS)
    assert running.status.cells["engine"].value.text() == "nod"
    qtbot.waitUntil(lambda: "demo" in running.source_panel.name.text().lower(), timeout=PATIENCE_MS)
    assert "demo" in running.windowTitle()


def test_what_is_painted_is_of_one_frame(running: Window, qtbot: QtBot) -> None:
    for _ in range(5):
        before = running.video.scene
        qtbot.waitUntil(lambda before=before: running.video.scene is not before, timeout=PATIENCE_MS)  # type: ignore[misc]
        scene = running.video.scene
        assert scene is not None
        face = scene.tracked.stable.faces[0]
        expected = scene.placement.to_view(face.landmarks_px("mediapipe478"))
        assert np.allclose(scene.faces[0].points, expected)
        assert scene.tracked.stable.frame is scene.tracked.raw.frame


def test_stopping_lets_the_source_go_and_starting_takes_it_again(running: Window, qtbot: QtBot) -> None:
    pipeline = running.live.pipeline
    assert pipeline is not None
    running.status.toggle.click()
    assert running.live.state.phase == "idle" and running.video.scene is None
    qtbot.waitUntil(lambda: not pipeline.running, timeout=PATIENCE_MS)
    running.status.toggle.click()
    wait_for(qtbot, "running", running)


def test_a_source_that_cannot_be_opened_is_told_in_the_window(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.mp4")
    window.open(missing)
    wait_for(qtbot, "failed", window)
    assert "missing.mp4" in window.banner.text and not window.banner.isHidden()
    assert [b.text() for b in window.banner.buttons] == ["Retry", "Open the demo"]
    assert QApplication.activeModalWidget() is None
    window.banner.buttons[1].click()
    wait_for(qtbot, "running", window)
    assert window.banner.isHidden()


def test_a_zero_byte_video_is_told_and_can_be_tried_again(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    window.open(str(empty))
    wait_for(qtbot, "failed", window)
    assert "empty.mp4" in window.banner.text
    window.banner.buttons[0].click()
    assert window.live.state.phase == "opening"
    wait_for(qtbot, "failed", window)


def test_missing_weights_are_told(make_window: Make, qtbot: QtBot) -> None:
    def broken(settings: Settings) -> Tracker:
        raise ModelError("Weights are missing: x was wanted; restore assets/models.")

    window = make_window(make_tracker=broken)
    window.open("demo")
    wait_for(qtbot, "failed", window)
    assert "Weights are missing" in window.banner.text


def test_only_the_newest_of_hasty_wishes_runs(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    window.open(str(tmp_path / "missing.mp4"))
    window.open("demo:1")
    window.open("demo:2")
    wait_for(qtbot, "running", window)
    info = window.live.info
    assert info is not None and "2" in info.name
    assert window.live.state.source == "demo:2" and window.banner.isHidden()


def test_opening_can_be_cancelled(window: Window, qtbot: QtBot) -> None:
    window.open("demo")
    assert window.live.state.phase == "opening"
    window.live.stop()
    for thread, _ in window.live._threads:
        thread.join(PATIENCE_S)  # what it answers comes too late
    QApplication.processEvents()
    assert window.live.state.phase == "idle" and window.live.pipeline is None


def test_a_recording_is_a_whole_session(running: Window, qtbot: QtBot, tmp_path: Path) -> None:
    with qtbot.waitSignal(running.live.recorded, timeout=PATIENCE_MS) as done:
        running.toggle_recording()
        assert "REC" in running.windowTitle() and running.status.record.text() == "Stop REC"
        assert "REC" in running.status.cells["record"].value.text()
        seen = {running.video.scene}
        qtbot.waitUntil(lambda: (seen.add(running.video.scene), len(seen) > 5)[1], timeout=PATIENCE_MS)
        running.toggle_recording()
    folder = Path(done.args[0])
    assert folder.parent == tmp_path / "recordings"
    session = json.loads((folder / "session.json").read_text())
    assert session["status"] == "complete" and session["counts"]["frames"] >= 3
    assert (folder / "frames.parquet").is_file() and (folder / "annotated.mp4").is_file()
    assert str(folder) in running.banner.text
    assert "REC" not in running.windowTitle() and running.status.record.text() == "Record"


def test_a_filter_changed_during_a_recording_is_told_in_it(running: Window, qtbot: QtBot) -> None:
    with qtbot.waitSignal(running.live.recorded, timeout=PATIENCE_MS) as done:
        running.toggle_recording()
        recorder = running.live.recorder
        assert isinstance(recorder, Recorder)
        qtbot.waitUntil(lambda: recorder.frames > 0, timeout=PATIENCE_MS)
        running.change("filter.method", "one_euro")
        running.toggle_recording()
    told = json.loads((Path(done.args[0]) / "session.json").read_text())
    assert told["filter"]["method"] == "default" and told["filter_at_end"]["method"] == "one_euro"


def test_esc_leaves_a_text_before_it_ends_a_recording(running: Window, qtbot: QtBot) -> None:
    panel = running.source_panel
    panel.choose_kind("stream")
    running.toggle_recording()
    panel.address.setFocus()
    assert running.focusWidget() is panel.address
    running.actions_by_name["escape"].trigger()
    assert running.focusWidget() is not panel.address and running.live.state.recording is not None
    with qtbot.waitSignal(running.live.recorded, timeout=PATIENCE_MS):
        running.toggle_recording()


def test_a_recording_ends_with_its_source(running: Window, qtbot: QtBot) -> None:
    with qtbot.waitSignal(running.live.recorded, timeout=PATIENCE_MS) as done:
        running.toggle_recording()
        recorder = running.live.recorder
        assert isinstance(recorder, Recorder)
        qtbot.waitUntil(lambda: recorder.frames > 0, timeout=PATIENCE_MS)
        running.open("demo:5")
    told = json.loads((Path(done.args[0]) / "session.json").read_text())
    assert told["status"] == "complete" and told["counts"]["frames"] > 0
    assert running.live.state.recording is None


def recording(make_window: Make, qtbot: QtBot) -> tuple[Window, list[int]]:
    """A window that records the demo, and the most faces of every tracker that it made."""
    made: list[int] = []

    def make(settings: Settings) -> Tracker:
        made.append(settings.detection.max_faces)
        return NodTracker()

    window = make_window(make_tracker=make)
    window.open("demo")
    qtbot.waitUntil(lambda: window.video.scene is not None, timeout=PATIENCE_MS)
    window.toggle_recording()
    return window, made


def test_a_changed_setting_waits_for_the_recordings_end(make_window: Make, qtbot: QtBot) -> None:
    window, made = recording(make_window, qtbot)
    recorder, pipeline = window.live.recorder, window.live.pipeline
    assert isinstance(recorder, Recorder)
    window.change("detection.max_faces", 3)
    assert "goes on as it began" in window.banner.text
    qtbot.waitUntil(lambda: recorder.frames > 3, timeout=PATIENCE_MS)
    assert window.live.recorder is recorder and window.live.pipeline is pipeline and made == [1]
    with qtbot.waitSignal(window.live.recorded, timeout=PATIENCE_MS) as done:
        window.toggle_recording()
    qtbot.waitUntil(lambda: made == [1, 3] and window.live.state.phase == "running", timeout=PATIENCE_MS)
    assert json.loads((Path(done.args[0]) / "session.json").read_text())["status"] == "complete"


def test_who_will_not_wait_ends_the_recording_and_has_the_change_now(make_window: Make, qtbot: QtBot) -> None:
    window, made = recording(make_window, qtbot)
    recorder = window.live.recorder
    assert isinstance(recorder, Recorder)
    qtbot.waitUntil(lambda: recorder.frames > 0, timeout=PATIENCE_MS)
    window.change("detection.max_faces", 2)
    with qtbot.waitSignal(window.live.recorded, timeout=PATIENCE_MS):
        next(button for button in window.banner.buttons if "now" in button.text()).click()
    qtbot.waitUntil(lambda: made == [1, 2] and window.live.state.phase == "running", timeout=PATIENCE_MS)
    window.toggle_recording()
    window.change("detection.max_faces", 4)
    window.live.stop()  # ends the recording, too: what was stopped does not start again for the change
    QApplication.processEvents()
    assert window.live.state.phase == "idle" and made == [1, 2]


def test_closing_the_window_waits_for_what_was_recorded(running: Window, qtbot: QtBot) -> None:
    running.toggle_recording()
    recorder = running.live.recorder
    assert isinstance(recorder, Recorder)
    qtbot.waitUntil(lambda: recorder.frames > 0, timeout=PATIENCE_MS)
    running.close()
    told = json.loads((recorder.out / "session.json").read_text())
    assert told["status"] == "complete" and told["counts"]["frames"] == recorder.frames


def test_a_folder_that_cannot_be_written_is_told(make_window: Make, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    window = make_window(recordings=tmp_path / "file")
    window.open("demo")
    wait_for(qtbot, "running", window)
    window.toggle_recording()
    assert "cannot be written" in window.banner.text and window.live.state.recording is None


def test_filters_change_while_it_runs(running: Window, qtbot: QtBot) -> None:
    running.filter_panel.on.toggle()
    assert running.settings.filter.method == "none"

    def unfiltered() -> bool:
        scene = running.video.scene
        return scene is not None and scene.tracked.stable.faces[0] is scene.tracked.raw.faces[0]

    qtbot.waitUntil(unfiltered, timeout=PATIENCE_MS)
    running.filter_panel.on.toggle()
    qtbot.waitUntil(lambda: not unfiltered(), timeout=PATIENCE_MS)
    assert running.live.state.phase == "running"


def test_filter_settings_are_taken_over_between_frames() -> None:
    filtering = LiveFilter(with_setting(Settings(), "filter.method", "none").filter)
    result = tracked(0.0, (face_at(),)).raw
    assert filtering.apply(result) is result
    filtering.ask(with_setting(Settings(), "filter.method", "one_euro").filter)
    assert filtering.apply(result) is not result


def test_more_faces_start_the_tracker_anew(make_window: Make, qtbot: QtBot) -> None:
    made: list[Settings] = []

    def make(settings: Settings) -> Tracker:
        made.append(settings)
        return NodTracker()

    window = make_window(make_tracker=make)
    window.open("demo")
    wait_for(qtbot, "running", window)
    window.tracking_panel.max_faces.setValue(3)
    qtbot.waitUntil(lambda: len(made) == 2 and window.live.state.phase == "running", timeout=PATIENCE_MS)
    assert made[1].detection.max_faces == 3
    window.open("demo:4")
    wait_for(qtbot, "running", window)
    assert len(made) == 2  # the loaded tracker is kept


# --- keys


def test_t_shows_raw_while_it_is_held(running: Window) -> None:
    target = QApplication.focusWidget() or running
    press(target, Qt.Key.Key_T)
    assert running.bridge.wish.raw
    press(target, Qt.Key.Key_T, QEvent.Type.KeyRelease)
    assert not running.bridge.wish.raw


def test_letters_are_text_where_text_is_typed(window: Window, qtbot: QtBot) -> None:
    window.activateWindow()
    window.source_panel.choose_kind("stream")
    qtbot.waitUntil(lambda: QApplication.focusWidget() is window.source_panel.address, timeout=PATIENCE_MS)
    qtbot.keyClicks(window.source_panel.address, "htrf")
    assert window.source_panel.address.text() == "htrf"
    assert not window.bridge.wish.raw and window.bridge.wish.overlay and not window.isFullScreen()


def test_each_key_has_its_action(window: Window) -> None:
    assert set(window.actions_by_name) == {key.action for key in KEYS if not key.hold}


@pytest.mark.parametrize("name", ["landmarks", "mesh", "box", "axes"])
def test_overlay_keys_toggle_their_setting(window: Window, name: str) -> None:
    before = getattr(window.settings.view, name)
    window.actions_by_name[name].trigger()
    assert getattr(window.settings.view, name) is not before
    assert getattr(window.bridge.wish, name) is not before


def test_h_hides_the_whole_overlay(running: Window, qtbot: QtBot) -> None:
    running.actions_by_name["overlay"].trigger()
    qtbot.waitUntil(lambda: running.video.scene is not None and running.video.scene.faces == (), timeout=PATIENCE_MS)
    assert not running.view_panel.overlay.isChecked()


def test_space_starts_and_stops_and_belongs_to_a_focused_button(window: Window, qtbot: QtBot) -> None:
    window.activateWindow()
    window.view_panel.fit.setFocus()
    qtbot.waitUntil(
        lambda: QApplication.focusWidget() is window.view_panel.fit or not window.view_panel.fit.isVisible(),
        timeout=PATIENCE_MS,
    )
    window.docks["View"].raise_()
    window.view_panel.switches["mesh"].setFocus()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is window.view_panel.switches["mesh"], timeout=PATIENCE_MS)
    window.actions_by_name["toggle"].trigger()
    assert window.settings.view.mesh and window.live.state.phase == "idle"
    window.setFocus()
    window.view_panel.switches["mesh"].clearFocus()
    window.actions_by_name["toggle"].trigger()
    wait_for(qtbot, "running", window)


def test_the_sheet_of_keys_opens_beside_the_work(window: Window) -> None:
    window.actions_by_name["keys"].trigger()
    sheets = [w for w in QApplication.topLevelWidgets() if w.windowTitle() == "Keys" and w.isVisible()]
    assert len(sheets) == 1 and not sheets[0].isModal()
    sheets[0].close()


# --- looks and memory


def test_the_theme_changes_everywhere_and_is_remembered(make_window: Make, tmp_path: Path) -> None:
    window = make_window()
    window.actions_by_name["theme"].trigger()
    assert window.theme.colors is LIGHT and window.settings.view.theme == "light"
    assert window.view_panel.theme.currentData() == "light"
    assert window.video._colors is LIGHT and window.plots.pose._colors is LIGHT
    window.close()
    assert load_settings(tmp_path / "settings.toml", {}).view.theme == "light"


def test_only_what_was_changed_here_is_kept(make_window: Make, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[capture]\nfps = 60.0\n")
    window = make_window(with_setting(Settings(), "detection.max_faces", 4))  # as the command line would say it
    window.change("view.mesh", True)
    window.close()
    kept = load_settings(tmp_path / "settings.toml", {})
    assert kept.view.mesh and kept.capture.fps == 60.0 and kept.detection.max_faces == Settings().detection.max_faces


def test_a_wrong_value_is_told_and_changes_nothing(window: Window) -> None:
    before = window.settings
    window.change("filter.one_euro.beta", "much")
    assert window.settings == before and "filter.one_euro.beta" in window.banner.text


def test_the_layout_is_remembered_with_its_version(make_window: Make, store: QSettings) -> None:
    first = make_window()
    first.docks["Signals"].hide()
    first.close()
    assert int(store.value("layout/version")) == LAYOUT_VERSION
    second = make_window()
    assert second.docks["Signals"].isHidden()
    second.close()
    store.setValue("layout/version", LAYOUT_VERSION + 1)
    assert not make_window().docks["Signals"].isHidden()


def test_the_layout_can_be_reset(window: Window) -> None:
    window.docks["Signals"].hide()
    window.docks["3D head"].setFloating(True)
    window.reset_layout()
    assert not window.docks["Signals"].isHidden() and not window.docks["3D head"].isFloating()


def test_everything_fits_the_least_size(window: Window, qtbot: QtBot) -> None:
    window.resize(*LEAST_SIZE)
    qtbot.waitUntil(lambda: (window.width(), window.height()) == LEAST_SIZE, timeout=PATIENCE_MS)
    assert window.video.width() >= 360 and window.video.height() >= 240
    assert window.status.record.mapTo(window, window.status.record.rect().bottomRight()).x() <= LEAST_SIZE[0]


def controls(window: Window) -> list[QObject]:
    kinds = (QAbstractButton, QAbstractSlider, QComboBox, QLineEdit, QSpinBox)
    found: list[QObject] = []
    for part in (*window.panels, window.status, window.head, window.banner):
        found += [w for w in part.findChildren(QWidget) if isinstance(w, kinds)]
    return [
        w for w in found if not w.objectName().startswith("qt_") and not isinstance(w.parent(), QSpinBox | QLineEdit)
    ]


def test_every_control_has_a_name_and_a_tooltip(window: Window) -> None:
    for control in controls(window):
        assert isinstance(control, QWidget)
        if "ScrollBar" in type(control).__name__:
            continue
        assert control.accessibleName(), f"{type(control).__name__} {control.objectName()} has no accessible name"
        assert control.toolTip(), f"{control.accessibleName()} has no tooltip"


def test_colours_reach_every_part_in_both_themes(window: Window) -> None:
    for choice, colors in (("light", LIGHT), ("dark", DARK)):
        window.change("view.theme", choice)
        assert window.banner._colors is colors and window.head._colors is colors and window.status._colors is colors


def test_a_stream_that_hangs_is_told_and_the_window_lives(make_window: Make, qtbot: QtBot) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        settings = with_setting(with_setting(Settings(), "capture.stall_s", 0.2), "capture.retry_s", 0.1)
        window = make_window(settings)
        window.open(f"http://127.0.0.1:{silent.getsockname()[1]}/video")
        wait_for(qtbot, "troubled", window)
        assert "has not opened" in window.banner.text
        assert [b.text() for b in window.banner.buttons] == ["Retry now", "Open the demo", "Stop"]
        assert window.isEnabled() and QApplication.activeModalWidget() is None
        window.open("demo")
        wait_for(qtbot, "running", window)
        assert window.banner.isHidden()
