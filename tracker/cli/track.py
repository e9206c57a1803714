"""`stillpoint track`: a whole source, headless and as fast as it goes, into a session's folder; or many of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ..batch import FAILURES, TABLE, Job, Outcome, cores, is_many, run_here, run_on_cluster, videos_of, write_tables
from ..capture import CaptureThread
from ..capture.message import name_of
from ..capture.source import kind_of
from ..errors import OutputError, SettingsError, SourceError
from ..pipeline import Pipeline
from ..session.about import SESSION
from ..session.record import Recorder
from ..session.summary import Summary
from ..temporal import Stabilizer
from .asked import Teller, at_hand, chosen, stop_signals


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
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Track SOURCE and write an annotated video, frames.parquet, frames.csv and a summary into a folder.

    Many videos at once: each gets a folder of its own below --out. Run again, it goes on where it was: finished videos
    are not done again. failures.csv says which could not be tracked, summary.csv has a line for each.

    Parameters
    ----------
    source:
        A video file, a folder of images, a camera's index or name (until Ctrl-C), a URL, or "demo"; or many videos:
        a folder that holds some, a pattern such as "clips/*.mp4", or a list.txt with one path a line.
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
        Replace the session that the folder holds; of many videos, do all of them again.
    workers:
        Of many videos, how many are tracked at a time; else one for each core.
    scheduler:
        Of many videos, the address of a Dask scheduler whose workers do them, such as tcp://host:8786.
    """
    from ..detection.follow import FaceTracker
    from ..head import load_head

    many = is_many(source)
    if not many:
        kind_of(source)  # a path that is not there is told before anything is loaded
    layouts = load_head().layouts
    if layout not in layouts:
        raise SettingsError(f"There is no layout {layout!r}; choose one of {', '.join(sorted(layouts))}.")
    settings = chosen(filter, engine, max_faces)
    stabilizer = Stabilizer(settings.filter.method, settings.filter)
    if many:
        track_many(source, out, Job("", "", settings, video, layout), workers, scheduler, overwrite)
        return
    at_hand(source, settings.capture, overwrite)
    tracker = FaceTracker.configured(settings.detection)
    recorder = Recorder(
        out, annotated=video, layout=layout, filter=settings.filter, model=tracker.model_info, overwrite=overwrite
    )
    console = Console()
    teller = Teller(console)
    capture = CaptureThread(source, settings.capture, on_message=teller.hear)
    pipeline = Pipeline(capture, tracker, stabilizer, [recorder], on_message=teller.tell)
    try:
        _run(pipeline, recorder, source, console)
    finally:
        if recorder.summary is not None:
            report(console, out, recorder.summary)
    if recorder.summary is None:
        raise SourceError(f"{name_of(source)} gave no picture. {capture.message.text}".rstrip())


def _run(pipeline: Pipeline, recorder: Recorder, source: str, console: Console) -> None:
    """All of the source; what Ctrl-C or SIGTERM leaves is whole and says in session.json that it was cut short."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with stop_signals() as stop, Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(escape(Path(source).name or source), total=None)

        def progress(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)
            if not stop.is_set() or recorder.summary is not None:
                return
            if total:
                cut = f"It was interrupted after {done} frames of {total}."
                recorder.note("ended_by", cut)
                bar.console.print(cut)
            raise KeyboardInterrupt

        pipeline.run(progress)


def track_many(
    source: str, out: Path, like: Job, workers: int | None, scheduler: str | None, overwrite: bool = False
) -> None:
    """Track every video that `source` names, each as `like` says; tables are written however it ends.

    Raises SourceError at the end where some failed.
    """
    if workers is not None and workers < 1:
        raise SettingsError(f"{workers} workers cannot do anything; --workers wants at least 1.")
    videos = videos_of(source, out)
    jobs = [
        msgspec.structs.replace(like, source=str(p.resolve()), out=str(out.resolve() / n)) for n, p in videos.items()
    ]
    try:
        out.mkdir(parents=True, exist_ok=True)
        for job in jobs if overwrite else ():
            (Path(job.out) / SESSION).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {out} cannot be written ({error.strerror}); choose another with --out."
        ) from error
    console, outcomes = Console(), list[Outcome]()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
            task = bar.add_task("videos", total=len(jobs))

            def each(outcome: Outcome) -> None:
                outcomes.append(outcome)
                bar.update(task, completed=len(outcomes))
                if outcome.status == "failed":
                    bar.console.print(f"{outcome.source}: {outcome.error}", markup=False, soft_wrap=True)

            if scheduler is not None:
                run_on_cluster(jobs, scheduler, each)
            else:
                run_here(jobs, workers or cores(), each)
    except KeyboardInterrupt:
        console.print("It was interrupted; the same command goes on where it was.")
        raise
    finally:
        write_tables(out, outcomes)
    told = [one.summary for one in outcomes if one.summary is not None]
    table = Table(show_header=False)
    for status in ("done", "already done", "failed"):
        table.add_row(status, f"{sum(one.status == status for one in outcomes)} videos")
    frames, found = sum(one.frames for one in told), sum(one.found for one in told)
    table.add_row("frames", f"{frames} in {sum(one.duration_s for one in told):.1f} s of video")
    table.add_row("face found", f"{found} frames, {found / max(frames, 1):.1%}")
    console.print(table)
    console.print(f"Written to {out}: {TABLE} and a folder for each video", markup=False, soft_wrap=True)
    failed = sum(one.status == "failed" for one in outcomes)
    if failed:
        raise SourceError(f"{failed} of {len(jobs)} videos could not be tracked; {out / FAILURES} says why.")


def report(console: Console, out: Path, summary: Summary) -> None:
    """Print what `summary.json` holds, and where everything is."""
    table = Table(show_header=False)
    table.add_row("frames", f"{summary.frames} in {summary.duration_s:.2f} s" + _dropped(summary))
    held = f", held in {summary.held} more" if summary.held else ""
    table.add_row("face found", f"{summary.found} frames, {summary.found_share:.1%}{held}")
    table.add_row("speed", f"{summary.fps:.1f} frames a second, everything included")
    stages = ", ".join(f"{name} {ms:.2f}" for name, ms in summary.stages_ms.items())
    table.add_row("medians, ms", stages)
    if summary.raw_acceleration is not None and summary.stable_acceleration is not None:
        change = f"raw {summary.raw_acceleration:.3f}, filtered {summary.stable_acceleration:.3f}"
        table.add_row("acceleration", f"{change} % of the eye corners' distance")
    if summary.yaw_deg is not None:
        table.add_row("yaw", f"{summary.yaw_deg[0]:+.1f} to {summary.yaw_deg[1]:+.1f} degrees")
    console.print(table)
    names = sorted(path.name for path in out.iterdir() if path.is_file())
    console.print(f"Written to {out}: {', '.join(names)}", markup=False, soft_wrap=True)


def _dropped(summary: Summary) -> str:
    return f", {summary.dropped} dropped" if summary.dropped else ""
