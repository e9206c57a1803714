"""What starts, stops and records: the same for keys, menus, buttons and the banner."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QAbstractButton, QMainWindow

from tracker.settings import Settings

from .announce import BUSY
from .banner import Banner
from .live import Live
from .panels.source import SourcePanel
from .recordings import ESCAPE_AGAIN_S, Recordings
from .status import StatusRow


class SourceKeys:
    """Start and stop; the file, the stream and the demo. `retry` opens the source that is set."""

    def __init__(
        self,
        window: QMainWindow,
        live: Live,
        panel: SourcePanel,
        open_source: Callable[[str], None],
        retry: Callable[[], None],
        go_to: Callable[[str], None],
    ) -> None:
        self._window, self._live, self._panel = window, live, panel
        self._open, self._retry, self._go_to = open_source, retry, go_to

    def toggle(self) -> None:
        """Stop what runs, or start again. Space belongs to the button that the keyboard is on, if there is one."""
        focus = self._window.focusWidget()
        if isinstance(self._window.sender(), QAction) and isinstance(focus, QAbstractButton) and focus.hasFocus():
            focus.click()
        elif self._live.state.phase in BUSY:
            self._live.stop()
        else:
            self._retry()

    def open_demo(self) -> None:
        self._open("demo")

    def open_file(self) -> None:
        """Ask for one."""
        self._panel.choose_kind("file")
        self._panel.choose_path()

    def open_url(self) -> None:
        """Go to where its address is typed."""
        self._go_to("Source")
        self._panel.choose_kind("stream")


class RecordKeys:
    """Start and stop a recording; Esc asks before it ends a long one."""

    def __init__(
        self, live: Live, recordings: Recordings, status: StatusRow, banner: Banner, settings: Callable[[], Settings]
    ) -> None:
        self._live, self._recordings, self._status, self._banner = live, recordings, status, banner
        self._settings = settings

    def toggle(self) -> None:
        """Start a recording in a new folder, or finish the one that runs."""
        if self._live.state.recording is not None:
            self._live.stop_recording()
        elif self._live.state.phase == "running":
            self._live.record(self._recordings.new_folder(), self._settings())
        self.show()

    def escape(self) -> None:
        meaning = self._recordings.escape()
        if meaning == "ask":
            self._banner.say("notice", "Press Esc again to stop the recording.", for_s=ESCAPE_AGAIN_S)
        elif meaning == "stop":
            self._banner.hide()
            self.toggle()

    def show(self) -> None:
        """How long it has lasted, in the status row."""
        self._recordings.note(self._live.state.recording)
        seconds = self._recordings.seconds
        if seconds is not None:  # as long as what is recorded, which the badge says too
            seconds = getattr(self._live.recorder, "seconds", seconds)
        self._status.show_recording(seconds, self._recordings.last)
