"""The report's part on real clips: what they are held to, what of it is the head's own, and each clip by itself."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from . import measures
from .clips import CLIP_MARKS
from .halves import half_of
from .lab import Trial
from .page import NAMES, SHOWN, STYLES, cell, figures_table, pair, table
from .plots import Axis, Series, chart
from .suite import Outcome
from .tracks import IMAGE, RAW, VIDEO

_FAR, _MOST = 1.0, 1.5
"""Strides, and ratio, that the curve of what is left shows."""


def clips_table(outcome: Outcome) -> str:
    """One row a clip: what it is held to, and how late and how far from its own raw points the filter is."""
    head = ["clip", "half", *(f"{mark.label} ({mark.said})" for mark in CLIP_MARKS), "frames with an open jaw"]
    head += ["zero-phase (offline): acceleration / MediaPipe's", "the same of the residual"]
    head += ["eyelids' amplitude, %: raw", "default", "MediaPipe IMAGE", "MediaPipe VIDEO"]
    head += ["lag, ms", "MediaPipe's lag", "from raw, %", "MediaPipe's from raw"]
    rows = []
    for trial in outcome.clips():
        name, figures = trial.signal.name, trial.figures
        values = [(mark, mark.value(figures)) for mark in CLIP_MARKS]
        cells = [cell(value, mark.met(value)) for mark, value in values]
        cells += [f"{figures[RAW].get('jaw_frames') or 0:.0f} of {len(trial.times)}"]
        cells += [cell(mark.value(figures, "rts")) for mark in CLIP_MARKS[:2]]
        cells += [cell(figures.get(n, {}).get("blink_way")) for n in (RAW, "default", IMAGE, VIDEO)]
        cells += [cell(figures.get(n, {}).get(m)) for m in ("lag_ms", "behind") for n in ("default", VIDEO)]
        rows.append([escape(name), half_of(name), *cells])
    return table(head, rows)


def own_table(outcome: Outcome) -> str:
    """How much of MediaPipe's acceleration the head itself has, and what less of it would cost; empty without both."""
    wanted = CLIP_MARKS[0].wanted
    head = ["clip", "half", "frames told", "the head's own, %", "MediaPipe's in these frames, %", "own / MediaPipe's"]
    head += ["the default's / MediaPipe's", f"for {wanted:g} of MediaPipe's: behind, strides", "the same, %"]
    head += ["lag on the 40 px wave, frames"]
    rows = []
    for trial in outcome.clips():
        own = trial.own
        if own is None or VIDEO not in own.beside:
            continue
        cost = own.cost(wanted, VIDEO)
        ratio = own.beside["default"] / own.beside[VIDEO] if own.beside[VIDEO] else None
        costs = (cost.behind, cost.behind * own.stride, cost.lag) if cost else (None,) * 3
        cells = list(map(cell, (own.acceleration, own.beside[VIDEO], own.over(VIDEO), ratio, *costs)))
        frames = f"{own.frames} of {len(trial.times)}"
        rows.append([escape(trial.signal.name), half_of(trial.signal.name), frames, *cells])
    return table(head, rows) if rows else ""


def clip_section(trial: Trial) -> str:
    """The three calmest seconds of the nose tip, the pitch of the whole clip, the figures, and those of each group."""
    lines = []
    nose = {n: t.points[:, measures.NOSE_TIP] for n, t in trial.tracks.items() if n in SHOWN}
    width = min(round(3 * trial.fps), len(trial.times))
    span = [np.ptp(nose[RAW][i : i + width], axis=0).sum() for i in range(max(len(trial.times) - width, 0) + 1)]
    start = int(np.nanargmin(span)) if np.isfinite(span).any() else 0
    calm = slice(start, start + width)
    for name, path in nose.items():
        y = path[calm, 1]
        lines.append(Series(name, STYLES[name], trial.times[calm], y - np.nanmean(y) if np.isfinite(y).any() else y))
    calmest = chart(lines, Axis("seconds"), Axis("nose tip, y, px"), "the nose tip where the head is calmest")
    turns = [
        Series(name, STYLES[name], trial.times, track.pitch)
        for name, track in trial.tracks.items()
        if name in SHOWN and np.isfinite(track.pitch).any()
    ]
    pitch = chart(turns, Axis("seconds"), Axis("pitch, degrees"), "pitch over the whole clip")
    return pair(calmest, pitch, *_less(trial)) + figures_table(trial) + _groups(trial)


def _less(trial: Trial) -> list[str]:
    """What is left at least of the head's own acceleration, over MediaPipe's, by how far behind landmarks are."""
    own = trial.own
    ratio = None if own is None else own.over(VIDEO)
    if own is None or ratio is None:
        return []
    wanted = CLIP_MARKS[0].wanted
    shares, behind, _ = np.array(own.curve).T
    lines = [Series("at least", "truth", behind, ratio * shares)]
    lines.append(Series(f"wanted: {wanted:g}", "mpv", np.array([0.0, _FAR]), np.full(2, wanted)))
    far, left = (
        Axis("behind the head, strides", span=(0.0, _FAR)),
        Axis("acceleration left / MediaPipe's", span=(0.0, _MOST)),
    )
    return [chart(lines, far, left, f"the head's own acceleration over MediaPipe's by distance; wanted {wanted:g}")]


def _groups(trial: Trial) -> str:
    names = list(trial.tracks)
    rows = []
    for group in measures.GROUPS:
        for measure in ("acceleration", "residual"):
            values: list[Any] = [trial.figures[n]["groups"][group][measure] for n in names]
            rows.append([f"{group}: {measure}, %", *(cell(v) for v in values)])
    return table(["", *(NAMES.get(n, n) for n in names)], rows)
