"""A session's own markers: `markers.json`, `markers.txt` (Audacity's labels, made from it) and `markers.journal`.

Every edit is a line of the journal at once, so that a kill takes none of them; now and then, and at the end, the
journal is folded into `markers.json`, which is written beside, read back and renamed. What a file holds that cannot be
read stays in it.
"""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from ..errors import OutputError, SourceError
from ..whole import whole
from .labels import Label, new_id, ordered, to_audacity
from .layers import alone, keep_copy, readable, stamps_of
from .reason import reason_of

log = logging.getLogger(__name__)

MARKERS, AUDACITY, JOURNAL = "markers.json", "markers.txt", "markers.journal"
SCHEMA, MAJOR, MINOR = "stillpoint.markers", 1, 0
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Track:
    """A kind of marker: its name, its colour (#rrggbb), and the key that drops one (empty: none)."""

    name: str
    color: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Markers:
    """What a session's folder holds. `notes`: what had to be mended, sentences; `unread`: items that could not be read,
    kept as they are; `mended`: whether the file said anything otherwise than it is here."""

    labels: tuple[Label, ...] = ()
    tracks: tuple[Track, ...] = ()
    notes: tuple[str, ...] = ()
    unread: tuple[Any, ...] = ()
    mended: bool = False


def read_markers(folder: Path) -> list[Label]:
    """The labels of `load_markers`, by rising start."""
    return list(load_markers(folder).labels)


def load_markers(folder: Path) -> Markers:
    """Of a session's folder, with what a kill left in the journal; empty where it has none.

    Items that overlap are kept, those that end before they begin are turned round, those without a time are left in
    the file and noted. Raises SourceError for a file that is no JSON of ours or that a newer version wrote.
    """
    loaded = _load(folder / MARKERS)
    return replace(loaded, labels=_edited(loaded.labels, folder))


def markers_over(folder: Path, mine: Markers) -> tuple[Markers, str]:
    """`load_markers`, but with `mine` beneath the journal where there is no file, or one that cannot be read: then
    also the sentence that says so."""
    loaded, problem = readable(lambda one: _load(one / MARKERS), folder, mine)
    if not (folder / MARKERS).is_file():
        loaded = replace(mine, mended=False)
    return replace(loaded, labels=_edited(loaded.labels, folder)), problem


def save_markers(folder: Path, mine: Markers, unwritten: Mapping[str, Label | None] | None = None) -> Markers:
    """Fold the journal into `markers.json` and `markers.txt`, and let it go; returns what they hold then.

    What others journalled or saved meanwhile stays. Of `mine` the tracks are added; its labels count only where the
    file is gone or cannot be read. Of a file that could not be read as it is a copy stays. `unwritten` are edits by id
    that the journal could not take (None: removed). Raises OutputError where the folder cannot be written; all stays
    as it was.
    """
    try:
        with alone(folder):
            held, problem = markers_over(folder, mine)
            labels = {one.id: one for one in held.labels}
            for name, label in (unwritten or {}).items():
                labels.pop(name, None)
                if label is not None:
                    labels[name] = label
            tracks = {track.name: track for track in (*held.tracks, *mine.tracks)}
            for one in labels.values():
                tracks.setdefault(one.track, Track(one.track))
            if problem or held.mended:
                keep_copy(folder / MARKERS)
            merged = Markers(tuple(ordered(labels.values())), tuple(tracks.values()), unread=held.unread)
            _write(folder, merged)
    except OSError as error:
        raise OutputError(
            f"The markers of {folder} cannot be saved ({reason_of(error)}); free some space, or export them elsewhere."
        ) from error
    return merged


def fold_journal(folder: Path) -> bool:
    """Make `markers.json` of what a recording's journal holds; False where there is no journal. Raises SourceError for
    a file that cannot be read, to which nothing is done."""
    if not (folder / JOURNAL).is_file():
        return False
    save_markers(folder, load_markers(folder))
    return True


def stamps(folder: Path) -> tuple[tuple[int, int, int], ...]:
    """What changes when somebody writes markers into the folder."""
    return stamps_of(folder / MARKERS, folder / JOURNAL)


class Journal:
    """Appends edits to `markers.journal`. Each is with the system at once: a kill loses none. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL

    def put(self, label: Label) -> None:
        self._append({"op": "put", "item": item_of(label)})

    def remove(self, name: str) -> None:
        self._append({"op": "remove", "id": name})

    def sync(self) -> None:
        """Let it reach the disk itself, where a power cut leaves it alone."""
        if self._path.is_file():
            with self._path.open("r+b") as file:
                os.fsync(file.fileno())

    def _append(self, edit: Mapping[str, Any]) -> None:
        """A line, and one before it where the last one was cut short."""
        with alone(self._path.parent), self._path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.write(msgspec.json.encode(edit) + b"\n")


def _load(path: Path) -> Markers:
    if not path.is_file():
        return Markers()
    notes: list[str] = []
    try:
        data = path.read_bytes()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            text = data.decode("latin-1")
            notes.append(f"Byte {error.start} of {path.name} is no UTF-8; it was read as Latin-1, look at its accents.")
        about = json.loads(text)
        version = about["schema_version"]
        major = version["major"] if isinstance(version, dict) else int(version)
        if about["schema"] != SCHEMA or major > MAJOR:
            raise SourceError(
                f"{path} is of {about['schema']} {major}; {SCHEMA} up to {MAJOR} is read. Update Stillpoint."
            )
        told = [item for item in about.get("tracks", ()) if isinstance(item, dict)]
        names = {item.get("id"): str(item.get("name") or item.get("id")) for item in told}
        tracks = [Track(names[t.get("id")], str(t.get("colour") or ""), str(t.get("key") or "")) for t in told]
        items = list(about["items"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path} is damaged ({type(error).__name__}: {error}); restore it from a copy.") from error
    labels, unread = [], []
    for item in items:
        label = _label(item, names, notes)
        if label is None:
            unread.append(item)
        else:
            labels.append(label)
    mended = bool(notes)
    if unread:
        notes.append(f"{len(unread)} markers of {path.name} have no time that can be read; they stay in the file.")
    return Markers(tuple(_distinct(ordered(labels))), tuple(tracks), tuple(notes), tuple(unread), mended)


def _distinct(labels: Iterable[Label]) -> Iterator[Label]:
    """Every label with an id of its own, the same one each time that the file is read: the journal speaks of them."""
    seen: set[str] = set()
    for one in labels:
        name, more = one.id, 0
        while not name or name in seen:
            told = f"{one.start} {one.end} {one.track} {one.label} {more}"
            name, more = str(uuid.uuid5(uuid.NAMESPACE_OID, told)), more + 1
        seen.add(name)
        yield replace(one, id=name)


def _edited(labels: Iterable[Label], folder: Path) -> tuple[Label, ...]:
    """With what the journal says."""
    kept = {one.id: one for one in labels}
    for edit in _edits(folder / JOURNAL):
        if edit.get("op") == "remove":
            kept.pop(str(edit.get("id")), None)
        elif (label := _label(edit.get("item"), {}, [])) is not None:
            kept[label.id] = label
    return tuple(ordered(kept.values()))


def _write(folder: Path, markers: Markers) -> None:
    """Both files; the journal has then done its work and goes. Raises OSError."""
    about = {
        "schema": SCHEMA,
        "schema_version": {"major": MAJOR, "minor": MINOR},
        "tracks": [{"id": t.name, "name": t.name, "colour": t.color, "key": t.key} for t in markers.tracks],
        "items": [*(item_of(one) for one in markers.labels), *markers.unread],
    }
    data = msgspec.json.format(msgspec.json.encode(about, order="sorted"), indent=2) + b"\n"
    _replace(folder / MARKERS, data)
    _replace(folder / AUDACITY, to_audacity(markers.labels))
    (folder / JOURNAL).unlink(missing_ok=True)


def _edits(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a journal."""
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        try:
            edit = json.loads(line)
        except ValueError:
            if line.strip():
                log.warning("a line of %s was cut short", path)
            continue
        if isinstance(edit, dict):
            yield edit


def item_of(one: Label) -> dict[str, Any]:
    """A label as `markers.json` has it."""
    first, last = one.frames or (None, None)
    return {
        "id": one.id or new_id(),
        "track": one.track,
        "t0_ns": round(one.start * _NS),
        "t1_ns": None if one.end is None else round(one.end * _NS),
        "frame0": first,
        "frame1": last,
        "label": one.label,
        "note": one.note,
        "author": one.author,
        "created_utc": one.created,
        "source": one.source,
    }


def _label(item: Any, names: Mapping[object, str], notes: list[str]) -> Label | None:
    """None where there is no time in it."""
    try:
        start = int(item["t0_ns"]) / _NS
        end = None if item.get("t1_ns") is None else int(item["t1_ns"]) / _NS
        first, last = item.get("frame0"), item.get("frame1")
        frames = (int(first), int(last)) if first is not None and last is not None else None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    words = {name: str(item.get(name) or "") for name in ("label", "note", "id", "source", "author", "created_utc")}
    if end is not None and end < start:
        notes.append(f"The marker {words['label'] or words['id']!r} ended before it began and was turned round.")
        start, end, frames = end, start, None if frames is None else (min(frames), max(frames))
    track = item.get("track") or "markers"
    return Label(
        start, end, words["label"], names.get(track, str(track)), words["note"], frames, words["id"],
        words["source"], words["author"], words["created_utc"],
    )  # fmt: skip


def _replace(path: Path, data: bytes) -> None:
    """Whole or not at all, and only what can be read back."""
    with whole(path) as scratch:
        with scratch.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if scratch.read_bytes() != data:
            raise OSError(f"{scratch} does not hold what was written")
