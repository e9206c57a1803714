"""`stillpoint stability`: how still and how late, beside MediaPipe where it is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ..errors import SettingsError
from .asked import told_into

if TYPE_CHECKING:
    from ..stability.suite import Outcome


def stability(
    *sources: str,
    out: Path = Path("stability"),
    peer: Path | None = None,
    peer_python: Path | None = None,
    compare: Sequence[str] = (),
    model: str = "default",
    engine: str = "onnx",
    video: bool = True,
    quick: bool = False,
) -> None:
    """Measure jitter and lag of every filter on known motion and on clips; write a page, a JSON file and videos.

    Parameters
    ----------
    sources
        Clips to measure on too. A picture of a face is shaken like the built-in photograph.
    out
        Folder for stability.html, stability.json and the videos.
    peer
        MediaPipe's face_landmarker.task, to run it on the same frames.
    peer_python
        A Python that has mediapipe (`make compare`), where this one has not.
    compare
        Which contestants, beside raw, with commas between: one_euro, kalman, default, rts (the zero-phase smoother, as
        a bound), mediapipe (with its filter), mediapipe-raw. All where none is named; default is always there.
    model
        A shipped model's name, or a folder.
    engine
        onnx, torch or torch:cuda.
    video
        Write side-by-side videos.
    quick
        Fewer and shorter signals.
    """
    from ..detection.follow import FaceTracker
    from ..stability.lab import Peer
    from ..stability.report import write_report
    from ..stability.suite import run

    console = Console()
    told_into(out / "stability.json")
    ours, modes = chosen(compare)
    other = Peer(peer, peer_python, modes) if peer is not None and modes else None
    tracker = FaceTracker(engine=engine, model=model)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        outcome = run(
            tracker,
            sources,
            other,
            quick=quick,
            ours=ours,
            about={"engine": tracker.engine_name, "model": tracker.model_info},
            progress=lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
        )
        files = write_report(
            outcome,
            out,
            videos=video,
            progress=lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
        )
    for table in tables(outcome):
        console.print(table)
    for file in files:
        console.print(f"wrote {file}", markup=False, highlight=False)


MODES = {"mediapipe": "VIDEO", "mediapipe-raw": "IMAGE"}


def chosen(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Our contestants and the peer's modes. Raises SettingsError for a name that is neither."""
    from ..stability.tracks import OURS

    names = [part.strip() for name in names for part in name.split(",") if part.strip()]
    unknown = [name for name in names if name not in OURS and name not in MODES]
    if unknown:
        raise SettingsError(f"There is no contestant {unknown[0]!r}; choose among {', '.join((*OURS, *MODES))}.")
    ours = tuple(name for name in OURS if not names or name in names or name in ("raw", "default"))
    return ours, tuple(mode for name, mode in MODES.items() if not names or name in names)


def tables(outcome: Outcome) -> list[Table]:
    """What is wanted and what was found; then the figures of known motion and of every clip."""
    from ..stability.clips import CLIP_MARKS
    from ..stability.halves import half_of
    from ..stability.suite import COST, MARKS
    from ..stability.tracks import VIDEO
    from ..stability.words import LABELS

    names = outcome.contestants()
    first = Table("measure", "wanted", *names, title="68 points; % of the eyes' distance")
    for mark in (*MARKS, COST):
        found = outcome.marks().get(mark.label)
        if found is not None:
            cells = [_cell(found[name]) for name in names]
            at = names.index("default")
            cells[at] += " ok" if mark.met(found["default"]) else " !"
            first.add_row(mark.label, mark.wanted, *cells)
    shown = [first]
    if outcome.clips():
        real = Table(
            "clip",
            "half",
            *(f"{m.label} ({m.said})" for m in CLIP_MARKS),
            "jaw open",
            "the head's own acceleration / MediaPipe VIDEO's",
            "for 0.7 of MediaPipe's: strides behind the head",
            "lag on the wave, frames",
            title="real clips, default",
        )
        for trial in outcome.clips():
            values = [(m, m.value(trial.figures)) for m in CLIP_MARKS]
            cells = [_cell(v) + {None: "", True: " ok", False: " !"}[m.met(v)] for m, v in values]
            jaw = f"{trial.figures['raw'].get('jaw_frames') or 0:.0f} of {len(trial.times)}"
            own = trial.own
            cost = own.cost(CLIP_MARKS[0].wanted, VIDEO) if own else None
            told = (own.over(VIDEO) if own else None, *((cost.behind, cost.lag) if cost else (None, None)))
            real.add_row(trial.signal.name, half_of(trial.signal.name), *cells, jaw, *map(_cell, told))
        shown.append(real)
    for trial in outcome.trials:
        if trial.signal.kind not in ("nod", "shake", "known", "clip"):
            continue
        table = Table("", *names, title=trial.signal.name)
        keys = dict.fromkeys(k for n in names for k, v in trial.figures[n].items() if not isinstance(v, dict))
        for key in keys:
            table.add_row(LABELS.get(key, key), *(_cell(trial.figures[n].get(key)) for n in names))
        shown.append(table)
    return shown


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
