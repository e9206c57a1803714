"""The markers of one session while they are edited, live or in replay: every change is journalled at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from ..types import Tracked
from .about import now_utc
from .auto_markers import TRACKS, Kind, Thresholds, Watch, signs_in
from .labels import Label, new_id, ordered
from .layers import alone
from .markers import Journal, Markers, Track, item_of, markers_over, save_markers, stamps
from .reason import reason_of

log = logging.getLogger(__name__)


class MarkerBook:
    """Labels by id. Any thread may call; `on_change` is called after every change, in the thread that made it.

    Others may edit the same folder: `refresh` and `save` take in what they did. `problem`: why edits cannot be kept in
    the folder, a sentence; they are then only in memory. `notes`: what was mended when the folder was read.
    """

    def __init__(self, folder: Path, tracks: Iterable[Track] = (), on_change: Callable[[], None] | None = None) -> None:
        self.folder = folder
        self.on_change = on_change
        self.problem: str | None = None
        self._lock = threading.RLock()
        self._journal = Journal(folder)
        self._stamps = stamps(folder)
        held, problem = markers_over(folder, Markers())
        self.notes = (*((problem,) if problem else ()), *held.notes)
        self._unread = held.unread
        self._labels = {one.id: one for one in held.labels}
        self._unwritten: dict[str, Label | None] = {}
        self._tracks = {track.name: track for track in held.tracks}
        self._tracks.update({track.name: track for track in tracks})
        self._dirty = False

    @property
    def labels(self) -> list[Label]:
        """By rising start."""
        with self._lock:
            return ordered(self._labels.values())

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Those of the label set and of the file, then those that only labels name."""
        with self._lock:
            known = dict(self._tracks)
            for one in self._labels.values():
                known.setdefault(one.track, Track(one.track))
            return tuple(known.values())

    def get(self, name: str) -> Label | None:
        with self._lock:
            return self._labels.get(name)

    def put(self, label: Label) -> Label:
        """Add a label, or take it instead of the one with its id; returns it with its id."""
        kept = replace(label, id=label.id or new_id(), created=label.created or now_utc())
        self._change(kept.id, kept, lambda: self._journal.put(kept))
        return kept

    def remove(self, name: str) -> Label | None:
        """Take a label away and return it; None where there is none of that id."""
        gone = self.get(name)
        if gone is not None:
            self._change(name, None, lambda: self._journal.remove(name))
        return gone

    def add_tracks(self, tracks: Iterable[Track]) -> None:
        """Tracks that are there even without a label; their colours and keys are kept in the file."""
        with self._lock:
            self._tracks.update({track.name: track for track in tracks})

    def save(self, anyway: bool = False) -> bool:
        """Fold the journal into `markers.json` and `markers.txt`, where anything changed, or `anyway`; whether there
        were changes of others, which are taken in.

        Raises OutputError where the folder cannot be written; nothing is lost by that.
        """
        with self._lock:
            if not self._dirty and not anyway:
                return False
            merged = save_markers(self.folder, self._mine, self._unwritten)
            self._unwritten, self._dirty, self.problem = {}, False, None
            return self._take_in(merged)

    def refresh(self) -> bool:
        """Take in what others changed in the folder; whether there was anything."""
        with self._lock:
            now = stamps(self.folder)
            if now == self._stamps:
                return False
            self._stamps = now
            try:
                with alone(self.folder):
                    held, problem = markers_over(self.folder, self._mine)
            except OSError:
                return False
            return not problem and self._take_in(held)

    def sync(self) -> None:
        """Let the journal reach the disk itself."""
        with self._lock:
            try:
                self._journal.sync()
            except OSError as error:
                self._failed(error)

    @property
    def _mine(self) -> Markers:
        return Markers(tuple(self.labels), self.tracks, unread=self._unread)

    def _take_in(self, held: Markers) -> bool:
        """What the folder holds, and what it could not take. True where that is not what was here."""
        labels: dict[str, Label | None] = {one.id: one for one in held.labels}
        labels.update(self._unwritten)
        before = {name: item_of(one) for name, one in self._labels.items()}
        self._labels = {name: one for name, one in labels.items() if one is not None}
        self._unread = held.unread
        for track in held.tracks:
            self._tracks.setdefault(track.name, track)
        return before != {name: item_of(one) for name, one in self._labels.items()}

    def _change(self, name: str, label: Label | None, write: Callable[[], None]) -> None:
        with self._lock:
            self._labels.pop(name, None)
            if label is not None:
                self._labels[name] = label
            self._dirty = True
            try:
                write()
                self._unwritten.pop(name, None)
            except OSError as error:
                self._unwritten[name] = label
                self._failed(error)
        if self.on_change is not None:
            self.on_change()

    def _failed(self, error: OSError) -> None:
        if self.problem is None:
            log.warning("markers are not kept", exc_info=error)
        self.problem = (
            f"Markers cannot be kept in {self.folder} ({reason_of(error)}); free some space, or export them elsewhere "
            "before you close the window."
        )


class LiveMarkers:
    """The markers of a recording that runs: the recorder shows it every frame, the window drops markers into it.

    Times are those of the capture clock until the first frame was recorded, then seconds from that one; marks that
    come before it wait for it.
    """

    def __init__(
        self,
        folder: Path,
        kinds: tuple[Kind, ...] = (),
        tracks: Iterable[Track] = (),
        at: Thresholds | None = None,
    ) -> None:
        self.book = MarkerBook(folder, [*tracks, *(TRACKS[kind] for kind in kinds)])
        self._lock = threading.Lock()
        self._watch = Watch(kinds, at or Thresholds())
        self._zero: float | None = None
        self._last = 0.0
        self._synced = 0.0
        self._waiting: dict[str, Label] = {}

    @property
    def zero(self) -> float | None:
        """The capture clock's time of the session's first frame; None before it came."""
        return self._zero

    def set_kinds(self, kinds: tuple[Kind, ...]) -> None:
        """Which markers make themselves, from the next frame on."""
        with self._lock:
            self._watch = replace(self._watch, kinds=kinds)
        self.book.add_tracks(TRACKS[kind] for kind in kinds)

    def see(self, tracked: Tracked) -> None:
        """A frame that is recorded."""
        time = tracked.raw.frame.time
        with self._lock:
            if self._zero is None:
                self._zero = self._synced = time
            waiting, self._waiting = self._waiting, {}
            for one in waiting.values():
                self.book.put(self._moved(one))  # before anybody can `mark` a change of it
            self._watch, labels = self._watch.step(signs_in(tracked, self._zero))
            self._last = time - self._zero
        for one in labels:
            self.book.put(one)
        if time - self._synced >= 1.0:
            self._synced = time
            self.book.sync()

    def mark(self, label: Label) -> Label:
        """Drop a marker, or change one by its id; its times are of the capture clock. Returns it with its id."""
        label = replace(label, id=label.id or new_id(), source=label.source or "live")
        with self._lock:
            if self._zero is None:
                self._waiting[label.id] = label
                return label
        self.book.put(self._moved(label))
        return label

    def close(self) -> None:
        """End what lasts and write `markers.json` and `markers.txt`. Raises OutputError where that cannot be."""
        with self._lock:
            ended, self._watch = self._watch.finish(self._last), replace(self._watch, begun={})
        for one in ended:
            self.book.put(one)
        self.book.save(anyway=self._zero is not None)  # that nothing was marked is told, too

    def _moved(self, label: Label) -> Label:
        zero = self._zero or 0.0
        end = None if label.end is None else max(label.end - zero, 0.0)
        return replace(label, start=max(label.start - zero, 0.0), end=end)
