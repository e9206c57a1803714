"""`stability.png`: what the filter did to one session, drawn with OpenCV from its Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from ..errors import OutputError
from ..types import Image
from .summary import Summary

Line = npt.NDArray[np.float64]

FIGURE = "stability.png"
POINT = 30
"""Of the 68: the tip of the nose."""
_CALM_S = 3.0
_HALF_S = 0.25
"""A point's smooth path: at each time the parabola through what was measured within so many seconds of it."""
_RAW, _STABLE, _INK, _GRID = (214, 120, 50), (20, 100, 190), (40, 40, 40), (225, 225, 225)
_WIDTH, _PANEL, _TITLE = 1200, 250, 70
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 20, 34, 28


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Of the face that was seen first: times (n,), yaw and the point's x and y, raw and stable, NaN where lost."""

    time: Line
    yaw: tuple[Line, Line]
    x: tuple[Line, Line]
    y: tuple[Line, Line]


def read_track(parquet: Path) -> Track:
    """From a session's table, row group by row group."""
    names = ["time_s", "face_id", "raw_yaw_deg", "stable_yaw_deg", "raw_ibug68", "stable_ibug68"]
    parts: list[npt.NDArray[np.float64]] = []
    wanted: int | None = None
    with pq.ParquetFile(str(parquet)) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=names)
            seen = table["face_id"].to_pylist()
            if wanted is None:
                wanted = next((name for name in seen if name is not None), None)
            keep = np.array([name is None or name == wanted for name in seen])
            numbers = [table[name].to_numpy(zero_copy_only=False) for name in ("time_s", *names[2:4])]
            for name in names[4:]:
                points = table[name].combine_chunks()
                flat = points.flatten().to_numpy(zero_copy_only=False).reshape(-1, 136)
                where = np.full((len(seen), 2), np.nan)
                where[points.is_valid().to_numpy(zero_copy_only=False)] = flat[:, 2 * POINT : 2 * POINT + 2]
                numbers.extend(where.T)
            parts.append(np.stack([np.asarray(column, dtype=np.float64) for column in numbers])[:, keep])
    time, raw_yaw, yaw, raw_x, raw_y, x, y = np.concatenate(parts, axis=1) if parts else np.zeros((7, 0))
    return Track(time, (raw_yaw, yaw), (raw_x, x), (raw_y, y))


def draw_figure(track: Track, summary: Summary) -> Image:
    """An RGB picture (H, W, 3): yaw over the session, and how the point shook where the head was calmest."""
    canvas: Image = np.full((_TITLE + 3 * _PANEL, _WIDTH, 3), 255, np.uint8)
    _write(canvas, _headline(summary), (16, 28), 0.62)
    for name, colour, x in (("raw", _RAW, 16), ("filtered", _STABLE, 110)):
        cv2.line(canvas, (x, 48), (x + 24, 48), colour, 3, cv2.LINE_AA)
        _write(canvas, name, (x + 30, 53), 0.5)
    calm = calmest(track)
    _panel(canvas, 0, "yaw, degrees", track.time, track.yaw)
    for row, name, lines in ((1, "x", track.x), (2, "y", track.y)):
        path = smooth(track.time[calm], lines[0][calm])
        cut = (lines[0][calm] - path, lines[1][calm] - path)
        title = f"nose tip, {name}: pixels off the smooth path of what was measured, calmest {_CALM_S:g} s"
        _panel(canvas, row, title, track.time[calm], cut)
    return canvas


def write_figure(parquet: Path, summary: Summary, target: Path) -> None:
    """Raises OutputError where the picture cannot be written."""
    canvas = draw_figure(read_track(parquet), summary)
    done, data = cv2.imencode(".png", cv2.cvtColor(canvas, cv2.COLOR_RGB2BGR))
    if not done:
        raise OutputError(f"The figure {target} could not be encoded as PNG.")
    target.write_bytes(data.tobytes())


def calmest(track: Track) -> slice:
    """The stretch of three seconds in which the filtered point moved least; everything where there is no such."""
    best, where = np.inf, slice(0, track.time.size)
    start, step = 0, max(track.time.size // 400, 1)
    while start < track.time.size:
        end = int(np.searchsorted(track.time, track.time[start] + _CALM_S))
        x, y = track.x[1][start:end], track.y[1][start:end]
        if end - start >= 3 and track.time[-1] - track.time[start] >= _CALM_S and np.isfinite(x).all():
            moved = float(np.ptp(x) + np.ptp(y))
            if moved < best:
                best, where = moved, slice(start, end)
        start += step
    return where


def smooth(time: Line, values: Line) -> Line:
    """(n,): what a head's own motion is, at each time by the parabola through the values around it; NaN where the value
    is, or has too few about it."""
    path = np.full(values.size, np.nan)
    known = np.isfinite(values)
    for i in np.flatnonzero(known):
        near = known & (np.abs(time - time[i]) <= _HALF_S)
        if np.unique(time[near]).size > 3:
            path[i] = np.polynomial.Polynomial.fit(time[near] - time[i], values[near], 2)(0.0)
    return path


def _headline(summary: Summary) -> str:
    raw, stable = summary.raw_acceleration, summary.stable_acceleration
    if raw is None or stable is None:
        return "No face was held for three frames: nothing to compare."
    ratio = f", {raw / stable:.1f} times calmer" if stable > 0 else ""
    return f"Acceleration of 68 points: raw {raw:.3f} %, filtered {stable:.3f} % of the eye corners' distance{ratio}"


def _panel(canvas: Image, row: int, title: str, time: Line, lines: Sequence[Line]) -> None:
    top, bottom = _TITLE + row * _PANEL + _TOP, _TITLE + (row + 1) * _PANEL - _BOTTOM
    left, right = _LEFT, _WIDTH - _RIGHT
    _write(canvas, title, (left, top - 10), 0.5)
    cv2.rectangle(canvas, (left, top), (right, bottom), _GRID, 1)
    values = np.concatenate(lines)
    if not np.isfinite(values).any():
        _write(canvas, "no face", ((left + right) // 2 - 30, (top + bottom) // 2), 0.5)
        return
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = max(0.06 * (high - low), 0.05)
    low, high = low - margin, high + margin
    first, last = float(time[0]), max(float(time[-1]), float(time[0]) + 1e-6)
    for value in _ticks(low, high):
        y = round(bottom - (value - low) / (high - low) * (bottom - top))
        cv2.line(canvas, (left, y), (right, y), _GRID, 1)
        _write(canvas, f"{value:g}", (8, y + 4), 0.42)
    for value in _ticks(first, last):
        x = round(left + (value - first) / (last - first) * (right - left))
        cv2.line(canvas, (x, top), (x, bottom), _GRID, 1)
        _write(canvas, f"{value:g} s", (x + 3, bottom + 16), 0.42)
    for line, colour, width in zip(lines, (_RAW, _STABLE), (1, 2), strict=True):
        across = left + (time - first) / (last - first) * (right - left)
        up = bottom - (line - low) / (high - low) * (bottom - top)
        _curve(canvas, np.stack([across, up], axis=1), colour, width)


def _curve(canvas: Image, points: Line, colour: tuple[int, int, int], width: int) -> None:
    """Broken where there is no value."""
    good = np.asarray(np.isfinite(points).all(axis=1))
    for part in np.split(np.arange(len(points)), np.flatnonzero(np.diff(good.astype(int))) + 1):
        if part.size and good[part[0]]:
            fixed = (points[part] * 16).astype(np.int32).reshape(-1, 1, 2)
            cv2.polylines(canvas, [fixed], False, colour, width, cv2.LINE_AA, 4)


def _ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers between the two."""
    rough = (high - low) / count
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough)
    return [round(float(v), 10) for v in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step]


def _write(canvas: Image, text: str, at: tuple[int, int], size: float) -> None:
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, _INK, 1, cv2.LINE_AA)
