"""When do eyes close in a clip? Our frames of every blink beside MediaPipe's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..capture.source import open_source
from ..detection.follow import FaceTracker
from ..head import EXPRESSIONS
from ..peers.mediapipe import MediaPipe

Values = npt.NDArray[np.float64]
EYES = ("eyeBlinkLeft", "eyeBlinkRight")
LIDS = {"eyeBlinkLeft": ((386, 374), (385, 380), (387, 373)), "eyeBlinkRight": ((159, 145), (158, 153), (160, 144))}
CORNERS = {"eyeBlinkLeft": (362, 263), "eyeBlinkRight": (33, 133)}
PEER_BLINK = {"eyeBlinkLeft": 9, "eyeBlinkRight": 10}
"""Places in MediaPipe's list of shapes, which begins with `_neutral`."""
LEAST = 0.2
"""A blink moves the shape, or shuts the lids, by at least this share."""
LONGEST = 10
"""Frames before a peak among which the open eye is looked for."""
NEAR = 5
"""A blink of ours this many frames from one of the peer's is the same one."""


@dataclass(frozen=True, slots=True, eq=False)
class EyeSignals:
    """Of each frame and eye (n, 2): our `shape` (0..1) and lid `opening` (eye widths), the peer's `peer` shape;
    NaN where no face was found."""

    shape: Values
    opening: Values
    peer: Values


def eye_signals(
    clip: Path, tracker: FaceTracker, peer: MediaPipe, progress: Callable[[int], None] | None = None
) -> EyeSignals:
    """Follow a clip with both."""
    tracker.reset()
    mine, open_, theirs = [], [], []
    for frame in open_source(clip):
        result = tracker.step(frame)
        if result.faces:
            face = result.faces[0]
            mesh = face.landmarks_px("mediapipe478").astype(np.float64)
            mine.append([face.state.expression[EXPRESSIONS.index(eye)] for eye in EYES])
            open_.append([_opening(mesh, eye) for eye in EYES])
        else:
            mine.append([np.nan, np.nan])
            open_.append([np.nan, np.nan])
        found = peer.read(frame)
        known = found.points is not None and len(found.blendshapes) > max(PEER_BLINK.values())
        theirs.append([found.blendshapes[PEER_BLINK[eye]] if known else np.nan for eye in EYES])
        if progress is not None:
            progress(len(mine))
    return EyeSignals(np.array(mine, np.float64), np.array(open_, np.float64), np.array(theirs, np.float64))


def _opening(mesh: Values, eye: str) -> float:
    a, b = CORNERS[eye]
    width = max(float(np.linalg.norm(mesh[a] - mesh[b])), 1e-6)
    return float(np.mean([np.linalg.norm(mesh[i] - mesh[j]) for i, j in LIDS[eye]])) / width


def closings(signal: Values, least: float = LEAST) -> npt.NDArray[np.intp]:
    """Frames at which a signal (n,), 0 with the eye open and 1 with it shut, peaks by at least `least`.

    A closing lasts while the signal stays above half of its peak; its frame is the first of the highest tenth.
    """
    from scipy.signal import find_peaks

    if not np.isfinite(signal).any():
        return np.zeros(0, np.intp)
    filled = np.where(np.isfinite(signal), signal, np.nanmin(signal))
    filled = np.concatenate([filled[:1], filled, filled[-1:]])
    peaks, _ = find_peaks(filled, prominence=least, distance=4)
    starts = []
    for peak in peaks:
        start = peak
        while start > 0 and filled[start - 1] > 0.9 * filled[peak]:
            start -= 1
        starts.append(max(start - 1, 0))
    return np.asarray(starts, dtype=np.intp)


def starts(signal: Values, peaks: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Of each closing (its frame in `peaks`) the frame at which the signal (n,) is half-way up to it.

    How far a shut eye is shut wavers, so that the highest frame of a long closing is anyone's guess; when it shut is
    not."""
    out = []
    for peak in peaks.tolist():
        lowest = float(np.nanmin(signal[max(0, peak - LONGEST) : peak + 1]))
        at = peak
        while at > 0 and signal[at - 1] > (lowest + signal[peak]) / 2:
            at -= 1
        out.append(at)
    return np.asarray(out, dtype=np.intp)


def timing(mine: Values, theirs: Values) -> dict[str, Any]:
    """Offsets in frames of the closings that both signals (n,) have, and how many only one has; `within_one_frame`
    by their peaks, `starts_within_one_frame` by when they are half-way up.

    `lag` is the shift of the whole signals that correlates best (positive: ours is later)."""
    a, b = closings(mine), closings(theirs)
    offsets, begun, unmatched = [], [], set(b.tolist())
    for at, start in zip(a.tolist(), starts(mine, a).tolist(), strict=True):
        near = [t for t in unmatched if abs(at - t) <= NEAR]
        if near:
            best = min(near, key=lambda t: abs(at - t))
            offsets.append(at - best)
            begun.append(start - int(starts(theirs, np.array([best]))[0]))
            unmatched.discard(best)
    both = np.array(offsets)
    lag, correlation = _lag(mine, theirs)
    return {
        "both": len(both),
        "only_ours": len(a) - len(both),
        "only_peer": len(unmatched),
        "median_offset": float(np.median(both)) if len(both) else None,
        "within_one_frame": round(float((np.abs(both) <= 1).mean()), 3) if len(both) else None,
        "starts_within_one_frame": round(float((np.abs(begun) <= 1).mean()), 3) if len(both) else None,
        "range_ours": _range(mine),
        "range_peer": _range(theirs),
        "lag": lag,
        "correlation": round(correlation, 3),
    }


def _range(signal: Values) -> float | None:
    known = signal[np.isfinite(signal)]
    return round(float(np.percentile(known, 99) - np.percentile(known, 1)), 3) if len(known) else None


def _lag(mine: Values, theirs: Values) -> tuple[int, float]:
    known = np.isfinite(mine) & np.isfinite(theirs)
    a, b = np.where(known, mine, 0.0), np.where(known, theirs, 0.0)
    scores = {}
    for shift in range(-NEAR, NEAR + 1):
        x, y = (a[shift:], b[: len(b) - shift]) if shift >= 0 else (a[:shift], b[-shift:])
        k = (known[shift:] & known[: len(b) - shift]) if shift >= 0 else (known[:shift] & known[-shift:])
        if k.sum() > 10 and x[k].std() > 1e-9 and y[k].std() > 1e-9:
            scores[shift] = float(np.corrcoef(x[k], y[k])[0, 1])
    if not scores:
        return 0, 0.0
    best = max(scores, key=lambda s: scores[s])
    return best, scores[best]


def score(signals: EyeSignals) -> dict[str, Any]:
    """By eye: our shape, and our lids' opening, against the peer's shape."""
    out: dict[str, Any] = {}
    for i, eye in enumerate(EYES):
        out[eye] = timing(signals.shape[:, i], signals.peer[:, i])
        shut = 1.0 - signals.opening[:, i] / max(float(np.nanpercentile(signals.opening[:, i], 80)), 1e-6)
        out[f"{eye}, lids"] = timing(shut, signals.peer[:, i])
    return out
