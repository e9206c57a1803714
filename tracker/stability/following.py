"""What becomes of a motion that is known: its gain, and how late it comes. Pure functions of arrays, as `measures`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .measures import NOSE_TIP, Floats, finite_mean, inter_ocular, running_mean, smoothed


@dataclass(frozen=True, slots=True)
class Wave:
    """A sinusoid as followed: `lag` frames behind the truth, `gain` of the amplitude, `residual` pixels."""

    lag: float
    gain: float
    residual: float


def follow_wave(points: Floats, amplitude: float, period: float, first: int = 0) -> Wave:
    """Points of a picture that is shifted by amplitude * sin(2 pi t / period) pixels along x.

    `first`: the number t of the first frame given. Sine, cosine and constant are fitted; lag is the phase of the mean
    x in frames, gain its amplitude over the true one, residual the rms left per point and axis, averaged.
    """
    good = np.isfinite(points).all(axis=(1, 2))
    angle = 2.0 * np.pi * (first + np.flatnonzero(good)) / period
    if len(angle) < 4:
        return Wave(*[float("nan")] * 3)
    waves = np.stack([np.sin(angle), np.cos(angle), np.ones_like(angle)], axis=1)
    flat = points[good].reshape(len(angle), -1)
    rest = flat - waves @ np.linalg.lstsq(waves, flat, rcond=None)[0]
    sine, cosine, _ = np.linalg.lstsq(waves, points[good][:, :, 0].mean(1), rcond=None)[0]
    return Wave(
        lag=float(np.arctan2(-cosine, sine) / (2.0 * np.pi) * period),
        gain=float(np.hypot(sine, cosine) / amplitude),
        residual=float(np.sqrt((rest**2).mean(0)).mean()),
    )


@dataclass(frozen=True, slots=True)
class Settling:
    """After a jump or a stop: the largest `overshoot`, %; `seconds` until it stays within 1 % of where it ends."""

    overshoot: float
    seconds: float


def settle(points: Floats, event: int, fps: float, direction: tuple[float, float] = (1.0, 0.0)) -> Settling:
    """`event`: the first frame at the new place. The end is the mean over the last third of the frames after it."""
    way = (points @ np.asarray(direction)).mean(1)[event:] / finite_mean(inter_ocular(points)) * 100.0
    if len(way) < 6 or not np.isfinite(way).all():
        return Settling(float("nan"), float("nan"))
    beyond = way - way[-(len(way) // 3) :].mean()
    outside = np.flatnonzero(np.abs(beyond) > 1.0)
    return Settling(float(max(beyond.max(), 0.0)), float((outside[-1] + 1) / fps if outside.size else 0.0))


@dataclass(frozen=True, slots=True)
class KnownMotion:
    """The error against the truth: `bias` that goes with pose and place (slower than a second), %; `lag_ms`; `noise`,
    the rest, %."""

    bias: float
    lag_ms: float
    noise: float


def against_motion(points: Floats, motions: Floats, fps: float) -> KnownMotion:
    """`motions` (T, 3, 3): from a fixed picture's pixels to each frame's, as in `Frame.motion`.

    Where each landmark truly lies on the picture is its mean there; a constant offset is therefore not an error.
    """
    still = _moved(points, np.asarray(np.linalg.inv(motions), np.float64))
    place = np.nanmean(still, axis=0)
    truth = _moved(np.broadcast_to(place, points.shape), motions)
    speed = np.gradient(truth, axis=0) * fps
    error = points - truth
    good = np.isfinite(error).all(axis=(1, 2))
    lag = behind(error[good], speed[good])
    rest = error + lag * speed
    slow = running_mean(rest, round(fps))
    eyes = inter_ocular(truth)[:, None]

    def share(part: Floats) -> float:
        return float(np.sqrt(np.nanmean((part**2).sum(-1) / eyes**2))) * 100.0

    return KnownMotion(bias=share(slow), lag_ms=lag * 1e3, noise=share(rest - slow))


def off_truth(points: Floats, motions: Floats, landmark: int = NOSE_TIP) -> Floats:
    """(T, 2) pixels: one landmark's error against the same truth as in `against_motion`."""
    one = points[:, landmark : landmark + 1]
    place = np.nanmean(_moved(one, np.asarray(np.linalg.inv(motions), np.float64)), axis=0)
    return np.asarray((one - _moved(np.broadcast_to(place, one.shape), motions))[:, 0])


def behind(error: Floats, speed: Floats) -> float:
    """Seconds by which points come late whose `error` against the truth is given, where the truth moves at `speed`.

    Both (..., 2), pixels and pixels a second: the least-squares lag in error = -lag * speed; 0 where nothing moves.
    """
    power = float((speed**2).sum())
    return -float((error * speed).sum()) / power if power > 0 else 0.0


def delay(points: Floats, reference: Floats, fps: float, longest: int = 6) -> float:
    """Seconds by which `points` come later than `reference` (both (T, N, 2)).

    The peak of the correlation of the velocity with that of the zero-phase smoothed reference, by a parabola.
    """
    if len(points) < 2 * longest + 7:
        return float("nan")
    target, speed = np.diff(smoothed(reference), axis=0), np.diff(points, axis=0)
    shifts = range(-2, longest + 1)
    match = np.array([_alike(target, speed, shift) for shift in shifts])
    if not np.isfinite(match).all():
        return float("nan")
    best = int(np.clip(np.argmax(match), 1, len(match) - 2))
    low, top, high = match[best - 1 : best + 2]
    bend = low - 2.0 * top + high
    return float((shifts[best] + (0.5 * (low - high) / bend if bend < 0 else 0.0)) / fps)


@dataclass(frozen=True, slots=True)
class Turning:
    """A turn as followed: `lag` frames behind the truth, `gain` of it, and what is left besides, `rest`, degrees."""

    lag: float
    gain: float
    rest: float


_LAGS = np.arange(-2.0, 8.001, 0.05)


def follow_turn(angles: Floats, truth: Floats) -> Turning:
    """`angles` (T,) of a head that truly turned by `truth` (T,), both degrees: the lag between -2 and 8 frames with
    which the truth fits best, the gain then, and the rest."""
    frames = np.arange(len(truth), dtype=np.float64)
    inner = np.isfinite(angles) & (frames >= 8.0) & (frames < len(truth) - 2.0)
    if inner.sum() < 20 or truth[inner].std() < 1e-6:
        return Turning(*[float("nan")] * 3)
    found = angles[inner] - angles[inner].mean()
    best = Turning(0.0, 0.0, float("inf"))
    for lag in _LAGS.tolist():
        late = np.interp(frames - lag, frames, truth)[inner]
        late -= late.mean()
        gain = float(late @ found) / float(late @ late)
        rest = float(np.sqrt(np.mean((found - gain * late) ** 2)))
        if rest < best.rest:
            best = Turning(lag, gain, rest)
    return best


def _moved(points: Floats, motions: Floats) -> Floats:
    """Points (T, N, 2), each frame's by its own (3, 3)."""
    turned = points @ motions[:, :2, :2].transpose(0, 2, 1) + motions[:, None, :2, 2]
    return np.asarray(turned)


def _alike(target: Floats, speed: Floats, shift: int) -> float:
    """Correlation of the velocity `shift` frames later with the target's."""
    n = len(target)
    a = target[max(-shift, 0) : n - max(shift, 0)].ravel()
    b = speed[max(shift, 0) : n - max(-shift, 0)].ravel()
    good = np.isfinite(a) & np.isfinite(b)
    norm = float(np.linalg.norm(a[good]) * np.linalg.norm(b[good])) if good.any() else 0.0
    return float(a[good] @ b[good]) / norm if norm > 0 else float("nan")
