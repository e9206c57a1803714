"""The running pipeline as the window sees it: start, stop, record, change; and what it says, in the window's thread.

Nothing here waits for a device, a disk or a network in the window's thread: what may take long runs in threads that
answer by signals, and an answer that came too late (another source was asked for since) is thrown away.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from msgspec.structs import replace as replaced
from PyQt6.QtCore import QObject, pyqtSignal

from tracker.capture import CaptureThread, Message, SourceInfo
from tracker.capture.message import name_of
from tracker.errors import StillpointError
from tracker.pipeline import Pipeline, Tracker
from tracker.settings import Filter, Settings
from tracker.sinks import Sink
from tracker.temporal import Stabilizer
from tracker.types import TrackResult

from .bridge import Bridge

log = logging.getLogger(__name__)

Phase = Literal["idle", "opening", "running", "troubled", "ended", "failed"]
STOP_S, WRITE_S = 5.0, 120.0
"""How long the window's end waits for a source to be let go, and for what was recorded to be written."""


@dataclass(frozen=True, slots=True)
class LiveState:
    """`phase`, the `source` as it was asked for, the latest sentence about it, the running engine, and the folder that
    is being recorded into (None: not recording)."""

    phase: Phase = "idle"
    source: str = ""
    text: str = ""
    engine: str = ""
    recording: Path | None = None


class LiveFilter:
    """A stabilizer whose settings any thread may change; they are taken over between two frames."""

    def __init__(self, settings: Filter) -> None:
        self._asked = self._settings = settings
        self._stabilizer = Stabilizer(settings.method, settings)

    def ask(self, settings: Filter) -> None:
        """From the next frame on."""
        self._asked = settings

    def apply(self, result: TrackResult) -> TrackResult:
        asked = self._asked
        if asked is not self._settings:
            if asked.method != self._settings.method:
                self._stabilizer = Stabilizer(asked.method, asked)
            else:
                self._stabilizer.configure(asked)
            self._settings = asked
        return self._stabilizer.apply(result)

    def reset(self) -> None:
        self._stabilizer.reset()


class Live(QObject):
    """One source at a time. `changed` tells each new LiveState, `told` sentences that are no state of the source,
    `recorded` a finished recording's folder."""

    changed = pyqtSignal(object)
    told = pyqtSignal(str)
    recorded = pyqtSignal(str)
    _heard = pyqtSignal(int, object)
    _ready = pyqtSignal(int, object, str)
    _broke = pyqtSignal(int, str)
    _written = pyqtSignal(object)

    def __init__(
        self,
        bridge: Bridge,
        make_tracker: Callable[[Settings], Tracker],
        make_recorder: Callable[[Path, Settings, Tracker], Sink],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._make_tracker, self._make_recorder = make_tracker, make_recorder
        self._state = LiveState()
        self._turn = 0  # of the newest thing that was asked for: what answers for an older turn is too late
        self._pipeline: Pipeline | None = None
        self._tracker: tuple[object, Tracker] | None = None
        self._tracker_lock = threading.Lock()
        self._filter = LiveFilter(Filter())
        self._sink: Sink | None = None
        self._threads: list[tuple[threading.Thread, float]] = []
        self.on_recorder: list[Callable[[Sink], None]] = []
        """Called with every new recorder before its first frame."""
        # Emitted by other threads, answered in the window's: Qt queues across threads.
        self._heard.connect(self._on_heard)
        self._ready.connect(self._on_ready)
        self._broke.connect(self._on_broke)
        self._written.connect(self._on_written)

    @property
    def state(self) -> LiveState:
        return self._state

    @property
    def turn(self) -> int:
        """Counts what was asked for: another number, another source or none."""
        return self._turn

    @property
    def pipeline(self) -> Pipeline | None:
        return self._pipeline

    @property
    def recorder(self) -> Sink | None:
        """The one that records now."""
        return self._sink

    @property
    def info(self) -> SourceInfo | None:
        return self._pipeline.info if self._pipeline is not None else None

    def start(self, source: str, settings: Settings) -> None:
        """Track this source instead of the one that runs, if any; a recording of that ends, too. Returns at once."""
        self.stop_recording()
        self._turn += 1
        turn, old, self._pipeline = self._turn, self._pipeline, None
        self._filter = filtering = LiveFilter(settings.filter)
        self._change(LiveState("opening", source, f"Opening {name_of(source)} …"))
        self._do(lambda: self._begin(turn, source, settings, filtering, old))

    def stop(self) -> None:
        """Stop tracking and let the source go. Returns at once."""
        self.stop_recording()
        self._turn += 1
        old, self._pipeline = self._pipeline, None
        if old is not None:
            self._do(lambda: old.stop(STOP_S))
        self._change(replace(self._state, phase="idle", text="", engine=""))

    def set_filter(self, settings: Filter) -> None:
        """Other filter settings from the next frame on."""
        self._filter.ask(settings)

    def record(self, folder: Path, settings: Settings) -> None:
        """Record from the next frame on. Does nothing where nothing runs."""
        if self._pipeline is None or self._tracker is None or self._sink is not None:
            return
        try:
            sink = self._make_recorder(folder, settings, self._tracker[1])
        except StillpointError as error:
            self.told.emit(str(error))
            return
        for prepare in self.on_recorder:
            prepare(sink)
        self._sink = sink
        self._pipeline.add_sink(sink)
        self._change(replace(self._state, recording=folder))

    def stop_recording(self) -> None:
        """Write what is left, in a thread of its own; `recorded` tells when it is done."""
        sink, pipeline, folder = self._sink, self._pipeline, self._state.recording
        if sink is None or pipeline is None:
            return
        self._sink = None
        self._change(replace(self._state, recording=None))

        def finish() -> None:
            pipeline.remove_sink(sink, None)
            self._written.emit(folder)

        self._do(finish, WRITE_S)

    def check_recording(self) -> None:
        """Notice a recording that the pipeline had to end (a full disk). Call now and then."""
        if self._sink is not None and self._pipeline is not None and self._sink not in self._pipeline.sinks:
            self._sink = None
            self._change(replace(self._state, recording=None))

    def shut_down(self) -> None:
        """Stop all and wait for it, `STOP_S` at most per part, and longer for what was recorded: on a slow machine much
        of it may still wait to be written. For the window's end only."""
        self.stop()
        for thread, patience in self._threads:
            thread.join(patience)

    # --- the threads

    def _do(self, work: Callable[[], object], patience: float = STOP_S) -> None:
        self._threads = [(thread, worth) for thread, worth in self._threads if thread.is_alive()]
        thread = threading.Thread(target=work, name="stillpoint-live", daemon=True)
        self._threads.append((thread, patience))
        thread.start()

    def _begin(self, turn: int, source: str, settings: Settings, filtering: LiveFilter, old: Pipeline | None) -> None:
        if old is not None:
            old.stop(STOP_S)
        try:
            tracker = self._tracker_for(settings)
        except StillpointError as error:
            self._broke.emit(turn, str(error))
            return
        except Exception as error:
            log.exception("the tracker cannot be made")
            self._broke.emit(turn, f"The tracker cannot be started ({type(error).__name__}: {error}).")
            return
        capture = CaptureThread(
            source,
            replaced(settings.capture, give_up_s=0.0),  # the window waits for as long as a person lets it
            realtime=True,
            loop=source.startswith("demo"),
            on_message=lambda message: self._heard.emit(turn, message),
        )
        pipeline = Pipeline(capture, tracker, filtering, [self._bridge], on_message=self.told.emit)
        self._ready.emit(turn, pipeline, str(getattr(tracker, "engine_name", "")))

    def _tracker_for(self, settings: Settings) -> Tracker:
        """The tracker that is loaded already, where it fits: loading takes a while."""
        with self._tracker_lock:
            if self._tracker is None or self._tracker[0] != settings.detection:
                self._tracker = None
                self._tracker = (settings.detection, self._make_tracker(settings))
            return self._tracker[1]

    # --- back in the window's thread

    def _on_ready(self, turn: int, pipeline: Pipeline, engine: str) -> None:
        if turn != self._turn:
            return  # never started: nothing to stop
        self._pipeline = pipeline
        self._change(replace(self._state, engine=engine))
        pipeline.start()

    def _on_broke(self, turn: int, text: str) -> None:
        if turn == self._turn:
            self._change(replace(self._state, phase="failed", text=text))

    def _on_heard(self, turn: int, message: Message) -> None:
        if turn != self._turn:
            return
        phases: dict[str, Phase] = {"stalled": "troubled", "retrying": "troubled"}
        phase: Phase = phases.get(message.state, message.state)  # type: ignore[arg-type]
        if phase in ("ended", "failed"):
            self.stop_recording()
        self._change(replace(self._state, phase=phase, text=message.text))

    def _on_written(self, folder: Path) -> None:
        self.recorded.emit(str(folder))

    def _change(self, state: LiveState) -> None:
        if state != self._state:
            self._state = state
            self.changed.emit(state)
