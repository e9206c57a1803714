"""The window: puts views, plots and panels together, and turns what people ask for into changes."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import platformdirs
from PyQt6.QtCore import QEvent, QObject, QSettings, Qt, QTimer, QUrl
from PyQt6.QtGui import QAction, QCloseEvent, QDesktopServices, QKeyEvent, QKeySequence
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QDialog,
    QLabel,
    QLineEdit,
    QMainWindow,
    QStatusBar,
    QVBoxLayout,
    QWidget,
)

from tracker.errors import StillpointError
from tracker.head import load_head
from tracker.pipeline import Tracker
from tracker.settings import Settings, with_setting
from tracker.sinks import Sink

from .actions import make_actions, make_menus
from .banner import Banner
from .bridge import Bridge
from .docks import build_docks
from .head_view import HeadView
from .keys import BY_ACTION, sheet
from .live import Live, LiveState
from .panels.filter import FilterPanel
from .panels.form import Panel
from .panels.source import Cameras, SourcePanel, find_cameras
from .panels.tracking import TrackingPanel
from .panels.view import OVERLAYS, ViewPanel
from .plots import Plots
from .recordings import ESCAPE_AGAIN_S, Recordings
from .remember import keep_changes, restore_layout, save_layout
from .scene import Scene
from .status import Meter, StatusRow
from .theme import Colors, Theme
from .video_view import ZOOM_STEP, VideoView

log = logging.getLogger(__name__)
TICK_MS = 250
LEAST_SIZE = (1024, 640)
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
    ) -> None:
        super().__init__()
        self.settings, self._first_settings = settings, settings
        self.theme = theme
        self._store, self._settings_path = store, settings_path
        self.recordings = Recordings(recordings)
        self._asked_at = 0.0
        self.bridge = Bridge(parent=self)
        self.live = Live(self.bridge, make_tracker, make_recorder, self)
        self._meter = Meter()
        self.setWindowTitle("Stillpoint")
        self.setMinimumSize(*LEAST_SIZE)
        self.resize(1360, 840)
        self._build_views(find)
        self._build_docks()
        self._build_actions()
        self._connect()
        self._wish_from_settings()
        self._first_layout = self.saveState()
        if store is not None:
            restore_layout(self, store)
        self.video.clear("Nothing is open", FIRST_WORDS)
        application = QApplication.instance()
        assert application is not None
        application.installEventFilter(self)
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self._refresh)
        self._tick.start()
        self.source_panel.look_for_cameras()

    # --- building

    def _build_views(self, find: Callable[[], Cameras]) -> None:
        colors = self.theme.colors
        self.banner = Banner(colors)
        self.video = VideoView(self.bridge, colors)
        stage = QWidget()
        stage.setObjectName("stage")
        column = QVBoxLayout(stage)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.banner)
        column.addWidget(self.video, 1)
        self.setCentralWidget(stage)
        self.head = HeadView(load_head(), colors, self.settings.view.follow, self.settings.view.renderer)
        self.plots = Plots(self.bridge.history, colors)
        self.source_panel = SourcePanel(self.settings.capture, self.settings.capture.source, find)
        self.tracking_panel = TrackingPanel(self.settings)
        self.filter_panel = FilterPanel(self.settings.filter)
        self.view_panel = ViewPanel(self.settings.view)
        self.status = StatusRow(colors)
        bar = QStatusBar()
        bar.setSizeGripEnabled(False)
        bar.addWidget(self.status, 1)
        self.setStatusBar(bar)

    def _build_docks(self) -> None:
        self.docks = build_docks(
            self,
            {"3D head": self.head},
            {
                "Source": self.source_panel,
                "Tracking": self.tracking_panel,
                "Filter": self.filter_panel,
                "View": self.view_panel,
            },
            {"Signals": self.plots},
        )

    def _build_actions(self) -> None:
        does: dict[str, Callable[[], None]] = {
            "toggle": self._toggle,
            "filter": lambda: self.filter_panel.on.toggle(),
            "record": self.toggle_recording,
            "escape": self._escape,
            "open": self._open_file,
            "open_url": lambda: self._go_to("Source", lambda: self.source_panel.choose_kind("stream")),
            "demo": self._open_demo,
            "retry": self.retry,
            "overlay": lambda: self.set_overlay(not self.bridge.wish.overlay),
            "follow": lambda: self.view_panel.switches["follow"].toggle(),
            "zoom_in": lambda: self.video.zoom_by(ZOOM_STEP),
            "zoom_out": lambda: self.video.zoom_by(1 / ZOOM_STEP),
            "fit": self.video.fit,
            "full_screen": self._full_screen,
            "theme": lambda: self.change("view.theme", self.theme.flip()),
            "reset_layout": self.reset_layout,
            "settings": lambda: self._go_to("Tracking", self.tracking_panel.engine.setFocus),
            "keys": self.show_keys,
            "quit": self._quit,
        }
        for name in OVERLAYS:
            does[name] = self.view_panel.switches[name].toggle
        self.actions_by_name = make_actions(self, does)
        make_menus(self, self.actions_by_name, [dock.toggleViewAction() for dock in self.docks.values()])

    def _connect(self) -> None:
        self.bridge.arrived.connect(self._show_scene)
        self.live.changed.connect(self._show_state)
        self.live.told.connect(lambda text: self.banner.say("trouble", text))
        self.live.recorded.connect(self._show_recorded)
        self.theme.changed.connect(self._set_colors)
        self.source_panel.opened.connect(self.open)
        for panel in self.panels:
            panel.asked.connect(self.change)
        self.filter_panel.raw_held.connect(self.set_raw)
        self.view_panel.overlay_asked.connect(self.set_overlay)
        self.view_panel.fit_asked.connect(self.video.fit)
        self.view_panel.reset_asked.connect(self.reset_layout)
        self.head.follow_changed.connect(lambda on: self.change("view.follow", on))
        self.status.toggle.clicked.connect(self._toggle)
        self.status.record.clicked.connect(self.toggle_recording)

    @property
    def panels(self) -> tuple[Panel, ...]:
        return self.source_panel, self.tracking_panel, self.filter_panel, self.view_panel

    # --- what people ask for

    def open(self, source: str) -> None:
        """Track this source from now on."""
        self.settings = with_setting(self.settings, "capture.source", source)
        self.source_panel.show_source(source)
        self._asked_at = time.monotonic()
        self.banner.hide()
        self.bridge.forget()
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
        running = self.live.state.phase in ("opening", "running", "troubled")
        camera = self.live.info is not None and self.live.info.kind == "camera"
        if running and (changed.detection != before.detection or (camera and changed.capture != before.capture)):
            self.retry()

    def set_raw(self, raw: bool) -> None:
        """Show unfiltered faces, while held."""
        self.bridge.change(lambda wish: replace(wish, raw=raw))

    def set_overlay(self, on: bool) -> None:
        self.bridge.change(lambda wish: replace(wish, overlay=on))
        self.view_panel.show_overlay(on)

    def toggle_recording(self) -> None:
        """Start a recording in a new folder, or finish the one that runs."""
        if self.live.state.recording is not None:
            self.live.stop_recording()
        elif self.live.state.phase == "running":
            self.live.record(self.recordings.new_folder(), self.settings)
        self._show_record_state()

    def reset_layout(self) -> None:
        """Every dock where it was at the first start."""
        for dock in self.docks.values():
            dock.setFloating(False)
            dock.show()
        self.restoreState(self._first_layout)

    def show_keys(self) -> None:
        """The sheet of all keys."""
        dialog = QDialog(self)
        dialog.setWindowTitle("Keys")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        words = QLabel(sheet())
        words.setAccessibleName("Keys")
        column = QVBoxLayout(dialog)
        column.setContentsMargins(22, 14, 28, 22)
        column.addWidget(words)
        dialog.show()

    def _toggle(self) -> None:
        focus = self.focusWidget()
        if isinstance(self.sender(), QAction) and isinstance(focus, QAbstractButton) and focus.hasFocus():
            focus.click()  # Space belongs to the button that the keyboard is on
        elif self.live.state.phase in ("opening", "running", "troubled"):
            self.live.stop()
        else:
            self.retry()

    def _escape(self) -> None:
        if self.isFullScreen():
            self._full_screen()
            return
        meaning = self.recordings.escape()
        if meaning == "ask":
            self.banner.say("notice", "Press Esc again to stop the recording.", for_s=ESCAPE_AGAIN_S)
        elif meaning == "stop":
            self.banner.hide()
            self.toggle_recording()

    def _open_demo(self) -> None:
        self.open("demo")

    def _quit(self) -> None:
        self.close()

    def _full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _open_file(self) -> None:
        self.source_panel.choose_kind("file")
        self.source_panel.choose_path()

    def _go_to(self, dock: str, then: Callable[[], None]) -> None:
        self.docks[dock].show()
        self.docks[dock].raise_()
        then()

    # --- what is shown

    def _show_scene(self, scene: Scene) -> None:
        self.head.show_scene(scene)

    def _show_state(self, state: LiveState) -> None:
        busy = state.phase in ("opening", "running", "troubled")
        self.status.show_running(busy, state.engine)
        self.tracking_panel.show_engine(state.engine)
        if state.phase == "failed":
            if self.video.scene is None:
                self.video.clear("Nothing to show", "The reason is told above.")
            actions = {"Retry": self.retry, "Open the demo": self._open_demo}
            if state.source.startswith("demo"):
                del actions["Open the demo"]
            self.banner.say("trouble", state.text, actions)
        elif state.phase == "troubled":
            self.banner.say("trouble", state.text, {"Retry now": self.retry, "Stop": self.live.stop})
        elif state.phase == "ended":
            self.banner.say("notice", state.text, {"Play again": self.retry})
        elif self.banner.kind == "trouble" and state.phase in ("running", "idle"):
            self.banner.hide()
        if state.phase == "opening":
            self._show_opening(state)
        elif state.phase == "idle":
            self.video.clear("Stopped", "Press Space to start again.")
            self.bridge.forget()
        self._show_record_state()
        self._show_title(state)

    def _show_opening(self, state: LiveState) -> None:
        waited = time.monotonic() - self._asked_at
        words = f"{waited:.0f} s – press Space to cancel" if waited >= 1 else ""
        self.video.clear(state.text or "Opening …", words)

    def _show_title(self, state: LiveState) -> None:
        info = self.live.info
        name = info.name if info is not None else state.source
        parts = ["● REC"] if state.recording is not None else []
        parts += [name] if name and state.phase != "idle" else []
        self.setWindowTitle(" – ".join([*parts, "Stillpoint"]))

    def _show_record_state(self) -> None:
        self.recordings.note(self.live.state.recording)
        self.status.show_recording(self.recordings.seconds, self.recordings.last)

    def _show_recorded(self, folder: str) -> None:
        def show() -> None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(folder))

        self.banner.say("notice", f"Recorded into {folder}", {"Open the folder": show}, for_s=12.0)

    def _refresh(self) -> None:
        """Four times a second: the figures."""
        state = self.live.state
        self.live.check_recording()
        self.status.show_figures(self._meter.read(self.live.pipeline, self.video.painted))
        self.source_panel.show_info(self.live.info)
        self._show_record_state()
        self._show_title(state)
        if state.phase == "opening":
            self._show_opening(state)
        scene = self.video.scene
        faces = scene.tracked.stable.faces if scene is not None and state.phase == "running" else ()
        self.tracking_panel.show_faces(faces)
        if state.phase != "running":
            self.status.show_face("–")
        else:
            many = "Tracked" if len(faces) == 1 else f"{len(faces)} faces"
            self.status.show_face(many if faces else "Searching …")

    def _wish_from_settings(self) -> None:
        view = self.settings.view
        accent = self.theme.colors.accent if self.theme.colors.name == "dark" else "#42c2b0"
        net = (int(accent[1:3], 16), int(accent[3:5], 16), int(accent[5:7], 16))
        self.bridge.change(
            lambda wish: replace(
                wish,
                layout=view.layout,
                landmarks=view.landmarks,
                mesh=view.mesh,
                box=view.box,
                axes=view.axes,
                net_color=net,
            )
        )

    def _set_colors(self, colors: Colors) -> None:
        for part in (self.video, self.head, self.plots, self.status, self.banner):
            part.set_colors(colors)
        self._wish_from_settings()

    # --- Qt's side

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """The held key: T, unless a text is being typed."""
        kinds = (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
        if isinstance(event, QKeyEvent) and event.type() in kinds and watched is self._key_target():
            held = QKeySequence(BY_ACTION["raw"].keys[0])[0].key()
            plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
            if event.key() == held and plain and not isinstance(watched, QLineEdit | QAbstractSpinBox):
                if not event.isAutoRepeat():
                    self.set_raw(event.type() == QEvent.Type.KeyPress)
                return True
        return super().eventFilter(watched, event)

    def _key_target(self) -> QObject:
        return QApplication.focusWidget() or self

    def changeEvent(self, event: QEvent | None) -> None:
        if event is not None and event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self.set_raw(False)  # the release of a held key goes to whoever has the focus now
        super().changeEvent(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self._tick.stop()
        self.hide()  # at once: letting a camera go may take a moment
        if self._store is not None:
            save_layout(self, self._store)
        if self._settings_path is not None:
            keep_changes(self._first_settings, self.settings, self._settings_path)
        self.live.shut_down()
        application = QApplication.instance()
        if application is not None:
            application.removeEventFilter(self)
        super().closeEvent(event)


def default_store() -> QSettings:
    """Where the layout is kept; STILLPOINT_WINDOW names another file."""
    named = os.environ.get("STILLPOINT_WINDOW")
    path = Path(named) if named else Path(platformdirs.user_config_dir("stillpoint")) / "window.ini"
    return QSettings(str(path), QSettings.Format.IniFormat)
