"""The video view, the 3D head and the plots, painted for real on the offscreen platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from patience import PATIENCE_MS
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QColor, QImage
from PyQt6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from ui_faces import face_at, tracked

from tracker.head import load_head
from ui.bridge import Bridge
from ui.dots import dot_scale
from ui.head_software import SoftwareHead, shade
from ui.head_view import HeadView
from ui.history import History
from ui.plots import Plots
from ui.renderer import opengl_problem
from ui.theme import DARK, LIGHT, Theme
from ui.video_view import VideoView

Keep = Callable[[QWidget], None]


def pixels(widget: QWidget) -> np.ndarray:
    """(H, W, 3) RGB of what a widget paints."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGBA8888)
    data = image.constBits()
    assert data is not None
    rows = np.frombuffer(data.asarray(image.sizeInBytes()), np.uint8).reshape(image.height(), image.width(), 4)
    return rows[..., :3].copy()  # the image takes its memory with it


@pytest.fixture
def bridge(theme: Theme) -> Bridge:
    return Bridge()


@pytest.fixture
def video(qtbot: QtBot, bridge: Bridge) -> VideoView:
    view = VideoView(bridge, DARK)
    qtbot.addWidget(view)
    view.resize(640, 480)
    view.show()
    bridge._written = float("-inf")
    return view


def still(bridge: Bridge) -> None:
    """Let changes show at once: no frame is expected."""
    bridge._written = float("-inf")


def test_the_picture_is_painted_letterboxed(video: VideoView, bridge: Bridge) -> None:
    video.resize(800, 480)
    bridge.write(tracked(image=np.full((480, 640, 3), (200, 100, 50), np.uint8)))
    seen = pixels(video)
    assert seen[240, 400].tolist() == [200, 100, 50]
    assert QColor(*seen[240, 20].tolist()) == QColor(DARK.stage)
    assert seen[240, 82].tolist() == [200, 100, 50] and seen[240, 717].tolist() == [200, 100, 50]


def test_landmarks_are_painted_where_the_face_has_them(video: VideoView, bridge: Bridge) -> None:
    bare = tracked()
    bridge.write(bare)
    before = pixels(video)
    face = face_at(yaw=20)
    bridge.write(tracked(raw=(face,)))
    after = pixels(video)
    points = face.landmarks_px("mediapipe478")
    near = np.zeros((480, 640), bool)
    for x, y in points.round().astype(int):
        near[y - 6 : y + 7, x - 6 : x + 7] = True
    axes = face.state.project(np.vstack([np.zeros(3), np.eye(3) * 0.09]).astype(np.float32))
    low, high = axes.min(0).astype(int) - 14, axes.max(0).astype(int) + 15
    near[low[1] : high[1], low[0] : high[0]] = True
    changed = (before != after).any(2)
    assert changed.sum() > 3000
    assert not (changed & ~near).any()


def test_the_overlay_and_the_picture_are_of_one_frame(video: VideoView, bridge: Bridge) -> None:
    first, second = tracked(0.0, (face_at(300),)), tracked(0.1, (face_at(350),))
    bridge.write(first)
    bridge.write(second)
    assert video.scene is not None and video.scene.tracked is second
    expected = second.stable.faces[0].landmarks_px("mediapipe478")
    assert np.allclose(video.scene.faces[0].points, expected, atol=1e-3)


def test_zooming_keeps_the_point_under_the_pointer(video: VideoView, bridge: Bridge) -> None:
    bridge.write(tracked())
    still(bridge)
    at = QPointF(200, 150)
    before = video._fraction(at)
    video.zoom_by(2.0, at)
    still(bridge)
    video.zoom_by(1.5, at)
    assert bridge.wish.zoom == 3.0
    assert video._fraction(at) == pytest.approx(before, abs=0.01)
    still(bridge)
    video.fit()
    assert bridge.wish.zoom == 1.0 and bridge.wish.centre == (0.5, 0.5)


def test_zoom_stops_at_the_whole_picture(video: VideoView, bridge: Bridge) -> None:
    bridge.write(tracked())
    for _ in range(5):
        video.zoom_by(0.5)
    assert bridge.wish.zoom == 1.0


def test_dragging_moves_a_zoomed_picture(video: VideoView, bridge: Bridge, qtbot: QtBot) -> None:
    bridge.write(tracked())
    still(bridge)
    video.zoom_by(4.0)
    grabbed = video._fraction(QPointF(300, 200))
    qtbot.mousePress(video, Qt.MouseButton.LeftButton, pos=QPoint(300, 200))
    still(bridge)
    qtbot.mouseMove(video, QPoint(360, 230))
    qtbot.mouseRelease(video, Qt.MouseButton.LeftButton, pos=QPoint(360, 230))
    assert video._fraction(QPointF(360, 230)) == pytest.approx(grabbed, abs=0.01)


def test_dots_shrink_with_the_face_and_with_their_number() -> None:
    assert dot_scale(500, 68) == dot_scale(240, 478) == 1.0
    assert dot_scale(120, 478) == pytest.approx(0.5)
    assert dot_scale(240, 1201) < 0.7
    assert 0.3 < dot_scale(5, 478) < 0.5


def test_words_are_shown_and_read_out_where_there_is_no_picture(video: VideoView) -> None:
    video.clear("Nothing is open", "Choose a source.")
    assert (pixels(video) != np.array(QColor(DARK.stage).getRgb()[:3])).any()
    assert "Nothing is open" in video.accessibleDescription()


def test_raw_values_are_marked(video: VideoView, bridge: Bridge) -> None:
    bridge.write(tracked())
    before = pixels(video)[8:40]
    still(bridge)
    bridge.change(lambda wish: replace(wish, raw=True))
    now = pixels(video)[8:40]
    assert (now[:, -120:] != before[:, -120:]).any()
    np.testing.assert_array_equal(now[:, :240], before[:, :240])  # where a recording shows that it runs


@pytest.fixture
def keep(qtbot: QtBot) -> Iterator[Callable[[QWidget], None]]:
    """Shows a widget and keeps it until the last events are through: it must not be collected while it paints."""
    kept: list[QWidget] = []

    def show(widget: QWidget) -> None:
        kept.append(widget)
        qtbot.addWidget(widget)
        widget.show()

    yield show
    kept.clear()


# --- the 3D head


@pytest.fixture
def head(qtbot: QtBot, theme: Theme) -> HeadView:
    view = HeadView(load_head(), DARK, renderer="software")
    qtbot.addWidget(view)
    view.resize(300, 320)
    view.show()
    return view


def render(azimuth: float = 0.0, elevation: float = 0.0, yaw: float = 0.0) -> np.ndarray:
    model = load_head()
    angle = np.radians(yaw)
    about_up = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]], np.float32)
    axes = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], np.float32)
    turn = about_up @ axes
    return shade(
        model.mean @ turn.T, model.normals @ turn.T, model.tri, model.color, 128, azimuth, elevation, 0.85, (0, 0, 0)
    )


def test_the_software_head_is_a_head(theme: Theme) -> None:
    shape = render().any(2)
    assert 0.15 < shape.mean() < 0.6
    assert np.mean(shape == shape[:, ::-1]) > 0.97  # from the front it is symmetric


def test_orbiting_the_camera_is_turning_the_head(theme: Theme) -> None:
    orbit, turned = render(azimuth=40).any(2), render(yaw=-40).any(2)
    assert np.mean(orbit == turned) > 0.995
    assert np.mean(orbit == render().any(2)) < 0.99
    assert np.mean(render(elevation=60).any(2) == render().any(2)) < 0.97


def test_without_opengl_the_head_is_drawn_and_the_reason_told(keep: Keep, theme: Theme) -> None:
    reason = opengl_problem()
    if reason is None:
        pytest.skip("this display has a graphics card")
    assert reason.endswith(".")
    view = HeadView(load_head(), DARK)
    keep(view)
    assert reason in view.software_reason
    assert isinstance(view.renderer, SoftwareHead)


def test_the_head_follows_or_stays_frontal(head: HeadView, bridge: Bridge, qtbot: QtBot) -> None:
    bridge.arrived.connect(head.show_scene)
    frontal = pixels(head)
    head.set_follow(False)
    bridge.write(tracked(raw=(face_at(yaw=50),)))
    assert isinstance(head.renderer, SoftwareHead)
    frontal_vertices = head.renderer._vertices
    head.set_follow(True)
    turned = head.renderer._vertices
    nose = load_head().layouts["ibug68"].index[30, 0]
    assert abs(float(frontal_vertices[nose, 1])) < 0.005
    assert float(turned[nose, 1]) > 0.04  # yaw to the subject's left: to the viewer's right
    qtbot.waitUntil(lambda: bool((pixels(head) != frontal).any()), timeout=PATIENCE_MS)


def test_dragging_orbits_and_the_front_comes_back(head: HeadView, qtbot: QtBot) -> None:
    renderer = head.renderer
    assert isinstance(renderer, SoftwareHead)
    before = pixels(renderer)
    qtbot.mousePress(renderer, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    qtbot.mouseMove(renderer, QPoint(160, 110))
    qtbot.mouseRelease(renderer, Qt.MouseButton.LeftButton, pos=QPoint(160, 110))
    assert (renderer._azimuth, renderer._elevation) == (-60.0, 10.0)
    assert (pixels(renderer) != before).any()
    renderer.look_from_front()
    assert np.array_equal(pixels(renderer), before)


def test_another_renderer_keeps_the_head(head: HeadView, bridge: Bridge) -> None:
    bridge.arrived.connect(head.show_scene)
    bridge.write(tracked(raw=(face_at(yaw=30),)))
    old = head.renderer
    head.set_renderer("auto")  # without a graphics card: software again, with the reason
    assert head.renderer is not old
    if not isinstance(head.renderer, SoftwareHead):
        pytest.skip("this display has a graphics card")
    nose = load_head().layouts["ibug68"].index[30, 0]
    assert float(head.renderer._vertices[nose, 1]) > 0.02


def test_opengl_draws_the_same_head_and_gives_way_when_it_fails(keep: Keep, theme: Theme, qtbot: QtBot) -> None:
    reason = opengl_problem("opengl")
    if reason is not None:
        pytest.skip(reason)
    view = HeadView(load_head(), DARK, renderer="opengl")
    view.resize(300, 340)
    keep(view)
    with qtbot.waitExposed(view, timeout=PATIENCE_MS):
        view.show()
    assert view.software_reason == "" and not isinstance(view.renderer, SoftwareHead)
    assert isinstance(view.renderer, QWidget)
    seen = pixels(view.renderer).astype(int)
    skin = (seen[..., 0] > seen[..., 2] + 15) & (seen[..., 0] > 60)
    assert 0.1 < skin.mean() < 0.7
    view.renderer.failed.emit("It broke.")  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: isinstance(view.renderer, SoftwareHead), timeout=PATIENCE_MS)
    assert "It broke." in view.software_reason


# --- plots


def test_plots_show_names_and_the_newest_values(keep: Keep, theme: Theme) -> None:
    history = History()
    plots = Plots(history, DARK)
    plots.resize(900, 200)
    keep(plots)
    for i in range(90):
        history.append(tracked(i / 30, (face_at(320 + i % 2, yaw=12),), (face_at(320, yaw=12),)))
    plots.refresh()
    assert "yaw" in plots.pose._legend.text() and "<b>12.0</b>" in plots.pose._legend.text()
    raw, filtered = (plots.jitter._curves[i].getData()[1] for i in (1, 0))
    assert raw[-1] > 0.1 and filtered[-1] == pytest.approx(0, abs=1e-3)
    assert "step&nbsp;<b>4.0</b>" in plots.latency._legend.text()


def test_plots_survive_nothing_and_lost_faces(keep: Keep, theme: Theme) -> None:
    history = History()
    plots = Plots(history, LIGHT)
    keep(plots)
    plots.refresh()
    history.append(tracked(0.0))
    plots.refresh()
    assert "–" in plots.pose._legend.text()


def test_the_axis_holds_still_while_curves_fit(keep: Keep, theme: Theme) -> None:
    history = History()
    plots = Plots(history, DARK)
    keep(plots)
    ranges = set()
    for i in range(60):
        history.append(tracked(i / 30, (face_at(yaw=20 * np.sin(i)),)))
        plots.refresh()
        if i > 20:
            ranges.add(tuple(plots.pose._plot.viewRange()[1]))
    assert len(ranges) == 1
    low, high = ranges.pop()
    assert low < -20 and high > 20
