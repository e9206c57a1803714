"""Markers in replay: what keys, buttons and the list do to them at the playhead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PyQt6.QtCore import QObject

from tracker.session.labels import Label
from tracker.session.markers import Track

from ..markers.hold import Holding
from ..markers.panel import MarkersPanel
from .desk import TEXT, Desk
from .grab import framed


class Marking(QObject):
    """Joins the panel and the desk. `show_panel` brings the panel to the front."""

    def __init__(self, desk: Desk, panel: MarkersPanel, show_panel: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._desk, self._panel, self._show_panel = desk, panel, show_panel
        self._written_at: tuple[float, int] | None = None
        self._holding = Holding(self._now, desk.book.put, self._dropped)
        panel.show_tracks(desk.tracks)
        panel.labels.hide()  # the set belongs to the live window's settings
        panel.show_ready(True, "")
        panel.held.connect(self.hold)
        panel.written.connect(self._take_text)
        panel.table.picked.connect(desk.select)
        panel.table.deleted.connect(desk.edits.remove)
        panel.table.gone_to.connect(self._go_to)
        panel.table.rows.renamed.connect(self._rename)

    @property
    def held(self) -> dict[str, Callable[[bool], object]]:
        """The labels' keys, and what holding them does."""
        tracks = self._desk.tracks
        keys = {track.key: self._holder(track) for track in tracks if track.key}
        return {**keys, "M": self._holder(tracks[0])} if tracks else keys

    def hold(self, track: Track, down: bool) -> None:
        if down:
            self._holding.press(track, author=self._desk.settings.annotate.author)
        else:
            self._holding.release(track)

    def write(self) -> None:
        """The moment counts in which the key was pressed, not the one in which the text is through."""
        self._written_at = self._now()
        self._show_panel()
        self._panel.text.setFocus()

    def delete(self) -> None:
        self._desk.edits.remove(self._desk.selected)

    def trim(self, edge: str) -> None:
        """The selected markers begin, or end, with this frame; a point becomes a span."""
        line, at = self._desk.line, self._desk.player.position
        changed = []
        for one in (self._desk.book.get(name) for name in self._desk.selected):
            if one is None or not len(line):
                continue
            here, after = float(line.time[at]), line.end(at)
            end = one.end if one.end is not None else one.start
            if edge == "start":
                changed.append(framed(replace(one, start=here, end=max(end, after)), line))
            elif after > one.start:
                changed.append(framed(replace(one, end=after), line))
        self._desk.edits.change(changed, "Trim markers")

    def _now(self) -> tuple[float, int] | None:
        line, at = self._desk.line, self._desk.player.position
        return (float(line.time[at]), int(line.index[at])) if len(line) else None

    def _holder(self, track: Track) -> Callable[[bool], object]:
        return lambda down: self.hold(track, down)

    def _dropped(self, label: Label) -> None:
        kept = self._desk.book.put(framed(replace(label, source="replay"), self._desk.line))
        self._desk.edits.note(f"Mark {label.label!r}", {kept.id: None}, {kept.id: kept})
        self._desk.select({kept.id})

    def _take_text(self, text: str) -> None:
        at, self._written_at = self._written_at or self._now(), None
        if at is not None:
            self._desk.book.add_tracks([TEXT])
            label = Label(at[0], None, text, TEXT.name, author=self._desk.settings.annotate.author)
            self._dropped(label)

    def _rename(self, name: str, words: str) -> None:
        label = self._desk.book.get(name)
        if label is not None:
            self._desk.edits.change([replace(label, label=words)], "Rename a marker")

    def _go_to(self, name: str) -> None:
        label = self._desk.book.get(name)
        if label is not None:
            self._desk.player.seek(label.start)
