"""`stillpoint bench`: latency of the whole step, beside MediaPipe's where it is given."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .asked import told_into


def bench(
    *,
    peer: Path | None = None,
    peer_python: Path | None = None,
    rounds: int = 10,
    models: tuple[str, ...] = ("default",),
    json_out: Path | None = None,
) -> None:
    """Time the whole step at 640x480 on one and two threads, contestants taking turns.

    Parameters
    ----------
    peer
        MediaPipe's face_landmarker.task, to run it in the same turns.
    peer_python
        A Python that has mediapipe (`make compare`), where this one has not.
    rounds
        Turns of 15 frames for each contestant.
    models
        Names of shipped models, or folders.
    json_out
        Write every figure there too.
    """
    from ..bench import bench as run

    told_into(json_out)
    console = Console()
    figures = run(rounds, peer=peer, peer_python=peer_python, models=models)
    for threads, contestants in figures.items():
        if not isinstance(contestants, dict):
            continue
        table = Table(
            "whole step", "median ms", "10 %", "90 %", title=f"{threads}, {figures['frame']}, {figures['cpu']}"
        )
        for name, row in contestants.items():
            if "median_ms" in row:
                table.add_row(name, f"{row['median_ms']:.2f}", f"{row['p10_ms']:.2f}", f"{row['p90_ms']:.2f}")
            else:
                table.caption = (
                    f"{table.caption or ''}{name}, ms: " + ", ".join(f"{k} {v}" for k, v in row.items()) + "\n"
                )
        console.print(table)
    if json_out is not None:
        json_out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
