"""The stability feature: how calm the landmarks are and how late, shown as figures, as curves, and in the picture."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from PyQt6.QtCore import QTimer

from tracker.capture.message import name_of
from tracker.errors import OutputError
from tracker.peers import find
from tracker.settings import Settings
from tracker.stability.sit_still import FILE, Attempt, earlier, keep, results_path, verdict
from tracker.types import Tracked

from .comparing import CloseUpView, Countdown, Divider, Magnifier, PeerDots
from .docks import in_sight
from .feature import Dock, Feature, Host
from .live import LiveState
from .live_peer import PeerRunner
from .measurements import show_measurements
from .panels.stability import AGREE, ARRANGEMENTS, LANDMARKS, StabilityPanel
from .sparklines import SECONDS
from .theme import Colors
from .watch import Watch

log = logging.getLogger(__name__)
TITLE = "Stability"
CURVES_MS = 100
NUDGE = 0.04
VERDICT_S = 20.0
EDGE = 0.05
"""The divider stays so far, of the view's width, from its edges."""


class Stability(Feature):
    """One per window."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host
        compare = host.settings().compare
        self.watch = Watch(host.bridge.history)
        self.panel = StabilityPanel(compare, host.theme.colors)
        self.peer = PeerRunner(self.watch, host.window)
        self._agreed = (compare.mediapipe, compare.python, compare.model)
        self._phase = "idle"
        self._attempting = False
        self._magnifier, self._dots = Magnifier(self.watch), PeerDots(self.watch)
        self._close_up = CloseUpView(self.watch, lambda number: host.change("compare.landmark", number))
        self.docks = (Dock(TITLE, self.panel, "bottom"),)
        self.menu = "&Stability"
        self.overlays = (
            self._magnifier,
            self._dots,
            self._close_up,
            Divider(self._move_divider),
            Countdown(self.watch),
        )
        self.actions = {
            "compare": self._next_arrangement,
            "divider_left": partial(self._nudge, -NUDGE),
            "divider_right": partial(self._nudge, NUDGE),
            "magnifier": self.panel.magnifier.toggle,
            "close_up": self.panel.close_up.toggle,
            "next_landmark": partial(self._step_landmark, 1),
            "previous_landmark": partial(self._step_landmark, -1),
            "sit_still": self.measure,
            "measurements": self.show_earlier,
            "stability": partial(host.go_to, TITLE),
        }
        self.panel.asked.connect(host.change)
        self.panel.measure_asked.connect(self.measure)
        self.panel.earlier_asked.connect(self.show_earlier)
        self.peer.told.connect(self._say_of_peer)
        self._curves = QTimer(host.window)
        self._curves.setInterval(CURVES_MS)
        self._curves.timeout.connect(self._draw_curves)
        self._curves.start()
        self._say_of_peer("")
        self._take(host.settings())

    # --- frames

    def tap(self, tracked: Tracked) -> None:
        self.watch.step(tracked)
        self.peer.offer(tracked.raw.frame)

    def show_state(self, state: LiveState) -> None:
        if state.phase == self._phase:
            return
        before, self._phase = self._phase, state.phase
        if state.phase == "opening":
            self.watch.clear()
            self.panel.sparklines.show_curves(*self.watch.curves(SECONDS))
        if state.phase == "running" and before != "running":
            self._run_peer(self._host.settings())
        elif state.phase != "running":
            self.peer.stop()
            attempt = self.watch.attempt
            if attempt is not None:
                attempt.stop("The source ended while it was measured.")

    def refresh(self) -> None:
        if in_sight(self.panel):
            self.panel.show_figures(self.watch.figures() if self._phase == "running" else {})
        self._follow_attempt()

    def _draw_curves(self) -> None:
        if self._phase == "running" and in_sight(self.panel):
            self.panel.sparklines.show_curves(*self.watch.curves(SECONDS))

    def set_colors(self, colors: Colors) -> None:
        self.panel.set_colors(colors)

    def close(self) -> None:
        self._curves.stop()
        self.peer.close()

    # --- comparing

    def show_settings(self, settings: Settings) -> None:
        self.panel.show_settings(settings.compare)
        self._take(settings)
        agreed = (settings.compare.mediapipe, settings.compare.python, settings.compare.model)
        if agreed != self._agreed:
            self._agreed = agreed
            self._run_peer(settings)

    def _take(self, settings: Settings) -> None:
        compare = settings.compare
        self._magnifier.factor = compare.magnify if compare.magnifier else 0.0
        self._dots.on = compare.mediapipe
        self.watch.landmark = min(max(compare.landmark, 0), 67) if compare.close_up else None
        names = dict(LANDMARKS)
        self._close_up.title = names.get(compare.landmark, f"Landmark {compare.landmark}")
        self._host.bridge.change(lambda wish: replace(wish, arrangement=compare.arrangement))
        self._host.video.update()

    def _next_arrangement(self) -> None:
        order = [value for _, value in ARRANGEMENTS]
        now = self._host.settings().compare.arrangement
        self._host.change("compare.arrangement", order[(order.index(now) + 1) % len(order)])

    def _move_divider(self, share: float) -> None:
        place = min(max(share, EDGE), 1.0 - EDGE)
        self._host.bridge.change(lambda wish: replace(wish, divider=place))

    def _nudge(self, by: float) -> None:
        if self._host.settings().compare.arrangement != "split":
            self._host.change("compare.arrangement", "split")
        self._move_divider(self._host.bridge.wish.divider + by)

    def _step_landmark(self, by: int) -> None:
        numbers = [number for number, _ in LANDMARKS]
        now = self._host.settings().compare.landmark
        if self._host.settings().compare.close_up:
            at = numbers.index(now) + by if now in numbers else 0
            self._host.change("compare.landmark", numbers[at % len(numbers)])
        else:
            self._host.change("compare.close_up", True)

    # --- MediaPipe

    def _run_peer(self, settings: Settings) -> None:
        wanted = settings.compare.mediapipe and self._phase == "running"
        if not wanted:
            self.peer.stop()
            self._say_of_peer("")
            return
        found = find(settings.compare.python, settings.compare.model)
        if found.missing:
            self._host.say("trouble", found.missing)
            self._say_of_peer("")
        else:
            self.peer.start(found)

    def _say_of_peer(self, words: str) -> None:
        compare = self._host.settings().compare
        found = find(compare.python, compare.model)
        self.panel.show_peer(words if words and not found.missing else found.missing or AGREE, not found.missing)

    # --- sitting still

    def measure(self) -> None:
        """Begin to measure, or cancel."""
        if self._attempting:
            self._end_attempt("Cancelled.")
        elif self._phase != "running":
            self._host.say("notice", "Open a source first, then sit still in front of it.", for_s=6.0)
        else:
            self._host.go_to(TITLE)
            info = self._host.live.info
            name = info.name if info is not None else name_of(self._host.live.state.source)
            self.watch.begin(Attempt(name, self._host.settings().filter.method))
            self._attempting = True
            self.panel.show_result("Look at one point and do not move.")
            self._follow_attempt()

    def show_earlier(self) -> None:
        """The list of what was measured before."""
        path = results_path()
        try:
            show_measurements(self._host.window, earlier(path), path)
        except OutputError as error:
            self._host.say("trouble", str(error))

    def _follow_attempt(self) -> None:
        progress = self.watch.progress if self._attempting else None
        self.panel.show_progress(progress)
        if progress is None:
            return
        if progress.phase == "rejected":
            self._end_attempt(progress.why)
        elif progress.phase == "done" and progress.measured is not None:
            words = verdict(progress.measured)
            self._end_attempt("\n".join(words[:-1]))
            self._host.say("notice", " ".join(words), {"Earlier": self.show_earlier}, for_s=VERDICT_S)
            recording = self._host.live.state.recording
            try:
                keep(progress.measured, results_path())
                if recording is not None:
                    keep(progress.measured, recording / FILE)
            except OutputError as error:
                self._host.say("trouble", str(error))

    def _end_attempt(self, words: str) -> None:
        self._attempting = False
        self.watch.end()
        self.panel.show_progress(None)
        self.panel.show_result(words)
        self._host.video.update()
