"""The head's own acceleration, by the picture alone: pictures that move by known ways, with noise."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from known_faces import KnownTracker

from tracker.head import load_head
from tracker.stability import measures, signals
from tracker.stability.clip_page import clip_section, own_table
from tracker.stability.lab import run_trial
from tracker.stability.own_motion import Less, OwnMotion, differences, least_behind, own_motion
from tracker.stability.pixels import Pixels
from tracker.stability.signals import Picture, Signal
from tracker.stability.suite import Outcome
from tracker.stability.tracks import VIDEO

_HEAD = load_head()
FACE = np.array((160.0, 110.0)) + _HEAD.layouts["ibug68"].of(_HEAD.mean)[:, :2].astype(np.float64) * (850.0, -850.0)
EYES = float(np.linalg.norm(FACE[36:42].mean(0) - FACE[42:48].mean(0)))


def _skin() -> npt.NDArray[np.float32]:
    """(240, 320) with something to hold on to everywhere."""
    noise = np.random.default_rng(3).standard_normal((240, 320)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return np.asarray(128.0 + 25.0 * soft / soft.std(), np.float32)


def _filmed(way: npt.NDArray[np.float64], noise: float, jitter: float = 0.0) -> Pixels:
    """The picture shifted by `way` (T, 2), with fresh noise; the face is looked for where a bad tracker has it."""
    skin, random, pixels = _skin(), np.random.default_rng(4), Pixels()
    for x, y in way:
        seen = cv2.warpAffine(skin, np.array(((1.0, 0.0, x), (0.0, 1.0, y))), (320, 240), flags=cv2.INTER_CUBIC)
        seen = seen + noise * random.standard_normal(seen.shape)
        image = np.repeat(np.clip(np.rint(seen), 0, 255).astype(np.uint8)[..., None], 3, axis=2)
        pixels.add(image, FACE + (x, y) + jitter * random.standard_normal(2))
    return pixels


def _own(way: npt.NDArray[np.float64], noise: float, jitter: float = 0.0) -> OwnMotion:
    points = FACE + way[:, None]
    found = own_motion(_filmed(way, noise, jitter), {"truth": points})
    assert found is not None and found.beside["truth"] == pytest.approx(measures.acceleration(points))
    return found


def _wave(frames: int = 40) -> npt.NDArray[np.float64]:
    t = np.arange(frames)
    return np.stack([6.0 * np.sin(t * 0.5), 3.0 * np.cos(t * 0.8)], axis=1)


@pytest.mark.parametrize(("noise", "jitter"), [(0.0, 0.0), (4.0, 0.0), (4.0, 1.5)])
def test_it_is_the_true_one_whatever_noise_and_tracker(noise: float, jitter: float) -> None:
    found = _own(_wave(), noise, jitter)
    assert found.frames == 38
    assert found.over("truth") == pytest.approx(1.0, abs=0.05)


def test_a_still_head_has_none_however_noisy_the_picture() -> None:
    still = np.zeros((80, 2))
    pixels = _filmed(still, noise=8.0, jitter=1.5)
    one, other = differences(pixels.points, pixels.motions)[1][:, 1:-1]
    alone = np.linalg.norm(one, axis=-1).mean()
    assert alone > 0.15
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] == pytest.approx(0.0, abs=0.3)
    found = own_motion(pixels, {})
    assert found is not None and abs(found.acceleration) < 0.1 * alone
    assert found.over("nobody") is None and found.cost(0.7, "nobody") is None


def test_what_only_some_of_the_face_does_is_not_the_heads() -> None:
    """A brow that jumps about while the head is still."""
    skin, random, pixels = _skin(), np.random.default_rng(4), Pixels()
    brow = FACE[17:22]
    (left, top), (right, bottom) = (brow.min(0) - 6).astype(int), (brow.max(0) + 6).astype(int)
    for frame in range(30):
        seen = skin.copy()
        up = round(3.0 * np.sin(frame * 1.3))
        seen[top:bottom, left:right] = skin[top - up : bottom - up, left:right]
        seen += 2.0 * random.standard_normal(seen.shape).astype(np.float32)
        pixels.add(np.repeat(np.clip(seen, 0, 255).astype(np.uint8)[..., None], 3, axis=2), FACE)
    found = own_motion(pixels, {})
    jump = 3.0 * 2.0 * (1.0 - np.cos(1.3)) * 2.0 / np.pi / EYES * 100.0
    assert found is not None and found.acceleration < 0.1 * jump


def test_where_nothing_is_seen_nothing_is_told() -> None:
    pixels = Pixels()
    assert own_motion(pixels, {}) is None
    grey = np.full((240, 320, 3), 90, np.uint8)
    for points in (FACE, None, FACE, FACE, FACE + 4000.0, FACE * np.nan, FACE):
        pixels.add(grey, points)
    assert np.isnan(pixels.motions).all() and own_motion(pixels, {}) is None


def test_a_lost_frame_counts_in_no_difference() -> None:
    whole, way = _filmed(_wave(20), 1.0), _wave(20)
    lost = own_motion(whole, {"a": np.where(np.arange(20)[:, None, None] == 9, np.nan, FACE + way[:, None])})
    assert lost is not None and lost.frames == 18 - 3


def test_less_acceleration_costs_distance_and_a_curve_is_what_its_filter_does() -> None:
    """No filter leaves less at its distance than the curve says; the two ends of the curve are known."""
    random = np.random.default_rng(0)
    white = random.standard_normal((4000, 1, 2))
    way = np.apply_along_axis(np.convolve, 0, white, np.hanning(9), "valid")
    ways = np.repeat(way[None], 2, axis=0)
    steps, second = np.diff(ways, axis=1)[:, 1:], np.diff(ways, 2, axis=1)
    stride, curve = least_behind(steps, second)
    shares, behind, lags = np.array(curve).T
    assert stride == pytest.approx(np.sqrt((steps**2).sum(-1).mean()), rel=1e-3)
    assert behind[0] == pytest.approx(0.0, abs=1e-3) and shares[0] == pytest.approx(1.0, abs=1e-3)
    assert lags[0] == pytest.approx(0.0, abs=1e-3) and lags[20] > 0.1
    assert (np.diff(behind) > -1e-9).all() and (np.diff(shares) < 1e-9).all()
    for weights in (np.array((0.5, 0.5)), np.full(3, 1 / 3)):
        calm = np.apply_along_axis(np.convolve, 0, second[0, :, 0], weights, "valid")
        rest = 1.0 - np.cumsum(weights)[:-1]
        late = np.apply_along_axis(np.convolve, 0, steps[0, :, 0], rest, "valid")
        away = np.sqrt((late**2).sum(-1).mean()) / stride
        left = np.sqrt((calm**2).sum(-1).mean() / (second[0, :, 0] ** 2).sum(-1).mean())
        assert np.interp(away, behind, shares) <= left + 0.02
    own = OwnMotion(1.0, 10, {"peer": 1.0, "rough": 2.0, "none": 0.0}, stride, curve)
    assert own.cost(0.7, "rough") == pytest.approx((1.0, 0.0, 0.0), abs=1e-3) and own.over("none") is None
    there = own.cost(0.7, "peer")
    assert there is not None and np.interp(there.behind, behind, shares) == pytest.approx(0.7, abs=0.01)
    assert own.as_json(0.7)["beside"]["rough"]["own_over_it"] == 0.5


def test_a_filter_s_lag_is_told_on_the_wave() -> None:
    """A head that only waves, slowly: calm costs what a mean of the last frames costs on a wave."""
    t = np.arange(2000)
    wave = np.sin(2.0 * np.pi * t / 45.0) + 0.05 * np.random.default_rng(0).standard_normal(2000)
    ways = np.repeat(np.stack([wave, np.zeros(2000)], axis=1)[None, :, None], 2, axis=0)
    _, curve = least_behind(np.diff(ways, axis=1)[:, 1:], np.diff(ways, 2, axis=1))
    half = min(curve, key=lambda less: abs(less.share - 0.5))
    assert 0.0 < half.lag < 1.0 and 0.0 < half.behind < 1.5


def test_the_report_tells_it_for_every_clip_with_a_peer() -> None:
    play = signals.still(Picture.read(width=64), frames=12).play
    trials = [run_trial(Signal(name, "clip", play), KnownTracker(px=0.3)) for name in ("told", "alone")]
    curve = Less(1.0, 0.0, 0.0), Less(0.7, 0.25, 0.3), Less(0.2, 1.0, 2.0)
    told = OwnMotion(0.5, 10, {"default": 0.4, VIDEO: 0.5}, 2.0, curve)
    outcome = Outcome((replace(trials[0], own=told), replace(trials[1], own=None)), (), (), {})
    rows = own_table(outcome).split("<tr>")[2:]
    assert len(rows) == 1 and "told" in rows[0]
    shown = [float(value) for value in re.findall(r"<td>([\d.]+)</td>", rows[0])]
    assert shown == pytest.approx([0.5, 0.5, 1.0, 0.8, 0.25, 0.5, 0.3])
    assert "distance; wanted 0.7" in clip_section(outcome.trials[0])
    assert "distance; wanted" not in clip_section(outcome.trials[1])
    clips = json.loads(json.dumps(outcome.as_json(), allow_nan=False))["clips"]
    assert clips["told"]["own_motion"]["beside"][VIDEO]["own_over_it"] == 1.0
    assert clips["alone"]["own_motion"] is None
    assert own_table(Outcome((trials[1],), (), (), {})) == ""
