"""The capture thread: reads a source so that whoever wants frames never waits for a device.

A live source fills a mailbox of one: the newest frame replaces the one that waits, and the replaced one is
counted as dropped. A recording fills a short queue and waits for space: nothing is dropped.

Two threads: the reader, which may hang in a driver for as long as the driver likes, and the supervisor, which
notices. A reader that hangs is left behind (a blocked call cannot be ended from outside), a new one opens the
device again, and the old one closes what it held when its call comes back. Consumers see frames whose time and
index go on across all of that.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import SourceError
from ..settings import Capture
from ..types import Frame
from .joined import Joined
from .message import Message, State, name_of, running_text
from .reader import DEVICES, Reader
from .source import Kind, Source, SourceInfo, kind_of, open_source

log = logging.getLogger(__name__)

_LEFT_BEHIND = 3  # blocked readers at most; with more, a new attempt waits for one of them to come back
_LOOK_S = 1.0  # how often the notes of a running device are looked at


@dataclass(frozen=True, slots=True)
class Counters:
    """Frames `captured`, those `dropped` among them because a newer one came, and how often a lost source came back."""

    captured: int = 0
    dropped: int = 0
    reopened: int = 0


class CaptureThread:
    """Frames of `source` for one consumer: `start`, then `get` until `ended`, then `stop`.

    `source` is anything `open_source` takes, a function that opens a source (it is called again after a device
    was lost), or an open source (which is not opened again). `on_message` is called from the capture's threads.
    """

    def __init__(
        self,
        source: str | int | Path | Source | Callable[[], Source],
        settings: Capture | None = None,
        *,
        realtime: bool = False,
        loop: bool = False,
        queue_size: int = 4,
        on_message: Callable[[Message], None] | None = None,
        open_patience_s: float = 30.0,
    ) -> None:
        self._settings = settings or Capture()
        self._queue_size = queue_size
        self._on_message = on_message
        self._open_patience_s = open_patience_s  # some Windows drivers take this long to open, and then work
        self._text: str | int | Path | None = None
        self._reopens = True
        self._opener: Callable[[], Source]
        if isinstance(source, str | int | Path):
            text = self._text = source
            self._opener = lambda: open_source(text, self._settings, realtime=realtime, loop=loop)
        elif callable(source):
            self._opener = source
        else:
            opened = source
            self._reopens = False
            self._opener = lambda: opened
        self._changed = threading.Condition()  # guards everything below
        self._attention = threading.Event()  # wakes the supervisor
        self._saying = threading.Lock()
        self._waiting: deque[tuple[Frame, float]] = deque()  # with when they came
        self._came = 0.0
        self._counters = Counters()
        self._name = name_of(self._text)
        self._message = Message("opening", f"{self._name} is not open yet.")
        self._reader: Reader | None = None
        self._left: list[Reader] = []
        self._joined = Joined()
        self._begun = 0.0
        self._stopping = threading.Event()
        self._finished = False
        self._supervisor = threading.Thread(target=self._supervise, name="stillpoint-capture", daemon=True)

    # --- the consumer's side

    def start(self) -> None:
        self._supervisor.start()

    def get(self, timeout: float | None = None) -> Frame | None:
        """The next frame; None where none came within `timeout` seconds, or where there will be none (`ended`)."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._finished or self._stopping.is_set(), timeout)
            if self._stopping.is_set() or not self._waiting:
                return None
            frame, came = self._waiting.popleft()
            self._came = came
            self._changed.notify_all()
            return frame

    @property
    def came(self) -> float:
        """The monotonic time at which the frame that `get` gave last came from its source."""
        with self._changed:
            return self._came

    def stop(self, timeout: float = 1.0) -> None:
        """End it; waits `timeout` seconds at most, and leaves a blocked driver behind."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._stopping.set()
            reader = self._reader
            self._changed.notify_all()
        self._attention.set()
        if reader is not None and reader.source is not None and reader.is_alive():
            # Wakes a source that waits; in a thread of its own because a dead device may hang in its release too.
            threading.Thread(target=reader.source.close, name="stillpoint-close", daemon=True).start()
        for thread in (self._supervisor, reader):
            if thread is not None and thread.ident is not None and thread is not threading.current_thread():
                thread.join(max(deadline - time.monotonic(), 0.0))

    @property
    def ended(self) -> bool:
        """True once no frame will come any more."""
        with self._changed:
            return self._stopping.is_set() or (self._finished and not self._waiting)

    @property
    def counters(self) -> Counters:
        with self._changed:
            return self._counters

    @property
    def message(self) -> Message:
        """The latest; see `on_message`."""
        with self._changed:
            return self._message

    @property
    def info(self) -> SourceInfo | None:
        """Of the open source; None before there is one."""
        with self._changed:
            reader = self._reader
        return reader.source.info if reader is not None and reader.source is not None else None

    # --- the reader's side

    def wanted(self, reader: Reader) -> bool:
        """For the reader: whether it shall go on."""
        with self._changed:
            return self._wanted_now(reader)

    def take(self, reader: Reader, live: bool, frame: Frame) -> None:
        """For the reader: the newest frame replaces the one that waits, or waits itself for space."""
        with self._changed:
            if live:
                drop = len(self._waiting)
            else:
                drop = 0
                self._changed.wait_for(lambda: len(self._waiting) < self._queue_size or not self._wanted_now(reader))
            if not self._wanted_now(reader):
                return
            again = reader.frames == 0 and self._joined.came is not None
            frame = self._joined.join(frame, first=reader.frames == 0)
            reader.frames += 1
            if drop:
                self._waiting.clear()
            self._waiting.append((frame, reader.sign))
            count = self._counters
            self._counters = Counters(count.captured + 1, count.dropped + drop, count.reopened + again)
            running = self._message.state == "running"
            self._changed.notify_all()
        if not running and reader.source is not None:
            info = reader.source.info
            self._name = info.name
            self._say("running", running_text(info))

    def _wanted_now(self, reader: Reader) -> bool:
        return self._reader is reader and not self._stopping.is_set()

    # --- the supervisor's side

    def _supervise(self) -> None:
        self._begun = time.monotonic()
        try:
            self._say("opening", f"Opening {self._name} …")
            kind = kind_of(self._text) if self._text is not None else None
        except SourceError as error:
            self._finish("failed", str(error))
            return
        while not self._stopping.is_set():
            reader = Reader(self._opener, self, self._attention.set)
            with self._changed:
                self._reader = reader
            reader.start()
            trouble = self._watch(reader, kind)
            if self._stopping.is_set():
                break
            if reader.source is not None:
                kind = reader.source.info.kind
            if trouble is None:
                problem = reader.source.problem if reader.source is not None else None
                self._finish("ended", problem or f"{self._name} ended after {reader.frames} frames.")
                return
            if not self._reopens or (kind is not None and kind not in DEVICES):
                self._finish("failed", trouble)
                return
            self._say("retrying", f"{trouble} Trying again every {self._settings.retry_s:g} s.")
            self._leave(reader)
            if self._given_up():
                tried = f"Tried for {self._settings.give_up_s:g} s, then given up (capture.give_up_s)."
                self._finish("failed", f"{trouble} {tried}")
                return
        self._finish(None, "")

    def _watch(self, reader: Reader, kind: Kind | None) -> str | None:
        """Wait until the reader is through; None where it came to its source's end, else what went wrong."""
        told_s = self._settings.stall_s
        notes: tuple[str, ...] = ()
        while not self._stopping.is_set():
            self._attention.clear()
            if not reader.is_alive() or reader.ended or reader.error is not None:
                return reader.error if not reader.ended else None
            source = reader.source
            if not reader.can_hang(kind):
                self._attention.wait(None if source is not None else _LOOK_S)
                continue
            quiet = time.monotonic() - reader.sign
            given_up_s = self._open_patience_s if source is None else told_s + self._settings.retry_s
            doing = "has not opened" if source is None else "has sent no picture"
            text = f"{self._name} {doing} for {quiet:.1f} s; check its cable and whether another program uses it."
            if quiet >= given_up_s:
                return text
            state = self.message.state
            if quiet >= told_s and state in ("opening", "running"):
                self._say("stalled", text)
            elif source is not None and state == "running" and source.info.notes != notes:
                notes = source.info.notes
                self._say("running", running_text(source.info))
            deadline = given_up_s if quiet >= told_s else told_s
            self._attention.wait(min(max(deadline - quiet, 0.001), _LOOK_S))
        return None

    def _leave(self, reader: Reader) -> None:
        """Give a reader up, and wait until the next may try."""
        with self._changed:
            self._reader = None
            self._left.append(reader)
        due = time.monotonic() + self._settings.retry_s
        while not self._stopping.is_set() and not self._given_up():
            self._left = [left for left in self._left if left.is_alive()]
            rest = due - time.monotonic()
            if rest <= 0 and len(self._left) < _LEFT_BEHIND:
                return
            self._attention.clear()
            if not self._stopping.is_set():
                self._attention.wait(rest if rest > 0 else self._settings.retry_s)

    def _given_up(self) -> bool:
        """Whether a lost device has been waited for as long as the settings say."""
        with self._changed:
            since = self._begun if self._joined.came is None else self._joined.came
        return 0 < self._settings.give_up_s <= time.monotonic() - since

    def _finish(self, state: State | None, text: str) -> None:
        if state is not None:
            self._say(state, text)
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def _say(self, state: State, text: str) -> None:
        message = Message(state, text)
        level = logging.WARNING if state in ("stalled", "retrying", "failed") else logging.INFO
        with self._saying:  # so that listeners hear in order
            with self._changed:
                if message == self._message:
                    return
                self._message = message
            log.log(level, "%s: %s", state, text)
            if self._on_message is not None:
                try:
                    self._on_message(message)
                except Exception:
                    log.exception("a listener to the capture's messages failed")
