"""An evaluation as files: figures as JSON, and one page with its pictures inside."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import OutputError
from ..types import Image
from .agreement import CLIPS, Person, identity_figures
from .figures import BINS, Outcome, gain, summary

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:24px auto;max-width:1240px;padding:0 16px;color:#1c2230}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:8px 0}td,th{padding:4px 12px;text-align:right;
border-bottom:1px solid #dfe2e8}td:first-child,th:first-child{text-align:left}.good{color:#0a7d4b;font-weight:700}
.bad{color:#b3261e;font-weight:700}.row{display:flex;flex-wrap:wrap;gap:6px}figure{margin:0;width:150px;font-size:12px}
img{width:100%;display:block}@media(prefers-color-scheme:dark){body{background:#14171d;color:#e8eaee}}"""
_TILE = 160
GAIN_DB, TURN_DB, RATIO = 1.5, 24.0, 0.5
"""What is wanted: dB of the completed mesh over the projection at 30-60 degrees from one frame (over "projected", whose
unseen part has the seen part's mean colour, and over "bare", where it is empty); dB on held-out frames of a turn;
deviation of the shape over one person's frames beside that between persons."""


def marks(outcome: Outcome) -> list[dict[str, Any]]:
    """What was wanted and what was found, on the clips that nothing was tuned on. Gains have a standard "error" and say
    in how many "frames" they are "better" than nothing."""
    frames = [f for f in outcome.foretold if f.half == "report"]
    best = "splats" if any(f.contestant == "splats" for f in frames) else "mesh"
    low, high = BINS[-1]
    out = []
    for task in ("one frame", "one picture"):
        turned = [f for f in frames if f.task == task and low <= abs(f.yaw) < high]
        for over in ("projected", "bare"):
            found = gain(turned, best, over)
            mark = _mark(f"{task}, 30-60 deg: {best} over {over}, dB", found.mean if found else None, GAIN_DB)
            out.append(mark | ({} if found is None else {k: v for k, v in asdict(found).items() if k != "mean"}))
    turn = [f.psnr for f in frames if (f.task, f.contestant) == ("turn", best)]
    out.append(_mark(f"turn, held-out frames: {best}, dB", float(np.mean(turn)) if turn else None, TURN_DB))
    return [*out, *_shape_marks(outcome)]


def _shape_marks(outcome: Outcome) -> list[dict[str, Any]]:
    known = _identity(outcome) or {CLIPS: {}}
    return [
        _mark(f"shape within a person / between persons, {source}", keys.get("fitted", {}).get("ratio"), RATIO, True)
        for source, keys in known.items()
    ]


def spread_of(mark: Mapping[str, Any]) -> str:
    """How sure a mark is, and in how many frames it is better; empty where that is not known."""
    if "error" not in mark:
        return ""
    error = "" if mark["error"] is None or not np.isfinite(mark["error"]) else f" ± {mark['error']:.2f}"
    return f"{error}, better in {mark['better']} of {mark['frames']}"


def _mark(label: str, value: float | None, bound: float, at_most: bool = False) -> dict[str, Any]:
    met = value is not None and (value <= bound if at_most else value >= bound)
    return {"measure": label, "wanted": f"{'<=' if at_most else '>='} {bound:g}", "found": value, "met": met}


def _identity(outcome: Outcome) -> dict[str, dict[str, dict[str, float]]]:
    """By source and kind of shape."""
    people = _reported(outcome)
    by_source = {p.source: [q for q in people if q.source == p.source] for p in people}
    return {source: identity_figures(some) for source, some in by_source.items() if len(some) > 1}


def _reported(outcome: Outcome) -> list[Person]:
    return [person for person in outcome.people if person.half == "report"]


def write_report(outcome: Outcome, folder: Path, about: Mapping[str, Any]) -> list[Path]:
    """Write heads.json, heads.html and heads.png (the contact sheet). Raises OutputError."""
    facts = {
        "about": dict(about),
        "marks": marks(outcome),
        "summary": summary(outcome.foretold),
        "identity": _identity(outcome),
        "persons": [person.name for person in _reported(outcome)],
        "builds": outcome.builds,
        "skipped": outcome.skipped,
        "frames": [asdict(f) for f in outcome.foretold],
    }
    files = [folder / "heads.json", folder / "heads.html", folder / "heads.png"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files[0].write_text(json.dumps(_finite(facts), indent=1), encoding="utf-8")
        files[1].write_text(_page(facts, outcome), encoding="utf-8")
        files[2].write_bytes(cv2.imencode(".png", _sheet(outcome)[..., ::-1])[1].tobytes())
    except OSError as error:
        raise OutputError(f"The report could not be written to {folder} ({error.strerror or error}).") from error
    return files


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity: None stands for them."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _page(facts: Mapping[str, Any], outcome: Outcome) -> str:
    parts = [f"<!doctype html><meta charset=utf-8><title>Heads</title><style>{_STYLE}</style><h1>Personal heads</h1>"]
    parts.append("<p>Figures on the clips of the report half, unless said; nothing was tuned on those.</p>")
    cells = [[m["measure"], m["wanted"], _number(m["found"], m["met"]) + spread_of(m)] for m in facts["marks"]]
    parts.append(_table(["measure", "wanted", "found"], cells))
    for half in ("report", "tune"):
        rows = [r for r in facts["summary"] if r["half"] == half]
        parts.append(f"<h2>Held-out frames, {half} half</h2>")
        parts.append(
            _table(
                ["task", "yaw", "head", "frames", "clips", "PSNR dB", "with a gain", "SSIM", "landmarks %"],
                [
                    [r["task"], r["yaw"], r["contestant"], str(r["frames"]), str(r["clips"]), _number(r["psnr"]),
                     _number(r["evened"]), _number(r["ssim"], digits=3), _number(r["landmarks"])]
                    for r in rows
                ],
            )
        )  # fmt: skip
    parts.append(f"<h2>Shape, {len(facts['persons'])} persons of the report half</h2>")
    parts.append(_table(list(_SHAPE_HEAD), _shape_rows(facts["identity"])))
    parts.append("<h2>Builds</h2>")
    keys = ["clip", "task", "views", "seconds", "cpu_seconds", "peak_gb"]
    parts.append(_table(keys, [[str(b[k]) for k in keys] for b in outcome.builds]))
    parts += [f"<p>Left out: {escape(line)}</p>" for line in outcome.skipped]
    for title, tiles in outcome.pictures:
        figures = "".join(f"<figure>{_img(image)}{escape(text)}</figure>" for text, image in tiles)
        parts.append(f"<h2>{escape(title)}</h2><div class=row>{figures}</div>")
    return "".join(parts)


_SHAPE_HEAD = (
    "pictures of", "shape", "persons", "pictures", "within a person, mm", "between persons, mm", "ratio", "90 %",
    "told apart", "another picture explained by the own, another's, expected shape, %", "own better",
)  # fmt: skip


def _shape_rows(identity: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[list[str]]:
    rows = []
    for source, kinds in identity.items():
        for kind, f in kinds.items():
            explained = ", ".join(_number(f[k]) for k in ("own", "another", "expected")) if "own" in f else "-"
            rows.append([
                source, kind, str(f["persons"]), str(f["pictures"]), _number(f["within_mm"]), _number(f["between_mm"]),
                _number(f["ratio"]), f"{_number(f['low'])}-{_number(f['high'])}", _number(f["told_apart"]), explained,
                _number(f.get("own_better")),
            ])  # fmt: skip
    return rows


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _number(value: float | None, met: bool | None = None, digits: int = 2) -> str:
    text = "-" if value is None or not np.isfinite(value) else f"{value:.{digits}f}"
    return (
        text if met is None else f'<span class="{"good" if met else "bad"}">{text} {"met" if met else "not met"}</span>'
    )


def _img(image: Image) -> str:
    data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'


def _sheet(outcome: Outcome) -> Image:
    rows = []
    for _, tiles in outcome.pictures:
        if tiles:
            rows.append(np.concatenate([cv2.resize(image, (_TILE, _TILE)) for _, image in tiles], 1))
    wide = max((r.shape[1] for r in rows), default=_TILE)
    padded = [np.pad(r, ((0, 0), (0, wide - r.shape[1]), (0, 0))) for r in rows]
    return np.concatenate(padded, 0) if padded else np.zeros((_TILE, _TILE, 3), np.uint8)
