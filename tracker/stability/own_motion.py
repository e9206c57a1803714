"""How much of a clip's acceleration is the head's own, by the picture alone (`pixels`); and what it costs to show less.

By either measurement a landmark p of frame t has the second difference

    S_t(p) - 2 p + S_(t-1)^-1(p),   S_t from frame t to the next;   a by the white fields, b by the black ones,

and the head's own acceleration is the mean of sign(a b) sqrt|a b| over frames and the 68 points. Noise of one colour
alone has products of either sign that cancel out; what both saw is what moved. It is the mean length that
`measures.acceleration` takes where there is no noise, and rather less where there is. A similarity knows no turn from
or to the camera and no expression: of those nothing is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .measures import Floats, inter_ocular
from .pixels import Pixels

TAPS = 12
"""Frames that the filters of `least_behind` remember."""
_WAVE = 2.0 * np.pi / 45.0
"""Radians a frame: the wave that lag is measured on."""
_STRENGTHS = 10.0 ** np.arange(5.0, -4.01, -0.25)


class Less(NamedTuple):
    """What a filter of the head's own motion leaves and costs: the `share` of the acceleration that is left, by rms;
    how far `behind` the head landmarks are, rms, in strides: a delay of half a frame is 0.5; and its `lag` on the
    wave of 45 frames, frames."""

    share: float
    behind: float
    lag: float

    def as_json(self) -> dict[str, float]:
        """Plain values."""
        return {name: round(value, 5) for name, value in self._asdict().items()}


@dataclass(frozen=True, slots=True)
class OwnMotion:
    """`acceleration`: the head's own, %, over `frames`; what is left of noise may be below 0. `beside`: each
    contestant's in the same frames. `stride`: a landmark's way from frame to frame, root mean square, %. `curve` (n):
    the best linear filters of `TAPS` frames, see `Less`, from the one that does nothing on."""

    acceleration: float
    frames: int
    beside: Mapping[str, float]
    stride: float
    curve: tuple[Less, ...]

    def as_json(self, wanted: float) -> dict[str, Any]:
        """Plain values; `wanted` as in `cost`."""
        rows = {name: (mean, self.over(name), self.cost(wanted, name)) for name, mean in self.beside.items()}
        return {
            "acceleration": round(self.acceleration, 5),
            "frames": self.frames,
            "stride": round(self.stride, 5),
            "beside": {
                name: {
                    "acceleration": round(mean, 5),
                    "own_over_it": None if over is None else round(over, 5),
                    "cost": None if cost is None else cost.as_json(),
                }
                for name, (mean, over, cost) in rows.items()
            },
            "wanted": wanted,
            "curve": [less.as_json() for less in self.curve],
        }

    def over(self, name: str) -> float | None:
        """The head's own over a contestant's; None for one that was not there or did not move."""
        other = self.beside.get(name)
        return self.acceleration / other if other else None

    def cost(self, wanted: float, name: str) -> Less | None:
        """The filter nearest to the head that leaves no more than `wanted` of a contestant's acceleration."""
        ratio = self.over(name)
        if ratio is None:
            return None
        shares, behind, lags = np.array(self.curve).T
        left = min(wanted / ratio, float(shares[0])) if ratio > wanted else float(shares[0])
        return Less(left, *(float(np.interp(-left, -shares, values)) for values in (behind, lags)))


def own_motion(pixels: Pixels, tracks: Mapping[str, Floats]) -> OwnMotion | None:
    """Over the frames in which all of `tracks`, contestants' points (T, 68, 2), have a second difference; None where
    there are none."""
    steps, second = differences(pixels.points, pixels.motions)
    theirs = {name: np.full_like(points, np.nan) for name, points in tracks.items()}
    for name, points in tracks.items():
        theirs[name][1:-1] = np.diff(points, 2, axis=0)
    good = np.isfinite(np.stack([*second, *theirs.values()])).all(axis=(0, 2, 3))
    if not good.any():
        return None
    second[:, ~good] = np.nan
    product = (second[0] * second[1]).sum(-1)[good]
    mean = float((np.sign(product) * np.sqrt(np.abs(product))).mean())
    eyes = inter_ocular(pixels.points)[good, None] / 100.0
    beside = {name: float((np.linalg.norm(away[good], axis=-1) / eyes).mean()) for name, away in theirs.items()}
    return OwnMotion(mean, int(good.sum()), beside, *least_behind(steps, second))


def differences(points: Floats, motions: Floats) -> tuple[Floats, Floats]:
    """%, (2, T, 68, 2) each: the landmarks' way to the next frame, and their second difference, by either colour."""
    turned = motions[:, :, None, :2, :2] @ points[None, ..., None]
    ahead = turned[..., 0] + motions[:, :, None, :2, 2]
    back = np.linalg.inv(np.where(np.isfinite(motions), motions, np.eye(3)))[:, :-1]
    behind = np.full_like(ahead, np.nan)
    behind[:, 1:] = (back[:, :, None, :2, :2] @ points[None, 1:, :, :, None])[..., 0] + back[:, :, None, :2, 2]
    behind[:, 1:][~np.isfinite(motions[:, :-1]).all(axis=(2, 3))] = np.nan
    eyes = inter_ocular(points)[:, None, None] / 100.0
    return (ahead - points) / eyes, (ahead - 2.0 * points + behind) / eyes


def least_behind(steps: Floats, second: Floats) -> tuple[float, tuple[Less, ...]]:
    """The stride and the curve of `OwnMotion`, from none behind on.

    A filter h of the last frames leaves h'C h of the squared acceleration, and is g'V g behind, where g = 1 - the
    running sum of h; C and V are the covariances, over time, of acceleration and of strides (white by black, so that
    noise falls out). The least of h'C h + strength g'V g with sum h = 1 has a closed form; strengths make the curve.
    """
    noise_free = [_covariance(values) for values in (second, steps)]
    most = [float(matrix[0, 0]) for matrix in noise_free]
    rough, way = (matrix / top for matrix, top in zip(noise_free, most, strict=True))
    one, summed = np.ones(TAPS), np.tril(np.ones((TAPS, TAPS)))
    found: list[Less] = []
    for strength in _STRENGTHS.tolist():
        inverse = np.linalg.inv(rough + strength * summed.T @ way @ summed)
        free, line = strength * inverse @ summed.T @ way @ one, inverse @ one
        taps = free + line * (1.0 - free.sum()) / line.sum()
        rest = one - summed @ taps
        turned = complex(taps @ np.exp(-1j * _WAVE * np.arange(TAPS)))
        left, away = float(np.sqrt(taps @ rough @ taps)), float(np.sqrt(max(rest @ way @ rest, 0.0)))
        found.append(Less(left, away, -float(np.angle(turned)) / _WAVE))
    return float(np.sqrt(max(most[1], 0.0))), tuple(found)


def _covariance(values: Floats) -> Floats:
    """(TAPS, TAPS) of values (2, T, 68, 2), the mean over points; noise may have made it negative somewhere: cut."""
    one, other = values
    lags = []
    for lag in range(TAPS):
        n = len(one) - lag
        product = np.concatenate([one[lag:] * other[: max(n, 0)], other[lag:] * one[: max(n, 0)]]).sum(-1)
        good = product[np.isfinite(product).all(-1)]
        lags.append(float(good.mean()) if good.size else 0.0)
    whole = np.array(lags)[np.abs(np.subtract.outer(np.arange(TAPS), np.arange(TAPS)))]
    size, way = np.linalg.eigh(whole)
    return np.asarray((way * np.maximum(size, 1e-4 * max(float(size[-1]), 1e-12))) @ way.T)
