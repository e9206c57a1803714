"""A report in one HTML file that needs nothing else: counts, speed, and plots of pose and shapes as SVG."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...head.model import EXPRESSIONS
from ...whole import whole
from ..labels import Label
from ..markers import Markers, markers_over
from ..replay import Session
from ..take import Take
from . import Progress

Floats = npt.NDArray[np.float64]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 960, 150, 56, 20
_MOST_POINTS = 1200
_RAW, _STABLE = "#d67832", "#1464be"
_SHAPES = 8
_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;color:#222}
table{border-collapse:collapse}td,th{padding:.15rem .9rem .15rem 0;text-align:left;vertical-align:top}
svg{display:block;margin:.4rem 0 1.2rem;max-width:100%;height:auto}h2{margin-top:2rem}
.raw{color:#d67832}.stable{color:#1464be}text{font:11px system-ui,sans-serif;fill:#555}"""


def write(session: Session, path: Path, progress: Progress, face: int | None = None) -> None:
    raw, stable = session.showing("raw").take(face), session.showing("stable").take(face)
    markers = markers_over(session.folder, Markers())[0].labels
    parts = [_facts(session, stable, len(markers))]
    parts.append('<h2>Pose</h2><p><span class="raw">raw</span>, <span class="stable">filtered</span>; '
                 "grey where the face was lost.</p>")  # fmt: skip
    for name, unit in (("yaw_deg", "yaw, degrees"), ("pitch_deg", "pitch, degrees"), ("roll_deg", "roll, degrees"),
                       ("tx_m", "x, metres"), ("ty_m", "y, metres"), ("tz_m", "distance, metres")):  # fmt: skip
        lines = ((raw.values(name), _RAW), (stable.values(name), _STABLE))
        parts.append(plot(unit, stable.time, lines, ~stable.found, markers))
        progress(min(0.1 * len(parts), 0.9))
    parts.append(f"<h2>Shapes</h2><p>The {_SHAPES} that moved most.</p>")
    before, after = raw.values("blendshapes"), stable.values("blendshapes")
    for i in _liveliest(after):
        parts.append(
            plot(EXPRESSIONS[i], stable.time, ((before[:, i], _RAW), (after[:, i], _STABLE)), ~stable.found, ())
        )
    if markers:
        parts.append("<h2>Markers</h2>" + _table((f"{one.start:.3f} s", _span(one), one.track, one.label, one.note)
                                                 for one in markers))  # fmt: skip
    title = html.escape(session.folder.name)
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
    with whole(path) as scratch:
        scratch.write_text(f"{page}<h1>{title}</h1>{''.join(parts)}</html>\n", encoding="utf-8")
    progress(1.0)


def _facts(session: Session, take: Take, markers: int) -> str:
    about, found = session.about, int(take.found.sum())
    source = about.get("source", {})
    counts = about.get("counts", {})
    share = f" ({found / len(take):.1%})" if len(take) else ""
    held = f", held in {int(take.held.sum())} more" if take.held.any() else ""
    width, height = session.size
    rows = [
        ("recorded", str(about.get("started_utc", "?"))),
        ("source", f"{source.get('name', '?')}, {width} x {height} at {session.fps:g} a second"),
        ("frames", f"{len(take)} captured, {counts.get('dropped', '?')} dropped"),
        ("face", f"{take.face if take.face is not None else 'none'}, found in {found} frames{share}{held}"),
        ("duration", f"{take.time[-1]:.2f} s" if len(take) else "0 s"),
        ("filter", str(about.get("filter", {}).get("method", "?"))),
        ("model", str(about.get("model", {}).get("name", "?"))),
        ("status", str(about.get("status", "?"))),
        ("markers", str(markers)),
    ]
    return _table(rows)


def plot(
    title: str, time: Floats, lines: Iterable[tuple[Floats, str]], lost: npt.NDArray[np.bool_], markers: Sequence[Label]
) -> str:
    """An SVG of lines over time, broken where there is no value, grey where `lost`, with markers as ticks."""
    lines = list(lines)
    values = np.concatenate([line for line, _ in lines]) if lines else np.zeros(0)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    margin = max(0.05 * (high - low), 1e-3)
    low, high, end = low - margin, high + margin, max(float(time[-1]) if time.size else 0.0, 1e-3)

    def x(t: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 10) * t / end

    def y(v: float) -> float:
        return 8 + (_HEIGHT - _BOTTOM - 8) * (high - v) / (high - low)

    step = float(np.median(np.diff(time))) if time.size > 1 else 0.0
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">']
    for a, b in _runs(lost):
        left, right = x(float(time[a])), x(min(float(time[b - 1]) + step, end))
        parts.append(
            f'<rect x="{left:.1f}" y="8" width="{right - left:.1f}" height="{_HEIGHT - _BOTTOM - 8}" fill="#ddd"/>'
        )
    parts += [f'<text x="4" y="{y(v) + 4:.1f}">{v:.4g}</text>' for v in (low + margin, high - margin)]
    parts += [f'<text x="{x(t):.1f}" y="{_HEIGHT - 4}">{t:.3g} s</text>' for t in np.linspace(0.0, end, 6)[:-1]]
    parts.append(f'<text x="{_LEFT + 6}" y="20">{html.escape(title)}</text>')
    for line, colour in lines:
        parts += [_polyline([(x(t), y(v)) for t, v in run], colour) for run in _thinned(time, line)]
    parts += [f'<line x1="{x(one.start):.1f}" x2="{x(one.start):.1f}" y1="8" y2="{_HEIGHT - _BOTTOM}" stroke="#a3c"/>'
              for one in markers]  # fmt: skip
    return "".join(parts) + "</svg>"


def _polyline(points: Sequence[tuple[float, float]], colour: str) -> str:
    text = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    return f'<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="1.2"/>'


def _thinned(time: Floats, line: Floats) -> list[list[tuple[float, float]]]:
    """Runs of finite values; of each bucket of a long one its least and its greatest stay."""
    runs = []
    size = max(2 * len(line) // _MOST_POINTS, 1)
    for a, b in _runs(np.isfinite(line)):
        picked: list[int] = []
        for start in range(a, b, size):
            part = line[start : min(start + size, b)]
            picked += sorted({start + int(part.argmin()), start + int(part.argmax())})
        runs.append([(float(time[i]), float(line[i])) for i in picked])
    return runs


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open stretches where it is True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _liveliest(shapes: Floats) -> list[int]:
    seen = shapes[np.isfinite(shapes).all(axis=1)] if shapes.size else np.zeros((0, 0))
    return [] if not len(seen) else [int(i) for i in np.argsort(-seen.std(axis=0), kind="stable")[:_SHAPES]]


def _span(one: Label) -> str:
    return "" if one.end is None else f"{one.end - one.start:.3f} s"


def _table(rows: Iterable[Sequence[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{body}</table>"
