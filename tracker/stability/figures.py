"""The figures of one signal: for every contestant the measures that fit the signal's kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import following, measures
from .measures import Floats
from .signals import Signal
from .tracks import IMAGE, OURS, RAW, Track


def figures_of(
    signal: Signal, fps: float, motions: Floats | None, tracks: Mapping[str, Track]
) -> dict[str, dict[str, Any]]:
    """Contestant -> the measures that fit the signal's kind, JSON values; None where they could not be taken.

    `fps` as played; `motions` (T, 3, 3) where they are known. `tracks` holds the raw one.
    """
    raw = tracks[RAW]
    every = np.all([np.isfinite(t.points).all(axis=(1, 2)) for t in tracks.values()], axis=0)
    out: dict[str, dict[str, Any]] = {}
    for name, track in tracks.items():
        found = np.asarray(np.isfinite(track.points).all(axis=(1, 2)))
        row: dict[str, Any] = {"found": float(np.mean(found)) if found.size else 0.0}
        points = track.points[signal.skip :]
        if signal.kind == "still":
            row |= {"std": measures.still_std(points), "acceleration": measures.acceleration(points)}
            pitch = track.pitch[signal.skip :]
            row["pitch_std_deg"] = float(np.std(pitch[np.isfinite(pitch)])) if np.isfinite(pitch).any() else np.nan
        elif signal.kind == "wave":
            wave = following.follow_wave(points, signal.amplitude, signal.period, signal.skip)
            row |= {"lag_frames": wave.lag, "lag_ms": wave.lag / signal.fps * 1e3, "gain": wave.gain}
            row["residual_px"] = wave.residual
        elif signal.kind in ("step", "stop"):
            after = following.settle(points, signal.event - signal.skip, signal.fps)
            row |= {"overshoot": after.overshoot, "settling_s": after.seconds}
        elif signal.kind == "talk" and signal.jaw is not None:
            row |= _leak(track, raw if name in OURS else tracks.get(IMAGE), signal.jaw, signal.skip, fps)
        elif signal.kind in ("nod", "shake") and signal.turn is not None:
            told = (track.pitch if signal.kind == "nod" else track.yaw)[signal.skip :]
            turn = following.follow_turn(told, signal.turn[signal.skip : signal.skip + len(told)])
            row |= {"lag_frames": turn.lag, "turn_gain": turn.gain, "turn_rest_deg": turn.rest}
        elif signal.kind == "known" and motions is not None:
            known = following.against_motion(points, motions[signal.skip :], signal.fps)
            row |= {"bias": known.bias, "lag_ms": known.lag_ms, "noise": known.noise}
        else:
            ours = name in OURS
            unfiltered = raw if ours else tracks.get(IMAGE)
            row |= _clip_figures(track, unfiltered, raw, every, fps)
            if ours:
                row |= _pose_figures(track, raw, fps)
        out[name] = {key: _plain(value) for key, value in row.items()}
    return out


def _clip_figures(track: Track, unfiltered: Track | None, raw: Track, every: Any, fps: float) -> dict[str, Any]:
    """`unfiltered`: the same contestant without its filter, which the relative figures are relative to; `raw`: our own,
    which says when eyes close."""
    points, ours = (np.where(every[:, None, None], t.points, np.nan) for t in (track, raw))
    row: dict[str, Any] = {
        "acceleration": measures.acceleration(points),
        "residual": measures.smoother_residual(points),
        "blink_way": measures.blink_way(measures.lid_distance(ours), measures.lid_distance(points)),
        "groups": {k: {"acceleration": a, "residual": r} for k, (a, r) in measures.by_group(points).items()},
    }
    if unfiltered is not None:
        reference = np.where(every[:, None, None], unfiltered.points, np.nan)
        rough = measures.jerk(reference)
        row["jerk_ratio"] = measures.jerk(points) / rough if rough > 0 else float("nan")
        row["lag_ms"] = following.delay(points, reference, fps) * 1e3
        row["behind"], row["behind_p95"] = measures.apart(points, reference)
        row["blink_kept"] = measures.blink_kept(measures.lid_distance(reference), measures.lid_distance(points))
    return row


def _leak(track: Track, unfiltered: Track | None, jaw: Floats, skip: int, fps: float) -> dict[str, Any]:
    """How far a still head that talks nods, and how much of the unfiltered nod that is."""
    nods = [measures.moved_along(t.pitch[skip:], jaw[skip : len(t.pitch)], fps) for t in (track, unfiltered or track)]
    known = unfiltered is not None and nods[1] > 0.0
    return {"pitch_with_jaw_deg": nods[0], "pitch_kept": nods[0] / nods[1] if known else float("nan")}


_OPEN_JAW = 0.15
"""Of its way beyond how it mostly is: less is no opening, but noise."""


def _pose_figures(track: Track, raw: Track, fps: float) -> dict[str, Any]:
    """How far talking nods the head, with and without what the face's pixels show to be true nods, and blinking shakes
    it."""
    found = np.isfinite(raw.jaw)
    lids = measures.lid_distance(raw.points).mean(1)
    return {
        "pitch_with_jaw_deg": measures.moved_along(track.pitch, raw.jaw, fps),
        "pitch_beside_nods_deg": measures.moved_along(track.pitch, raw.jaw, fps, raw.parallax),
        "jaw_frames": float(np.sum(raw.jaw - np.nanpercentile(raw.jaw, 10) > _OPEN_JAW)) if found.any() else 0.0,
        "pitch_with_lids_deg": measures.moved_along(track.pitch, lids, fps),
    }


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    number = float(value)
    return round(number, 5) if np.isfinite(number) else None
