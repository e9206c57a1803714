"""Where labels lie in the timeline: overlapping ones of a track below one another, and what is under the mouse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tracker.session.labels import Label
from tracker.session.markers import Track

from .scale import TimeScale

LANE, GAP, RULER, STATES, CURVE, COMPARED = 20, 5, 24, 10, 68, 112
"""Heights, pixels."""
_EDGE = 5.0
_POINT = 6.0
MOST_LANES = 6
"""Of one track; more are drawn over one another in the last."""

Part = Literal["start", "end", "body"]


@dataclass(frozen=True, slots=True)
class Row:
    """A band of the timeline: a track of labels with its `lanes`, or a curve (`track` None)."""

    title: str
    top: int
    height: int
    track: Track | None = None
    lanes: int = 1


@dataclass(frozen=True, slots=True)
class Placed:
    """A label and the rectangle it is drawn in."""

    label: Label
    color: str
    x0: float
    x1: float
    top: float
    height: float

    def part(self, x: float) -> Part:
        """What of it the mouse takes there: edges of spans that are wide enough to have a body, too."""
        if self.label.end is not None and self.x1 - self.x0 > 3 * _EDGE:
            if x - self.x0 <= _EDGE:
                return "start"
            if self.x1 - x <= _EDGE:
                return "end"
        return "body"


def lanes_of(labels: Iterable[Label], least: float) -> dict[str, int]:
    """Label's id -> its lane: those that overlap (`least` s is a point's own length) come below one another."""
    ends: list[float] = []
    found: dict[str, int] = {}
    for one in sorted(labels, key=lambda one: (one.start, one.end or one.start)):
        end = max(one.end or one.start, one.start + least)
        lane = next((i for i, free in enumerate(ends) if free <= one.start + 1e-9), len(ends))
        if lane == len(ends) and lane < MOST_LANES:
            ends.append(end)
        lane = min(lane, MOST_LANES - 1)
        ends[lane] = max(ends[lane], end)
        found[one.id] = lane
    return found


@dataclass(frozen=True, eq=False)
class Layout:
    """Every row and every label of a timeline, placed; `height` of it all."""

    rows: tuple[Row, ...]
    placed: tuple[Placed, ...]
    height: int

    def at(self, x: float, y: float) -> Placed | None:
        """The label under the mouse, the one drawn last; points are taken a little beside, too."""
        near = (p for p in reversed(self.placed) if p.top <= y < p.top + p.height)
        return next((p for p in near if p.x0 - _POINT <= x <= p.x1 + _POINT), None)

    def within(self, x0: float, y0: float, x1: float, y1: float) -> set[str]:
        """Ids of the labels that a rectangle touches."""
        (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
        return {p.label.id for p in self.placed if p.x1 >= x0 and p.x0 <= x1 and p.top + p.height > y0 and p.top < y1}

    def row_at(self, y: float) -> Row | None:
        return next((row for row in self.rows if row.top <= y < row.top + row.height), None)


def lay_out(
    tracks: Sequence[Track], labels: Sequence[Label], curves: Sequence[tuple[str, bool]], scale: TimeScale
) -> Layout:
    """Tracks in their order, each as many lanes high as it needs, then the curves (name, and whether there is a second
    one to compare it with)."""
    least = 2 * _POINT / scale.width * scale.seconds
    rows: list[Row] = []
    placed: list[Placed] = []
    top = RULER + STATES + 2 * GAP
    mine: dict[str, list[Label]] = {track.name: [] for track in tracks}
    for one in labels:
        mine.setdefault(one.track, []).append(one)
    for track in tracks:
        lanes = lanes_of(mine[track.name], least)
        count = max(lanes.values(), default=0) + 1
        rows.append(Row(track.name, top, count * LANE, track, count))
        for one in mine[track.name]:
            if one.start <= scale.last and (one.end or one.start) >= scale.first - least:
                x0 = scale.x(one.start)
                x1 = scale.x(one.end) if one.end is not None else x0
                placed.append(Placed(one, track.color, x0, x1, top + lanes[one.id] * LANE + 2, LANE - 4))
        top += count * LANE + GAP
    for name, compared in curves:
        height = COMPARED if compared else CURVE
        rows.append(Row(name, top, height))
        top += height + GAP
    return Layout(tuple(rows), tuple(placed), top)
