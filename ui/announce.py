"""What the window tells of its source: the banner, the words in place of a picture, the title, the face's state."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import QUrl
from PyQt6.QtGui import QDesktopServices

from tracker.capture.message import name_of

from .banner import Banner
from .bridge import Bridge
from .live import Live, LiveState
from .status import StatusRow
from .video_view import VideoView

BUSY = ("opening", "running", "troubled")
RECORDED_S = 12.0


@dataclass(frozen=True, slots=True)
class Ways:
    """What a person can do about trouble, as the banner's buttons."""

    retry: Callable[[], None]
    demo: Callable[[], None]


class Announcer:
    """Tells each new state once, and the running figures when asked to."""

    def __init__(
        self, banner: Banner, video: VideoView, status: StatusRow, live: Live, bridge: Bridge, ways: Ways
    ) -> None:
        self._banner, self._video, self._status = banner, video, status
        self._live, self._bridge, self._ways = live, bridge, ways
        self._asked_at = 0.0

    def asked(self) -> None:
        """Another source is about to be opened."""
        self._asked_at = time.monotonic()
        self._banner.hide()
        self._bridge.forget()

    def show(self, state: LiveState) -> None:
        """A new state."""
        pictures = state.phase == "running" or state.recording is not None
        self._status.show_running(state.phase in BUSY, state.engine, pictures)
        seen = self._video.scene is not None
        demo = {} if state.source.startswith("demo") else {"Open the demo": self._ways.demo}
        if state.phase == "failed":
            if not seen:
                self._video.clear("Nothing to show", "The reason is told above.")
            self._banner.say("trouble", state.text, {"Retry": self._ways.retry, **demo})
        elif state.phase == "troubled":
            if not seen:
                self._video.clear("No picture", "The reason is told above.")
            more = {} if seen else demo  # a camera that comes back in a moment needs none
            self._banner.say("trouble", state.text, {"Retry now": self._ways.retry, **more, "Stop": self._live.stop})
        elif state.phase == "ended":
            self._banner.say("notice", state.text, {"Play again": self._ways.retry})
        elif self._banner.kind == "trouble" and state.phase in ("running", "idle"):
            self._banner.hide()
        if state.phase == "idle":
            self._video.clear("Stopped", "Press Space to start again.")
            self._bridge.forget()

    def show_opening(self) -> None:
        """While a source opens, for how long it has."""
        state = self._live.state
        if state.phase == "opening":
            waited = time.monotonic() - self._asked_at
            words = f"{waited:.0f} s – press Space to cancel" if waited >= 1 else ""
            self._video.clear(state.text or "Opening …", words)

    def show_face(self) -> None:
        """Tracked, held, searching, or nothing at all."""
        if self._live.state.phase != "running":
            self._status.show_face("–")
            return
        scene = self._video.scene
        stable = scene.tracked.stable if scene is not None else None
        faces = len(stable.seen) if stable is not None else 0
        none = "Held" if stable is not None and stable.faces else "Searching …"
        self._status.show_face(none if not faces else "Tracked" if faces == 1 else f"{faces} faces")

    def title(self) -> str:
        """The window's: recording, source, program."""
        state, info = self._live.state, self._live.info
        name = info.name if info is not None else name_of(state.source)
        parts = ["● REC"] if state.recording is not None else []
        parts += [name] if name and state.phase != "idle" else []
        return " – ".join([*parts, "Stillpoint"])

    def recorded(self, folder: str) -> None:
        """A recording was written."""

        def show() -> None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(folder))

        self._banner.say("notice", f"Recorded into {folder}", {"Open the folder": show}, for_s=RECORDED_S)
