"""Markers that make themselves: face lost, blink, mouth open, head turn, stabilizer reset.

`Watch` is fed one frame after the other, live or from a recording (`auto_markers`), and gives the same markers for the
same numbers. What begins and ends has two thresholds, so that a value that lingers at one does not flicker, and a
least duration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np

from ..head.model import EXPRESSIONS
from ..types import FaceState, Tracked
from .labels import Label, new_id, ordered
from .markers import Track
from .replay import Session

Kind = Literal["face", "blink", "mouth", "turn", "reset"]
TRACKS: dict[Kind, Track] = {
    "face": Track("face lost", "#d1495b"),
    "blink": Track("blink", "#a58cf0"),
    "mouth": Track("mouth open", "#ff8a5c"),
    "turn": Track("head turn", "#b9d353"),
    "reset": Track("stabilizer reset", "#f0e060"),
}
"""Kind -> the track that its markers go on; in colours that the first labels of a person do not have."""
KINDS: tuple[Kind, ...] = tuple(TRACKS)
_BLINK = [EXPRESSIONS.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]
_JAW = EXPRESSIONS.index("jawOpen")


class Thresholds(NamedTuple):
    """Where a span begins: shapes 0..1, yaw in degrees to either side."""

    blink: float = 0.5
    mouth: float = 0.3
    turn: float = 20.0


OFF = 0.65
"""Of where it begins: below this share of its threshold a span ends."""
LEAST_S: dict[Kind, float] = {"face": 0.1, "blink": 0.03, "mouth": 0.1, "turn": 0.2}
"""Shorter spans are none."""
CLOSED_S = 0.5
"""Eyes that stay shut for longer do not blink."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What one frame says: `time` s and `index`; of the first face the blink (the eye that is open further counts), jaw
    and yaw, NaN without a face; `fresh`: its filtered values are the measured ones, as a filter's first are."""

    time: float
    index: int
    blink: float = np.nan
    jaw: float = np.nan
    yaw: float = np.nan
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class _Open:
    label: Label
    told: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """The state of the watching: `begun` spans by their words, and whether the last face's filter was at its start."""

    kinds: tuple[Kind, ...] = KINDS
    at: Thresholds = field(default_factory=Thresholds)
    begun: dict[str, _Open] = field(default_factory=dict)
    fresh: bool | None = None

    def step(self, now: Signs) -> tuple[Watch, tuple[Label, ...]]:
        """The state after this frame, and the labels that are new or changed: the same id tells which.

        A span is given when it has lasted long enough, without an end, and again when it ends.
        """
        begun, labels = dict(self.begun), list[Label]()
        lost = not np.isfinite(now.yaw)
        for kind, words, value in _values(now, lost, self.at):
            if kind in self.kinds:
                labels += _follow(begun, kind, words, value, now)
        if "reset" in self.kinds and now.fresh and self.fresh is False:
            labels.append(_begin("reset", "stabilizer reset", now))
        return replace(self, begun=begun, fresh=self.fresh if lost else now.fresh), tuple(labels)

    def finish(self, time: float) -> tuple[Label, ...]:
        """What still lasts, ended at `time`."""
        return tuple(replace(one.label, end=max(time, one.label.start)) for one in self.begun.values() if one.told)


def auto_markers(session: Session, kinds: tuple[Kind, ...] = KINDS, at: Thresholds | None = None) -> list[Label]:
    """Of a whole session, as they would have been made while it was recorded; by rising start.

    Raises SourceError where its table lacks what they are made of.
    """
    watch, found, last = Watch(kinds, at or Thresholds()), dict[str, Label](), 0.0
    for signs in signs_of(session):
        watch, labels = watch.step(signs)
        found.update({one.id: one for one in labels})
        last = signs.time
    found.update({one.id: one for one in watch.finish(last)})
    return ordered(found.values())


def signs_of(session: Session) -> Iterator[Signs]:
    """One for every frame that a tracker saw, seconds from the first frame of the session."""
    stable, raw = session.showing("stable"), session.showing("raw")
    index, times, state = (session.column(name) for name in ("frame_index", "time_s", "state"))
    shapes, yaw = stable.values("blendshapes"), stable.values("yaw_deg")
    same = np.ones(len(index), bool)
    for name in ("rotation", "centre_x", "centre_y", "scale"):
        pair = stable.values(name).reshape(len(index), -1), raw.values(name).reshape(len(index), -1)
        same &= (pair[0] == pair[1]).all(1)
    for row in np.unique(index, return_index=True)[1]:
        time, frame = float(times[row] - times[0]), int(index[row])
        if state[row] == "tracked":
            blink, jaw = float(shapes[row, _BLINK].min()), float(shapes[row, _JAW])
            yield Signs(time, frame, blink, jaw, float(yaw[row]), bool(same[row]))
        elif state[row] in ("lost", "held"):  # what the filter says of a face that nobody sees is no sign
            yield Signs(time, frame)


def signs_in(tracked: Tracked, zero: float) -> Signs:
    """Of a live frame; `zero`: the capture clock's time of the session's first frame."""
    frame = tracked.raw.frame
    if not tracked.raw.faces:
        return Signs(frame.time - zero, frame.index)
    raw = tracked.raw.faces[0]
    face = next((one for one in tracked.stable.faces if one.id == raw.id), raw)
    shapes = face.state.expression
    return Signs(
        frame.time - zero, frame.index, float(shapes[_BLINK].min()), float(shapes[_JAW]), face.pose.yaw_deg,
        _same(face.state, raw.state),
    )  # fmt: skip


def _same(one: FaceState, other: FaceState) -> bool:
    turned = np.array_equal(one.rotation, other.rotation) and np.array_equal(one.centre, other.centre)
    return turned and one.scale == other.scale


def _values(now: Signs, lost: bool, at: Thresholds) -> Iterable[tuple[Kind, str, float]]:
    """Kind, words, and the value as a share of its threshold."""
    return (
        ("face", "face lost", float(lost)),
        ("blink", "blink", now.blink / at.blink),
        ("mouth", "mouth open", now.jaw / at.mouth),
        ("turn", "head turn left", now.yaw / at.turn),
        ("turn", "head turn right", -now.yaw / at.turn),
    )


def _begin(kind: Kind, words: str, now: Signs) -> Label:
    at = (now.index, now.index + 1)
    return Label(now.time, None, words, TRACKS[kind].name, "", at, new_id(), "automatic")


def _follow(begun: dict[str, _Open], kind: Kind, words: str, value: float, now: Signs) -> list[Label]:
    """Carry one kind of span on by a frame; `begun` is changed."""
    least, held = LEAST_S[kind], begun.get(words)
    if held is None:
        if value >= 1.0:
            begun[words] = _Open(_begin(kind, words, now))
        return []
    frames = (held.label.frames or (now.index, now.index))[0], now.index
    lasted = now.time - held.label.start
    if value >= OFF:
        if held.told or lasted < least:
            return []
        begun[words] = _Open(held.label, True)
        return [held.label]
    del begun[words]  # also where the face went: what cannot be seen does not last
    if lasted < least:
        return []
    said = "eyes closed" if kind == "blink" and lasted > CLOSED_S else words
    return [replace(held.label, end=now.time, label=said, frames=frames)]
