"""What became of every video, as tables."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from ..errors import OutputError
from ..whole import whole
from .job import Outcome

TABLE, FAILURES = "summary.csv", "failures.csv"


def write_tables(out: Path, outcomes: Sequence[Outcome]) -> None:
    """`summary.csv`, one line a video, and `failures.csv` where some failed. Raises OutputError."""
    header = ("source", "folder", "status", "frames", "with_face", "seconds_of_video", "seconds", "fps",
              "raw_acceleration", "stable_acceleration", "worker")  # fmt: skip
    rows: list[list[object]] = []
    for one in sorted(outcomes, key=lambda one: one.out):
        told = one.summary
        numbers = [told.frames, told.found, f"{told.duration_s:.3f}", f"{one.seconds:.3f}", f"{told.fps:.2f}",
                   told.raw_acceleration, told.stable_acceleration] if told else [""] * 7  # fmt: skip
        rows.append([one.source, one.out, one.status, *("" if n is None else n for n in numbers), one.worker])
    failed = sorted((one.source, one.kind, one.error) for one in outcomes if one.status == "failed")
    try:
        _write(out / TABLE, header, rows)
        if failed:
            _write(out / FAILURES, ("source", "kind", "error"), failed)
        else:
            (out / FAILURES).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"The tables in {out} cannot be written ({error.strerror or error}).") from error


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with whole(path) as scratch, scratch.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
