"""`stillpoint evaluate`: accuracy of the shipped files on held-out pictures, and finds on clips."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ..errors import ModelError, SourceError


def evaluate(
    data: Path | None = None,
    *,
    clips: Path | None = None,
    engine: str = "onnx",
    model: str = "default",
    json_out: Path | None = None,
) -> None:
    """Measure landmarks, pose, deviations and visibility on the packs' held-out rows, and finds on clips.

    Parameters
    ----------
    data
        Folder with the Parquet packs.
    clips
        Folder with videos and what can be seen in them (NAME.truth.json).
    engine
        onnx, torch or torch:cuda.
    model
        A shipped model's name, or a folder.
    json_out
        Write every figure there too.
    """
    if data is None and clips is None:
        raise SourceError(
            "Nothing to measure on: give the folder of the packs, or --clips and the folder of the clips."
        )
    try:
        from ..training import clips as on_clips
        from ..training import evaluate as on_packs
    except ImportError as error:
        raise ModelError(
            f"Evaluation needs torch ({error}); install it with: pip install 'stillpoint[train]'"
        ) from error
    from ..detection.follow import FaceTracker

    console, figures = Console(), {}
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None)
        if data is not None:
            tracker = FaceTracker(engine=engine, max_faces=8, model=model)
            figures = on_packs.evaluate(
                data, tracker, progress=lambda what, i, n: bar.update(task, description=what, completed=i, total=n)
            )
        if clips is not None:
            figures["clips"] = {}
            for clip in on_clips.clip_names(clips):
                bar.update(task, description=clip.stem, total=None)
                people = on_clips.people(clip)
                tracker = FaceTracker(engine=engine, max_faces=people, model=model)
                score = on_clips.score_clip(clip, tracker, lambda done: bar.update(task, completed=done))
                figures["clips"][score.name] = asdict(score) | {"share": score.share}
    if data is not None:
        _show_packs(console, figures)
    if clips is not None:
        _show_clips(console, figures["clips"])
    if json_out is not None:
        json_out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _show_packs(console: Console, figures: dict[str, Any]) -> None:
    table = Table("set", "measure", "balanced", "<=30", "30-60", ">60", "n", title="NME, percent of the face's size")
    sets = {name: measures for name, measures in figures.items() if isinstance(measures, dict)}
    others = []
    for name, measures in sets.items():
        for key, value in measures.items():
            if isinstance(value, dict) and "bins" in value:
                label = f"{key} ({value['missed']} missed)" if "missed" in value else key
                bins = [f"{b:.2f}" for b in value["bins"]]
                table.add_row(name, label, f"{value['balanced']:.2f}", *bins, str(value["n"]))
            elif isinstance(value, dict) and name not in ("model", "clips"):
                others.append(f"{name}, {key}: " + ", ".join(f"{k} {v}" for k, v in value.items()))
    console.print(table)
    for line in others:
        console.print(line, markup=False, highlight=False)


def _show_clips(console: Console, clips: dict[str, Any]) -> None:
    table = Table("clip", "found", "of visible", "false finds", "of empty", "ids", "people", "ms", title="Clips")
    for name, s in clips.items():
        row = (s["visible"], s["false"], s["empty"], s["ids"], s["faces"], s["ms"])
        table.add_row(name, f"{s['share']:.1%}", *map(str, row))
    console.print(table)
