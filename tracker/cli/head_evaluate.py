"""`stillpoint head evaluate` and `stillpoint head train-completion`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ..errors import SettingsError, SourceError
from .extras import wanted

if TYPE_CHECKING:
    from ..avatar.evaluate import Portrait
    from ..avatar.types import Avatar

_Flag = Parameter(negative="")
_COLUMNS = ("task", "yaw", "contestant", "frames", "clips", "psnr", "evened", "ssim", "landmarks")


def evaluate(
    *clips: str,
    out: Path = Path("heads-evaluation"),
    splats: Annotated[bool, _Flag] = False,
    persons: Path | None = None,
    shapes: Annotated[bool, _Flag] = False,
    engine: str = "onnx",
    model: str = "default",
) -> None:
    """Build heads from CLIPS and foretell the frames that were held out: PSNR, SSIM, landmarks, beside simpler heads.

    Clips are parted by their names' hash: one half may be tuned on, the other's figures are reported.

    Parameters
    ----------
    clips:
        Video files of one person each.
    out:
        Folder for heads.json, heads.html and heads.png.
    splats:
        Measure optimised splats too (needs torch; minutes a clip).
    persons:
        A folder with the Parquet pack "ytf": measure its persons too, one frontal picture against turned ones; with
        --shapes, the persons of whom "ytf" (in one video), "frl" and "lfw" have several pictures.
    shapes:
        Build nothing; only measure how well the shapes fitted to one person's pictures agree.
    engine:
        auto, onnx, torch or torch:cuda.
    model:
        A shipped model's name, or a folder.
    """
    from ..avatar.evaluate import evaluate as run
    from ..avatar.figures import summary
    from ..avatar.report import marks, spread_of, write_report
    from ..detection.follow import FaceTracker

    if not clips and persons is None:
        raise SettingsError("No clip was given; give video files in which one person turns the head.")
    absent = [clip for clip in clips if not Path(clip).exists()]
    if absent:
        raise SourceError(f"There is no file {absent[0]}; check the path.")
    portraits = [] if persons is None else _portraits(persons, shapes)
    tracker = FaceTracker(engine=engine, model=model, max_faces=2)
    console = Console()
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        outcome = run(
            clips,
            tracker,
            lambda what, share: bar.update(task, description=what, completed=share),
            _optimiser() if splats else None,
            portraits,
            shapes,
        )
        files = write_report(outcome, out, {"engine": tracker.engine_name, "model": tracker.model_info})
    table = Table("measure", "wanted", "found", title="clips of the report half")
    for mark in marks(outcome):
        found = "-" if mark["found"] is None else f"{mark['found']:.2f}{spread_of(mark)}"
        table.add_row(mark["measure"], mark["wanted"], found + (" ok" if mark["met"] else " !"))
    console.print(table)
    rows = [row for row in summary(outcome.foretold) if row["half"] == "report"]
    if rows:
        heads = Table(*_COLUMNS, title="held-out frames of the report half")
        for row in rows:
            heads.add_row(*(f"{row[c]:.2f}" if isinstance(row[c], float) else str(row[c]) for c in _COLUMNS))
        console.print(heads)
    for line in outcome.skipped:
        console.print(f"left out: {line}", markup=False, highlight=False)
    for file in files:
        console.print(f"wrote {file}", markup=False, highlight=False)


def _portraits(folder: Path, shapes: bool) -> list[Portrait]:
    with wanted("Packs need pyarrow"):
        from ..training.portraits import acquaintances, portraits
    return acquaintances(folder) if shapes else portraits(folder)


def _optimiser() -> Callable[[Avatar], Avatar]:
    with wanted("Splats need torch", "gpu"):
        from ..avatar.refine import optimise
    return optimise


def train_completion(
    data: Path,
    *,
    out: Path,
    packs: tuple[str, ...] = (),
    minutes: float = 25.0,
    batch: int = 12,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Train the network that completes textures, on faces of the packs in DATA.

    Parameters
    ----------
    data:
        Folder with the Parquet packs.
    out:
        Folder for completion.onnx, its card and the unwrapped textures.
    packs:
        Which packs; else those whose licence allows a product.
    minutes:
        Length of the run.
    batch:
        Textures a step.
    seed:
        Of draws and weights.
    threads:
        Threads of the training step.
    """
    with wanted("Training needs torch"):
        from ..training.completion import CompletionConfig
        from ..training.completion import train_completion as run
        from ..training.packs import FREE_PACKS
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    figures = run(CompletionConfig(data, out, packs or FREE_PACKS, minutes, batch, seed=seed, threads=threads))
    print(f"Completion: {figures}")


def learn_identity(data: Path, *, out: Path, packs: tuple[str, ...] = (), pictures: int = 150) -> None:
    """Learn the shape that a person is expected to have, and what one picture tells of it, from faces of the packs in
    DATA; minutes on one core.

    Parameters
    ----------
    data:
        Folder with the Parquet packs.
    out:
        The file to write (what ships is assets/head/identity.json).
    packs:
        Which packs the mean is of; else those whose licence allows a product.
    pictures:
        How many of each of these.
    """
    with wanted("Training needs torch"):
        from ..training.identity import IdentityConfig
        from ..training.identity import learn_identity as run
        from ..training.packs import FREE_PACKS
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    used, persons = run(IdentityConfig(data, out, packs or FREE_PACKS, pictures))
    print(f"The expected shape, learnt from {used} pictures, {persons} persons in several, is in {out}.")


def learn_occlusion(data: Path, *, out: Path, pictures: int = 4000) -> None:
    """Learn which landmarks people call hidden by the head, from MERL-RAV's flags in DATA; a minute on one core.

    Parameters
    ----------
    data:
        Folder with the Parquet packs.
    out:
        The file to write (what ships is assets/head/occlusion.json).
    pictures:
        How many training rows at most.
    """
    with wanted("Training needs torch"):
        from ..training.occlusion import OcclusionConfig
        from ..training.occlusion import learn_occlusion as run
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    _, used = run(OcclusionConfig(data, out, pictures))
    print(f"What hides the landmarks, learnt from {used} pictures, is in {out}.")
