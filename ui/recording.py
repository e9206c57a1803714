"""The feature of recording: its panel, the pre-roll, the badge on the picture, and the end that was set beforehand."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from tracker.errors import SettingsError
from tracker.pipeline import Pipeline
from tracker.session.preroll import PreRoll
from tracker.session.record import Recorder
from tracker.session.room import folder_bytes
from tracker.settings import Settings
from tracker.sinks import Sink

from .export_dialog import ExportDialog
from .feature import Dock, Feature, Host
from .live import LiveState
from .panels.recording import RecordingPanel
from .rec_badge import RecBadge, RecState, amount
from .recovery import Recovery


class Recording(Feature):
    """What a recording shows and needs beside the button that starts it."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host
        self.panel = RecordingPanel(host.settings().record)
        self.panel.asked.connect(host.change)
        self.panel.export.clicked.connect(self.export)
        self.badge = RecBadge()
        self.docks = (Dock("Recording", self.panel),)
        self.actions: dict[str, Callable[[], object]] = {"export": self.export}
        self.overlays = (self.badge,)
        self.preroll: PreRoll | None = None
        self.dialog: ExportDialog | None = None
        self._pipeline: Pipeline | None = None
        self._filter = host.settings().filter
        self._last: Path | None = None
        host.live.on_recorder.append(self._prepare)
        self._looked = False
        self.recovery = Recovery(host.window)
        self.recovery.found.connect(self._offer)
        self.recovery.done.connect(lambda text, good: host.say("notice" if good else "trouble", text, for_s=12.0))

    def show_state(self, state: LiveState) -> None:
        if state.recording is not None:
            self._last = state.recording
        pipeline = self._host.live.pipeline
        if pipeline is not self._pipeline:
            self._pipeline, self.preroll = pipeline, None
            self._keep(self._host.settings().record.preroll_s)
        self._show_badge()

    def show_settings(self, settings: Settings) -> None:
        self.panel.show_settings(settings.record)
        before, self._filter = self._filter, settings.filter
        recorder = self._host.live.recorder
        if isinstance(recorder, Recorder) and settings.filter != before:  # each change is a line of log.jsonl, too
            recorder.note("filter_at_end", msgspec.to_builtins(settings.filter))
        self._keep(settings.record.preroll_s)

    def refresh(self) -> None:
        if not self._looked:
            self._looked = True
            self.recovery.look(self._host.recordings)
        recorder = self._host.live.recorder
        if isinstance(recorder, Recorder) and recorder.full.is_set():
            self._host.live.stop_recording()
        self._show_badge()

    def close(self) -> None:
        self.recovery.close()
        if self.dialog is not None:
            self.dialog.close()

    def export(self) -> None:
        """The dialog, with the newest recording in it."""
        if self.dialog is None:
            self.dialog = ExportDialog(self._host.window)
        if self._last is not None and self._host.live.recorder is None:
            self.dialog.choose(self._last)
        self.dialog.show()
        self.dialog.raise_()

    def _offer(self, folders: list[Path]) -> None:
        """Somebody pulled the plug."""
        many = "A recording was" if len(folders) == 1 else f"{len(folders)} recordings were"
        names = ", ".join(folder.name for folder in folders[:3])
        text = f"{many} interrupted ({names}); what was written can be recovered."
        self._host.say("notice", text, {"Recover": lambda: self.recovery.mend(folders)})

    def _prepare(self, sink: Sink) -> None:
        """A recorder begins."""
        if isinstance(sink, Recorder):
            sink.on_message = self._host.live.told.emit
            sink.preroll = self.preroll

    def _keep(self, seconds: float) -> None:
        """Keep so many seconds of what runs now, from now on."""
        if self._pipeline is None or seconds == (self.preroll.seconds if self.preroll is not None else 0.0):
            return
        if self.preroll is not None:
            self._pipeline.remove_sink(self.preroll, 0.0)
            self.preroll = None
        if seconds > 0.0:
            try:
                self.preroll = PreRoll(seconds)
            except SettingsError as error:
                self._host.say("trouble", str(error))
                return
            self._pipeline.add_sink(self.preroll)

    def _show_badge(self) -> None:
        recorder = self._host.live.recorder
        if not isinstance(recorder, Recorder):
            self.badge.state = None
            held = self.preroll.held[0] if self.preroll is not None else 0
            self.panel.show_disk(f"{held} frames are held for the pre-roll." if held else "")
            return
        try:
            size, free = folder_bytes(recorder.out), shutil.disk_usage(recorder.out).free
        except OSError:  # the folder went away; the recorder finds out when it writes
            size = free = 0
        limit = self._host.settings().record.stop_after_s
        self.badge.state = RecState(recorder.seconds, size, free, recorder.dropped, limit)
        rate = size / recorder.seconds if recorder.seconds > 2.0 else 0.0
        minutes = free / rate / 60 if rate else 0.0
        room = f"{minutes / 60:.0f} h" if minutes >= 120 else f"{minutes:.0f} min"
        left = f", room for {room} more" if rate else ""
        self.panel.show_disk(f"Recording into {recorder.out}: {amount(size)}, {amount(free)} free{left}.")
