"""The labels that a person annotates with, as one line of the settings: "mark=1 #f0a52a; speech=2 #5ab8f0"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import SettingsError
from ..settings import Annotate
from .auto_markers import KINDS, Kind, Thresholds
from .markers import Track

_ENTRY = re.compile(r"([^=#;]+?)\s*(?:=\s*([^\s#;=]+))?\s*(#[0-9a-fA-F]{6})?")
COLORS = ("#f0a52a", "#5ab8f0", "#3fd0a0", "#e88ac0", "#f0e060", "#ff8a5c", "#a58cf0", "#9bd353", "#d1495b")
"""Taken in turn by labels without a colour of their own."""


def label_set(text: str) -> tuple[Track, ...]:
    """The tracks that a setting names, in its order.

    Raises SettingsError for an entry that cannot be read, and for a name or a key that is there twice.
    """
    tracks: list[Track] = []
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise SettingsError(
                f"annotate.labels: {entry!r} is no label; write NAME=KEY #rrggbb, with semicolons between, "
                "for example 'smile=3 #3fd0a0; speech=2'."
            )
        name, key, color = found.group(1), found.group(2) or "", found.group(3)
        for told, taken in ((name, [t.name for t in tracks]), (key, [t.key for t in tracks if t.key])):
            if told in taken:
                raise SettingsError(f"annotate.labels: {told!r} is there twice; names and keys belong to one label.")
        tracks.append(Track(name, color or COLORS[len(tracks) % len(COLORS)], key))
    return tuple(tracks)


def label_text(tracks: Sequence[Track]) -> str:
    """The line of the settings that `label_set` reads these from."""
    return "; ".join(" ".join(filter(None, (f"{t.name}={t.key}" if t.key else t.name, t.color))) for t in tracks)


def automatic(settings: Annotate) -> tuple[Kind, ...]:
    """Which markers make themselves."""
    return tuple(kind for kind in KINDS if getattr(settings, kind))


def thresholds(settings: Annotate) -> Thresholds:
    """Where they begin. Raises SettingsError for one that is not above 0."""
    at = Thresholds(settings.blink_at, settings.mouth_at, settings.turn_at)
    for name, value in at._asdict().items():
        if not value > 0.0:
            raise SettingsError(f"annotate.{name}_at is {value:g}; it must be above 0.")
    return at
