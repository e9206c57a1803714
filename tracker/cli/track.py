"""`stillpoint track`: a whole source, headless and as fast as it goes, into a session's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ..capture.source import kind_of, open_source
from ..errors import SettingsError, SourceError
from ..pipeline import Pipeline
from ..session.record import Recorder
from ..session.summary import Summary
from ..settings import load_settings
from ..temporal import Stabilizer


def track(
    source: str,
    *,
    out: Path,
    filter: str | None = None,
    layout: str = "ibug68",
    engine: str | None = None,
    max_faces: int | None = None,
    video: Annotated[bool, Parameter(negative="--no-video")] = True,
    overwrite: bool = False,
) -> None:
    """Track SOURCE and write an annotated video, frames.parquet, frames.csv and a summary into a folder.

    Parameters
    ----------
    source:
        A video file, a folder of images, a camera's index or name (until Ctrl-C), a URL, or "demo".
    out:
        The folder; it is made where there is none.
    filter:
        none, one_euro, kalman or default; else what the settings say.
    layout:
        The landmarks of the annotated video.
    engine:
        auto, onnx, torch or torch:cuda; else what the settings say.
    max_faces:
        How many faces are followed at most; else what the settings say.
    video:
        Whether the annotated video is written.
    overwrite:
        Replace the session that the folder holds.
    """
    from ..detection.follow import FaceTracker
    from ..head import load_head

    kind_of(source)  # a path that is not there is told before anything is loaded
    layouts = load_head().layouts
    if layout not in layouts:
        raise SettingsError(f"There is no layout {layout!r}; choose one of {', '.join(sorted(layouts))}.")
    settings = load_settings()
    chosen = msgspec.structs.replace(settings.filter, method=filter or settings.filter.method)
    stabilizer = Stabilizer(chosen.method, chosen)
    detection = settings.detection
    tracker = FaceTracker(
        engine=engine or detection.engine,
        max_faces=max_faces or detection.max_faces,
        threads=detection.threads or None,
        model=detection.model,
        focal=detection.focal or None,
    )
    recorder = Recorder(
        out, annotated=video, layout=layout, filter=chosen, model=tracker.model_info, overwrite=overwrite
    )
    console = Console()
    if kind_of(source) == "camera":
        # The window waits for a camera that is not there yet; a command says so and ends.
        open_source(source, settings.capture).close()
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        console.print(text, markup=False, highlight=False)

    pipeline = Pipeline(source, tracker, stabilizer, [recorder], settings=settings.capture, on_message=tell)
    try:
        _run(pipeline, source, console)
    finally:
        if recorder.summary is not None:
            report(console, out, recorder.summary)
    if recorder.summary is None:
        raise SourceError(f"{source} gave no picture. {told[-1] if told else ''}".rstrip())


def _run(pipeline: Pipeline, source: str, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(escape(Path(source).name or source), total=None)
        pipeline.run(lambda done, total: bar.update(task, completed=done, total=total))


def report(console: Console, out: Path, summary: Summary) -> None:
    """Print what `summary.json` holds, and where everything is."""
    table = Table(show_header=False)
    table.add_row("frames", f"{summary.frames} in {summary.duration_s:.2f} s" + _dropped(summary))
    table.add_row("face found", f"{summary.found} frames, {summary.found_share:.1%}")
    table.add_row("speed", f"{summary.fps:.1f} frames a second, everything included")
    stages = ", ".join(f"{name} {ms:.2f}" for name, ms in summary.stages_ms.items())
    table.add_row("medians, ms", stages)
    if summary.raw_acceleration is not None and summary.stable_acceleration is not None:
        change = f"raw {summary.raw_acceleration:.3f}, filtered {summary.stable_acceleration:.3f}"
        table.add_row("acceleration, % of the eye corners' distance", change)
    if summary.yaw_deg is not None:
        table.add_row("yaw", f"{summary.yaw_deg[0]:+.1f} to {summary.yaw_deg[1]:+.1f} degrees")
    console.print(table)
    names = sorted(path.name for path in out.iterdir() if path.is_file())
    console.print(f"Written to {out}: {', '.join(names)}", markup=False, soft_wrap=True)


def _dropped(summary: Summary) -> str:
    return f", {summary.dropped} dropped" if summary.dropped else ""
