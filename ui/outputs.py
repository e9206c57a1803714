"""The feature of live outputs: opens what the settings name, on every pipeline anew, and shows how it does."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from PyQt6.QtCore import QObject, pyqtSignal

from tracker.errors import SettingsError
from tracker.pipeline import Pipeline
from tracker.session.record import Recorder
from tracker.settings import Settings, Stream
from tracker.sinks import Sink
from tracker.stream import StreamSink, open_stream
from tracker.stream.performance import Neutral, neutral_of
from tracker.types import Tracked

from .feature import Dock, Feature, Host
from .live import LiveState
from .panels.streams import RowState, StreamsPanel

RATE_S = 2.0


@dataclass(eq=False)
class Output:
    """One target: its sink, or why there is none; packets at the times of the last two seconds."""

    sink: StreamSink | None = None
    problem: str = ""
    past: deque[tuple[float, int]] = field(default_factory=deque)

    def rate(self, now: float) -> float:
        """Packets a second over the last two."""
        if self.sink is None:
            return 0.0
        self.past.append((now, self.sink.sent.packets))
        while len(self.past) > 2 and now - self.past[1][0] >= RATE_S:
            self.past.popleft()
        (then, before), (_, packets) = self.past[0], self.past[-1]
        return (packets - before) / (now - then) if now - then > 0.3 else 0.0


class _Answers(QObject):
    opened = pyqtSignal(int, object)
    """(turn, target -> Output), from the thread that opened them."""


class Outputs(Feature):
    """Sinks of the targets in `stream.to`. Names are looked up in a thread: a network may take long to answer."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host
        settings = host.settings().stream
        self.panel = StreamsPanel(settings, host.theme.colors)
        self.panel.asked.connect(host.change)
        self.panel.recentred.connect(self.recentre)
        self.docks = (Dock("Outputs", self.panel),)
        self.menu = "&Tracking"
        self.actions: dict[str, Callable[[], object]] = {
            "recentre": self.recentre, "outputs": lambda: host.go_to("Outputs"),
        }  # fmt: skip
        self.outputs: dict[str, Output] = {}
        self.neutral: Neutral | None = None
        self._settings, self._pipeline, self._turn = settings, host.live.pipeline, 0
        self._recentre = threading.Event()
        self._neutral_time = 0.0
        self._threads: list[threading.Thread] = []
        self._answers = _Answers(host.window)
        self._answers.opened.connect(self._on_opened)
        host.live.on_recorder.append(self._note)

    def recentre(self) -> None:
        """The pose of the next face becomes straight ahead, for all outputs, also those of the next source."""
        self._recentre.set()
        self._host.say("notice", "Straight ahead is where the face looks now.", for_s=3.0)

    def tap(self, tracked: Tracked) -> None:
        if not self._recentre.is_set() or not tracked.stable.seen:
            return
        self._recentre.clear()
        self.neutral, self._neutral_time = neutral_of(tracked.stable.seen[0]), tracked.stable.frame.time
        for output in list(self.outputs.values()):
            if output.sink is not None:
                output.sink.neutral = self.neutral
        self._note(self._host.live.recorder)

    def show_state(self, state: LiveState) -> None:
        if self._host.live.pipeline is not self._pipeline:
            self._pipeline = self._host.live.pipeline
            self.outputs = {}  # the sinks went with the pipeline that had them
            self._open(self._settings)

    def show_settings(self, settings: Settings) -> None:
        before, self._settings = self._settings, settings.stream
        self.panel.show_settings(settings.stream)
        if settings.stream == before:
            return
        if msgspec.structs.replace(settings.stream, to=before.to) != before:  # how it is sent changed: all anew
            self._remove(list(self.outputs))
        wanted = set(settings.stream.to.split())
        self._remove([target for target in self.outputs if target not in wanted])
        self._open(settings.stream)

    def set_colors(self, colors: Any) -> None:
        self.panel.set_colors(colors)

    def refresh(self) -> None:
        now = time.monotonic()
        states: dict[str, RowState] = {}
        for target in self._settings.to.split():
            name = target.partition(":")[0]
            output = self.outputs.get(target, Output())
            was = states.get(name, RowState(0.0))
            problem = output.problem or (output.sink.sent.problem if output.sink is not None else "")
            states[name] = RowState((was.rate or 0.0) + output.rate(now), was.problem or problem)
        self.panel.show_states(states)

    def close(self) -> None:
        self._turn += 1
        for thread in self._threads:
            thread.join(RATE_S)

    # --- opening

    def _open(self, settings: Stream) -> None:
        """Those that are not there yet."""
        targets = [target for target in dict.fromkeys(settings.to.split()) if target not in self.outputs]
        self._turn += 1
        turn = self._turn
        if not targets or self._pipeline is None:
            return

        def work() -> None:
            found: dict[str, Output] = {}
            for target in targets:
                try:
                    found[target] = Output(open_stream(target, settings))
                except SettingsError as error:
                    found[target] = Output(problem=str(error))
            self._answers.opened.emit(turn, found)

        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=work, name="stillpoint-outputs", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _on_opened(self, turn: int, found: dict[str, Output]) -> None:
        pipeline: Pipeline | None = self._pipeline
        if turn != self._turn or pipeline is None:
            return  # never added to a pipeline: nothing is open yet
        for target, output in found.items():
            self.outputs[target] = output  # first: a pose that `tap` takes meanwhile is seen there or here
            if output.sink is not None:
                output.sink.neutral = self.neutral
                pipeline.add_sink(output.sink)

    def _remove(self, targets: list[str]) -> None:
        for target in targets:
            sink = self.outputs.pop(target).sink
            if sink is not None and self._pipeline is not None:
                self._pipeline.remove_sink(sink, 0.0)

    def _note(self, sink: Sink | None) -> None:
        """Write the neutral pose into the session that is being recorded."""
        if isinstance(sink, Recorder) and self.neutral is not None:
            turn, place = self.neutral.turn.ravel().tolist(), self.neutral.place.tolist()
            axes = "x right in the picture, y up, z towards the camera"
            facts = {"time_s": self._neutral_time, "rotation": turn, "translation_m": place, "axes": axes}
            sink.note("neutral_pose", facts)
