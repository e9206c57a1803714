"""Changed settings that want the tracker or the camera anew: at once, or when the recording that runs is over."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QTimer

from tracker.settings import Settings

from .announce import BUSY
from .banner import Banner
from .live import Live, LiveState

KEPT = "The recording goes on as it began; the change applies when it ends."


class Restart:
    """`again` opens the source that is set, with the settings that are in force."""

    def __init__(self, live: Live, banner: Banner, again: Callable[[], None]) -> None:
        self._live, self._banner, self._again = live, banner, again
        self._due = False

    def follow(self, before: Settings, now: Settings) -> None:
        """Settings changed: what runs starts again where it has to, but no recording ends for it."""
        info = self._live.info
        camera = info is not None and info.kind == "camera"
        wanted = now.detection != before.detection or (camera and now.capture != before.capture)
        if not wanted or self._live.state.phase not in BUSY:
            return
        if self._live.state.recording is None:
            self._again()
            return
        self._due = True
        self._banner.say("notice", KEPT, {"End it and change now": self._again})

    def show_state(self, state: LiveState) -> None:
        """A recording ended, or the source did."""
        if not self._due or state.recording is not None:
            return
        self._due = False
        if self._banner.text == KEPT:
            self._banner.hide()
        turn = self._live.turn

        def again() -> None:
            if self._live.turn == turn and self._live.state.phase in BUSY:
                self._again()

        # Not now: another source may be what ends the recording, and that one takes the new settings anyway.
        QTimer.singleShot(0, again)
