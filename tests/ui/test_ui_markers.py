"""Markers while a recording runs: keys, buttons, texts, undo; on the recording's clock, in its folder at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import PATIENCE_MS
from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from tracker.pipeline import Tracker
from tracker.session.book import LiveMarkers
from tracker.session.label_set import automatic, label_set, thresholds
from tracker.session.markers import read_markers
from tracker.session.record import Recorder
from tracker.session.replay import open_session
from tracker.settings import Annotate, Settings
from tracker.sinks import Sink
from ui.markers.label_dialog import LabelDialog
from ui.markers.live import LiveMarking
from ui.replay.window import open_windows as opened
from ui.window import Window


def with_markers(folder: Path, settings: Settings, tracker: Tracker) -> Sink:
    """As the program's own recorder has them."""
    made, marks = Recorder(folder, annotated=False), settings.annotate
    made.markers = LiveMarkers(folder, automatic(marks), label_set(marks.labels), thresholds(marks))
    return made


@pytest.fixture
def window(make_window: Callable[..., Window], qtbot: QtBot) -> Window:
    made = make_window(features=(LiveMarking,), make_recorder=with_markers)
    made.open("demo")
    qtbot.waitUntil(lambda: made.video.scene is not None, timeout=PATIENCE_MS)
    return made


def feature(window: Window) -> LiveMarking:
    found = window.features[0]
    assert isinstance(found, LiveMarking)
    return found


def said(window: Window) -> str:
    return " ".join(label.text() for label in window.banner.findChildren(QLabel))


def key(window: QWidget, which: Qt.Key, kind: QEvent.Type) -> None:
    event = QKeyEvent(kind, which, Qt.KeyboardModifier.NoModifier, "")
    QApplication.sendEvent(QApplication.focusWidget() or window, event)


def tap(window: QWidget, which: Qt.Key) -> None:
    key(window, which, QEvent.Type.KeyPress)
    key(window, which, QEvent.Type.KeyRelease)


def record(window: Window, qtbot: QtBot) -> Path:
    window.toggle_recording()
    folder = window.live.state.recording
    assert folder is not None
    qtbot.waitUntil(lambda: shows_recorded(window), timeout=PATIENCE_MS)
    return folder


def shows_recorded(window: Window) -> bool:
    """Whether the frame on the screen is later than the recording's first: an earlier one is marked at its start."""
    marks, scene = feature(window)._marks, window.video.scene
    known = marks is not None and marks.zero is not None and scene is not None
    return known and scene.tracked.raw.frame.time > marks.zero  # type: ignore[union-attr, operator]


def finish(window: Window, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.live.recorded, timeout=PATIENCE_MS):
        window.toggle_recording()


def test_without_a_recording_a_marker_says_where_it_would_go(window: Window) -> None:
    tap(window, Qt.Key.Key_1)
    assert "press R" in said(window) and not feature(window).panel.text.isEnabled()


def test_keys_drop_markers_into_the_recording(window: Window, qtbot: QtBot) -> None:
    folder = record(window, qtbot)
    panel = feature(window).panel
    assert panel.text.isEnabled() and set(panel.buttons) == {"mark", "speech", "smile", "look away"}
    tap(window, Qt.Key.Key_2)
    panel.buttons["smile"].pressed.emit()
    panel.buttons["smile"].released.emit()
    tap(window, Qt.Key.Key_M)
    mine = [one.track for one in read_markers(folder) if one.source == "live"]  # while it runs
    assert sorted(mine) == ["mark", "smile", "speech"]
    qtbot.waitUntil(lambda: panel.table.rows.rowCount() >= 3, timeout=PATIENCE_MS)
    window.actions_by_name["undo_mark"].trigger()
    assert "mark" not in [one.track for one in read_markers(folder)]
    finish(window, qtbot)
    about = json.loads((folder / "markers.json").read_text())
    assert {track["name"]: track["key"] for track in about["tracks"]}["speech"] == "2"
    found = [one for one in read_markers(folder) if one.source == "live"]
    assert {one.track for one in found} == {"speech", "smile"} and (folder / "markers.txt").is_file()
    times = open_session(folder).column("time_s")
    for one in found:  # on the clock of the recording, at a frame of it
        assert min(abs(times - times[0] - one.start)) < 1e-6
    assert str(folder) in panel.words.text()


def test_what_was_recorded_is_replayed_by_a_button(window: Window, qtbot: QtBot) -> None:
    panel = feature(window).panel
    record(window, qtbot)
    tap(window, Qt.Key.Key_2)
    assert panel.replay.isHidden()
    finish(window, qtbot)
    assert not panel.replay.isHidden()
    panel.replay.click()
    (replay,) = opened
    assert [one.track for one in replay.desk.book.labels if one.source == "live"] == ["speech"]
    replay.close()
    assert not opened


def test_a_held_key_is_a_span_and_a_text_is_of_its_moment(window: Window, qtbot: QtBot) -> None:
    folder = record(window, qtbot)
    marking = feature(window)
    clock = [0.0]
    marking._holding._clock = lambda: clock[0]
    key(window, Qt.Key.Key_3, QEvent.Type.KeyPress)
    begun = window.video.scene
    qtbot.waitUntil(lambda: window.video.scene is not begun, timeout=PATIENCE_MS)
    clock[0] = 1.0
    key(window, Qt.Key.Key_3, QEvent.Type.KeyRelease)
    (span,) = (one for one in read_markers(folder) if one.track == "smile")
    assert span.end is not None and span.end > span.start
    window.actions_by_name["mark_text"].trigger()
    at = marking._written_at
    later = window.video.scene
    qtbot.waitUntil(lambda: window.video.scene is not later, timeout=PATIENCE_MS)  # tracking goes on while it is typed
    marking.panel.text.setText("a door slams")
    marking.panel.text.returnPressed.emit()
    (text,) = (one for one in read_markers(folder) if one.track == "text")
    assert at is not None and text.label == "a door slams" and marking._marks is not None
    assert text.start == pytest.approx(at[0] - marking._marks.zero) and text.frames == (at[1], at[1] + 1)  # type: ignore[operator]
    model = marking.panel.table.rows
    qtbot.waitUntil(lambda: any(one.track == "text" for one in model.labels), timeout=PATIENCE_MS)
    row = next(i for i, one in enumerate(model.labels) if one.track == "text")
    model.setData(model.index(row, 2), "a door closes", Qt.ItemDataRole.EditRole)
    assert "a door closes" in [one.label for one in read_markers(folder)]
    finish(window, qtbot)


def test_esc_leaves_the_text_and_ends_no_recording(window: Window, qtbot: QtBot) -> None:
    record(window, qtbot)
    text = feature(window).panel.text
    window.actions_by_name["mark_text"].trigger()
    qtbot.keyClicks(text, "not this")
    qtbot.keyClick(text, Qt.Key.Key_Escape)
    assert text.text() == "" and window.live.state.recording is not None
    finish(window, qtbot)


def test_automatic_markers_are_switched_in_the_panel(window: Window) -> None:
    panel = feature(window).panel
    assert all(switch.isChecked() for switch in panel.switches.values())
    panel.switches["blink"].click()
    assert window.settings.annotate.blink is False and automatic(window.settings.annotate) == (
        "face",
        "mouth",
        "turn",
        "reset",
    )


def test_the_label_set_is_checked_before_it_is_taken(window: Window) -> None:
    dialog = LabelDialog(label_set(Annotate().labels), window)
    dialog.rows.item(0, 1).setText("R")  # type: ignore[union-attr]
    dialog._take()
    assert "already does something" in dialog.words.text() and not dialog.result()
    for key, why in (("J", "Play backwards"), ("foo", "is no key"), ("2", "there twice")):
        dialog.rows.item(0, 1).setText(key)  # type: ignore[union-attr]
        dialog._take()
        assert why in dialog.words.text() and not dialog.result()
    dialog.rows.item(0, 1).setText("9")  # type: ignore[union-attr]
    dialog.rows.item(0, 0).setText("note")  # type: ignore[union-attr]
    dialog._take()
    assert dialog.result()
    window.change("annotate.labels", dialog.text)
    assert next(iter(feature(window).panel.buttons)) == "note" and label_set(dialog.text)[0].key == "9"
    dialog.deleteLater()


def test_labels_that_cannot_be_read_leave_the_default_ones(make_window: Callable[..., Window]) -> None:
    window = make_window(Settings(annotate=Annotate(labels="=;=")), features=(LiveMarking,))
    assert "no label" in said(window) and len(feature(window).panel.buttons) == 4
