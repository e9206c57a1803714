"""What the mouse does to labels in the timeline: pure functions of where it went down and where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from tracker.session.labels import Label
from tracker.session.timeline import Timeline

from .lanes import Layout, Part
from .scale import TimeScale

FAR = 3.0
"""Pixels after which a press is a drag."""


@dataclass(frozen=True, slots=True)
class Grab:
    """`seek`: the playhead follows; `box`: what it touches gets selected; `pan`: the view moves; `labels`: `part` of
    the labels `ids` is dragged (edges: of the one that was taken, `taken`). `held`: what was selected before."""

    kind: Literal["seek", "box", "pan", "labels"]
    start: tuple[float, float]
    now: tuple[float, float]
    part: Part = "body"
    taken: str = ""
    ids: frozenset[str] = frozenset()
    held: set[str] = field(default_factory=set)

    @property
    def far(self) -> bool:
        return max(abs(self.now[0] - self.start[0]), abs(self.now[1] - self.start[1])) >= FAR


def begin(layout: Layout, selected: set[str], x: float, y: float, more: bool) -> tuple[Grab, set[str]]:
    """What a press takes, and what is selected then. `more`: Ctrl or Shift, which adds and takes away."""
    placed = layout.at(x, y)
    if placed is None:
        row = layout.row_at(y)
        in_labels = row is not None and row.track is not None
        if in_labels:
            return Grab("box", (x, y), (x, y), held=set(selected) if more else set()), selected if more else set()
        return Grab("seek", (x, y), (x, y)), selected
    name = placed.label.id
    if more:
        selected = selected ^ {name}
    elif name not in selected:
        selected = {name}
    part = placed.part(x)
    ids = frozenset(selected) if part == "body" else frozenset({name})
    return Grab("labels", (x, y), (x, y), part, name, ids), selected


def moved(grab: Grab, labels: Sequence[Label], scale: TimeScale, line: Timeline) -> list[Label]:
    """The labels as they would lie now, on the beginnings of frames; those that stay where they are are left out."""
    by_id = {one.id: one for one in labels if one.id in grab.ids}
    taken = by_id.get(grab.taken)
    if taken is None or not len(line):
        return []
    shift = (grab.now[0] - grab.start[0]) / scale.width * scale.seconds
    if grab.part == "start":
        return [resized(taken, "start", taken.start + shift, line)]
    if grab.part == "end":
        return [resized(taken, "end", (taken.end or taken.start) + shift, line)]
    first = min(one.start for one in by_id.values())
    last = max(one.end or one.start for one in by_id.values())
    shift = min(max(shift, -first), max(line.duration - last, 0.0))
    snapped = snap(taken.start + shift, line) - taken.start  # all of them move by as much as the one in the hand
    return [_shifted(one, snapped, line) for one in by_id.values()]


def resized(label: Label, edge: Literal["start", "end"], time: float, line: Timeline) -> Label:
    """With one edge elsewhere; a span keeps at least one frame."""
    start, end = label.start, label.end if label.end is not None else label.start
    if edge == "start":
        start = min(snap(time, line), snap(max(end - line.step, 0.0), line))
    else:
        end = max(snap(time, line), snap(start + line.step, line))
    return framed(replace(label, start=start, end=end), line)


def snap(time: float, line: Timeline) -> float:
    """The nearest beginning of a frame, or the session's end."""
    position = line.at(max(time, 0.0))
    begins, ends = float(line.time[position]), line.end(position)
    return begins if time - begins <= ends - time else ends


def framed(label: Label, line: Timeline) -> Label:
    """With the frames, half-open, that its times mean."""
    first = line.at(label.start)
    last = first if label.end is None else max(line.at(label.end - 0.1 * line.step), first)
    return replace(label, frames=(int(line.index[first]), int(line.index[last]) + 1))


def _shifted(label: Label, by: float, line: Timeline) -> Label:
    start = max(label.start + by, 0.0)
    end = None if label.end is None else start + (label.end - label.start)
    return framed(replace(label, start=start, end=end), line)
