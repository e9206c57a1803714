"""The page's bones: its style sheet, who is drawn how, sections and tables."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from . import words
from .lab import Trial
from .measures import Floats
from .tracks import IMAGE, RAW, VIDEO

STYLE = """
:root{--ink:#1c2230;--soft:#5c6474;--paper:#fbfbfa;--card:#fff;--edge:#dfe2e8;--good:#0a7d4b;--bad:#b3261e;
--raw:#8a93a3;--rts:#a88400;--one:#2f6fd0;--kal:#0b8f8f;--ours:#d9480f;--mpv:#7a3fc4;--mpi:#c58bd8;--truth:#1c2230}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaee;--soft:#a2a9b6;--paper:#14171d;--card:#1b1f27;--edge:#313743;
--good:#4fd39a;--bad:#ff8a80;--raw:#8791a3;--rts:#e6c34a;--one:#6ea8fe;--kal:#3fc7c7;--ours:#ff8a4c;--mpv:#b48cf2;--mpi:#8a5f9e;
--truth:#e8eaee}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:1320px;margin:0 auto;padding:24px}h1{margin:0 0 4px;font-size:28px}h2{margin:0 0 10px;font-size:18px}
p{margin:6px 0;color:var(--soft);max-width:110ch}section{background:var(--card);border:1px solid var(--edge);
border-radius:10px;padding:16px 18px;margin:16px 0;overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;margin:6px 0}
th,td{padding:5px 7px;border-bottom:1px solid var(--edge);text-align:right}td{white-space:nowrap}
th{vertical-align:bottom}td.ours{background:color-mix(in srgb,var(--ours) 9%,transparent)}
th{font-weight:600;color:var(--soft)}th:first-child,td:first-child{text-align:left}
td:first-child{white-space:normal;min-width:13em}
.good{color:var(--good);font-weight:700}.bad{color:var(--bad);font-weight:700}
figure{margin:0;max-width:780px}svg{width:100%;height:auto;display:block}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:14px}
svg text{fill:var(--soft);font-size:11.5px}.grid{stroke:var(--edge);stroke-width:1}
polyline{fill:none;stroke-width:1.6;stroke-linejoin:round}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;color:var(--ink)}.legend span{display:flex;align-items:center;gap:6px}
.keys{position:sticky;top:0;z-index:1;background:var(--paper);padding:4px 0 6px;margin:0 0 -10px}
video{width:100%;max-width:1260px;display:block;border-radius:6px;background:#000}
.legend i{width:22px;height:4px;border-radius:2px}a{color:var(--one)}
""" + "".join(
    f"polyline.{name}{{stroke:var(--{name})}}circle.{name}{{fill:var(--{name});fill-opacity:.75}}"
    f".legend i.{name}{{background:var(--{name})}}"
    for name in ("raw", "one", "kal", "ours", "mpv", "mpi", "rts", "truth")
)

OURS = "Stillpoint, default"
"""The column that is shaded."""
STYLES = {RAW: "raw", "one_euro": "one", "kalman": "kal", "default": "ours", VIDEO: "mpv", IMAGE: "mpi", "rts": "rts"}
NAMES = {RAW: "Stillpoint, raw", "default": OURS, "one_euro": "Stillpoint, 1 euro"}
NAMES |= {"kalman": "Stillpoint, Kalman", "rts": "Stillpoint, zero-phase (offline)"}
SHOWN = (RAW, "default", VIDEO)
"""Whose curves are drawn where six would hide one another."""


def section(title: str, content: str, note: str) -> str:
    """`content` is HTML; title and note are text."""
    words = f"<p>{escape(note)}</p>" if note else ""
    return f"<section><h2>{escape(title)}</h2>{words}{content}</section>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """`head` is text; cells are HTML."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    mine = {i for i, name in enumerate(head) if name == OURS}
    cells = [[f"<td{' class=ours' * (i in mine)}>{value}</td>" for i, value in enumerate(row)] for row in rows]
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def cell(value: float | None, met: bool | None = None) -> str:
    """A number with three digits after the point; green or red where it is held to a mark."""
    text = "–" if value is None else f"{round(value, 3) + 0.0:.3f}"
    return text if met is None else f'<span class="{"good" if met else "bad"}">{text} {"✓" if met else "✗"}</span>'


def figures_table(trial: Trial) -> str:
    """Every measure of a signal, one contestant a column."""
    names = list(trial.tracks)
    keys = dict.fromkeys(k for n in names for k, v in trial.figures[n].items() if not isinstance(v, dict))
    rows = [[escape(words.LABELS.get(k, k)), *(cell(trial.figures[n].get(k)) for n in names)] for k in keys]
    return table(["", *(NAMES.get(n, n) for n in names)], rows)


def array(values: Any) -> Floats:
    """Of numbers, None as NaN."""
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def pair(*plots: str) -> str:
    """Beside one another where there is room."""
    return f'<div class="pair">{"".join(f"<figure>{plot}</figure>" for plot in plots)}</div>'
