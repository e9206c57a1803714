"""The memory of this process over time: what the long benchmarks measure, and how they draw it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

Samples = Sequence[tuple[float, float]]
"""(seconds, MiB)"""


def rss_mib() -> float:
    """Resident memory, from /proc."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def slope(memory: Samples, after: float) -> float:
    """MiB a minute, of the line through what was measured `after` so many seconds; NaN for too little."""
    late = np.array([pair for pair in memory if pair[0] >= after])
    return float(np.polyfit(late[:, 0] / 60.0, late[:, 1], 1)[0]) if len(late) > 2 else float("nan")


def draw(memory: Samples, path: Path) -> None:
    """A plot from zero on."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 3.2), layout="constrained")
    axes.plot([t / 60 for t, _ in memory], [m for _, m in memory])
    axes.set(xlabel="minutes", ylabel="resident memory, MiB", ylim=(0, 1.15 * max(m for _, m in memory)))
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
