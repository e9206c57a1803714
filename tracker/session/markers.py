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
from .labels import Label, new_id, ordered, to_audacity
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
    """What a session's folder holds. `notes`: what had to be mended; `unread`: items that could not be read, kept as
    they are."""

    labels: tuple[Label, ...] = ()
    tracks: tuple[Track, ...] = ()
    notes: tuple[str, ...] = ()
    unread: tuple[Any, ...] = ()


def read_markers(folder: Path) -> list[Label]:
    """The labels of `load_markers`, by rising start."""
    return list(load_markers(folder).labels)


def load_markers(folder: Path) -> Markers:
    """Of a session's folder, with what a kill left in the journal; empty where it has none.

    Items that overlap are kept, those that end before they begin are turned round, those without a time are left in
    the file and noted. Raises SourceError for a file that is no JSON of ours or that a newer version wrote.
    """
    loaded = _load(folder / MARKERS)
    labels = {one.id: one for one in loaded.labels}
    for edit in _edits(folder / JOURNAL):
        if edit.get("op") == "remove":
            labels.pop(str(edit.get("id")), None)
        elif (label := _label(edit.get("item"), {}, [])) is not None:
            labels[label.id] = label
    return replace(loaded, labels=tuple(ordered(labels.values())))


def save_markers(folder: Path, markers: Markers) -> None:
    """Write `markers.json` and `markers.txt`; the journal has then done its work and goes.

    Raises OutputError where the folder cannot be written; the journal and the file from before stay as they were.
    """
    tracks = {track.name: track for track in markers.tracks}
    for one in markers.labels:
        tracks.setdefault(one.track, Track(one.track))
    about = {
        "schema": SCHEMA,
        "schema_version": {"major": MAJOR, "minor": MINOR},
        "tracks": [{"id": t.name, "name": t.name, "colour": t.color, "key": t.key} for t in tracks.values()],
        "items": [*(_item(one) for one in ordered(markers.labels)), *markers.unread],
    }
    data = msgspec.json.format(msgspec.json.encode(about, order="sorted"), indent=2) + b"\n"
    try:
        _replace(folder / MARKERS, data)
        _replace(folder / AUDACITY, to_audacity(markers.labels))
        (folder / JOURNAL).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"The markers of {folder} cannot be saved ({reason_of(error)}); free some space, or export them elsewhere."
        ) from error


def fold_journal(folder: Path) -> bool:
    """Make `markers.json` of what a recording's journal holds; False where there is no journal."""
    if not (folder / JOURNAL).is_file():
        return False
    save_markers(folder, load_markers(folder))
    return True


def set_aside(folder: Path) -> Path:
    """Rename a `markers.json` that cannot be read, so that new markers cannot overwrite it; returns where it is."""
    path, number = folder / f"{MARKERS}.broken", 1
    while path.exists():
        number += 1
        path = folder / f"{MARKERS}.broken{number}"
    (folder / MARKERS).replace(path)
    return path


class Journal:
    """Appends edits to `markers.journal`. Each is with the system at once: a kill loses none. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL

    def put(self, label: Label) -> None:
        self._append({"op": "put", "item": _item(label)})

    def remove(self, name: str) -> None:
        self._append({"op": "remove", "id": name})

    def sync(self) -> None:
        """Let it reach the disk itself, where a power cut leaves it alone."""
        if self._path.is_file():
            with self._path.open("r+b") as file:
                os.fsync(file.fileno())

    def _append(self, edit: Mapping[str, Any]) -> None:
        """A line, and one before it where the last one was cut short."""
        with self._path.open("a+b") as file:
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
    if unread:
        notes.append(f"{len(unread)} markers of {path.name} have no time that can be read; they stay in the file.")
    return Markers(tuple(_distinct(ordered(labels))), tuple(tracks), tuple(notes), tuple(unread))


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


def _item(one: Label) -> dict[str, Any]:
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
    scratch = path.with_name(f"{path.name}.tmp")
    try:
        with scratch.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if scratch.read_bytes() != data:
            raise OSError(f"{scratch} does not hold what was written")
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
