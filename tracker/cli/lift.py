"""`stillpoint lift`: fit the head model to every labelled picture, for training to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from .extras import wanted


def lift(
    data: Path,
    *,
    out: Path,
    report: Path | None = None,
    check: bool = False,
    peer: Path | None = None,
    peer_python: Path | None = None,
    packs: tuple[str, ...] = (),
    model: str = "default",
    threads: int = 1,
) -> None:
    """Fit the head model to every row of the packs from all its labels together, and write the fits.

    Parameters
    ----------
    data
        Folder with the Parquet packs.
    out
        The file of fits, Parquet.
    report
        Folder for residuals by set, yaw and part (report.json) and contact sheets of the worst fits.
    check
        Measure besides whether a fit is a better teacher than its sources, on the calibration images.
    peer
        MediaPipe's FaceLandmarker .task file: its mesh joins the check's sources.
    peer_python
        A Python that has mediapipe, where this one has not.
    packs
        Only these packs.
    model
        The trained model whose offsets between label sets are begun with: a name or a folder.
    threads
        Threads of the fits.
    """
    with wanted("Lifting needs torch"):
        import torch

        from ..training import lift as lifting
        from ..training.lift_points import lift_points
        from ..training.lift_report import write_report
        from ..training.lift_solve import Recipe
        from ..training.lift_table import write_lifted
        from ..training.packs import ALL_PACKS, load_rows
    from ..detection.weights import load_weights
    from ..head import load_head

    torch.set_num_threads(threads)
    console = Console()
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None)
        rows = load_rows(data, packs or ALL_PACKS)
        bar.update(task, description="offsets between the sets")
        full = lifting.settle_offsets(rows, lift_points(load_head(), load_weights(model).field), Recipe())
        chosen = rows.take(lifting.liftable(rows))
        lifted, fits, table = lifting.lift(
            chosen, full, progress=lambda i, n: bar.update(task, description="fits", completed=i, total=n)
        )
        write_lifted(out, lifted, {"packs": ", ".join(packs or ALL_PACKS)})
        console.print(f"{len(lifted)} fits, {lifted.good.mean():.1%} of them good, written to {out}")
        if report is not None:
            _show(console, write_report(report, chosen, lifted, fits, table))
            console.print(f"Report: {report / 'report.json'}, worst.png, random.png")
        if check:
            _check(console, data, model, full, peer, peer_python, report, bar)


def _check(
    console: Console,
    data: Path,
    model: str,
    full: Any,
    peer: Path | None,
    peer_python: Path | None,
    report: Path | None,
    bar: Progress,
) -> None:
    from contextlib import nullcontext

    from ..detection.follow import FaceTracker
    from ..peers.mediapipe import MediaPipe
    from ..training import lift_check
    from ..training.packs import load_rows

    rows = load_rows(data, ("aflw2000_calibration",))
    task = bar.add_task("check", total=len(rows))
    with MediaPipe(peer, "IMAGE", peer_python) if peer is not None else nullcontext() as found:
        figures = lift_check.check(
            rows, FaceTracker(model=model), full, peer=found, progress=lambda i, n: bar.update(task, completed=i)
        )
    table = Table("what", "against", "balanced", "<=30", "30-60", ">60", "yaw", "pitch", "roll", "mean", "geodesic")
    for name, measures in figures.items():
        pose = measures.get("pose", measures if "geodesic" in measures else None)
        angles = [f"{pose[k]:.2f}" for k in ("yaw", "pitch", "roll", "mean", "geodesic")] if pose else [""] * 5
        labels = [k for k in ("original", "reannotated") if k in measures] or [""]
        for i, key in enumerate(labels):
            errors = [f"{v:.2f}" for v in measures[key]] if key else [""] * 4
            table.add_row(name if i == 0 else "", key, *errors, *(angles if i == 0 else [""] * 5))
    console.print(table)
    if report is not None:
        (report / "check.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _show(console: Console, figures: dict[str, Any]) -> None:
    table = Table(
        "set", "rows", "<=30", "30-60", ">60", "inner", "brows", "contour", "points given up", "sets given up"
    )
    for name, f in figures.items():
        if isinstance(f, dict) and f.get("rows") and "residual_by_yaw" in f:
            values = [*f["residual_by_yaw"], *(f.get(k) for k in ("inner", "brows", "contour"))]
            shown = ["" if v is None else f"{v:.2f}" for v in values]
            table.add_row(name, str(f["rows"]), *shown, f"{f['points_given_up']:.1%}", f"{f['sets_given_up']:.1%}")
    console.print("Residuals, percent of the face's size; shares of points and of sets that were given up")
    console.print(table)
