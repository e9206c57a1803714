"""The strength of each filter varied: its way through the plane of jitter and lag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec.structs import replace as changed

from ..settings import Filter, Kalman, OneEuro, Still
from . import following, measures
from .lab import Progress, Trial
from .tracks import FILTERS, filtered, track_of


@dataclass(frozen=True, slots=True)
class Setting:
    """One point of a filter's sweep: a `label` for people, still `std` and `acceleration` in %, `lag` in frames,
    and whether it lies on the `front`."""

    method: str
    label: str
    std: float
    acceleration: float
    lag: float
    residual: float
    front: bool = False
    default: bool = False


def variants(method: str, quick: bool = False) -> list[tuple[str, Filter]]:
    """The settings of a filter's sweep; the first is the default."""
    base = Filter(method=method)
    every = slice(None, None, 2 if quick else 1)
    found = [("default", base)]
    if method == "one_euro":
        pairs = [(c, b) for c in (0.05, 0.3, 1.0, 3.0) for b in (5.0, 20.0, 80.0)][every]
        found += [(f"{c:g} Hz, beta {b:g}", changed(base, one_euro=OneEuro(c, b, 1.0))) for c, b in pairs]
        found.append(("MediaPipe's constants", changed(base, one_euro=OneEuro(0.05, 80.0, 1.0))))
    elif method == "kalman":
        pairs = [(p, m) for p in (0.1, 1.0, 10.0) for m in (0.3, 1.0, 3.0, 10.0)][every]
        found += [(f"process {p:g}, noise {m:g}", changed(base, kalman=Kalman(p, m))) for p, m in pairs]
    elif method == "default":
        calms = [0.25, 0.5, 0.7, 1.4, 2.0, 3.0, 5.0][every]
        found += [(f"calm {calm:g}", changed(base, still=Still(calm=calm))) for calm in calms]
    return found


def sweep(
    still: Trial,
    wave: Trial,
    quick: bool = False,
    progress: Progress | None = None,
    methods: Sequence[str] = FILTERS,
) -> list[Setting]:
    """Each of the filters at many strengths on the same raw results: its way through the jitter-lag plane."""
    found: list[Setting] = []
    for method in methods:
        rows = []
        for label, settings in variants(method, quick):
            calm = track_of(filtered(still.results, method, settings)).points[still.signal.skip :]
            moved = track_of(filtered(wave.results, method, settings)).points[wave.signal.skip :]
            fit = following.follow_wave(moved, wave.signal.amplitude, wave.signal.period, wave.signal.skip)
            std, rough = measures.still_std(calm), measures.acceleration(calm)
            rows.append(Setting(method, label, std, rough, fit.lag, fit.residual, default=label == "default"))
            if progress is not None:
                progress(f"sweep of {method}", len(rows), None)
        front = measures.pareto(np.array([(row.std, abs(row.lag)) for row in rows]))
        found += [replace(row, front=bool(on)) for row, on in zip(rows, front, strict=True)]
    return found


@dataclass(frozen=True, slots=True)
class Ahead:
    """The default filter looking `ms` ahead: still `std` %, `acceleration` %; `lag_ms` and `gain` on the wave; the
    `overshoot` after a stop, %."""

    ms: float
    std: float
    acceleration: float
    lag_ms: float
    gain: float
    overshoot: float


def looking_ahead(still: Trial, wave: Trial, stop: Trial, steps: tuple[float, ...] = (0, 20, 40, 60)) -> list[Ahead]:
    """What the compensation of the time to the display costs in calm, and what it gives: a lag below zero."""
    rows = []
    for ms in steps:
        settings = Filter(ahead_ms=ms)
        calm, moved, stopped = (
            track_of(filtered(t.results, "default", settings)).points[t.signal.skip :] for t in (still, wave, stop)
        )
        fit = following.follow_wave(moved, wave.signal.amplitude, wave.signal.period, wave.signal.skip)
        after = following.settle(stopped, stop.signal.event - stop.signal.skip, stop.fps)
        std, rough = measures.still_std(calm), measures.acceleration(calm)
        rows.append(Ahead(ms, std, rough, fit.lag / wave.fps * 1e3, fit.gain, after.overshoot))
    return rows
