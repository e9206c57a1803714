"""The window: puts views, plots, panels and features together, and turns what people ask for into changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QEvent, QSettings, QTimer
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import QMainWindow

from tracker.errors import StillpointError
from tracker.head import load_head
from tracker.pipeline import Tracker
from tracker.settings import Settings, with_setting
from tracker.sinks import Sink

from .actions import actions_of, make_actions, make_menus, show_checks
from .announce import Announcer, Ways
from .banner import Banner
from .bridge import Bridge
from .controls import RecordKeys, SourceKeys
from .docks import build_docks, reset_docks, step_focus
from .feature import Dock, Factory, Host
from .features import FEATURES
from .head_view import HeadView
from .held import HeldKeys
from .live import Live, LiveState
from .panels.filter import FilterPanel
from .panels.form import Panel
from .panels.source import Cameras, SourcePanel, find_cameras
from .panels.tracking import TrackingPanel
from .panels.view import ViewPanel
from .plots import Plots
from .recordings import Recordings
from .remember import keep_changes, restore_layout, save_layout
from .restart import Restart
from .scene import Scene, wish_of
from .stage import set_stage
from .status import Meter, StatusRow
from .theme import DARK, Colors, Theme
from .video_view import VideoView

TICK_MS = 250
FIRST_WORDS = (
    "Choose a source in the panel, or press Ctrl+D for the demo.\nPictures stay on this computer: nothing is uploaded."
)


class Window(QMainWindow):
    """The main window. `store` keeps the layout, `settings_path` the changed settings (None: neither is kept)."""

    def __init__(
        self,
        settings: Settings,
        theme: Theme,
        *,
        make_tracker: Callable[[Settings], Tracker],
        make_recorder: Callable[[Path, Settings, Tracker], Sink],
        store: QSettings | None = None,
        settings_path: Path | None = None,
        recordings: Path | None = None,
        find: Callable[[], Cameras] = find_cameras,
        features: Sequence[Factory] = FEATURES,
    ) -> None:
        super().__init__()
        self.settings, self._first_settings = settings, settings
        self.theme = theme
        self._store, self._settings_path = store, settings_path
        self.recordings = Recordings(recordings)
        self.bridge = Bridge(parent=self)
        self.live = Live(self.bridge, make_tracker, make_recorder, self)
        self._meter = Meter()
        self.setWindowTitle("Stillpoint")
        self._build_views(find)
        self._build_features(features)
        self._build_docks()
        self._build_actions()
        self._connect()
        self._wish_from_settings()
        self._first_layout = self.saveState()
        if store is not None:
            restore_layout(self, store)
        self.video.clear("Nothing is open", FIRST_WORDS)
        self._tick = QTimer(self)
        self._tick.timeout.connect(self._refresh)
        self._tick.start(TICK_MS)
        self.source_panel.look_for_cameras()

    # --- building

    def _build_views(self, find: Callable[[], Cameras]) -> None:
        colors = self.theme.colors
        self.banner = Banner(colors)
        self.video = VideoView(self.bridge, colors)
        self.head = HeadView(load_head(), colors, self.settings.view.follow, self.settings.view.renderer)
        self.plots = Plots(self.bridge.history, colors)
        self.source_panel = SourcePanel(self.settings.capture, self.settings.capture.source, find)
        self.tracking_panel = TrackingPanel(self.settings)
        self.filter_panel = FilterPanel(self.settings.filter)
        self.view_panel = ViewPanel(self.settings.view)
        self.status = StatusRow(colors)
        set_stage(self, self.banner, self.video, self.status)
        self.sources = SourceKeys(self, self.live, self.source_panel, self.open, self.retry, self.go_to)
        self.records = RecordKeys(self.live, self.recordings, self.status, self.banner, lambda: self.settings)
        self._restart = Restart(self.live, self.banner, self.retry)
        ways = Ways(self.retry, self.sources.open_demo)
        self._announcer = Announcer(self.banner, self.video, self.status, self.live, self.bridge, ways)

    def _build_features(self, factories: Sequence[Factory]) -> None:
        host = Host(
            window=self,
            bridge=self.bridge,
            live=self.live,
            video=self.video,
            head=self.head,
            theme=self.theme,
            recordings=self.recordings.base,
            settings=lambda: self.settings,
            change=self.change,
            say=self.banner.say,
            open=self.open,
            go_to=self.go_to,
        )
        self.features = tuple(make(host) for make in factories)
        for feature in self.features:
            self.bridge.add_tap(feature.tap)
            for overlay in feature.overlays:
                self.video.add_overlay(overlay)

    def _build_docks(self) -> None:
        ours = (
            Dock("3D head", self.head, "head"),
            Dock("Source", self.source_panel),
            Dock("Tracking", self.tracking_panel),
            Dock("Filter", self.filter_panel),
            Dock("View", self.view_panel),
            Dock("Signals", self.plots, "bottom"),
        )
        self.docks = build_docks(self, (*ours, *(dock for feature in self.features for dock in feature.docks)))

    def _build_actions(self) -> None:
        does = actions_of(self)
        held: dict[str, Callable[[bool], object]] = {"raw": self.set_raw}
        for feature in self.features:
            does |= feature.actions
            held |= feature.held
        self.actions_by_name = make_actions(self, does)
        more = [(feature.menu, tuple(feature.actions)) for feature in self.features if feature.menu]
        make_menus(self, self.actions_by_name, [dock.toggleViewAction() for dock in self.docks.values()], more)
        show_checks(self, self.actions_by_name, {**self.view_panel.by_key, "filter": self.filter_panel.on})
        self._held = HeldKeys(self, held)

    def _connect(self) -> None:
        self.bridge.arrived.connect(self._show_scene)
        self.live.changed.connect(self._show_state)
        self.live.told.connect(lambda text: self.banner.say("trouble", text))
        self.live.recorded.connect(self._announcer.recorded)
        self.theme.changed.connect(self._set_colors)
        self.source_panel.opened.connect(self.open)
        for panel in self.panels:
            panel.asked.connect(self.change)
        self.filter_panel.raw_held.connect(self.set_raw)
        self.view_panel.overlay_asked.connect(self.set_overlay)
        self.view_panel.fit_asked.connect(self.video.fit)
        self.view_panel.reset_asked.connect(self.reset_layout)
        self.head.follow_changed.connect(lambda on: self.change("view.follow", on))
        self.status.toggle.clicked.connect(self.sources.toggle)
        self.status.record.clicked.connect(self.toggle_recording)

    @property
    def panels(self) -> tuple[Panel, ...]:
        return self.source_panel, self.tracking_panel, self.filter_panel, self.view_panel

    # --- what people ask for

    def open(self, source: str) -> None:
        """Track this source from now on."""
        self.settings = with_setting(self.settings, "capture.source", source)
        self.source_panel.show_source(source)
        self._announcer.asked()
        self.live.start(source, self.settings)

    def retry(self) -> None:
        """Open the same source again."""
        self.open(self.settings.capture.source)

    def change(self, key: str, value: Any) -> None:
        """Change a setting; raises nothing: what is refused is said in the banner."""
        try:
            changed = with_setting(self.settings, key, value)
        except StillpointError as error:
            self.banner.say("trouble", str(error))
            return
        if changed == self.settings:
            return
        before, self.settings = self.settings, changed
        self.tracking_panel.show_settings(changed)
        self.filter_panel.show_settings(changed.filter)
        self.view_panel.show_settings(changed.view)
        if changed.filter != before.filter:
            self.live.set_filter(changed.filter)
        if changed.view != before.view:
            self.theme.choose(changed.view.theme)
            self.head.set_follow(changed.view.follow)
            self.head.set_renderer(changed.view.renderer)
            self._wish_from_settings()
        for feature in self.features:
            feature.show_settings(changed)
        self._restart.follow(before, changed)

    def set_raw(self, raw: bool) -> None:
        """Show unfiltered faces, while held."""
        self.bridge.change(lambda wish: replace(wish, raw=raw))

    def set_overlay(self, on: bool) -> None:
        self.bridge.change(lambda wish: replace(wish, overlay=on))
        self.view_panel.show_overlay(on)

    def toggle_recording(self) -> None:
        """Start a recording in a new folder, or finish the one that runs."""
        self.records.toggle()

    def reset_layout(self) -> None:
        """Every dock where it was at the first start."""
        reset_docks(self, self.docks, self._first_layout)

    def go_to(self, dock: str) -> None:
        """Show a dock, by its title."""
        self.docks[dock].show()
        self.docks[dock].raise_()

    # --- what is shown

    def _show_scene(self, scene: Scene) -> None:
        self.head.show_scene(scene)
        for feature in self.features:
            feature.show_scene(scene)

    def _show_state(self, state: LiveState) -> None:
        self._announcer.show(state)
        self._announcer.show_opening()
        self._restart.show_state(state)
        self.tracking_panel.show_engine(state.engine)
        self.records.show()
        self.setWindowTitle(self._announcer.title())
        for feature in self.features:
            feature.show_state(state)

    def _refresh(self) -> None:
        """Four times a second: the figures."""
        self.live.check_recording()
        self.status.show_figures(self._meter.read(self.live.pipeline, self.video.painted))
        self.source_panel.show_info(self.live.info)
        self.records.show()
        self.setWindowTitle(self._announcer.title())
        self._announcer.show_opening()
        self._announcer.show_face()
        scene = self.video.scene if self.live.state.phase == "running" else None
        self.tracking_panel.show_faces(scene.tracked.stable.faces if scene is not None else ())
        for feature in self.features:
            feature.refresh()

    def _wish_from_settings(self) -> None:
        # On a photograph the dark theme's accent is the one that shows, whatever the window looks like.
        self.bridge.change(lambda wish: wish_of(wish, self.settings.view, DARK.accent))

    def _set_colors(self, colors: Colors) -> None:
        for part in (self.video, self.head, self.plots, self.status, self.banner):
            part.set_colors(colors)
        for feature in self.features:
            feature.set_colors(colors)
        self._wish_from_settings()

    # --- Qt's side

    def focusNextPrevChild(self, next: bool) -> bool:
        return step_focus(self, next)

    def changeEvent(self, event: QEvent | None) -> None:
        if event is not None and event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self._held.let_go()
        super().changeEvent(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self._tick.stop()
        self.hide()  # at once: letting a camera go may take a moment
        if self._store is not None:
            save_layout(self, self._store)
        if self._settings_path is not None:
            keep_changes(self._first_settings, self.settings, self._settings_path)
        self.live.shut_down()
        for feature in self.features:
            feature.close()
        self._held.stop()
        super().closeEvent(event)
