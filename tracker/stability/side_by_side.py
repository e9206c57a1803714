"""Contestants beside one another on the same frames, every landmark's unrest magnified ten times.

A landmark's unrest is its displacement from its local mean: the quadratic through the half second around it, taken
after the known motion (where there is one) is removed, so that what is magnified is noise and not the head's way.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from ..types import Image
from . import measures
from .lab import Progress, Trial
from .measures import Floats
from .tracks import RAW

PANEL = 420
STRIP = 84
MAGNIFIED = 10.0
_COLOURS = ((255, 196, 64), (96, 230, 140), (196, 150, 255), (110, 180, 255))
_INK, _FAINT = (236, 238, 242), (70, 78, 92)
_HALF = 7
_FIXED = 4  # OpenCV's fixed-point digits


def write_video(
    path: Path, trial: Trial, shown: Mapping[str, str], progress: Progress | None = None, most: int = 600
) -> None:
    """`shown`: name on the panel -> contestant. Plays the signal again. Raises OSError and FFmpegError."""
    films = [_Film(name, trial, key, colour) for (name, key), colour in zip(shown.items(), _COLOURS, strict=False)]
    views = _views(trial)
    rate = Fraction(trial.fps).limit_denominator(1001)
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream: Any = container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = PANEL * len(films), PANEL + STRIP, "yuv420p"
        stream.codec_context.thread_count = 1
        for number, frame in enumerate(trial.signal.play()):
            if number >= min(most, len(trial.times)):
                break
            picture = np.hstack([film.panel(frame.image, number, views[number]) for film in films])
            shot = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            for packet in stream.encode(shot):
                container.mux(packet)
            if progress is not None:
                progress(f"video {path.name}", number + 1, min(most, len(trial.times)))
        for packet in stream.encode(None):
            container.mux(packet)


class _Film:
    """One contestant's panels."""

    def __init__(self, name: str, trial: Trial, key: str, colour: tuple[int, int, int]) -> None:
        points = trial.tracks[key].points
        self._colour, self._name = colour, name
        mean = local_mean(points, trial.motions)
        unrest = np.linalg.norm(points - mean, axis=-1).mean(1)
        # Next to a frame without a face nothing is known to magnify: there the points are drawn as they are.
        self._mean = np.where(np.isfinite(mean), mean, points)
        self._loud = self._mean + MAGNIFIED * (points - self._mean)
        eyes = measures.inter_ocular(points)
        unrest = unrest / eyes * 100.0
        self._found = [bool(np.isfinite(seen).all()) for seen in points]
        self._line = (points - mean)[:, measures.NOSE_TIP, 0] / eyes * 100.0
        good = np.isfinite(unrest)
        self._text = f"unrest {unrest[good].mean():.3f} %" if good.any() else "no face"

    def panel(self, image: Image, number: int, view: Floats) -> Image:
        """(PANEL + STRIP, PANEL, 3) RGB; `view` (2, 3) from frame pixels to the panel's."""
        shift = view.copy()
        shift[:, 2] += view[:, :2] @ (0.5, 0.5) - 0.5
        seen = cv2.warpAffine(image, shift, (PANEL, PANEL), flags=cv2.INTER_LINEAR)
        canvas = np.zeros((PANEL + STRIP, PANEL, 3), np.uint8)
        canvas[:PANEL] = seen // 2 + seen // 8
        for calm, loud in zip(self._mean[number], self._loud[number], strict=True):
            if np.isfinite(loud).all():
                a, b = (_fixed(view[:, :2] @ p + view[:, 2]) for p in (calm, loud))
                cv2.line(canvas, a, b, self._colour, 1, cv2.LINE_AA, _FIXED)
                cv2.circle(canvas, b, round(2.2 * 2**_FIXED), self._colour, -1, cv2.LINE_AA, _FIXED)
        canvas[PANEL:] = 24
        _write(canvas, self._name, (10, 24), 0.6)
        if not self._found[number]:
            _write(canvas, "no face", (10, 70), 0.6)
        _write(canvas, f"{self._text}, drawn x{MAGNIFIED:g}", (10, 46), 0.45)
        self._strip(canvas, number)
        return canvas

    def _strip(self, canvas: Image, number: int) -> None:
        """The nose tip's x over the last 60 frames."""
        recent = np.arange(max(number - 60, 0), number + 1)
        middle = PANEL + (STRIP - 14) / 2
        cv2.line(canvas, (0, round(middle)), (PANEL, round(middle)), _FAINT, 1)
        x = PANEL - 8 - (number - recent) * (PANEL - 16) / 60
        y = middle - np.clip(self._line[recent], -1.0, 1.0) * (STRIP / 2 - 12)
        good = np.isfinite(y)
        if good.sum() > 1:
            way = np.array([_fixed(p) for p in np.stack([x, y], axis=1)[good]], np.int32)
            cv2.polylines(canvas, [way.reshape(-1, 1, 2)], False, self._colour, 1, cv2.LINE_AA, _FIXED)
        _write(canvas, "nose tip, x; half the height is 1 % of the eyes' distance", (8, PANEL + STRIP - 5), 0.34)


def local_mean(points: Floats, motions: Floats | None = None) -> Floats:
    """(T, N, 2): where each landmark would be if it were calm. Frames next to one without a face are NaN."""
    if motions is not None:
        still = points @ np.linalg.inv(motions)[:, :2, :2].transpose(0, 2, 1)
        still = still + np.linalg.inv(motions)[:, None, :2, 2]
        calm = _quadratic(still)
        return np.asarray(calm @ motions[:, :2, :2].transpose(0, 2, 1) + motions[:, None, :2, 2])
    return _quadratic(points)


def _quadratic(values: Floats) -> Floats:
    """The quadratic through 15 frames, read off in the middle, or off the middle at either end of a stretch."""
    width = 2 * _HALF + 1
    out = np.full_like(values, np.nan)
    if len(values) < width:
        return out
    base = np.vander(np.arange(-_HALF, _HALF + 1), 3).astype(np.float64)
    fit = base @ np.linalg.pinv(base)  # row r: the value at frame r of the window
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=0)  # (T - 14, ..., 15)
    out[_HALF : len(values) - _HALF] = windows @ fit[_HALF]
    ends = np.arange(_HALF)
    out[ends] = np.moveaxis(windows[0] @ fit[ends].T, -1, 0)
    out[len(values) - _HALF + ends] = np.moveaxis(windows[-1] @ fit[_HALF + 1 + ends].T, -1, 0)
    return out


def _views(trial: Trial) -> npt.NDArray[np.float64]:
    """(T, 2, 3) from frame pixels to a panel's: the face's smoothed surroundings."""
    points = trial.tracks[RAW].points
    low, high = points.min(1), points.max(1)
    width = round(trial.fps)
    centre = measures.running_mean((low + high) / 2, width)
    side = measures.running_mean((high - low).max(1), width) * 1.35
    last = np.array([320.0, 240.0, 300.0])
    views = np.empty((len(points), 2, 3))
    for i, (middle, wide) in enumerate(zip(centre, side, strict=True)):
        if np.isfinite(middle).all() and np.isfinite(wide):
            last = np.array([*middle, wide])
        zoom = PANEL / max(last[2], 1.0)
        views[i] = np.array([[zoom, 0, PANEL / 2 - zoom * last[0]], [0, zoom, PANEL / 2 - zoom * last[1]]])
    return views


def _fixed(point: npt.ArrayLike) -> tuple[int, int]:
    x, y = np.clip(np.asarray(point, np.float64) - 0.5, -1e4, 1e4) * 2**_FIXED
    return round(float(x)), round(float(y))


def _write(canvas: Image, text: str, at: tuple[int, int], size: float) -> None:
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, _INK, 1, cv2.LINE_AA)
