"""What the ablations say, for people: a Markdown table and a picture of the curves beside `ablations.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..whole import whole
from .ablation import run_folder

COLUMNS = {
    "original": "original",
    "reannotated": "re-annotated",
    "original, jittered": "original, jittered",
    "merl": "MERL",
    "merl, jittered": "MERL, jittered",
    "merl, jittered, fixed": "the same, middle crop",
    "spread": "spread",
    "pose": "pose, °",
}


def last_round(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The row of every variant after the most pictures that all of them have seen."""
    seen = {name: {row["images"] for row in table if row["name"] == name} for name in (r["name"] for r in table)}
    shared = set.intersection(*seen.values()) if seen else set()
    return [row for row in table if shared and row["images"] == max(shared)]


def write_report(out: Path, table: list[dict[str, Any]]) -> str:
    """`ablations.md` and `ablations.png` in the folder `out` of the runs; returns the table in Markdown."""
    rows = last_round(table)
    text = markdown(rows)
    with whole(out / "ablations.md") as scratch:
        scratch.write_text(text, encoding="utf-8")
    _draw(out / "ablations.png", out, table)
    return text


def markdown(rows: list[dict[str, Any]]) -> str:
    """A line for every variant; NME in percent, balanced over yaw, `spread` in percent of the face's size."""
    columns = [c for c in COLUMNS if any(c in row for row in rows)]
    lines = [
        "| variant | what is other | " + " | ".join(COLUMNS[c] for c in columns) + " |",
        "|---|---|" + "---|" * len(columns),
    ]
    for row in rows:
        cells = [_cell(row.get(c)) for c in columns]
        lines.append(f"| {row['name']} | {row['says']} | " + " | ".join(cells) + " |")
    shown = [(row["name"], row["shown"]) for row in rows if "shown" in row]
    if shown:
        looks = list(shown[0][1])
        lines += ["", "| shown, original labels | " + " | ".join(looks) + " |", "|---|" + "---|" * len(looks)]
        lines += [f"| {name} | " + " | ".join(_cell(scores[k]) for k in looks) + " |" for name, scores in shown]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value[0] if isinstance(value, list) else value:.2f}"


def _draw(path: Path, out: Path, table: list[dict[str, Any]]) -> None:
    """What each variant reaches, and its curves: held-out error and the loss of the points by pictures seen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    reached, held, losses = figure.subplots(1, 3)
    names = list(dict.fromkeys(row["name"] for row in table))
    for key, marker in (("original", "o"), ("reannotated", "s"), ("merl, jittered", "^")):
        known = [row for row in last_round(table) if key in row]
        heights = [names.index(row["name"]) for row in known]
        reached.plot([row[key][0] for row in known], heights, marker, label=COLUMNS[key], markersize=5)
    reached.set(title="reached", xlabel="NME, %", yticks=range(len(names)), yticklabels=names)
    reached.invert_yaxis()
    reached.legend(fontsize=8)
    for i, name in enumerate(names):
        style: dict[str, Any] = {"color": f"C{i % 10}", "linestyle": "-" if i < 10 else "--", "linewidth": 1.2}
        rows = sorted((r for r in table if r["name"] == name), key=lambda r: int(r["images"]))
        held.plot([r["images"] for r in rows], [r["original"][0] for r in rows], marker=".", **style)
        losses.plot(*_losses(run_folder(out, name) / "log.jsonl"), marker=".", label=name, **style)
    held.set(title="calibration, original labels", xlabel="pictures", ylabel="NME, %")
    losses.set(title="training: distance of the points", xlabel="pictures", ylabel="loss")
    losses.legend(fontsize=7)
    for panel in (reached, held, losses):
        panel.grid(alpha=0.3)
    figure.savefig(path)


def _losses(log: Path) -> tuple[list[int], list[float]]:
    """Pictures seen and the loss of the points, from a run's log; empty where there is none."""
    if not log.is_file():
        return [], []
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    losses = [row for row in rows if row["kind"] == "loss" and "points" in row]
    return [row["images"] for row in losses], [row["points"] for row in losses]
