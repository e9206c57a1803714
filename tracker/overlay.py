"""A result drawn on its picture: pure functions of values, for annotated videos and the virtual camera.

OpenCV puts a pixel's centre at its integer, Stillpoint at +0.5; drawing is done to 1/16 of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from .types import Face, Image, Tracked, TrackResult

Colour = tuple[int, int, int]
Floats = npt.NDArray[np.float64]

_SHIFT = 4
_UNIT = 1 << _SHIFT
_SURE, _DOUBTFUL = np.array((64.0, 224.0, 120.0)), np.array((255.0, 80.0, 60.0))
_STD_RANGE = (0.005, 0.06)  # of the face's size: from sure to doubtful
_RAW: Colour = (250, 200, 60)
_BOX: Colour = (90, 170, 255)
_AXES: tuple[Colour, ...] = ((235, 70, 70), (70, 210, 90), (80, 130, 255))
_AXIS_M = 0.06
_WHITE: Colour = (255, 255, 255)
_FAR = 1e5
_CROSSES = 100
_DASH, _MOST_DASHES = 0.008, 200  # of the picture's longest side; of a line
LONGEST_SIDE = 1920
"""Of an annotated video, pixels; larger frames are scaled down for it."""


@dataclass(frozen=True, slots=True)
class Style:
    """What is drawn. `zoom`: the picture's pixels per pixel of the frame that the results speak of."""

    layout: str = "ibug68"
    points: bool = True
    box: bool = True
    axes: bool = True
    text: bool = True
    zoom: float = 1.0


def annotate(tracked: Tracked, layout: str = "ibug68") -> Image:
    """The frame with its overlay, RGB, scaled down to `LONGEST_SIDE` pixels where it is larger."""
    image = tracked.raw.frame.image
    zoom = min(LONGEST_SIDE / max(image.shape[:2]), 1.0)
    if zoom < 1.0:
        height, width = (max(round(side * zoom), 1) for side in image.shape[:2])
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return draw_overlay(image, tracked.stable, tracked.raw, Style(layout=layout, zoom=zoom))


def draw_overlay(
    image: Image, stable: TrackResult, raw: TrackResult | None = None, style: Style | None = None
) -> Image:
    """A copy of the RGB picture with the faces of `stable`, those that are held faded and dashed; the points of `raw`
    as small crosses below them, where there are few enough to tell apart."""
    style = style or Style()
    canvas: Image = np.array(image, dtype=np.uint8, order="C")
    if raw is not None and style.points:
        for face in raw.faces:
            points = face.landmarks_px(style.layout)
            if len(points) <= _CROSSES:
                _crosses(canvas, _to_canvas(points, style.zoom))
    for face in stable.faces:
        if face.held == 0.0:
            _face(canvas, face, style)
            continue
        drawn = canvas.copy()
        _face(drawn, face, style)
        canvas = np.asarray(cv2.addWeighted(drawn, face.opacity, canvas, 1.0 - face.opacity, 0.0), dtype=np.uint8)
    if not stable.faces and style.text:
        _label(canvas, "lost", (0.02 * canvas.shape[1], 0.08 * canvas.shape[0]), (255, 90, 80))
    return canvas


def _face(canvas: Image, face: Face, style: Style) -> None:
    if not np.isfinite(face.landmarks_px("ibug68")).all():
        return
    x0, y0, x1, y1 = (v * style.zoom for v in face.bbox)
    if style.box:
        corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        _line(canvas, _to_canvas(corners), _BOX, closed=True, dashed=face.held > 0.0)
    if style.points:
        _points(canvas, face, style)
    if style.axes:
        _axes(canvas, face, style.zoom)
    if style.text:
        pose = face.pose
        name = f"face {face.id}  " + (f"{face.presence:.0%}" if face.held == 0.0 else "not seen, held")
        _label(canvas, name, (x0, y0 - 0.02 * canvas.shape[0]), _WHITE)
        angles = f"yaw {pose.yaw_deg:+.1f}  pitch {pose.pitch_deg:+.1f}  roll {pose.roll_deg:+.1f}"
        _label(canvas, angles, (x0, y1 + 0.045 * canvas.shape[0]), _WHITE)


def _points(canvas: Image, face: Face, style: Style) -> None:
    """Filled where visible, hollow where the head hides it; green where sure, red where doubtful."""
    points = face.landmarks_px(style.layout).astype(np.float64) * style.zoom
    doubt = (face.std_px(style.layout) / face.size_px - _STD_RANGE[0]) / (_STD_RANGE[1] - _STD_RANGE[0])
    colours = _SURE + np.clip(doubt, 0.0, 1.0)[:, None] * (_DOUBTFUL - _SURE)
    spacing = face.size_px * style.zoom / np.sqrt(len(points))
    radius = float(np.clip(0.15 * spacing, 1.2, 0.004 * max(canvas.shape) + 1.0))
    _discs(canvas, points, radius, colours, face.visibility(style.layout) < 0.5)


def _discs(canvas: Image, points: Floats, radius: float, colours: Floats, hollow: npt.NDArray[np.bool_]) -> None:
    """Discs and rings by how much of each pixel they cover: OpenCV's small circles are off by a third of a pixel."""
    height, width = canvas.shape[:2]
    inside = np.isfinite(points).all(axis=1) & (np.abs(points) < _FAR).all(axis=1)
    points, colours, hollow = points[inside], colours[inside], hollow[inside]
    reach = np.arange(-int(radius + 1.5), int(radius + 1.5) + 1)
    column = np.floor(points[:, 0]).astype(int)[:, None, None] + reach[None, None, :]
    row = np.floor(points[:, 1]).astype(int)[:, None, None] + reach[None, :, None]
    away = np.hypot(column + 0.5 - points[:, 0, None, None], row + 0.5 - points[:, 1, None, None])
    ring = 1.0 - np.abs(away - radius + 0.5)
    cover = np.clip(np.where(hollow[:, None, None], ring, radius + 0.5 - away), 0.0, 1.0)
    seen = (cover > 0.0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    which, y, x = np.nonzero(seen)
    share = cover[which, y, x]
    order = np.argsort(share, kind="stable")  # where two overlap, the one that covers more stays
    which, share = which[order], share[order, None]
    at = row[which, y[order], 0], column[which, 0, x[order]]
    canvas[at] = canvas[at] * (1.0 - share) + colours[which] * share


def _crosses(canvas: Image, points: npt.NDArray[np.int32]) -> None:
    arm = int(0.0015 * max(canvas.shape) * _UNIT) + _UNIT
    for x, y in points.tolist():
        cv2.line(canvas, (x - arm, y), (x + arm, y), _RAW, 1, cv2.LINE_AA, _SHIFT)
        cv2.line(canvas, (x, y - arm), (x, y + arm), _RAW, 1, cv2.LINE_AA, _SHIFT)


def _axes(canvas: Image, face: Face, zoom: float) -> None:
    """Red to the subject's left, green up, blue out of the face."""
    ends = np.vstack([np.zeros(3), np.eye(3) * _AXIS_M]).astype(np.float32)
    origin, *tips = _to_canvas(face.state.project(ends), zoom)
    nearest_last = np.argsort(-face.state.rotation[2])
    for i in nearest_last:
        _line(canvas, np.stack([origin, tips[i]]), _AXES[i], width=2, dashed=face.held > 0.0)


def _line(
    canvas: Image,
    points: npt.NDArray[np.int32],
    colour: Colour,
    *,
    closed: bool = False,
    width: int = 1,
    dashed: bool = False,
) -> None:
    thick = max(width, round(width * max(canvas.shape) / 1280))
    if not dashed:
        cv2.polylines(canvas, [points.reshape(-1, 1, 2)], closed, colour, thick, cv2.LINE_AA, _SHIFT)
        return
    ends = np.concatenate([points, points[:1]]) if closed else points
    dashes = [dash for a, b in pairwise(ends) for dash in _dashes(a, b, canvas.shape)]
    cv2.polylines(canvas, dashes, False, colour, thick, cv2.LINE_AA, _SHIFT)


def _dashes(
    start: npt.NDArray[np.int32], end: npt.NDArray[np.int32], shape: tuple[int, ...]
) -> list[npt.NDArray[np.int32]]:
    """A line cut into dashes, with one at either end; their round caps reach a little into the gaps."""
    length = float(np.hypot(*(end - start).astype(np.float64)))
    count = int(np.clip(round(length / (_DASH * max(shape) * _UNIT) / 2.0), 1, _MOST_DASHES))
    shares = (2.0 * np.arange(count)[:, None] + (0.0, 0.7)) / (2.0 * count - 1.3)
    return [np.asarray(start + pair[:, None] * (end - start), np.int32).reshape(-1, 1, 2) for pair in shares]


def _to_canvas(points: npt.NDArray[np.floating], zoom: float = 1.0) -> npt.NDArray[np.int32]:
    """Pixels (N, 2) of the frame -> OpenCV's fixed-point coordinates; what is not a number lands far outside."""
    moved = np.nan_to_num(np.asarray(points, np.float64) * zoom - 0.5, nan=-_FAR, posinf=_FAR, neginf=-_FAR)
    return np.asarray(np.clip(moved, -_FAR, _FAR) * _UNIT, dtype=np.int32)


def _label(canvas: Image, text: str, at: tuple[float, float], colour: Colour) -> None:
    """On a darkened plate, moved inside the picture."""
    height, width = canvas.shape[:2]
    size = float(np.clip(height / 900.0, 0.4, 2.0))
    (w, h), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    x = int(np.clip(at[0], 4, max(width - w - 4, 4)))
    y = int(np.clip(at[1], h + 4, max(height - below - 4, h + 4)))
    plate = canvas[max(y - h - 4, 0) : y + below + 2, max(x - 4, 0) : x + w + 4]
    plate //= 3
    cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
