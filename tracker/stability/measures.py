"""The figures of stability: pure functions of arrays, jitter and lag always to be read together.

Points are (T, N, 2) pixels at even times; a frame without a face is NaN in all of them, and whatever touches such a
frame is left out. "%" is of the inter-ocular distance: that of the eyes' centres, frame by frame (`inter_ocular`).
The 68 points are those of the layout "ibug68".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

GROUPS: Mapping[str, slice] = {
    "jaw": slice(0, 17),
    "brows": slice(17, 27),
    "nose": slice(27, 36),
    "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}
"""Of the 68 points."""
EYES = (slice(36, 42), slice(42, 48))
NOSE_TIP = 30
LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
"""Upper and lower lid, twice per eye."""

_SMOOTHER = np.array([-2.0, 3.0, 6.0, 7.0, 6.0, 3.0, -2.0]) / 21.0
"""The value in the middle of a quadratic fitted to seven frames (Savitzky and Golay 1964)."""


def inter_ocular(points: Floats) -> Floats:
    """(T,) pixels between the eyes' centres of the 68 points."""
    one, other = (points[:, eye].mean(1) for eye in EYES)
    return np.asarray(np.linalg.norm(one - other, axis=-1))


def still_std(points: Floats, eyes: float | None = None) -> float:
    """%: the mean over points of sqrt(var x + var y). For a head that does not move.

    `eyes`: the inter-ocular distance in pixels, where `points` are not all 68 of them.
    """
    eyes = finite_mean(inter_ocular(points)) if eyes is None else eyes
    good = points[np.isfinite(points).all(axis=(1, 2))]
    if len(good) < 2:
        return float("nan")
    return float(np.sqrt(good.var(axis=0).sum(-1)).mean() / eyes * 100.0)


def acceleration(points: Floats, eyes: Floats | None = None) -> float:
    """%: the mean length of the second difference from frame to frame."""
    return _difference(points, 2, eyes)


def jerk(points: Floats, eyes: Floats | None = None) -> float:
    """%: the mean length of the third difference; over that of the raw points it is the jerk ratio."""
    return _difference(points, 3, eyes)


def smoother_residual(points: Floats, eyes: Floats | None = None) -> float:
    """%: the mean distance from the quadratic through the seven frames around, which has no lag."""
    if len(points) < 7:
        return float("nan")
    eyes = inter_ocular(points) if eyes is None else eyes
    rest = np.linalg.norm(points[3:-3] - smoothed(points)[3:-3], axis=-1)
    return finite_mean(rest / eyes[3:-3, None]) * 100.0


def smoothed(points: Floats) -> Floats:
    """(T, ...) the seven-frame quadratic smoother; NaN in the three frames at either end."""
    out = np.full_like(points, np.nan)
    if len(points) >= 7:
        out[3:-3] = np.lib.stride_tricks.sliding_window_view(points, 7, axis=0) @ _SMOOTHER
    return out


def by_group(points: Floats) -> dict[str, tuple[float, float]]:
    """Group of the 68 -> (acceleration, smoother residual), both %."""
    eyes = inter_ocular(points)
    return {
        name: (acceleration(points[:, part], eyes), smoother_residual(points[:, part], eyes))
        for name, part in GROUPS.items()
    }


def lid_distance(points: Floats) -> Floats:
    """(T, 2) %: between upper and lower lid, of either eye."""
    gaps = np.stack([np.linalg.norm(points[:, a] - points[:, b], axis=-1) for a, b in LIDS], axis=1)
    return np.asarray(gaps.reshape(-1, 2, 2).mean(2) / inter_ocular(points)[:, None] * 100.0)


def blink_kept(raw: Floats, filtered: Floats) -> float:
    """The share of the eyelids' amplitude (open minus closed distance) that a filter leaves, over all closures.

    Both (T, 2) from `lid_distance`; closures are where the raw distance is more than halfway down. NaN without any.
    """
    ways = _closures(raw, filtered)
    whole = sum(before for before, _ in ways)
    return sum(after for _, after in ways) / whole if whole > 0.0 else float("nan")


def blink_way(reference: Floats, lids: Floats) -> float:
    """%: the mean amplitude of `lids` (T, 2) over the closures of `reference`, which another tracker may have seen."""
    ways = _closures(reference, lids)
    return sum(after for _, after in ways) / len(ways) if ways else float("nan")


def _closures(raw: Floats, lids: Floats) -> list[tuple[float, float]]:
    """Of every closure of `raw`: the way from open to shut, in `raw` and in `lids`."""
    ways: list[tuple[float, float]] = []
    for before, after in zip(raw.T, lids.T, strict=True):
        good = np.isfinite(before) & np.isfinite(after)
        if good.sum() < 10:
            continue
        open_before, open_after = np.percentile(before[good], 75), np.percentile(after[good], 75)
        lowest = float(before[good].min())
        if open_before - lowest < 2.0:  # % of the eyes' distance: nobody blinked
            continue
        shut = good & (before < (open_before + lowest) / 2.0)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], shut.astype(int), [0]])))
        for start, end in edges.reshape(-1, 2):
            near = slice(max(start - 2, 0), end + 3)
            one, other = float(np.nanmin(before[near])), float(np.nanmin(after[near]))
            ways.append((float(open_before) - one, float(open_after) - other))
    return ways


def moved_along(values: Floats, driver: Floats, fps: float, beside: Floats | None = None) -> float:
    """The standard deviation of that part of `values` (T,) which follows `driver` (T,): pitch with the jaw, say.

    Movements slower than a second are taken out of both first: a head may turn while it talks. With `beside` (T,),
    another cause, both are fitted together, and what the other explains is not counted; frames without it are left out.
    """
    ways = [v - running_mean(v, round(fps)) for v in (values, driver, *(() if beside is None else (beside,)))]
    good = np.all(np.isfinite(ways), axis=0)
    if good.sum() < 10:
        return float("nan")
    y, x, *rest = (v[good] - v[good].mean() for v in ways)
    if x.std() < 1e-9:
        return float("nan")
    share = float(np.linalg.lstsq(np.stack([x, *rest], axis=1), y, rcond=None)[0][0])
    return abs(share) * float(x.std())


def apart(points: Floats, reference: Floats) -> tuple[float, float]:
    """%: the mean over frames of the mean distance of `points` from `reference`, and its 95th percentile.

    Of a filter's points from its own tracker's unfiltered ones: calm that was bought by staying behind shows here.
    """
    away = np.linalg.norm(points - reference, axis=-1).mean(1) / inter_ocular(reference) * 100.0
    away = away[np.isfinite(away)]
    return (float(away.mean()), float(np.percentile(away, 95))) if away.size else (float("nan"), float("nan"))


def spectrum(values: Floats, fps: float) -> tuple[Floats, Floats]:
    """Frequencies (F,) Hz and the power density (F,) in values^2/Hz, after a straight line is taken out (Hann)."""
    good = np.isfinite(values)
    n = len(values)
    filled = np.interp(np.arange(n), np.flatnonzero(good), values[good]) if good.any() else np.zeros(n)
    line = np.polyval(np.polyfit(np.arange(n), filled, 1), np.arange(n))
    window = np.hanning(n)
    power = np.abs(np.fft.rfft((filled - line) * window)) ** 2 * 2.0 / (fps * (window**2).sum())
    return np.asarray(np.fft.rfftfreq(n, 1.0 / fps), np.float64), np.asarray(power, np.float64)


def pareto(points: Floats) -> npt.NDArray[np.bool_]:
    """(N,) of (N, 2) costs: those that no other beats in both."""
    no_worse = np.all(points[None] <= points[:, None], axis=-1)
    better = no_worse & np.any(points[None] < points[:, None], axis=-1)
    return np.asarray(~np.any(better, axis=1) & np.isfinite(points).all(axis=1))


def finite_mean(values: Floats) -> float:
    """Over those that are finite; NaN where none is."""
    good = np.isfinite(values)
    return float(values[good].mean()) if good.any() else float("nan")


def _difference(points: Floats, order: int, eyes: Floats | None) -> float:
    eyes = inter_ocular(points) if eyes is None else eyes
    lengths = np.linalg.norm(np.diff(points, order, axis=0), axis=-1)
    middle = eyes[order - order // 2 : len(eyes) - order // 2]
    return finite_mean(lengths / middle[:, None]) * 100.0


def running_mean(values: Floats, width: int) -> Floats:
    """Over a centred window of `width` frames, shorter at the ends; NaN are left out."""
    flat = values.reshape(len(values), -1)
    good = np.isfinite(flat)
    total = np.concatenate([np.zeros((1, flat.shape[1])), np.cumsum(np.where(good, flat, 0.0), axis=0)])
    count = np.concatenate([np.zeros((1, flat.shape[1])), np.cumsum(good, axis=0)])
    low = np.maximum(np.arange(len(flat)) - width // 2, 0)
    high = np.minimum(np.arange(len(flat)) + width // 2 + 1, len(flat))
    number = count[high] - count[low]
    mean = np.divide(total[high] - total[low], number, out=np.full_like(flat, np.nan), where=number > 0)
    return np.asarray(mean.reshape(values.shape))
