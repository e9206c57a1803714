"""The whole lab: which signals, all contestants, the sweep, and what came out."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..capture.source import PICTURES
from ..pipeline import Tracker
from ..types import Frame
from . import signals
from .clips import CLIP_MARKS
from .cost import stabilizer_ms
from .halves import half_of
from .lab import Peer, Progress, Trial, run_trial
from .nodding import AXES, nod
from .signals import Picture, Signal
from .sweep import Ahead, Setting, looking_ahead, sweep
from .talking import talk
from .tracks import FILTERS, OURS


@dataclass(frozen=True, slots=True)
class Mark:
    """What the default is held to: a measure of signals of one kind, its unit, and the range that is wanted."""

    kind: str
    measure: str
    label: str
    low: float
    high: float

    @property
    def wanted(self) -> str:
        return f"{self.low:g} to {self.high:g}" if self.low > 0 else f"at most {self.high:g}"

    def met(self, value: float | None) -> bool:
        """A lag may lie on either side of zero."""
        size = value if value is None or self.low > 0 else abs(value)
        return size is not None and self.low <= size <= self.high


MARKS = (
    Mark("still", "std", "still: std, %", 0.0, 0.07),
    Mark("still", "acceleration", "still: acceleration, %", 0.0, 0.06),
    Mark("wave", "lag_frames", "40 px wave: lag, frames", 0.0, 0.10),
    Mark("wave", "residual_px", "40 px wave: residual, px", 0.0, 0.25),
    Mark("wave", "gain", "40 px wave: gain", 0.99, 1.01),
    Mark("stop", "overshoot", "overshoot after a stop, %", 0.0, 1.0),
    Mark("talk", "pitch_kept", "still head that talks: nod / raw", 0.0, 0.5),
    Mark("nod", "lag_frames", "head that nods: lag, frames", 0.0, 1.0),
    Mark("shake", "lag_frames", "head that shakes: lag, frames", 0.0, 1.0),
)
COST = Mark("cost", "ms", "filter, pose + 478 landmarks, ms", 0.0, 0.3)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What the lab found. `main` names the trials that the marks are read from; the others tell more. `ahead`: the
    effect of latency compensation; `costs`: contestant -> milliseconds a frame."""

    trials: tuple[Trial, ...]
    main: tuple[str, ...]
    settings: tuple[Setting, ...]
    about: dict[str, Any]
    ahead: tuple[Ahead, ...] = ()
    costs: Mapping[str, float] = field(default_factory=dict)

    def contestants(self) -> list[str]:
        return list(self.trials[0].tracks) if self.trials else []

    def marks(self) -> dict[str, dict[str, float | None]]:
        """Label of a mark -> contestant -> its mean over the main trials of that kind."""
        table: dict[str, dict[str, float | None]] = {}
        for mark in MARKS:
            rows = [t.figures for t in self.trials if t.signal.kind == mark.kind and t.signal.name in self.main]
            if rows:
                table[mark.label] = {name: _average(rows, name, mark.measure) for name in self.contestants()}
        if self.costs:
            table[COST.label] = {name: self.costs.get(name) for name in self.contestants()}
        return table

    def clips(self) -> list[Trial]:
        """Those that report, then those that constants were tuned on."""
        clips = [trial for trial in self.trials if trial.signal.kind == "clip"]
        return sorted(clips, key=lambda trial: half_of(trial.signal.name) != "report")

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        found = self.marks()
        return {
            "about": self.about,
            "marks": {
                m.label: {"wanted": m.wanted, "found": found[m.label]} for m in (*MARKS, COST) if m.label in found
            },
            "clips": {
                trial.signal.name: {
                    "half": half_of(trial.signal.name),
                    **{mark.label: {"wanted": mark.said, "found": mark.value(trial.figures)} for mark in CLIP_MARKS},
                    "own_motion": trial.own and trial.own.as_json(CLIP_MARKS[0].wanted),
                }
                for trial in self.clips()
            },
            "signals": [
                {
                    "name": t.signal.name,
                    "kind": t.signal.kind,
                    "frames": len(t.times),
                    "fps": round(t.fps, 3),
                    "figures": t.figures,
                }
                for t in self.trials
            ],
            "sweep": [asdict(setting) for setting in self.settings],
            "ahead": [asdict(row) for row in self.ahead],
        }


def run(
    tracker: Tracker,
    sources: Sequence[str] = (),
    peer: Peer | None = None,
    quick: bool = False,
    ours: Sequence[str] = OURS,
    about: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """The built-in photograph under known motion, the demo, and `sources`: clips, or pictures of a face to be moved.

    `quick` leaves out the Bode plot and shortens the rest; `ours`: which of our contestants; `about`: what else the
    report shall say. Raises SourceError and ModelError.
    """
    pictures = [(Path(s).stem, Picture.read(Path(s))) for s in sources if Path(s).suffix.lower() in PICTURES]
    clips = [signals.clip(s, 90 if quick else None) for s in sources if Path(s).suffix.lower() not in PICTURES]
    main = _main(Picture.read(), tracker, quick)
    for name, picture in pictures:
        main += _main(picture, tracker, quick, f"{name}, ")
    others: list[Signal] = [] if quick else signals.bode(Picture.read())
    others += [signals.demo(0, 90 if quick else 300), *clips]
    trials = [run_trial(signal, tracker, peer, progress, ours) for signal in (*main, *others)]
    first = {t.signal.kind: t for t in reversed(trials[: len(main)])}
    chosen = [name for name in FILTERS if name in ours]
    settings = sweep(first["still"], first["wave"], quick, progress, chosen)
    ahead = looking_ahead(first["still"], first["wave"], first["stop"])
    costs = {name: stabilizer_ms(first["wave"].results, name) for name in chosen}
    told = {
        "stillpoint": __version__,
        **(about or {}),
        "peer": peer.model.name if peer else None,
        "sources": [Path(s).name for s in sources],
        "quick": quick,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    return Outcome(tuple(trials), tuple(s.name for s in main), tuple(settings), told, tuple(ahead), costs)


def _main(picture: Picture, tracker: Tracker, quick: bool, prefix: str = "") -> list[Signal]:
    """The signals that the marks are read from; a picture in which no face is found does not
    talk, and does not nod."""
    tracker.reset()
    faces = tracker.step(Frame(picture.image, 0.0)).faces[:1]
    size = {"frames": 75, "skip": 25} if quick else {}
    heads: list[Signal] = []
    for face in faces:
        heads += [talk(picture, face, **size), *(nod(picture, face, axis, **size) for axis in AXES)]
    return signals.standard(picture, quick, prefix) + [replace(s, name=prefix + s.name) for s in heads]


def _average(rows: list[dict[str, dict[str, Any]]], name: str, measure: str) -> float | None:
    values = [float(row[name][measure]) for row in rows if row[name].get(measure) is not None]
    return sum(values) / len(values) if values and len(values) == len(rows) else None
