"""`stillpoint evaluate`: accuracy of the shipped files on held-out pictures, and finds on clips."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ..errors import SourceError
from .asked import told_into
from .extras import wanted


def evaluate(
    data: Path | None = None,
    *,
    clips: Path | None = None,
    engine: str = "onnx",
    model: str = "default",
    json_out: Path | None = None,
    packs: tuple[str, ...] = (),
    worst: Path | None = None,
    reliability: Path | None = None,
    calibrate: bool = False,
    peer: Path | None = None,
    peer_python: Path | None = None,
) -> None:
    """Measure landmarks, pose, deviations and visibility on the packs' held-out rows, and finds on clips.

    Parameters
    ----------
    data
        Folder with the Parquet packs.
    clips
        Folder with videos and what can be seen in them (NAME.truth.json).
    engine
        onnx, onnx:int8, torch or torch:cuda.
    model
        A shipped model's name, or a folder.
    json_out
        Write every figure there too.
    packs
        Only these packs.
    worst
        Folder for contact sheets of the worst 50 faces of every set.
    reliability
        Folder for a plot, and a JSON file, of expected against actual error by part of the face and yaw.
    calibrate
        First scale the model's deviations so that they are true on training rows, and keep that in its model.json.
    peer
        MediaPipe's FaceLandmarker .task file: blinks in the clips are timed against it.
    peer_python
        A Python that has mediapipe, where this one has not.
    """
    if data is None and clips is None:
        raise SourceError(
            "Nothing to measure on: give the folder of the packs, or --clips and the folder of the clips."
        )
    told_into(json_out)
    with wanted("Evaluation needs torch"):
        from ..training import clips as on_clips
        from ..training import evaluate as on_packs
        from ..training import reliability as truth
        from ..training.packs import ALL_PACKS
        from ..training.worst import Scored, write_worst
    from ..detection.follow import FaceTracker
    from ..detection.weights import load_weights

    console, figures = Console(), {}
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def say(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        if data is not None and calibrate:
            scales = on_packs.std_factors(data, FaceTracker(engine=engine, model=model), progress=say)
            truth.store_factors(load_weights(model).folder, scales)
            load_weights.cache_clear()
        if data is not None:
            tracker = FaceTracker(engine=engine, max_faces=8, model=model)
            read: list[Scored] = []
            figures = on_packs.evaluate(data, tracker, packs or ALL_PACKS, say, read)
            if worst is not None:
                write_worst(worst, read)
            if reliability is not None:
                told = {s.name: truth.expected(s.faces, s.rows, s.layout, s.labels) for s in read}
                truth.write(reliability, told)
        if clips is not None:
            figures["clips"] = {}
            for clip in on_clips.clip_names(clips):
                bar.update(task, description=clip.stem, total=None)
                people = on_clips.people(clip)
                tracker = FaceTracker(engine=engine, max_faces=people, model=model)
                score = on_clips.score_clip(clip, tracker, lambda done: bar.update(task, completed=done))
                figures["clips"][score.name] = asdict(score) | {"share": score.share}
            if peer is not None:
                figures["blinks"] = _blinks(clips, peer, peer_python, engine, model, bar)
    if data is not None:
        _show_packs(console, figures)
    if clips is not None:
        _show_clips(console, figures["clips"])
        _show_blinks(console, figures.get("blinks", {}))
    if json_out is not None:
        json_out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


BLINKERS = ("winks_and_squeezes", "speech_720p")
"""Clips whose blinks are timed."""


def _blinks(
    clips: Path, peer: Path, peer_python: Path | None, engine: str, model: str, bar: Progress
) -> dict[str, Any]:
    from ..detection.follow import FaceTracker
    from ..peers.mediapipe import MediaPipe
    from ..training import blinks

    out: dict[str, Any] = {}
    for clip in sorted(p for p in clips.iterdir() if p.stem in BLINKERS and p.suffix == ".mp4"):
        task = bar.add_task(f"blinks in {clip.stem}", total=None)
        with MediaPipe(peer, "VIDEO", peer_python) as other:
            tracker = FaceTracker(engine=engine, model=model)

            def progress(done: int, task: Any = task) -> None:
                bar.update(task, completed=done)

            out[clip.stem] = blinks.score(blinks.eye_signals(clip, tracker, other, progress))
        bar.remove_task(task)
    return out


def _show_blinks(console: Console, clips: dict[str, Any]) -> None:
    if not clips:
        return
    table = Table(
        "clip",
        "eye",
        "both",
        "only ours",
        "only MediaPipe",
        "peaks within 1 frame",
        "starts",
        "range",
        "its",
        "lag",
        "correlation",
    )
    for name, eyes in clips.items():
        for eye, t in eyes.items():
            near, begun = (
                "" if t[key] is None else f"{t[key]:.0%}" for key in ("within_one_frame", "starts_within_one_frame")
            )
            counts = (
                t["both"],
                t["only_ours"],
                t["only_peer"],
                near,
                begun,
                t["range_ours"],
                t["range_peer"],
                t["lag"],
                f"{t['correlation']:.2f}",
            )
            table.add_row(name, eye, *map(str, counts))
    console.print(table)


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
                plain = {k: v for k, v in value.items() if not isinstance(v, dict)}
                others.append(f"{name}, {key}: " + ", ".join(f"{k} {v}" for k, v in plain.items()))
    console.print(table)
    for line in others:
        console.print(line, markup=False, highlight=False)


def _show_clips(console: Console, clips: dict[str, Any]) -> None:
    table = Table("clip", "found", "of visible", "false finds", "of empty", "ids", "people", "ms", title="Clips")
    for name, s in clips.items():
        row = (s["visible"], s["false"], s["empty"], s["ids"], s["faces"], s["ms"])
        table.add_row(name, f"{s['share']:.1%}", *map(str, row))
    console.print(table)
