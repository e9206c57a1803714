"""Smoothing a whole recording: what came before and what came after count alike, so nothing comes late.

Rauch, Tung and Striebel (AIAA J. 3(8), 1965): constant-velocity Kalman filters forward over the face's states, then
backward corrections, on the manifold of `parts` (a rotation is smoothed in its tangent space, so half a turn is no
edge). Before that the pose is carried with the face's own pixels once forward and once backward, and the middle of the
two is taken. How lively each number is at each time, its process noise, is read from the smoothed track itself, again
and again: a blink stays a blink between two stretches of rest. Identity is one mean of the person.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..settings import Filter
from ..types import Face, FaceState, TrackResult
from .carried import CarriedPose
from .kalman import ConstantVelocity, Covariance
from .noise import NoiseMeter, measured_noise, measured_point
from .parts import POSE, Parts, Point, all_units, parts_of, state_of, units
from .turns import Vector

_ROUNDS = 4
_SPAN_S = 0.15
"""Seconds on either side over which liveliness is averaged."""
_REACH_S = 0.05
"""Seconds that an acceleration lasts: turns its square into a density."""
_CALM, _LIVELY = 0.002, 5.0
"""Least and most of the square root of the pose's process noise, in face sizes / s^1.5."""
_CALM_SHAPE, _LIVELY_SHAPE = 0.02, 100.0
"""The same of expression and residual."""

Matrix = npt.NDArray[np.float64]


def smooth(
    states: Sequence[FaceState],
    times: Sequence[float],
    noise: Sequence[float] | None = None,
    carried: Sequence[Vector | None] | None = None,
    settings: Filter | None = None,
) -> list[FaceState]:
    """The smoothed states of one face that was there all the time; `states` stay as they are.

    `times` rise. `noise`: the network's mean standard deviation of a landmark in face sizes, frame by frame;
    `carried`: how the face's pixels moved since the state before. Raises ValueError for a state that is not
    finite, for times that do not rise, and for lists of different lengths.
    """
    if len(states) < 3:
        return list(states)
    steps = np.diff(np.asarray(times, np.float64))
    if len(steps) != len(states) - 1 or not (steps > 0.0).all():
        raise ValueError("A time for each state was wanted, each later than the one before.")
    points = [measured_point(state) for state in states]
    if any(point is None for point in points):
        raise ValueError("A face's state has a number in it that is not finite.")
    doubts = _doubts(noise if noise is not None else [1.0] * len(states))
    measured = _carried_both_ways([p for p in points if p is not None], steps, doubts, carried)
    parts = parts_of(states[0])
    track = _rauch_tung_striebel(measured, steps, doubts, parts, (settings or Filter()).still.calm)
    weight = 1.0 / doubts**2
    identity = (weight @ np.array([p.values[parts.identity] for p in measured])) / weight.sum()
    smoothed = []
    for point, state in zip(track, states, strict=True):
        point.values[parts.identity] = identity
        smoothed.append(state_of(point, state))
    return smoothed


def smooth_results(results: Sequence[TrackResult], settings: Filter | None = None) -> list[TrackResult]:
    """The method "rts": every face of a recording, smoothed over each stretch in which it was there.

    A stretch ends where the face was away for longer than `settings.loss_s`. Frames whose time does not rise, and
    states that are not finite, stay as they are.
    """
    settings = settings or Filter(method="rts")
    answers: dict[tuple[int, int], Face] = {}
    for stretch in _stretches(results, settings.loss_s):
        faces = [results[frame].faces[place] for frame, place in stretch]
        last = [stretch[0][0], *(frame for frame, _ in stretch[:-1])]
        states = smooth(
            [face.state for face in faces],
            [results[frame].frame.time for frame, _ in stretch],
            [measured_noise(face) for face in faces],
            [
                face.carried if frame == before + 1 else None
                for face, (frame, _), before in zip(faces, stretch, last, strict=True)
            ],
            settings,
        )
        answers |= {at: face.with_state(state) for at, face, state in zip(stretch, faces, states, strict=True)}
    return [
        replace(result, faces=tuple(answers.get((i, j), face) for j, face in enumerate(result.faces)))
        for i, result in enumerate(results)
    ]


OFFLINE: dict[str, Callable[[Sequence[TrackResult], Filter], list[TrackResult]]] = {"rts": smooth_results}
"""Methods that need the whole recording: they can be chosen for what was recorded, and not live."""


def _stretches(results: Sequence[TrackResult], loss_s: float) -> Iterator[list[tuple[int, int]]]:
    """(frame, place) of every usable face, by identity and without gaps."""
    seen: dict[int, list[tuple[int, int]]] = {}
    for i, result in enumerate(results):
        for j, face in enumerate(result.faces):
            if math.isfinite(result.frame.time) and measured_point(face.state) is not None:
                seen.setdefault(face.id, []).append((i, j))

    def parts_at(place: tuple[int, int]) -> Parts:
        return parts_of(results[place[0]].faces[place[1]].state)

    for places in seen.values():
        stretch: list[tuple[int, int]] = []
        for place in places:
            gap = results[place[0]].frame.time - results[stretch[-1][0]].frame.time if stretch else math.inf
            if gap <= 0.0:
                continue
            if stretch and (gap > loss_s or parts_at(place) != parts_at(stretch[-1])):
                yield stretch
                stretch = []
            stretch.append(place)
        yield stretch


def _doubts(noise: Sequence[float]) -> Vector:
    """(T,) how much noisier each frame is than the usual one by the network's own word: 0.5..4."""
    values = np.asarray(noise, np.float64)
    return np.asarray(np.clip(values / max(float(np.median(values)), 1e-9), 0.5, 4.0))


def _carried_both_ways(
    measured: list[Point], steps: Vector, doubts: Vector, motions: Sequence[Vector | None] | None
) -> list[Point]:
    """The poses carried with the pixels forward and backward, and the middle of the two."""
    if motions is None or all(motion is None for motion in motions):
        return measured
    forward = list(_carry(measured, steps, doubts, motions[1:]))
    back = [None if motion is None else _inverse(motion) for motion in motions[:0:-1]]
    backward = list(_carry(measured[::-1], steps[::-1], doubts[::-1], back))[::-1]
    # Each way needs a moment until it knows better than the network: it counts by its age.
    ages = np.concatenate([[0.0], np.cumsum(steps)])
    share = 0.5 + 0.5 * np.clip((ages[-1] - 2.0 * ages) / max(ages[-1], 1e-9), -1.0, 1.0)
    middle = (a.plus(s * b.minus(a)) for a, b, s in zip(forward, backward, share, strict=True))
    return list(middle)


_LOOSE = np.full(7, np.inf)
"""What is smoothed both ways needs no bound on its lag."""


def _carry(measured: list[Point], steps: Vector, doubts: Vector, motions: Sequence[Vector | None]) -> Iterator[Point]:
    carried = CarriedPose(measured[0])
    yield measured[0]
    for point, dt, doubt, motion in zip(measured[1:], steps, doubts[1:], motions, strict=True):
        yield carried.step(point, float(dt), motion, units(point), _LOOSE, float(doubt))


def _inverse(motion: Vector) -> Vector:
    turn = np.linalg.inv(motion[:, :2])
    back = -turn @ motion[:, 2:]
    back[:, 1:] *= math.sqrt(np.linalg.det(turn))  # depth, too, was so much smaller
    return np.column_stack([turn, back])


def _rauch_tung_striebel(
    measured: list[Point], steps: Vector, doubts: Vector, parts: Parts, calm: float
) -> list[Point]:
    unit = all_units(measured[len(measured) // 2], parts)
    low, high = np.full(parts.size, _CALM_SHAPE), np.full(parts.size, _LIVELY_SHAPE)
    low[POSE], high[POSE] = _CALM, _LIVELY
    low, high = (low * unit) ** 2, (high * unit) ** 2
    noise = (calm * doubts[:, None] * _deviation(measured, steps, unit)) ** 2
    process = np.tile(np.sqrt(low * high), (len(measured), 1))
    track = measured
    for _ in range(_ROUNDS):
        track, velocity = _both_passes(measured, steps, noise, process, unit)
        process = np.clip(_liveliness(velocity, steps), low, high)
    return track


def _deviation(measured: list[Point], steps: Vector, unit: Vector) -> Vector:
    """(n,) of the measurement noise over the whole track."""
    meter = NoiseMeter(len(unit))
    for point, dt in zip(measured[1:], steps, strict=True):
        meter.add(point, float(dt), unit)
    return np.asarray(meter.deviation * unit)


def _both_passes(
    measured: list[Point], steps: Vector, noise: Matrix, process: Matrix, unit: Vector
) -> tuple[list[Point], Matrix]:
    """The smoothed points and velocities (T, n) for `noise` and `process` (T, n)."""
    filter = ConstantVelocity(measured[0], noise[0], unit)
    known: list[tuple[Point, Vector, Covariance]] = [(filter.estimate, filter.velocity, filter.covariance)]
    foreseen: list[tuple[Point, Vector, Covariance]] = []
    for i, dt in enumerate(steps.tolist(), 1):
        filter.predict(dt, process[i])
        foreseen.append((filter.estimate, filter.velocity, filter.covariance))
        filter.update(measured[i].minus(filter.estimate), noise[i])
        known.append((filter.estimate, filter.velocity, filter.covariance))
    point, speed, _ = known[-1]
    track, velocity = [point], [speed]
    for (at, v, now), (then, then_v, ahead), dt in zip(
        known[-2::-1], foreseen[::-1], steps[::-1].tolist(), strict=True
    ):
        dx, dv = point.minus(then), speed - then_v
        xx, xv, vx, vv = _gain(now, ahead, dt)
        point, speed = at.plus(xx * dx + xv * dv), v + vx * dx + vv * dv
        track.append(point)
        velocity.append(speed)
    return track[::-1], np.array(velocity[::-1])


def _gain(now: Covariance, ahead: Covariance, dt: float) -> tuple[Vector, Vector, Vector, Vector]:
    """now F' ahead^-1 for F = [[1, dt], [0, 1]], number by number."""
    a, b, c = now.xx + dt * now.xv, now.xv, now.xv + dt * now.vv
    det = ahead.xx * ahead.vv - ahead.xv**2
    p, q, r = ahead.vv / det, -ahead.xv / det, ahead.xx / det
    return a * p + b * q, a * q + b * r, c * p + now.vv * q, c * q + now.vv * r


def _liveliness(velocity: Matrix, steps: Vector) -> Matrix:
    """(T, n) density of the acceleration round each frame."""
    power = (np.diff(velocity, axis=0) / steps[:, None]) ** 2
    power = np.concatenate([power[:1], power])
    width = max(round(_SPAN_S / float(np.median(steps))), 1)
    total = np.concatenate([np.zeros((1, power.shape[1])), np.cumsum(power, axis=0)])
    ends = [(max(i - width, 0), min(i + width + 1, len(power))) for i in range(len(power))]
    low, high = (np.array(side) for side in zip(*ends, strict=True))
    return np.asarray(_REACH_S * (total[high] - total[low]) / (high - low)[:, None])


def in_order(results: Sequence[TrackResult]) -> Callable[[TrackResult], TrackResult]:
    """Gives one result after the other, whatever it is asked with: a smoothed recording in the place of a filter."""
    waiting = itertools.chain(results)
    return lambda result: next(waiting)
