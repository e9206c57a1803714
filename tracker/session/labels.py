"""Markers of a session as other programs write them: Audacity, ELAN, BIDS events, CSV. `markers` keeps our own file.

Every reader takes what it can: nothing that has a time is lost. What had to be mended is said in `notes`.
"""

from __future__ import annotations

import csv
import io
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ..errors import SourceError

_CSV = ("id", "track", "t0_s", "t1_s", "frame0", "frame1", "label", "note")


@dataclass(frozen=True, slots=True)
class Label:
    """A marker: seconds from the session's first frame; a point where `end` is None. Frames are half-open.

    `source`: who made it ("live", "replay", "import", "automatic"; empty: not known); `created`: when, UTC.
    """

    start: float
    end: float | None
    label: str
    track: str = "markers"
    note: str = ""
    frames: tuple[int, int] | None = None
    id: str = ""
    source: str = ""
    author: str = ""
    created: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """Labels by rising start, and what was mended on the way."""

    labels: tuple[Label, ...]
    notes: tuple[str, ...] = field(default=())


def ordered(labels: Iterable[Label]) -> list[Label]:
    return sorted(labels, key=lambda one: (one.start, one.end or one.start, one.label))


# --- Audacity


def to_audacity(labels: Sequence[Label]) -> bytes:
    """Start, end and label with tabs between, seconds with six decimals; a point ends where it starts."""
    lines = (f"{one.start:.6f}\t{_end(one):.6f}\t{_one_line(one.label)}\n" for one in ordered(labels))
    return "".join(lines).encode("utf-8")


def from_audacity(data: bytes) -> Read:
    text, notes = _text(data)
    labels: list[Label] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("\\"):  # frequencies of the line before
            continue
        start, _, rest = line.partition("\t")
        end, _, label = rest.partition("\t")
        labels += _label(start, end, label, "markers", f"Line {number}", notes)
    return Read(tuple(ordered(labels)), tuple(notes))


# --- CSV


def to_csv(labels: Sequence[Label]) -> bytes:
    """RFC 4180, seconds with nine decimals; `t1_s` is empty for a point."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_CSV)
    for one in ordered(labels):
        end = "" if one.end is None else f"{one.end:.9f}"
        writer.writerow([one.id, one.track, f"{one.start:.9f}", end, *(one.frames or ("", "")), one.label, one.note])
    return out.getvalue().encode("utf-8")


def from_csv(data: bytes) -> Read:
    """Raises SourceError for a table without `t0_s`."""
    text, notes = _text(data)
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    if "t0_s" not in (reader.fieldnames or ()):
        raise SourceError(f"A table of markers needs the columns {', '.join(_CSV)}; this has no t0_s.")
    labels: list[Label] = []
    for number, row in enumerate(reader, 2):
        cell = {key: value or "" for key, value in row.items() if isinstance(value, str | None)}
        made = _label(cell["t0_s"], cell.get("t1_s", ""), cell.get("label", ""), cell.get("track") or "markers",
                      f"Row {number}", notes)  # fmt: skip
        frames = cell.get("frame0", ""), cell.get("frame1", "")
        pair = (int(frames[0]), int(frames[1])) if all(part.isdecimal() for part in frames) else None
        labels += [
            Label(one.start, one.end, one.label, one.track, cell.get("note", ""), pair, cell.get("id", ""))
            for one in made
        ]
    return Read(tuple(ordered(labels)), tuple(notes))


# --- BIDS events


def to_events(labels: Sequence[Label]) -> bytes:
    """Onset and duration in seconds, the label as trial_type, the track beside it; "n/a" for what there is not."""
    rows = ["onset\tduration\ttrial_type\ttrack"]
    for one in ordered(labels):
        names = (_one_line(one.label) or "n/a", _one_line(one.track) or "n/a")
        rows.append("\t".join((f"{one.start:.6f}", f"{_end(one) - one.start:.6f}", *names)))
    return ("\n".join(rows) + "\n").encode("utf-8")


def from_events(data: bytes) -> Read:
    """Raises SourceError for a table without onset and duration."""
    text, notes = _text(data)
    rows = [line.split("\t") for line in text.splitlines() if line.strip()]
    if not rows or rows[0][:2] != ["onset", "duration"]:
        raise SourceError("A table of BIDS events begins with the columns onset and duration; this does not.")
    labels: list[Label] = []
    for number, row in enumerate(rows[1:], 2):
        cell = dict(zip(rows[0], row, strict=False))
        start, length = _number(cell["onset"]), _number(cell.get("duration", "n/a"))
        if start is None:
            notes.append(f"Row {number} has no onset and was left out.")
            continue
        label, track = (cell.get(name, "n/a") for name in ("trial_type", "track"))
        end = start + length if length else None
        labels.append(Label(start, end, "" if label == "n/a" else label, "events" if track == "n/a" else track))
    return Read(tuple(ordered(labels)), tuple(notes))


# --- ELAN


def to_eaf(labels: Sequence[Label], media: str = "", date: str = "") -> bytes:
    """An .eaf: one tier a track, and more where labels of a track overlap, which ELAN forbids. Whole milliseconds; a
    point lasts one."""
    root = ET.Element("ANNOTATION_DOCUMENT", {
        "AUTHOR": "", "DATE": date or "1970-01-01T00:00:00+00:00", "FORMAT": "3.0", "VERSION": "3.0",
        "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
        "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
    })  # fmt: skip
    header = ET.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if media:
        facts = {"MEDIA_URL": f"file:./{media}", "RELATIVE_MEDIA_URL": f"./{media}", "MIME_TYPE": "video/x-matroska"}
        ET.SubElement(header, "MEDIA_DESCRIPTOR", facts)
    slots = ET.SubElement(root, "TIME_ORDER")
    tiers = _tiers(labels)
    times: list[int] = []
    count = 0
    for name, members in tiers.items():
        tier = ET.SubElement(root, "TIER", {"LINGUISTIC_TYPE_REF": "default-lt", "TIER_ID": name})
        for start, end, one in members:
            count += 1
            refs = {f"TIME_SLOT_REF{i}": f"ts{len(times) + i}" for i in (1, 2)}
            times += [start, end]
            holder = ET.SubElement(tier, "ANNOTATION")
            annotation = ET.SubElement(holder, "ALIGNABLE_ANNOTATION", {"ANNOTATION_ID": f"a{count}", **refs})
            ET.SubElement(annotation, "ANNOTATION_VALUE").text = _printable(one.label)
    for number, value in enumerate(times, 1):
        ET.SubElement(slots, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{number}", "TIME_VALUE": str(value)})
    ET.SubElement(root, "LINGUISTIC_TYPE", {
        "GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": "default-lt", "TIME_ALIGNABLE": "true"})  # fmt: skip
    ET.indent(root)
    body: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def _tiers(labels: Sequence[Label]) -> dict[str, list[tuple[int, int, Label]]]:
    tiers: dict[str, list[tuple[int, int, Label]]] = {}
    for one in ordered(labels):
        start = max(round(one.start * 1000.0), 0)
        end = max(round(_end(one) * 1000.0), start + 1)
        base, number = _printable(one.track) or "markers", 1
        name = base
        while name in tiers and tiers[name][-1][1] > start:
            number += 1
            name = f"{base} ({number})"
        tiers.setdefault(name, []).append((start, end, one))
    return tiers


def from_eaf(data: bytes) -> Read:
    """Raises SourceError for what is no .eaf. Annotations without times of their own are left out and noted."""
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        raise SourceError(f"This is no file of ELAN: its XML is broken ({error}).") from error
    if root.tag != "ANNOTATION_DOCUMENT":
        raise SourceError(f"This is no file of ELAN: it holds <{root.tag}>, not <ANNOTATION_DOCUMENT>.")
    slots = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
    notes: list[str] = []
    labels: list[Label] = []
    for tier in root.iter("TIER"):
        name = tier.get("TIER_ID") or "markers"
        for one in tier.iter("ALIGNABLE_ANNOTATION"):
            start, end = (_number(slots.get(one.get(f"TIME_SLOT_REF{i}")) or "") for i in (1, 2))
            what = f"Annotation {one.get('ANNOTATION_ID')}"
            if start is None:
                notes.append(f"{what} has no time of its own and was left out.")
                continue
            value = one.findtext("ANNOTATION_VALUE") or ""
            after = "" if end is None or end - start <= 1.0 else str(end / 1000.0)
            labels += _label(str(start / 1000.0), after, value, name, what, notes)
    return Read(tuple(ordered(labels)), tuple(notes))


FORMATS: dict[str, tuple[Callable[[Sequence[Label]], bytes], Callable[[bytes], Read]]] = {
    ".txt": (to_audacity, from_audacity),
    ".csv": (to_csv, from_csv),
    ".tsv": (to_events, from_events),
    ".eaf": (to_eaf, from_eaf),
}
"""Ending of a file -> how labels are written to it and read from it."""


def new_id() -> str:
    """For a label that was made or imported."""
    return str(uuid.uuid4())


def _label(start: str, end: str, label: str, track: str, what: str, notes: list[str]) -> list[Label]:
    """A label of two texts, mended where they are the wrong way round; none where there is no time."""
    first, last = _number(start), _number(end)
    if first is None:
        notes.append(f"{what} has no time ({start!r}) and was left out.")
        return []
    if last is not None and last < first:
        notes.append(f"{what} ended before it began and was turned round.")
        first, last = last, first
    return [Label(first, None if last is None or last == first else last, label, track)]


def _number(text: str) -> float | None:
    try:
        value = float(text.strip())
    except ValueError:
        return None
    return value if abs(value) < 1e12 else None


def _text(data: bytes) -> tuple[str, list[str]]:
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        told = f"Byte {error.start} is no UTF-8; the text was read as Latin-1, look at its accents."
        return data.decode("latin-1"), [told]


def _end(one: Label) -> float:
    return one.start if one.end is None else one.end


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _printable(text: str) -> str:
    """Without the characters that XML 1.0 forbids."""
    return "".join(
        c for c in text if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
    )
