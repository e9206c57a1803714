"""The replay window: a session's video with its overlay, the timeline below it, panels beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QCloseEvent
from PyQt6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QMainWindow,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from tracker.errors import StillpointError
from tracker.head import load_head
from tracker.session.play import Shown
from tracker.settings import Settings, with_setting

from ..actions import show_checks
from ..banner import Banner
from ..docks import build_docks, reset_docks, step_focus
from ..export_dialog import ExportDialog
from ..feature import Dock
from ..head_view import HeadView
from ..held import HeldKeys
from ..markers.panel import MarkersPanel
from ..panels.view import ViewPanel
from ..scene import Scene, wish_of
from ..theme import DARK, Colors, Theme
from ..video_view import VideoView
from .compare_panel import ComparePanel
from .curves_panel import CurvesPanel
from .desk import Desk
from .facts import facts_of
from .hand import HandOnPicture
from .landmarks_panel import LandmarksPanel
from .marking import Marking
from .menus import actions_of, make_menus
from .paint import STATE_NAMES
from .player import SPEEDS
from .scale import clock
from .timeline import TimelineView
from .transport import Transport

SIDE = 400
"""Width of the panels at the start, pixels."""
open_windows: set[ReplayWindow] = set()
"""Windows that are open: Python keeps them as long as Qt shows them."""


class ReplayWindow(QMainWindow):
    """A session on the desk. `run`: the pass that is shown; `against`: a pass or a folder to lay beside it.

    Raises StillpointError for a folder that is no session.
    """

    def __init__(
        self, folder: Path, settings: Settings, theme: Theme, run: str | None = None, against: str | None = None
    ) -> None:
        super().__init__()
        self.settings, self.theme = settings, theme
        self.desk = Desk(folder, settings, self, run)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"{folder.name} – Replay – Stillpoint")
        self.setMinimumSize(1024, 640)
        self.resize(1400, 900)
        self._build()
        self._build_actions()
        self._connect()
        self._wish()
        self._set_colors(theme.colors)
        self._show_all()
        if against is not None:
            beside = Path(against)
            self.desk.compare_with(*((beside, "") if beside.is_dir() else (None, against)))
        self.timeline.setFocus()
        open_windows.add(self)

    # --- building

    def _build(self) -> None:
        desk, colors, view = self.desk, self.theme.colors, self.settings.view
        self.view_panel = ViewPanel(view)
        self._does = actions_of(self)
        self.banner = Banner(colors)
        self.video = VideoView(desk.bridge, colors)
        self.hand = HandOnPicture(desk, self.video.update)
        self.video.add_overlay(self.hand.overlay)
        self.transport = Transport(self._does, desk.player.set_speed)
        self.timeline = TimelineView(desk.line, colors)
        below = QScrollArea()
        below.setWidgetResizable(True)
        below.setFrameShape(QFrame.Shape.NoFrame)
        below.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        below.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        below.setWidget(self.timeline)
        under = QWidget()
        column = QVBoxLayout(under)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.transport)
        column.addWidget(below, 1)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.video)
        split.addWidget(under)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setSizes([470, 400])
        split.setCollapsible(0, False)
        stage = QWidget()
        stage.setObjectName("stage")
        column = QVBoxLayout(stage)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.banner)
        column.addWidget(split, 1)
        self.setCentralWidget(stage)
        self.head = HeadView(load_head(), colors, view.follow, view.renderer)
        self.markers = MarkersPanel(with_automatic=False)
        self.marking = Marking(desk, self.markers, lambda: self.docks["Markers"].raise_(), self)
        self.landmarks = LandmarksPanel()
        self.curves = CurvesPanel(desk.columns)
        self.compare = ComparePanel(desk.passes)
        self.docks = build_docks(self, (
            Dock("3D head", self.head, "head"), Dock("Markers", self.markers), Dock("Curves", self.curves),
            Dock("Landmarks", self.landmarks), Dock("Compare", self.compare), Dock("View", self.view_panel),
        ))  # fmt: skip
        self.setTabPosition(Qt.DockWidgetArea.RightDockWidgetArea, QTabWidget.TabPosition.North)
        right = [self.docks[name] for name in ("3D head", "Markers")]
        self.resizeDocks(right, [SIDE] * len(right), Qt.Orientation.Horizontal)
        self.resizeDocks(right, [230, 500], Qt.Orientation.Vertical)
        self._first_layout = self.saveState()

    def _build_actions(self) -> None:
        self.actions_by_name = make_menus(self, self._does, [dock.toggleViewAction() for dock in self.docks.values()])
        show_checks(self, self.actions_by_name, self.view_panel.by_key)
        self._held = HeldKeys(self, {})
        self._held.listen({**self.marking.held, "T": self._show_raw})

    def _connect(self) -> None:
        desk, player = self.desk, self.desk.player
        desk.shown.connect(self._show_frame)
        desk.bridge.arrived.connect(self._show_scene)
        desk.labels_changed.connect(self._show_labels)
        desk.curves_changed.connect(lambda: self.timeline.show_curves(desk.drawn))
        desk.by_hand_changed.connect(self._show_by_hand)
        desk.other_changed.connect(self._show_other)
        desk.told.connect(lambda kind, text: self.banner.say(kind, text, for_s=10.0 if kind == "notice" else 0.0))
        desk.work.busy.connect(self.landmarks.progress.setText)
        player.moved.connect(self._show_position)
        player.changed.connect(lambda: self.transport.show_playing(player.playing, player.speed))
        self.theme.changed.connect(self._set_colors)
        self.timeline.sought.connect(player.seek)
        self.timeline.picked.connect(desk.select)
        self.timeline.edited.connect(lambda labels: desk.edits.change(labels, "Move markers"))
        self.markers.text_left.connect(self.setFocus)
        self.curves.chosen.connect(desk.choose)
        self.compare.run_asked.connect(desk.show_run)
        self.compare.other_asked.connect(self._compare)
        self.hand.connect(self.landmarks)
        self.landmarks.gone_to.connect(lambda frame: player.go(int(np.searchsorted(desk.line.index, frame))))
        self.view_panel.asked.connect(self.set_view)
        self.view_panel.overlay_asked.connect(self.set_overlay)
        self.view_panel.reset_asked.connect(self.reset_layout)
        self.view_panel.fit_asked.connect(self.video.fit)
        self.head.follow_changed.connect(lambda on: self.set_view("view.follow", on))

    # --- what people ask for

    def play(self) -> None:
        """Space belongs to the control that the keyboard is on."""
        focus = self.focusWidget()
        if isinstance(self.sender(), QAction) and isinstance(focus, QAbstractButton) and focus.hasFocus():
            focus.click()
        elif isinstance(self.sender(), QAction) and focus is self.curves.tree and focus.hasFocus():
            self.curves.flip()
        else:
            self.desk.player.toggle()

    def _show_raw(self, down: bool) -> None:
        self.desk.bridge.change(lambda wish: replace(wish, raw=down))

    def change_speed(self, way: int) -> None:
        at = min(max(SPEEDS.index(self.desk.player.speed) + way, 0), len(SPEEDS) - 1)
        self.desk.player.set_speed(SPEEDS[at])

    def _compare(self, folder: Path | None, run: str, which: str) -> None:
        if not which:
            self.desk.compare_with(None, None)
        else:
            self.desk.compare_with(folder, run, "raw" if which == "raw" else "stable")

    def set_view(self, key: str, value: object) -> None:
        """A setting of the view, for this window."""
        try:
            self.settings = with_setting(self.settings, key, value)
        except StillpointError as error:
            self.banner.say("trouble", str(error))
            return
        view = self.settings.view
        self.view_panel.show_settings(view)
        self.theme.choose(view.theme)
        self.head.set_follow(view.follow)
        self.head.set_renderer(view.renderer)
        self._wish()

    def set_overlay(self, on: bool) -> None:
        self.desk.bridge.change(lambda wish: replace(wish, overlay=on))
        self.view_panel.show_overlay(on)

    def reset_layout(self) -> None:
        """Every dock where it was at the first start."""
        reset_docks(self, self.docks, self._first_layout)

    # --- what is shown

    def _wish(self) -> None:
        view = self.settings.view  # the accent that shows on a photograph, as in the live window
        self.desk.bridge.change(lambda wish: wish_of(wish, view, DARK.accent))

    def _show_all(self) -> None:
        words = [*facts_of(self.desk.session), *self.desk.troubles]
        if words:
            self.banner.say("trouble" if self.desk.troubles else "notice", " ".join(words))
        if not len(self.desk.line):
            self.video.clear("This session is empty", "Its table has no rows.")
        self._show_labels()
        self._show_by_hand()
        self._show_position(self.desk.player.position)
        self.transport.show_playing(False, self.desk.player.speed)

    def _show_position(self, position: int) -> None:
        line = self.desk.line
        if not len(line):
            return
        time = float(line.time[position])
        self.timeline.show_time(time)
        state = str(line.state[position])
        self.transport.show_where(
            f"{clock(time)} / {clock(line.duration, 1)}   frame {line.index[position]}", STATE_NAMES.get(state, "")
        )

    def _show_frame(self, shown: Shown) -> None:
        self.hand.show(shown)

    def _show_scene(self, scene: Scene) -> None:
        self.head.show_scene(scene)

    def _show_labels(self) -> None:
        book, selected = self.desk.book, self.desk.selected
        labels, used = book.labels, {one.track for one in book.labels}
        mine = {track.name for track in self.desk.tracks}
        tracks = [track for track in book.tracks if track.name in used | mine]
        self.timeline.show_labels(labels, tracks, selected)
        self.markers.show_labels(labels, tracks, selected)

    def _show_by_hand(self) -> None:
        self.hand.refresh()
        self.landmarks.show_layer(self.desk.corrections.layer)
        self.landmarks.show_points(self.desk.points.points)
        self.curves.show_own([one.name for one in self.desk.points.points])
        self.curves.show_chosen(self.desk.choices)

    def _show_other(self) -> None:
        other = self.desk.other
        if other is None:
            self.compare.show_other(None, None)
            self.compare.show_figures(None, "Choose what to compare with.")
        else:
            self.compare.show_other(other.folder, other.run, other.session.which)
            words = "Rings show the other's landmarks; curves have it in the second colour, the difference in a third."
            self.compare.show_figures(other.comparison.figures, words)

    def _set_colors(self, colors: Colors) -> None:
        for part in (self.banner, self.video, self.head, self.timeline, self.transport):
            part.set_colors(colors)
        self._wish()

    def focusNextPrevChild(self, next: bool) -> bool:
        return step_focus(self, next)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self.hide()
        self._held.stop()
        for dialog in self.findChildren(ExportDialog):
            dialog.close()
        self.theme.changed.disconnect(self._set_colors)
        self.desk.close()
        open_windows.discard(self)
        super().closeEvent(event)
