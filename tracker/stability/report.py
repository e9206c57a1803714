"""The report: stability.html (one file, nothing loaded from elsewhere), stability.json, and side-by-side videos."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OutputError
from . import measures
from .clips import CLIP_MARKS
from .halves import half_of
from .lab import Progress, Trial
from .page import OURS, STYLE, cell, section, table
from .plots import Axis, Series, chart, legend
from .side_by_side import write_video
from .suite import COST, MARKS, Outcome
from .sweep import Ahead
from .tracks import FILTERS, IMAGE, RAW, VIDEO

STYLES = {RAW: "raw", "one_euro": "one", "kalman": "kal", "default": "ours", VIDEO: "mpv", IMAGE: "mpi", "rts": "rts"}
NAMES = {RAW: "Stillpoint, raw", "default": OURS, "one_euro": "Stillpoint, 1 euro"}
NAMES |= {"kalman": "Stillpoint, Kalman", "rts": "Stillpoint, zero-phase (offline)"}
SHOWN = (RAW, "default", VIDEO)
"""Whose curves are drawn where six would hide one another."""


def write_report(outcome: Outcome, folder: Path, videos: bool = True, progress: Progress | None = None) -> list[Path]:
    """Write all of it; returns the files. Raises OutputError where the folder cannot be written."""
    films = _films(outcome, folder) if videos else {}
    files = [folder / "stability.json", folder / "stability.html"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files[0].write_text(json.dumps(outcome.as_json(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        files[1].write_text(page(outcome, [film.name for film in films]), encoding="utf-8")
        for film, trial in films.items():
            write_video(film, trial, {NAMES.get(n, n): n for n in SHOWN if n in trial.tracks}, progress=progress)
    except OSError as error:
        raise OutputError(f"The report cannot be written to {folder} ({error}); name another folder.") from error
    return [*files, *films]


def _films(outcome: Outcome, folder: Path) -> dict[Path, Trial]:
    """Of the still picture, the demo and every clip."""
    chosen = [t for i, t in enumerate(outcome.trials) if i == 0 or t.signal.kind in ("known", "clip")]
    names = ("".join(c if c.isalnum() else "_" for c in t.signal.name).strip("_") for t in chosen)
    return {folder / f"side_by_side_{name}.mp4": trial for name, trial in zip(names, chosen, strict=True)}


def page(outcome: Outcome, films: Sequence[str] = ()) -> str:
    """The page as text."""
    trials = outcome.trials
    first = {t.signal.kind: t for t in reversed(trials)}
    parts = [section("What is wanted, and what was found", _marks(outcome), _NOTE)]
    if outcome.clips():
        parts.append(section("Real clips, the default filter", _clips(outcome), _CLIPS_NOTE))
    parts.append(section("Jitter against lag", _plane(outcome), _PLANE_NOTE))
    if outcome.ahead:
        parts.append(section("Latency compensation", _ahead(outcome.ahead), _AHEAD_NOTE))
    waves = [t for t in trials if t.signal.name.startswith("Bode")]
    if waves:
        parts.append(section("Gain and lag by frequency (Bode plot)", _bode(waves), _BODE_NOTE))
    for kind, title in (("step", "A step"), ("stop", "A sudden stop")):
        if kind in first:
            parts.append(section(f"{title}: {first[kind].signal.name}", _response(first[kind]), ""))
    if "still" in first:
        parts.append(section("A still photograph under fresh noise", _still(first["still"]), ""))
    if "known" in first:
        parts.append(section(f"Known motion: {first['known'].signal.name}", _figures(first["known"]), _KNOWN_NOTE))
    for trial in trials:
        if trial.signal.kind == "clip":
            title = f"Clip: {trial.signal.name} ({half_of(trial.signal.name)} half)"
            parts.append(section(title, _clip(trial), _CLIP_NOTE))
    if films:
        links = "".join(f'<li><a href="{escape(f, quote=True)}">{escape(f)}</a></li>' for f in films)
        parts.append(section("Side by side, motion magnified ten times", f"<ul>{links}</ul>", ""))
    told = {k: ", ".join(map(str, v)) if isinstance(v, list) else v for k, v in outcome.about.items() if k != "model"}
    about = "; ".join(f"{k}: {v}" for k, v in told.items() if v not in (None, "", False))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stillpoint: stability</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><style>{STYLE}</style></head><body><main><h1>Stability</h1><p>{escape(about)}</p>'
        + _legend(outcome.contestants())
        + "".join(parts)
        + "</main></body></html>\n"
    )


def _legend(names: Sequence[str]) -> str:
    return legend([(NAMES.get(n, n), STYLES[n]) for n in names])


def _marks(outcome: Outcome) -> str:
    names = outcome.contestants()
    found = outcome.marks()
    rows = []
    for mark in (*MARKS, COST):
        if mark.label in found:
            values = found[mark.label]
            cells = [cell(values[n], mark.met(values[n]) if n == "default" else None) for n in names]
            rows.append([escape(mark.label), escape(mark.wanted), *cells])
    return table(["measure", "wanted of the default", *(NAMES.get(n, n) for n in names)], rows)


def _clips(outcome: Outcome) -> str:
    """One row a clip: what it is held to, and how late and how far from its own raw points the filter is."""
    head = ["clip", "half", *(f"{mark.label} ({mark.said})" for mark in CLIP_MARKS)]
    head += ["lag, ms", "MediaPipe's lag", "from raw, %", "MediaPipe's from raw"]
    rows = []
    for trial in outcome.clips():
        name, figures = trial.signal.name, trial.figures
        values = [(mark, mark.value(figures)) for mark in CLIP_MARKS]
        cells = [cell(value, mark.met(value)) for mark, value in values]
        cells += [cell(figures.get(n, {}).get(m)) for m in ("lag_ms", "behind") for n in ("default", VIDEO)]
        rows.append([escape(name), half_of(name), *cells])
    return table(head, rows)


def _ahead(rows: Sequence[Ahead]) -> str:
    head = ["looking ahead, ms", "lag on the wave, ms", "gain", "still: std, %", "acceleration, %", "overshoot, %"]
    values = [(r.lag_ms, r.gain, r.std, r.acceleration, r.overshoot) for r in rows]
    return table(head, [[f"{r.ms:g}", *(cell(v) for v in line)] for r, line in zip(rows, values, strict=True)])


def _plane(outcome: Outcome) -> str:
    series = []
    for method in FILTERS:
        points = [s for s in outcome.settings if s.method == method]
        if not points:
            continue
        front = sorted((s for s in points if s.front), key=lambda s: s.std)
        tips = tuple(f"{method}, {s.label}: std {s.std:.3f} %, lag {s.lag:.2f} frames" for s in points)
        style = STYLES[method]
        series.append(Series(method, style, _array(s.std for s in front), _array(abs(s.lag) for s in front)))
        x, y = _array(s.std for s in points), _array(abs(s.lag) for s in points)
        series.append(Series(method, style, x, y, line=False, dots=3.0, titles=tips))
        chosen = [s for s in points if s.default]
        x, y = _array(s.std for s in chosen), _array(abs(s.lag) for s in chosen)
        series.append(Series(f"{method} as it ships", style, x, y, line=False, dots=7.0))
    found = outcome.marks()
    std, lag = found[MARKS[0].label], found[MARKS[2].label]
    for name in (n for n in outcome.contestants() if n not in FILTERS):
        if std[name] is not None and lag[name] is not None:
            x, y = _array([std[name]]), _array([abs(lag[name] or 0.0)])
            series.append(Series(name, STYLES[name], x, y, line=False, dots=7.0))
    plot = chart(series, Axis("still: std, % of the eyes' distance", log=True), Axis("lag, frames"), "jitter and lag")
    return _figure(plot)


def _bode(waves: Sequence[Trial]) -> str:
    hertz = _array(t.signal.fps / t.signal.period for t in waves)
    plots = []
    for measure, label in (("gain", "gain"), ("lag_ms", "lag, ms")):
        series = [
            Series(n, STYLES[n], hertz, _array(t.figures[n][measure] for t in waves), dots=3.0) for n in waves[0].tracks
        ]
        plots.append(_figure(chart(series, Axis("frequency, Hz", log=True), Axis(label), f"{label} by frequency")))
    return f'<div class="pair">{"".join(plots)}</div>'


def _response(trial: Trial) -> str:
    """The mean of the 68 points around the event, in pixels."""
    event = trial.signal.event
    near = slice(max(event - 25, 0), event + 30)
    time = (np.arange(len(trial.times))[near] - event) / trial.fps
    series = []
    if trial.motions is not None:
        series.append(Series("truth", "truth", time, trial.motions[near, 0, 2]))
    for name, track in trial.tracks.items():
        way = track.points[:, :, 0].mean(1)
        way = way - way[-len(way) // 6 :].mean() + (trial.motions[-1, 0, 2] if trial.motions is not None else 0.0)
        series.append(Series(name, STYLES[name], time, way[near]))
    plot = chart(series, Axis("seconds"), Axis("place of the face, px"), trial.signal.name)
    return _figure(plot) + _figures(trial)


def _still(trial: Trial) -> str:
    skip, seconds = trial.signal.skip, trial.times - trial.times[0]
    lines, powers = [], []
    for name, track in trial.tracks.items():
        nose = track.points[skip:, measures.NOSE_TIP, 0]
        if name in SHOWN:
            lines.append(Series(name, STYLES[name], seconds[skip:], nose - np.nanmean(nose)))
        every = [measures.spectrum(way, trial.fps) for way in track.points[skip:].reshape(len(nose), -1).T]
        powers.append(Series(name, STYLES[name], every[0][0][1:], np.mean([p for _, p in every], axis=0)[1:]))
    trace = chart(lines, Axis("seconds"), Axis("nose tip, x, px"), "the nose tip of a still face")
    axis = Axis("power of a landmark, px²/Hz", log=True)
    spread = chart(powers, Axis("frequency, Hz", log=True), axis, "power spectrum, mean of the 68 points")
    return f'<div class="pair">{_figure(trace)}{_figure(spread)}</div>' + _figures(trial)


def _clip(trial: Trial) -> str:
    """The three calmest seconds of the nose tip, the figures, and those of each group."""
    lines = []
    nose = {n: t.points[:, measures.NOSE_TIP] for n, t in trial.tracks.items() if n in SHOWN}
    width = min(round(3 * trial.fps), len(trial.times))
    span = [np.ptp(nose[RAW][i : i + width], axis=0).sum() for i in range(max(len(trial.times) - width, 0) + 1)]
    start = int(np.nanargmin(span)) if np.isfinite(span).any() else 0
    calm = slice(start, start + width)
    for name, path in nose.items():
        y = path[calm, 1]
        lines.append(Series(name, STYLES[name], trial.times[calm], y - np.nanmean(y) if np.isfinite(y).any() else y))
    plot = chart(lines, Axis("seconds"), Axis("nose tip, y, px"), "the nose tip where the head is calmest")
    return _figure(plot) + _figures(trial) + _groups(trial)


def _figures(trial: Trial) -> str:
    names = list(trial.tracks)
    keys = dict.fromkeys(k for n in names for k, v in trial.figures[n].items() if not isinstance(v, dict))
    rows = [[escape(LABELS.get(k, k)), *(cell(trial.figures[n].get(k)) for n in names)] for k in keys]
    return table(["", *(NAMES.get(n, n) for n in names)], rows)


def _groups(trial: Trial) -> str:
    names = list(trial.tracks)
    rows = []
    for group in measures.GROUPS:
        for measure in ("acceleration", "residual"):
            values: list[Any] = [trial.figures[n]["groups"][group][measure] for n in names]
            rows.append([f"{group}: {measure}, %", *(cell(v) for v in values)])
    return table(["", *(NAMES.get(n, n) for n in names)], rows)


def _array(values: Any) -> Any:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _figure(plot: str) -> str:
    return f"<figure>{plot}</figure>"


LABELS = {
    "found": "share of frames with a face",
    "std": "std, %",
    "acceleration": "acceleration (second difference), %",
    "residual": "residual to a 7-frame quadratic, %",
    "jerk_ratio": "jerk over unfiltered",
    "lag_ms": "lag, ms",
    "lag_frames": "lag, frames",
    "residual_px": "residual, px",
    "pitch_std_deg": "pitch: std, degrees",
    "blink_kept": "eyelids' amplitude kept",
    "pitch_with_jaw_deg": "pitch that follows the jaw: std, degrees",
    "pitch_with_lids_deg": "pitch that follows the eyelids: std, degrees",
    "behind": "distance from its own unfiltered points, %",
    "behind_p95": "the same, 95 of 100 frames within, %",
    "overshoot": "overshoot, %",
    "settling_s": "settling, s",
    "bias": "slow error, %",
    "noise": "noise, %",
}
_NOTE = (
    "68 points; % is of the distance between the eyes' centres. Still: one photograph, fresh noise of 5 levels, 150 "
    "frames, the first 30 left out. Wave: shifted by 40 sin(2πt/45) px, noise of 2 levels, 225 frames, the first 45 "
    "left out; sine, cosine and constant fitted. Compare within a row only: other pictures give other numbers."
)
_PLANE_NOTE = (
    "Every dot is one strength of a filter on the same raw results: left is calmer, down is earlier. The lines join "
    "what no other strength beats in both; large dots are what ships. Point at a dot for its setting."
)
_BODE_NOTE = "40 px up to 2 Hz, 15 px at 4 Hz, 4 px at 7.5 Hz. Gain 1 and lag 0 would be perfect."
_KNOWN_NOTE = "The error against the exact motion of every frame, split into a slow part, a lag and noise."
_CLIPS_NOTE = (
    "Clips are split by a hash of their names. Constants were tuned on the half 'tune' only; judge by 'report'. "
    "A dash: nothing to measure (nobody talked, nobody blinked, or MediaPipe found no face). Calm that is bought by "
    "staying behind shows in the last columns: lag, and distance from the same tracker's own unfiltered points."
)
_AHEAD_NOTE = (
    "The default filter set to give the pose as it will be when it is on the screen (filter.ahead_ms): a lag below "
    "zero is time won, what it costs is calm and overshoot. Expressions are not looked ahead for."
)
_CLIP_NOTE = (
    "Only frames where every contestant has a face. Lag, jerk and eyelids are relative to the same tracker's own "
    "unfiltered points; the curve shows the three seconds in which the head is calmest."
)
