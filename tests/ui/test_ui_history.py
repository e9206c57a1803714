"""The plots' ring, and the jitter in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ui_faces import face_at, tracked

from ui.history import CAPACITY, History, Ring, eye_distance_px


@pytest.mark.parametrize("count", [0, 3, 5, 6, 13])
def test_a_ring_keeps_the_newest_in_order(count: int) -> None:
    ring = Ring(5, 2)
    for i in range(count):
        ring.append(np.array([i, -i], float))
    assert ring.read()[:, 0].tolist() == list(range(max(0, count - 5), count))
    assert len(ring) == min(count, 5)


def test_constant_motion_is_no_jitter_even_at_uneven_times() -> None:
    history = History()
    times = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.06, 60))
    for t in times:
        history.append(tracked(t, (face_at(x=100 + 200 * t, y=240 - 50 * t),)))
    assert np.nanmax(history.curves(9.0).raw_jitter) < 1e-3


def test_noise_gives_its_own_deviation() -> None:
    random = np.random.default_rng(2)
    history = History()
    for i in range(400):
        history.append(tracked(i / 30, (face_at(*(np.array([320, 240]) + random.normal(size=2) * 0.5)),)))
    expected = 100 * 0.5 * np.sqrt(2) / eye_distance_px(face_at())
    assert np.nanmean(history.curves(10.0).stable_jitter) == pytest.approx(expected, rel=0.12)


def test_raw_and_stable_jitter_are_told_apart() -> None:
    history = History()
    for i in range(30):
        noisy, still = tracked(i / 30, (face_at(x=320 + i % 2),)), tracked(i / 30, (face_at(),))
        history.append(replace(noisy, stable=still.stable))
    curves = history.curves(9.0)
    assert np.nanmin(curves.raw_jitter) > 0.1 > 1e-3 > np.nanmax(curves.stable_jitter)


def test_a_lost_or_another_face_starts_anew() -> None:
    history = History()
    for i in range(9):
        history.append(tracked(i / 30, (face_at(x=320 + i % 2),)))
    assert history.shaking[0].percent > 0
    history.append(tracked(9 / 30))
    assert np.isnan(history.shaking[0].percent)
    for i in range(10, 19):
        history.append(tracked(i / 30, (face_at(x=500, name=i // 16),)))
        assert np.isnan(history.shaking[0].percent) or history.shaking[0].percent < 1e-3


def test_curves_are_the_last_seconds_with_stages_in_ms() -> None:
    history = History()
    for i in range(300):
        history.append(tracked(i / 30, (face_at(yaw=5, pitch=-3),)) if i != 299 else tracked(i / 30))
    curves = history.curves(2.0)
    assert len(curves.age) == 61 and curves.age[-1] == 0 and curves.age[0] >= -2.0
    pose = curves.yaw[-2], curves.pitch[-2], curves.roll[-2]
    assert pose == pytest.approx((5, -3, 0), abs=0.01) and np.isnan(curves.yaw[-1])
    assert curves.stages["step"][0] == pytest.approx(4.0) and curves.stages["filter"][0] == pytest.approx(1.0)
    history.clear()
    assert len(history.curves(2.0).age) == 0


def test_memory_does_not_grow_with_time() -> None:
    history = History(capacity=64)
    for i in range(1000):
        history.append(tracked(i / 30))
    assert len(history.curves(1e9).age) == 64 < CAPACITY
