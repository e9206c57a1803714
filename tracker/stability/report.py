"""The report: stability.html (one file, nothing loaded from elsewhere), stability.json, and side-by-side videos."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from ..errors import OutputError
from . import following, measures, words
from .clip_page import clip_section, clips_table, own_table
from .halves import half_of
from .lab import Progress, Trial
from .page import NAMES, SHOWN, STYLE, STYLES, array, cell, figures_table, pair, section, table
from .plots import Axis, Series, chart, legend
from .side_by_side import write_video
from .suite import COST, MARKS, Outcome
from .sweep import Ahead
from .tracks import FILTERS

_NEAR_FRAMES = 0.06
_LEAST_GAIN = 0.05
_KNOWN_S = 6.0


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
    parts = [section("What is wanted, and what was found", _marks(outcome), words.MARKS_NOTE)]
    if outcome.clips():
        parts.append(section("Real clips, the default filter", clips_table(outcome), words.CLIPS_NOTE))
        if owned := own_table(outcome):
            parts.append(section("What of it is the head's own", owned, words.OWN_NOTE))
    parts.append(section("Jitter against lag", _plane(outcome), words.PLANE_NOTE))
    if outcome.ahead:
        parts.append(section("Latency compensation", _ahead(outcome.ahead), words.AHEAD_NOTE))
    waves = [t for t in trials if t.signal.name.startswith("Bode")]
    if waves:
        parts.append(section("Gain and lag by frequency (Bode plot)", _bode(waves), words.BODE_NOTE))
    for kind, title in (("step", "A step"), ("stop", "A sudden stop")):
        if kind in first:
            parts.append(section(f"{title}: {first[kind].signal.name}", _response(first[kind]), ""))
    if "still" in first:
        parts.append(section("A still photograph under fresh noise", _still(first["still"]), ""))
    for kind, title in (("nod", "A head that nods"), ("shake", "A head that shakes")):
        if kind in first:
            parts.append(section(title, _turn(first[kind]), words.NOD_NOTE))
    if "known" in first:
        parts.append(section(f"Known motion: {first['known'].signal.name}", _known(first["known"]), words.KNOWN_NOTE))
    for trial in trials:
        if trial.signal.kind == "clip":
            title = f"Clip: {trial.signal.name} ({half_of(trial.signal.name)} half)"
            parts.append(section(title, clip_section(trial), words.CLIP_NOTE))
    if films:
        shown = "".join(_film(name) for name in films)
        parts.append(section("Side by side, motion magnified ten times", shown, words.FILM_NOTE))
    told = {k: ", ".join(map(str, v)) if isinstance(v, list) else v for k, v in outcome.about.items() if k != "model"}
    if told.get("quick"):
        told["quick"] = "fewer and shorter signals than told below"
    about = "; ".join(f"{k}: {v}" for k, v in told.items() if v not in (None, "", False))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stillpoint: stability</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><style>{STYLE}</style></head><body><main><h1>Stability</h1><p>{escape(about)}</p>'
        + f'<div class="keys">{_legend(outcome.contestants())}</div>'
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
        series.append(Series(method, style, array(s.std for s in front), array(abs(s.lag) for s in front)))
        x, y = array(s.std for s in points), array(abs(s.lag) for s in points)
        series.append(Series(method, style, x, y, line=False, dots=3.0, titles=tips))
        chosen = [s for s in points if s.default]
        x, y = array(s.std for s in chosen), array(abs(s.lag) for s in chosen)
        series.append(Series(f"{method} as it ships", style, x, y, line=False, dots=7.0))
    found = outcome.marks()
    std, lag = found[MARKS[0].label], found[MARKS[2].label]
    for name in (n for n in outcome.contestants() if n not in FILTERS):
        if std[name] is not None and lag[name] is not None:
            x, y = array([std[name]]), array([abs(lag[name] or 0.0)])
            series.append(Series(name, STYLES[name], x, y, line=False, dots=7.0))
    jitter = Axis("still: std, % of the eyes' distance", log=True)
    whole = chart(series, jitter, Axis("lag, frames"), "jitter and lag")
    near = chart(series, jitter, Axis("lag, frames (near zero)", span=(-0.005, _NEAR_FRAMES)), "the same, near no lag")
    return pair(whole, near)


def _bode(waves: Sequence[Trial]) -> str:
    hertz = array(t.signal.fps / t.signal.period for t in waves)
    plots, rows = [], []
    for label, values in (("gain", _gain), ("phase, degrees", _phase), ("lag, ms", _lag)):
        found = {name: array(values(t, name) for t in waves) for name in waves[0].tracks}
        series = [Series(name, STYLES[name], hertz, found[name], dots=3.0) for name in found]
        plots.append(chart(series, Axis("frequency, Hz", log=True), Axis(label), f"{label} by frequency"))
        rows += [
            [
                escape(f"{label} at {f:.3g} Hz"),
                *(cell(float(v[i]) if np.isfinite(v[i]) else None) for v in found.values()),
            ]
            for i, f in enumerate(hertz)
            if label != "lag, ms"
        ]
    return pair(*plots) + table(["", *(NAMES.get(n, n) for n in waves[0].tracks)], rows)


def _gain(wave: Trial, name: str) -> float | None:
    gain: float | None = wave.figures[name]["gain"]
    return gain


def _lag(wave: Trial, name: str) -> float | None:
    """Of what is left of the wave: where that is next to nothing its phase means nothing."""
    gain = _gain(wave, name)
    return None if gain is None or gain < _LEAST_GAIN else wave.figures[name]["lag_ms"]


def _phase(wave: Trial, name: str) -> float | None:
    lag = _lag(wave, name)
    return None if lag is None else -0.36 * lag * wave.signal.fps / wave.signal.period


def _response(trial: Trial) -> str:
    """The mean of the 68 points around the event, in pixels, and how far it is from the truth."""
    event = trial.signal.event
    near = slice(max(event - 25, 0), event + 30)
    time = (np.arange(len(trial.times))[near] - event) / trial.fps
    truth = np.zeros(len(trial.times)) if trial.motions is None else trial.motions[:, 0, 2]
    ways, errors = [Series("truth", "truth", time, truth[near])], []
    for name, track in trial.tracks.items():
        way = track.points[:, :, 0].mean(1)
        way = way - way[-len(way) // 6 :].mean() + truth[-1]
        ways.append(Series(name, STYLES[name], time, way[near]))
        errors.append(Series(name, STYLES[name], time, (way - truth)[near]))
    place = chart(ways, Axis("seconds"), Axis("place of the face, px"), trial.signal.name)
    away = Axis("behind (-) or beyond (+) the truth, px")
    return pair(place, chart(errors, Axis("seconds"), away, f"{trial.signal.name}, error")) + figures_table(trial)


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
    return pair(trace, spread) + figures_table(trial)


def _turn(trial: Trial) -> str:
    """The angle against the truth, its mean taken out, and the figures."""
    name = "pitch" if trial.signal.kind == "nod" else "yaw"
    truth = np.zeros(0) if trial.signal.turn is None else trial.signal.turn[: len(trial.times)]
    ways = [
        ("truth", "truth", truth),
        *((n, STYLES[n], getattr(t, name)) for n, t in trial.tracks.items() if n in SHOWN),
    ]
    skip = trial.signal.skip
    lines = [
        Series(n, s, trial.times[skip:], v[skip:] - np.nanmean(v[skip:])) for n, s, v in ways if np.isfinite(v).any()
    ]
    return pair(chart(lines, Axis("seconds"), Axis(f"{name}, degrees"), trial.signal.name)) + figures_table(trial)


def _known(trial: Trial) -> str:
    """The nose tip's error along either axis over the first seconds, and the figures."""
    skip, plots = trial.signal.skip, []
    if trial.motions is not None:
        shown = slice(skip, skip + round(_KNOWN_S * trial.fps))
        for axis, name in enumerate("xy"):
            lines = [
                Series(
                    who, STYLES[who], trial.times[shown], following.off_truth(track.points, trial.motions)[shown, axis]
                )
                for who, track in trial.tracks.items()
                if who in SHOWN
            ]
            plots.append(
                chart(lines, Axis("seconds"), Axis(f"error of the nose tip, {name}, px"), f"error along {name}")
            )
    return (pair(*plots) if plots else "") + figures_table(trial)


def _film(name: str) -> str:
    """Played from beside the page."""
    source = escape(name, quote=True)
    link = f'<p><a href="{source}">{escape(name)}</a></p>'
    return f'{link}<video controls loop muted preload="metadata" src="{source}"></video>'
