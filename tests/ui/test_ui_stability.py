"""The stability panel in the real window: figures, comparing views, the magnifier, sitting still, and MediaPipe's
consent. Frames are given to the bridge one by one, so that nothing depends on how busy the machine is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QComboBox, QTableWidget, QWidget
from pytestqt.qtbot import QtBot
from ui_faces import face_at, tracked

from tracker.settings import Settings, with_setting
from tracker.stability.sit_still import FILE, FILTERED, RAW, earlier
from tracker.types import Tracked
from ui.history import eye_distance_px
from ui.live import LiveState
from ui.panels.stability import LANDMARKS
from ui.scene import panes
from ui.stability import Stability
from ui.watch import PEER
from ui.window import Window

Make = Callable[..., Window]
PX = 0.6
"""The raw points' noise: both axes of a rigid face. The filtered ones keep a tenth of it."""


def frame(number: int, way: float = 0.0, px: float = PX) -> Tracked:
    rest = np.random.default_rng(number).normal(size=2) * px
    x, y = 320.0 + way, 240.0
    raw, stable = face_at(x + rest[0], y + rest[1]), face_at(x + 0.1 * rest[0], y + 0.1 * rest[1])
    result = tracked(number / 30, (raw,), (stable,))
    return Tracked(
        replace(result.raw, frame=replace(result.raw.frame, index=number)),
        replace(result.stable, frame=replace(result.raw.frame, index=number)),
    )


class Player:
    """Gives frames to a window that believes that a source runs."""

    def __init__(self, window: Window) -> None:
        self.window, self.number = window, 0
        (self.feature,) = window.features
        assert isinstance(self.feature, Stability)
        self.panel, self.watch = self.feature.panel, self.feature.watch
        for phase in ("opening", "running"):
            window.live._change(LiveState(phase, "camera", "", "nod"))  # type: ignore[arg-type]
        window.go_to("Stability")

    def play(self, frames: int, way: Callable[[float], float] = lambda t: 0.0) -> None:
        """All are measured, and the last one is painted too."""
        for left in range(frames, 0, -1):
            self.give(frame(self.number, way(self.number / 30)), left == 1)
            self.number += 1
            if self.number % 60 == 0:
                self.window._refresh()
        QApplication.processEvents()
        self.window._refresh()
        self.feature._draw_curves()

    def give(self, one: Tracked, paint: bool = False) -> None:
        if paint:
            self.window.bridge.write(one)
        else:
            self.window.bridge.history.append(one)
            self.feature.tap(one)

    def picture(self) -> np.ndarray:
        image = self.window.video.grab().toImage().convertToFormat(QImage.Format.Format_RGBA8888)
        data = image.constBits()
        assert data is not None
        rows = np.frombuffer(data.asarray(image.sizeInBytes()), np.uint8)
        return rows.reshape(image.height(), image.width(), 4)[..., :3].astype(int)

    def cell(self, row: str, column: int) -> str:
        return self.panel._rows[row][column].text()


@pytest.fixture
def player(make_window: Make) -> Player:
    return Player(make_window(features=(Stability,)))


def test_figures_are_those_of_the_points(player: Player) -> None:
    player.play(180)
    expected = 100.0 * PX * np.sqrt(2) / eye_distance_px(face_at())
    assert float(player.cell(RAW, 0).removesuffix(" %")) == pytest.approx(expected, rel=0.6)
    figures = player.watch.figures()
    assert figures[FILTERED].percent == pytest.approx(0.1 * figures[RAW].percent, rel=0.01)
    assert player.cell(PEER, 0) == player.cell(RAW, 2) == "–"
    age, raw, stable = player.watch.curves(10.0)
    assert len(age) == 180 and np.nanmean(raw) > 5 * np.nanmean(stable)
    assert "Contour: 0." in player.panel.sparklines.accessibleDescription()


def test_lag_is_shown_once_the_head_moves(player: Player) -> None:
    for i in range(150):
        late = face_at(320.0 + 60.0 * np.sin(3.0 * (i / 30 - 0.03)))
        now = face_at(320.0 + 60.0 * np.sin(3.0 * i / 30))
        player.give(tracked(i / 30, (now,), (late,)))
    assert player.watch.figures()[FILTERED].lag_ms == pytest.approx(30.0, abs=1.5)
    player.window._refresh()
    assert player.cell(FILTERED, 2) == "30 ms"
    player.window.live._change(LiveState("opening", "other", "", "nod"))
    assert np.isnan(player.watch.figures()[FILTERED].lag_ms)


def test_one_key_goes_through_the_arrangements(player: Player) -> None:
    window = player.window
    seen = []
    for _ in range(3):
        window.actions_by_name["compare"].trigger()
        player.play(2)
        scene = window.video.scene
        assert scene is not None
        seen.append((scene.wish.arrangement, scene.before is not None, len(panes(scene))))
    assert seen == [("beside", True, 2), ("split", True, 2), ("one", False, 1)]
    assert player.panel.arrangement.currentData() == "one"


def test_raw_is_on_the_left_and_stabilized_on_the_right(player: Player) -> None:
    window = player.window
    window.change("compare.arrangement", "beside")
    player.play(3)
    scene = window.video.scene
    assert scene is not None and scene.before is not None
    raw, stable = scene.tracked.raw.faces[0], scene.tracked.stable.faces[0]
    assert np.allclose(scene.before.faces[0].points, scene.placement.to_view(raw.landmarks_px("mediapipe478")))
    assert np.allclose(scene.faces[0].points, scene.placement.to_view(stable.landmarks_px("mediapipe478")))
    assert scene.placement.target[2] <= scene.wish.width // 2
    left, right = panes(scene)
    assert left.before and not right.before and right.clip[0] >= scene.wish.width // 2


def test_the_divider_is_dragged_and_moved_by_keys(player: Player, qtbot: QtBot) -> None:
    window = player.window
    window.actions_by_name["divider_left"].trigger()
    player.play(2)
    assert window.settings.compare.arrangement == "split" and window.bridge.wish.divider == pytest.approx(0.46)
    video = window.video
    at = QPoint(round(0.46 * video.width()), 50)
    qtbot.mouseMove(video, at)
    assert video.cursor().shape() == Qt.CursorShape.SplitHCursor
    qtbot.mousePress(video, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(video, QPoint(round(0.7 * video.width()), 50))
    qtbot.mouseRelease(video, Qt.MouseButton.LeftButton, pos=at)
    assert window.bridge.wish.divider == pytest.approx(0.7, abs=0.01)
    for _ in range(20):
        window.actions_by_name["divider_right"].trigger()
    assert 0.9 < window.bridge.wish.divider < 1.0


def test_the_magnifier_draws_what_shakes(player: Player) -> None:
    window = player.window
    window.change("view.landmarks", False)
    window.change("view.axes", False)
    player.play(20)
    bare = player.picture()
    window.actions_by_name["magnifier"].trigger()
    window.change("compare.magnify", 40.0)
    window.video.repaint()
    assert player.panel.magnifier.isChecked() and player.panel.factor.value() == 40
    assert (np.abs(player.picture() - bare).sum(-1) > 60).sum() > 300
    window.set_overlay(False)
    player.play(1)
    assert (np.abs(player.picture() - bare).sum(-1) > 60).sum() < 50


def test_a_close_up_follows_the_landmark_that_was_clicked(player: Player, qtbot: QtBot) -> None:
    window = player.window
    window.actions_by_name["close_up"].trigger()
    player.play(20)
    scene = window.video.scene
    assert scene is not None and window.settings.compare.landmark == 30
    moment = player.watch.moment(scene.tracked.raw.frame.index)
    assert moment is not None and moment.close_up is not None
    assert np.abs(moment.points[1][30] - moment.close_up.centre).max() < moment.close_up.half
    x, y = scene.placement.to_view(moment.points[1][8:9])[0]
    qtbot.mouseClick(window.video, Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(y)))
    assert window.settings.compare.landmark == 8 and player.panel.landmark.currentText() == "Chin"
    player.play(2)
    window.actions_by_name["next_landmark"].trigger()
    assert window.settings.compare.landmark == LANDMARKS[0][0]
    window.actions_by_name["previous_landmark"].trigger()
    assert window.settings.compare.landmark == 8
    window.change("compare.landmark", 60)  # not in the list: it is added
    assert "60" in player.panel.landmark.currentText()


def test_sitting_still_gives_a_figure_and_keeps_it(player: Player, tmp_path: Path) -> None:
    window = player.window
    folder = tmp_path / "session"
    window.live._change(replace(window.live.state, recording=folder))
    player.play(20)
    window.actions_by_name["sit_still"].trigger()
    assert player.panel.measure.text() == "Cancel"
    player.play(60)
    assert player.watch.progress is not None and player.watch.progress.phase == "countdown"
    player.play(200)
    assert player.watch.progress is None and "% of the distance between your eyes" in player.panel.result.text()
    assert "MediaPipe" in window.banner.text
    (kept,) = earlier(tmp_path / "measurements.json")
    assert earlier(folder / FILE) == (kept,)
    assert kept.contestants[FILTERED].std == pytest.approx(0.1 * kept.contestants[RAW].std, rel=0.02)
    window.actions_by_name["measurements"].trigger()
    (dialog,) = [w for w in QApplication.topLevelWidgets() if w.windowTitle() == "Earlier measurements"]
    grid = dialog.findChild(QTableWidget)
    assert grid is not None and grid.rowCount() == 1 and not dialog.isModal()
    dialog.close()


def test_a_head_that_moves_is_refused_and_trying_is_cancelled(player: Player, tmp_path: Path) -> None:
    window = player.window
    window.actions_by_name["sit_still"].trigger()
    player.play(150, lambda t: 12.0 * t)
    assert "moved" in player.panel.result.text() and player.watch.progress is None
    window.actions_by_name["sit_still"].trigger()
    player.play(5)
    window.actions_by_name["sit_still"].trigger()
    assert player.panel.result.text() == "Cancelled." and not (tmp_path / "measurements.json").exists()
    window.actions_by_name["sit_still"].trigger()
    window.live._change(LiveState("ended", "camera", "It ended.", "nod"))
    window._refresh()
    assert "ended" in player.panel.result.text()


def test_sitting_still_needs_a_source(make_window: Make) -> None:
    window = make_window(features=(Stability,))
    window.actions_by_name["sit_still"].trigger()
    assert "Open a source" in window.banner.text


def test_a_damaged_list_is_told(player: Player, tmp_path: Path) -> None:
    (tmp_path / "measurements.json").write_text("{")
    player.window.actions_by_name["measurements"].trigger()
    assert "move it away" in player.window.banner.text


def test_without_mediapipe_it_says_how_to_get_it(make_window: Make, tmp_path: Path) -> None:
    settings = with_setting(Settings(), "compare.python", str(tmp_path / "none"))
    player = Player(make_window(settings, features=(Stability,)))
    assert not player.panel.agree.isEnabled() and "compare.python" in player.panel.peer_words.text()
    player.window.change("compare.mediapipe", True)
    assert "compare.python" in player.window.banner.text and not player.feature.peer.running
    player.window.banner.hide()
    player.window.change("view.mesh", True)
    assert player.window.banner.isHidden()  # it is said once


def test_what_the_peer_says_is_measured_beside_ours(player: Player) -> None:
    points = np.zeros((478, 2), np.float32)
    random = np.random.default_rng(5)
    for i in range(60):
        one = frame(i)
        player.give(one)
        if i % 2 == 0:  # it is slower than the camera
            noisy = points + random.normal(size=2).astype(np.float32)
            player.watch.step_peer(one.raw.frame, noisy, 0.02)
    figures = player.watch.figures()
    assert figures[PEER].px == pytest.approx(np.sqrt(2), rel=0.5)
    player.watch.step_peer(frame(9999).raw.frame, points, 0.02)  # a frame that is long gone
    assert np.isnan(player.watch.figures()[PEER].px)


def test_the_panel_takes_the_room_that_it_has(player: Player) -> None:
    for width, columns in ((1000, 4), (844, 3), (600, 2), (300, 1)):
        player.panel.resize(width, 200)
        QApplication.sendPostedEvents()
        assert player.panel._columns == columns


def test_every_control_has_a_name_and_a_tooltip(player: Player) -> None:
    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox)
    for control in player.panel.findChildren(QWidget):
        if isinstance(control, kinds):
            assert control.accessibleName() and control.toolTip(), control


def test_the_theme_reaches_the_curves(player: Player) -> None:
    player.window.change("view.theme", "light")
    assert player.panel.sparklines._colors.name == "light"
