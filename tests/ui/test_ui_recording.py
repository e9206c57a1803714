"""Recording in the window: the panel, the pre-roll, the badge, the end that was set; and the export dialog."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from patience import PATIENCE_MS
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QImage, QPainter
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from ui_faces import face_at, tracked

from tracker.capture import SourceInfo
from tracker.session.record import Recorder
from tracker.settings import Record, Settings
from ui.export_dialog import ExportDialog
from ui.rec_badge import RecBadge, RecState, amount, clock, words
from ui.recording import Recording
from ui.window import Window

Make = Callable[..., Window]


def feature(window: Window) -> Recording:
    (found,) = (one for one in window.features if isinstance(one, Recording))
    return found


def test_the_badge_says_all_of_it() -> None:
    state = RecState(65.4, 14_890_000, 13 << 30, 3, 600.0)
    assert words(state) == "01:05 / 10:00   14.2 MiB   13.0 GiB free   3 dropped"
    assert words(RecState(3.0, 1, 1 << 44)) == "00:03   1 B   16384 GiB free"
    assert clock(3661) == "1:01:01" and amount(999_000) == "976 KiB"


def test_the_badge_is_painted_while_it_records(qapp: QApplication) -> None:
    badge, picture = RecBadge(), QImage(600, 80, QImage.Format.Format_RGB32)
    picture.fill(QColor("white"))
    for state, painted in ((None, False), (RecState(1.0, 1, 1), True)):
        badge.state = state
        painter = QPainter(picture)
        badge.paint_over(painter, None, 1.0)  # type: ignore[arg-type]
        painter.end()
        colors = {picture.pixelColor(x, y).name() for x in range(12, 300, 2) for y in range(12, 40, 2)}
        assert ("#ff5a52" in colors) == painted and (colors == {"#ffffff"}) != painted


def test_a_recording_begins_before_the_button_and_ends_by_itself(
    make_window: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    def make(folder: Path, settings: Settings, tracker: object) -> Recorder:
        limit = settings.record.stop_after_s
        return Recorder(folder, annotated=False, clean=True, limit_s=limit)

    settings = Settings(record=Record(preroll_s=5.0, stop_after_s=0.3))
    window = make_window(settings, features=(Recording,), make_recorder=make)
    window.open("demo:1?width=320&height=240")
    recording = feature(window)
    qtbot.waitUntil(lambda: window.live.state.phase == "running", timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: recording.preroll is not None and recording.preroll.held[0] >= 3, timeout=PATIENCE_MS)
    with qtbot.waitSignal(window.live.recorded, timeout=PATIENCE_MS) as done:
        window.toggle_recording()
        qtbot.waitUntil(lambda: recording.badge.state is not None, timeout=PATIENCE_MS)
        assert "Recording into" in recording.panel.disk.text()
        qtbot.waitUntil(lambda: window.live.state.recording is None, timeout=PATIENCE_MS)  # nobody pressed it again
    folder = Path(done.args[0])
    about = json.loads((folder / "session.json").read_text())
    counts = about["counts"]
    assert about["status"] == "complete" and counts["before_the_button"] >= 3
    index = pq.read_table(folder / "frames.parquet")["frame_index"].to_pylist()
    assert index == list(range(index[0], index[-1] + 1))
    window._refresh()
    assert recording.badge.state is None


def test_settings_of_recordings_go_both_ways(make_window: Make, qtbot: QtBot) -> None:
    window = make_window(Settings(record=Record(subject="P07")), features=(Recording,))
    recording = feature(window)
    assert recording.panel.subject.text() == "P07" and recording.preroll is None
    window.open("demo:1?width=160&height=120")
    qtbot.waitUntil(lambda: window.live.state.phase == "running", timeout=PATIENCE_MS)
    recording.panel.preroll.setValue(2.0)
    assert window.settings.record.preroll_s == 2.0 and recording.preroll in window.live.pipeline.sinks
    before = recording.preroll
    recording.panel.preroll.setValue(0.0)
    assert recording.preroll is None and before not in window.live.pipeline.sinks
    recording.panel.lossless.click()
    recording.panel.consent.setText(" agreed ")
    recording.panel.consent.editingFinished.emit()
    assert window.settings.record.lossless and window.settings.record.consent == "agreed"
    window.change("record.stop_after_s", 90.0)
    assert recording.panel.stop_after.value() == 90.0


# --- export


@pytest.fixture
def session(tmp_path: Path) -> Path:
    recorder = Recorder(tmp_path / "session", annotated=False)
    recorder.open(SourceInfo("clip", "video", False, 640, 480, 30.0))
    for i in range(20):
        recorder.write(tracked(i / 30, (face_at(yaw=float(i), name=i // 15),)))
    recorder.close()
    return tmp_path / "session"


@pytest.fixture
def dialog(qtbot: QtBot, session: Path) -> ExportDialog:
    made = ExportDialog()
    qtbot.addWidget(made)
    made.show()
    with qtbot.waitSignal(made.exporter.opened, timeout=PATIENCE_MS):
        made.choose(session)
    return made


def test_what_is_chosen_is_written(dialog: ExportDialog, qtbot: QtBot, session: Path, tmp_path: Path) -> None:
    assert "20 frames, 2 faces, without" in dialog.about.text()
    assert [dialog.face.itemText(i) for i in range(dialog.face.count())][1:] == ["face 0", "face 1"]
    assert not dialog.formats["overlay"].isEnabled() and dialog.formats["bvh"].isEnabled()
    for kind, box in dialog.formats.items():
        box.setChecked(kind in ("csv", "livelink", "overlay"))
    dialog.face.setCurrentIndex(2)
    dialog.out.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(dialog.exporter.done, timeout=PATIENCE_MS):
        dialog.start.click()
        assert dialog.leave.text() == "Cancel" and not dialog.start.isEnabled()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"frames.csv", "livelink.csv"}
    lines = (tmp_path / "out" / "livelink.csv").read_text().splitlines()[1:]
    assert [line.endswith(",") for line in lines] == [True] * 15 + [False] * 5
    assert "Written: frames.csv, livelink.csv" in dialog.message.text() and dialog.progress.value() == 1000
    assert dialog.show_folder.isVisible()
    with qtbot.waitSignal(dialog.exporter.done, timeout=PATIENCE_MS):
        dialog.start.click()
    assert "already there" in dialog.message.text() and dialog.start.isEnabled()


def test_an_export_is_cancelled(dialog: ExportDialog, qtbot: QtBot, session: Path) -> None:
    # In the thread that writes, with its first word of progress: the second finds it cancelled.
    dialog.exporter.moved.connect(lambda *_: dialog.exporter.cancel(), Qt.ConnectionType.DirectConnection)
    with qtbot.waitSignal(dialog.exporter.done, timeout=PATIENCE_MS):
        dialog.export()
    assert "Cancelled" in dialog.message.text() and dialog.start.isEnabled()
    assert {path.name for path in (session / "exports").iterdir()} <= {"frames.csv"}


def test_what_is_no_session_is_told(dialog: ExportDialog, qtbot: QtBot, tmp_path: Path) -> None:
    with qtbot.waitSignal(dialog.exporter.opened, timeout=PATIENCE_MS):
        dialog.choose(tmp_path)
    assert "is no session" in dialog.message.text() and not dialog.start.isEnabled()


def test_the_window_offers_its_last_recording(make_window: Make, qtbot: QtBot, session: Path) -> None:
    window = make_window(features=(Recording,))
    recording = feature(window)
    recording._last = session
    window.actions_by_name["export"].trigger()
    assert recording.dialog is not None and recording.dialog.isVisible()
    qtbot.waitUntil(lambda: recording.dialog is not None and recording.dialog.session is not None, timeout=PATIENCE_MS)
    assert recording.dialog.folder.text() == str(session)


def test_an_interrupted_recording_is_offered_and_recovered(make_window: Make, qtbot: QtBot, tmp_path: Path) -> None:
    live = Recorder(tmp_path / "live", annotated=False)
    live.open(SourceInfo("clip", "camera", True, 640, 480, 30.0))
    for i in range(40):
        live.write(tracked(i / 30, (face_at(yaw=float(i)),)))
    left = tmp_path / "recordings" / "left"
    shutil.copytree(tmp_path / "live", left)  # what a kill would have left
    shutil.copytree(tmp_path / "live", tmp_path / "recordings" / "broken")
    (tmp_path / "recordings" / "broken" / "session.json").write_text("{")
    live.close()
    window = make_window(features=(Recording,))
    recovery = feature(window).recovery
    qtbot.waitUntil(lambda: "interrupted" in window.banner.text, timeout=PATIENCE_MS)
    assert "A recording was interrupted (left)" in window.banner.text
    with qtbot.waitSignal(recovery.done, timeout=PATIENCE_MS):
        window.banner.buttons[0].click()
    assert json.loads((left / "session.json").read_text())["status"] == "recovered"
    assert "frames were recovered" in window.banner.text
