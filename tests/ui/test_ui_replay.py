"""The replay window on real small sessions: timeline, player, markers, corrections, comparing, bad input.

Sessions are recorded here, by the real recorder, of a face that needs no network.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from patience import PATIENCE_MS
from PyQt6.QtCore import QEvent, QPointF, Qt
from PyQt6.QtGui import QImage, QKeyEvent, QMouseEvent
from PyQt6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QTabBar, QTableView, QWidget
from pytestqt.qtbot import QtBot
from ui_faces import BASIS
from ui_sessions import COUNT, record_nod

from tracker.cli import main
from tracker.errors import SourceError
from tracker.session.corrections import Correction, read_corrections
from tracker.session.labels import Label
from tracker.session.markers import read_markers
from tracker.session.table import STREAM, lock
from tracker.settings import Annotate, Settings
from ui.export_dialog import ExportDialog
from ui.replay.app import run_replay
from ui.replay.files import Files
from ui.replay.keys import KEYS
from ui.replay.window import ReplayWindow
from ui.theme import DARK, LIGHT, Theme


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_nod(tmp_path_factory.mktemp("session") / "one")


@pytest.fixture
def session(recorded: Path, tmp_path: Path) -> Path:
    shutil.copytree(recorded, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def make(show_window: Callable[[ReplayWindow], ReplayWindow], theme: Theme) -> Callable[..., ReplayWindow]:
    def make(folder: Path, **options: str) -> ReplayWindow:
        window = ReplayWindow(folder, Settings(), theme, **options)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        return show_window(window)

    return make


@pytest.fixture
def window(make: Callable[..., ReplayWindow], session: Path, qtbot: QtBot) -> ReplayWindow:
    window = make(session)
    wait_for(qtbot, window, 0)
    return window


def wait_for(qtbot: QtBot, window: ReplayWindow, position: int) -> None:
    """Until the picture of that frame is there."""
    index = int(window.desk.line.index[position])

    def there() -> bool:
        return window.video.scene is not None and window.video.scene.tracked.raw.frame.index == index

    qtbot.waitUntil(there, timeout=PATIENCE_MS)


def said(window: ReplayWindow) -> str:
    return " ".join(label.text() for label in window.banner.findChildren(QLabel))


def press(window: QWidget, key: Qt.Key, kind: QEvent.Type = QEvent.Type.KeyPress) -> None:
    """To whoever has the keyboard in it."""
    event = QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, "")
    QApplication.sendEvent(QApplication.focusWidget() or window, event)


def mouse(widget: QWidget, kind: QEvent.Type, x: float, y: float, more: bool = False) -> None:
    held = Qt.KeyboardModifier.ControlModifier if more else Qt.KeyboardModifier.NoModifier
    at, left = QPointF(x, y), Qt.MouseButton.LeftButton
    QApplication.sendEvent(widget, QMouseEvent(kind, at, widget.mapToGlobal(at), left, left, held))


def drag(widget: QWidget, start: tuple[float, float], end: tuple[float, float], more: bool = False) -> None:
    mouse(widget, QEvent.Type.MouseButtonPress, *start, more)
    mouse(widget, QEvent.Type.MouseMove, *end, more)
    mouse(widget, QEvent.Type.MouseButtonRelease, *end, more)


def place(window: ReplayWindow, name: str) -> tuple[float, float, float]:
    """Left, right and middle height of a label in the timeline."""
    placed = next(p for p in window.timeline.layout_now.placed if p.label.id == name)
    return placed.x0, placed.x1, placed.top + placed.height / 2


def test_stepping_shows_the_frame_with_its_landmarks(window: ReplayWindow, qtbot: QtBot) -> None:
    for name, position in (("on", 1), ("on_10", 11), ("back", 10), ("last", COUNT - 1), ("back_100", 0), ("on_10", 10)):
        window.actions_by_name[name].trigger()
        assert window.desk.player.position == position
    wait_for(qtbot, window, 10)
    scene = window.video.scene
    assert scene is not None
    wanted = np.array(pq.read_table(window.desk.session.folder / "frames.parquet")["stable_mediapipe478"][10].as_py())
    np.testing.assert_allclose(
        scene.faces[0].points, scene.placement.to_view(wanted.reshape(-1, 2).astype(np.float32)), atol=1e-3
    )
    assert "frame 10" in window.transport.where.text()
    window.desk.player.go(51)
    wait_for(qtbot, window, 51)
    assert window.transport.state.text() == "dropped" and window.video.scene is not None
    assert window.video.scene.faces == ()


def test_playing_goes_on_to_the_end(window: ReplayWindow, qtbot: QtBot) -> None:
    window.desk.player.set_speed(4.0)
    window.actions_by_name["play"].trigger()
    qtbot.waitUntil(lambda: window.desk.player.position == COUNT - 1, timeout=PATIENCE_MS)
    wait_for(qtbot, window, COUNT - 1)
    assert not window.desk.player.playing


def test_space_belongs_to_the_button_that_the_keyboard_is_on(window: ReplayWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    button = window.transport.buttons["last"]
    button.setFocus()
    qtbot.waitUntil(button.hasFocus, timeout=PATIENCE_MS)
    window.actions_by_name["play"].trigger()
    assert window.desk.player.position == COUNT - 1 and not window.desk.player.playing
    window.timeline.setFocus()
    window.actions_by_name["play"].trigger()
    assert window.desk.player.playing
    window.desk.player.pause()


def test_a_click_in_the_timeline_goes_there(window: ReplayWindow, qtbot: QtBot) -> None:
    view = window.timeline
    x = view.scale.x(2.0)
    drag(view, (view.scale.x(1.0), 8.0), (x, 8.0))
    assert window.desk.player.position == 60
    wait_for(qtbot, window, 60)
    view.zoom_by(8.0, x)
    view.show_time(0.0)
    assert view.scale.first <= 0.0 < view.scale.last  # the page turned


def test_markers_by_key_are_kept_at_once_and_undone(window: ReplayWindow, session: Path) -> None:
    window.desk.player.go(20)
    press(window, Qt.Key.Key_2)
    press(window, Qt.Key.Key_2, QEvent.Type.KeyRelease)
    (one,) = read_markers(session)  # from the journal: nothing was saved yet
    assert (one.track, one.label, one.frames, one.source) == ("speech", "speech", (20, 21), "replay")
    assert window.markers.table.rows.rowCount() == 1 and len(window.timeline.layout_now.placed) == 1
    window.actions_by_name["undo"].trigger()
    assert read_markers(session) == [] and not window.timeline.layout_now.placed
    window.actions_by_name["redo"].trigger()
    assert [label.id for label in read_markers(session)] == [one.id]
    window.close()
    assert json.loads((session / "markers.json").read_text())["items"][0]["id"] == one.id
    assert "speech" in (session / "markers.txt").read_text() and not (session / "markers.journal").exists()


def test_spans_are_dragged_by_edges_and_body_together_and_back(window: ReplayWindow) -> None:
    desk, view = window.desk, window.timeline
    first, second = desk.edits.add([Label(0.5, 1.0, "a", "speech"), Label(1.5, 2.0, "b", "smile")])
    left, right, y = place(window, first)
    drag(view, (right - 2, y), (view.scale.x(1.4), y))
    assert desk.book.get(first).end == pytest.approx(1.4) and desk.book.get(first).frames == (15, 42)  # type: ignore[union-attr]
    drag(view, (left + 2, y), (view.scale.x(0.2), y))
    assert desk.book.get(first).start == pytest.approx(0.2)  # type: ignore[union-attr]
    _, _, below = place(window, second)
    mouse(view, QEvent.Type.MouseButtonPress, view.scale.x(1.75), below, more=True)
    mouse(view, QEvent.Type.MouseButtonRelease, view.scale.x(1.75), below, more=True)
    assert desk.selected == {first, second}
    drag(view, (view.scale.x(0.8), y), (view.scale.x(1.3), y))
    moved = [(round(desk.book.get(name).start, 3), round(desk.book.get(name).end or 0, 3)) for name in (first, second)]  # type: ignore[union-attr]
    assert moved == [(0.7, 1.9), (2.0, 2.5)]
    for _ in range(3):
        desk.stack.undo()
    assert (desk.book.get(first).start, desk.book.get(first).end) == (0.5, 1.0)  # type: ignore[union-attr]
    assert desk.book.get(second).start == 1.5  # type: ignore[union-attr]


def test_a_box_selects_and_delete_takes_all_of_it_in_one_step(window: ReplayWindow, session: Path) -> None:
    desk, view = window.desk, window.timeline
    desk.edits.add([Label(0.1 * i, None, str(i), "mark") for i in range(1, 9)])
    _, _, y = place(window, desk.book.labels[0].id)
    top = next(row for row in view.layout_now.rows if row.title == "mark")
    drag(view, (view.scale.x(0.75), top.top + top.height - 1), (view.scale.x(0.25), y - 4))
    assert {desk.book.get(name).label for name in desk.selected} == {"3", "4", "5", "6", "7"}  # type: ignore[union-attr]
    assert window.markers.table.selected() == desk.selected
    window.actions_by_name["delete"].trigger()
    assert len(read_markers(session)) == 3
    desk.stack.undo()
    assert len(read_markers(session)) == 8


def test_a_text_is_of_the_moment_its_key_was_pressed(window: ReplayWindow, qtbot: QtBot) -> None:
    window.desk.player.go(30)
    window.actions_by_name["text"].trigger()
    window.desk.player.go(60)
    window.markers.text.setText("she laughs")
    window.markers.text.returnPressed.emit()
    (one,) = window.desk.book.labels
    assert (one.label, one.start, one.track) == ("she laughs", pytest.approx(1.0), "text")
    model = window.markers.table.rows
    model.setData(model.index(0, 2), "she laughs aloud", Qt.ItemDataRole.EditRole)
    assert window.desk.book.labels[0].label == "she laughs aloud"
    window.actions_by_name["previous"].trigger()
    assert window.desk.player.position == 30


def test_labels_come_from_files_and_go_to_them(window: ReplayWindow, tmp_path: Path) -> None:
    files = Files(window, window.desk)
    (tmp_path / "in.txt").write_bytes("0.5\t0.2\treversed\n1.0\t2.0\tcafé\nnonsense\n".encode("latin-1"))
    files.take(tmp_path / "in.txt")
    assert [(one.label, one.start, one.source) for one in window.desk.book.labels] == [
        ("reversed", 0.2, "import"), ("café", 1.0, "import")]  # fmt: skip
    assert "turned round" in said(window) and "Latin-1" in said(window)
    for name in ("out.csv", "out.eaf", "out.tsv", "out.txt"):
        files.put(tmp_path / name)
        files.take(tmp_path / name)
    assert [one.label for one in window.desk.book.labels] == ["reversed"] * 16 + ["café"] * 16
    window.desk.stack.undo()
    assert len(window.desk.book.labels) == 16
    files.take(tmp_path / "x.docx")
    assert "of no format" in said(window)


def test_a_landmark_is_dragged_and_fades_and_the_table_stays(window: ReplayWindow, session: Path, qtbot: QtBot) -> None:
    before = (session / "frames.parquet").read_bytes()
    window.desk.player.go(30)
    wait_for(qtbot, window, 30)
    window.landmarks.after.setValue(4)
    window.actions_by_name["correct"].trigger()
    scene = window.video.scene
    assert scene is not None
    was = scene.tracked.stable.faces[0].landmarks_px("mediapipe478")[1].copy()
    window.video.repaint()
    start = scene.faces[0].points[1] / window.video.devicePixelRatioF()
    drag(window.video, tuple(start), (start[0] + 30, start[1] + 10))  # type: ignore[arg-type]
    (one,) = read_corrections(session).items
    assert (one.landmark, one.frame, one.layout, one.reach) == (1, 30, "mediapipe478", (0, 4))
    assert np.allclose(one.was, was, atol=1e-4) and np.hypot(one.x - was[0], one.y - was[1]) > 2

    def moved(position: int) -> float:
        window.desk.player.go(position)
        wait_for(qtbot, window, position)
        shown = window.hand.overlay.shown_of(window.video.scene)  # type: ignore[arg-type]
        assert shown is not None
        pair = (t.stable.faces[0].landmarks_px("mediapipe478")[1] for t in (shown.tracked, shown.measured))
        return float(np.linalg.norm(np.subtract(*pair)))

    steps = [moved(position) for position in (29, 31, 33, 35, 30)]
    assert steps[0] == 0 == steps[3] and steps[4] > steps[1] > steps[2] > 0
    assert window.landmarks.table.rowCount() == 1
    window.actions_by_name["undo"].trigger()
    assert not (session / "corrections.json").exists() and window.landmarks.table.rowCount() == 0
    assert (session / "frames.parquet").read_bytes() == before


def test_a_click_adds_a_landmark_for_the_whole_session(window: ReplayWindow, session: Path, qtbot: QtBot) -> None:
    """The recording's tracker used the bare head model, so that is the session's model here."""
    desk = window.desk
    desk.session = desk.points._session = replace(desk.session, basis=BASIS)
    desk.rows.basis, desk.rows.approximate = BASIS, False
    desk.player.go(10)
    wait_for(qtbot, window, 10)
    window.landmarks.name.setText("nose")
    window.actions_by_name["add"].trigger()
    scene = window.video.scene
    assert scene is not None
    pixel = scene.tracked.stable.faces[0].landmarks_px("ibug68")[30]
    at = scene.placement.to_view(pixel[None])[0] / window.video.devicePixelRatioF()
    window.video.repaint()
    drag(window.video, tuple(at), tuple(at))  # type: ignore[arg-type]
    qtbot.waitUntil(lambda: "nose" in desk.points.tracks, timeout=PATIENCE_MS)
    track = desk.points.tracks["nose"]["stable"]
    assert track.shape == (COUNT, 2) and np.allclose(track[10], pixel, atol=0.3)
    assert np.isnan(track[51]).all() and np.isfinite(track[np.arange(50)]).all()
    assert "stable_nose_x" in pq.read_schema(session / "points.parquet").names
    assert window.landmarks.points.item(0, 0).text() == "nose"  # type: ignore[union-attr]
    desk.choose(("point:nose", 1), True)
    assert [curve.name for curve in desk.drawn][-1] == "nose y"
    window.actions_by_name["undo"].trigger()
    qtbot.waitUntil(lambda: not desk.points.tracks and not (session / "points.parquet").exists(), timeout=PATIENCE_MS)


def test_two_passes_lie_over_each_other(window: ReplayWindow, session: Path, qtbot: QtBot) -> None:
    table = pq.read_table(session / "frames.parquet")
    at = table.column_names.index("stable_yaw_deg")
    other = table.set_column(at, table.schema.field(at), pc.add(table["stable_yaw_deg"], 2.0).cast("float32"))
    pq.write_table(other, session / "frames_turned.parquet")
    window.compare.show_passes(window.desk.passes)
    assert window.compare.other.findData("turned") >= 0
    window.desk.compare_with(None, "turned")
    qtbot.waitUntil(lambda: window.desk.other is not None and len(window.desk.drawn) == 2, timeout=PATIENCE_MS)
    yaw = next(curve for curve in window.desk.drawn if curve.name == "stable_yaw_deg")
    assert yaw.difference is not None
    assert np.allclose(yaw.difference[np.isfinite(yaw.difference)], -2.0, atol=1e-4)
    assert window.compare.rows["Frames"].text() == "87 of 90"
    assert window.compare.rows["Mean distance"].text().startswith("0.000 px")
    shown = None
    window.desk.player.go(7)
    wait_for(qtbot, window, 7)
    shown = window.hand.overlay.shown_of(window.video.scene)  # type: ignore[arg-type]
    assert shown is not None and shown.other is not None and shown.other.raw.frame.index == 7
    window.desk.compare_with(None, "nothing of the kind")
    qtbot.waitUntil(lambda: "no pass" in said(window), timeout=PATIENCE_MS)


def test_automatic_markers_are_one_step(window: ReplayWindow, qtbot: QtBot) -> None:
    desk = window.desk
    desk.settings = Settings(annotate=Annotate(turn_at=1.0, mouth_at=0.001))
    mine = desk.edits.add([Label(1.0, None, "mine", "speech")])
    desk.make_automatic()
    qtbot.waitUntil(lambda: "automatic markers" in said(window), timeout=PATIENCE_MS)
    desk.make_automatic()
    qtbot.waitUntil(lambda: desk.stack.count() >= 1 and desk.book.get(mine[0]) is not None, timeout=PATIENCE_MS)
    assert desk.book.get(mine[0]) is not None


def no_video(folder: Path) -> None:
    (folder / "video.mkv").unlink()


def no_column(folder: Path) -> None:
    table = pq.read_table(folder / "frames.parquet").drop_columns(["stable_ibug68", "stable_yaw_deg"])
    pq.write_table(table, folder / "frames.parquet")


def cut_off(folder: Path) -> None:
    about = json.loads((folder / "session.json").read_text())
    (folder / "session.json").write_text(json.dumps({**about, "status": "recording"}))


def bad_markers(folder: Path) -> None:
    (folder / "markers.json").write_bytes(b"\xff{ half")


def bad_corrections(folder: Path) -> None:
    (folder / "corrections.json").write_text("{ half")


def bad_points(folder: Path) -> None:
    (folder / "points.json").write_text("[]")


@pytest.mark.parametrize(
    ("broken", "says"),
    [(no_video, "video is missing"), (no_column, "no stable_ibug68"), (cut_off, "stillpoint repair"),
     (bad_markers, "a copy of it (.broken) stays"), (bad_corrections, "corrections.json is damaged"),
     (bad_points, "points.json is damaged")],
)  # fmt: skip
def test_what_is_missing_is_said_and_the_rest_works(
    make: Callable[..., ReplayWindow], session: Path, qtbot: QtBot, broken: Callable[[Path], None], says: str
) -> None:
    broken(session)
    window = make(session)
    wait_for(qtbot, window, 0)
    assert window.banner.isVisible() and says in said(window)
    window.actions_by_name["on_10"].trigger()
    wait_for(qtbot, window, 10)
    press(window, Qt.Key.Key_1)
    press(window, Qt.Key.Key_1, QEvent.Type.KeyRelease)
    window.desk.save()
    assert len(read_markers(session)) == 1
    assert window.video.scene is not None and len(window.video.scene.tracked.raw.faces) == 1
    qtbot.waitUntil(lambda: len(window.desk.drawn) == len(window.desk.choices), timeout=PATIENCE_MS)


def test_a_session_that_is_still_recorded_is_not_called_cut_off(
    make: Callable[..., ReplayWindow], session: Path
) -> None:
    cut_off(session)
    with (session / STREAM).open("w+b") as written:
        assert lock(written)
        assert "still being recorded" in said(make(session))
    assert "cut off" in said(make(session))


def test_damaged_corrections_outlive_new_ones(make: Callable[..., ReplayWindow], session: Path, qtbot: QtBot) -> None:
    bad_corrections(session)
    window = make(session)
    wait_for(qtbot, window, 0)
    assert not (session / "corrections.json.broken").exists()  # looking changes nothing
    window.desk.corrections.put(Correction(0, 0.0, 1, "ibug68", 3, 5.0, 6.0, (1.0, 2.0)))
    assert (session / "corrections.json.broken").read_text() == "{ half" and len(read_corrections(session)) == 1
    window.desk.stack.undo()
    assert not (session / "corrections.json").exists() and (session / "corrections.json.broken").exists()


def test_two_windows_on_one_session_keep_and_show_each_others_work(
    make: Callable[..., ReplayWindow], session: Path, qtbot: QtBot
) -> None:
    first, second = make(session), make(session)
    mine = first.desk.edits.add([Label(0.1, None, "first's", "mark")])
    first.desk.save()
    first.desk.corrections.put(Correction(0, 0.0, 1, "ibug68", 3, 5.0, 6.0, (1.0, 2.0)))
    second.desk.edits.add([Label(0.2, None, "second's", "mark")])
    second.desk.corrections.put(Correction(5, 0.2, 1, "ibug68", 4, 7.0, 8.0, (1.0, 2.0)))
    second.desk.look()
    assert "Another window" in said(second) and second.markers.table.rows.rowCount() == 2
    assert second.landmarks.table.rowCount() == 2
    qtbot.waitUntil(lambda: first.markers.table.rows.rowCount() == 2, timeout=PATIENCE_MS)  # it looks by itself
    second.desk.stack.undo()  # his correction only
    second.desk.edits.remove(mine)
    second.desk.stack.undo()
    for window in (second, first):
        window.close()
    assert [one.label for one in read_markers(session)] == ["first's", "second's"]
    assert [one.frame for one in read_corrections(session).items] == [0]


def test_what_is_no_session_is_told_before_a_window_opens(theme: Theme, session: Path) -> None:
    about = json.loads((session / "session.json").read_text())
    (session / "session.json").write_text(json.dumps({**about, "schema_version": {"major": 9, "minor": 0}}))
    with pytest.raises(SourceError, match="newer Stillpoint"):
        ReplayWindow(session, Settings(), theme)
    (session / "session.json").unlink()
    with pytest.raises(SourceError, match="is no session"):
        ReplayWindow(session, Settings(), theme)


def test_the_command_draws_its_window(session: Path, tmp_path: Path, qapp: QApplication) -> None:
    picture = tmp_path / "window.png"
    assert run_replay(session, Settings(), screenshot=picture, after_s=0.2) == 0
    image = QImage(str(picture))
    assert image.width() >= 1024 and image.height() >= 640


def test_the_command_says_what_is_no_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["replay", str(tmp_path)])
    assert end.value.code == 2 and "is no session" in capsys.readouterr().err


def test_every_control_has_a_name_and_every_key_its_action(window: ReplayWindow) -> None:
    assert set(window.actions_by_name) == {key.action for key in KEYS if not key.hold}
    names = [name for key in KEYS for name in key.keys]
    assert len(names) == len(set(names))
    for button in window.findChildren(QAbstractButton):
        ours = not button.objectName().startswith("qt_") and not isinstance(
            button.parent(), QTabBar | QTableView | QLineEdit
        )
        assert not ours or button.accessibleName() or button.text(), (button, button.parent())


def test_switches_show_what_the_keys_did(window: ReplayWindow) -> None:
    panel = window.view_panel
    window.actions_by_name["overlay"].trigger()
    assert not window.desk.bridge.wish.overlay and not panel.overlay.isChecked()
    window.actions_by_name["mesh"].trigger()
    assert window.desk.bridge.wish.mesh and panel.switches["mesh"].isChecked()
    bar = window.menuBar()
    assert bar is not None
    (view,) = (title.menu() for title in bar.actions() if title.text() == "&View")
    assert view is not None
    view.aboutToShow.emit()
    checked = {action.text() for action in view.actions() if action.isCheckable() and action.isChecked()}
    assert {"Landmarks", "Dense mesh", "Pose axes"} <= checked and "Overlay" not in checked


def test_the_layout_comes_back(window: ReplayWindow) -> None:
    window.docks["Curves"].setFloating(True)
    window.docks["Compare"].hide()
    window.view_panel.reset.click()
    assert window.docks["Curves"] in window.tabifiedDockWidgets(window.docks["Markers"])
    assert not window.docks["Compare"].isHidden()


def test_full_screen_is_left_by_esc(window: ReplayWindow) -> None:
    maximized = window.windowState() | Qt.WindowState.WindowMaximized
    window.setWindowState(maximized)
    window.actions_by_name["full_screen"].trigger()
    assert window.isFullScreen()
    window.actions_by_name["escape"].trigger()
    window.actions_by_name["escape"].trigger()
    assert not window.isFullScreen() and window.isMaximized()


def test_the_session_is_exported_with_what_was_corrected(window: ReplayWindow, qtbot: QtBot) -> None:
    folder = window.desk.session.folder
    desk = window.desk
    desk.corrections.put(Correction(frame=5, time=float(desk.line.time[5]), face=0, layout="ibug68", landmark=30,
                                    x=12.5, y=34.5, was=(1.0, 2.0)))  # fmt: skip
    window.actions_by_name["export_session"].trigger()
    (dialog,) = window.findChildren(ExportDialog)
    qtbot.waitUntil(dialog.start.isEnabled, timeout=PATIENCE_MS)
    for kind, box in dialog.formats.items():
        box.setChecked(kind == "csv")
    with qtbot.waitSignal(dialog.exporter.done, timeout=PATIENCE_MS):
        dialog.start.click()
    (table,) = (folder / "exports").glob("*.csv")
    assert ",12.5" in table.read_text() and ",34.5" in table.read_text()
    dialog.close()


def test_both_themes_paint(window: ReplayWindow, theme: Theme) -> None:
    window.desk.edits.add([Label(0.5, 1.5, "x", "speech"), Label(1.0, None, "y", "mark")])
    shades = []
    for colors in (DARK, LIGHT):
        theme.choose(colors.name)
        image = window.timeline.grab().toImage()
        shades.append(image.pixelColor(image.width() - 3, image.height() - 3).lightness())
    assert shades[0] < 60 and shades[1] > 200
