"""The plots' ring and the live jitter measure."""

from __future__ import annotations

import numpy as np
import pytest
from ui_faces import face_at, tracked

from ui.history import CAPACITY, History, Jitter, Ring


@pytest.mark.parametrize("count", [0, 3, 5, 6, 13])
def test_a_ring_keeps_the_newest_in_order(count: int) -> None:
    ring = Ring(5, 2)
    for i in range(count):
        ring.append(np.array([i, -i], float))
    assert ring.read()[:, 0].tolist() == list(range(max(0, count - 5), count))
    assert len(ring) == min(count, 5)


def eye_distance_px() -> float:
    eyes = face_at().landmarks_head("ibug68")[[36, 45]]
    return 1500.0 * float(np.linalg.norm(eyes[0] - eyes[1]))


def test_constant_motion_is_no_jitter_even_at_uneven_times() -> None:
    jitter = Jitter()
    times = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.06, 60))
    values = [jitter.step(t, face_at(x=100 + 200 * t, y=240 - 50 * t)) for t in times]
    assert np.nanmax(values) < 1e-3


def test_white_noise_gives_its_own_deviation() -> None:
    random = np.random.default_rng(2)
    jitter = Jitter()
    values = [jitter.step(i / 30, face_at(*(np.array([320, 240]) + random.normal(size=2) * 0.5))) for i in range(600)]
    expected = 100 * 0.5 * np.sqrt(2) / eye_distance_px()
    assert np.mean(values[100:]) == pytest.approx(expected, rel=0.12)


def test_a_lost_or_another_face_starts_anew() -> None:
    jitter = Jitter()
    for i in range(5):
        jitter.step(i / 30, face_at(x=320 + i % 2))
    assert np.isnan(jitter.step(5 / 30, None))
    assert np.isnan(jitter.step(6 / 30, face_at(x=100)))
    assert np.isnan(jitter.step(7 / 30, face_at(x=500, name=1)))


def test_curves_are_the_last_seconds_with_stages_in_ms() -> None:
    history = History()
    for i in range(300):
        history.append(tracked(i / 30, (face_at(yaw=5),)) if i != 299 else tracked(i / 30))
    curves = history.curves(2.0)
    assert len(curves.age) == 61 and curves.age[-1] == 0 and curves.age[0] >= -2.0
    assert curves.yaw[-2] == pytest.approx(5, abs=0.01) and np.isnan(curves.yaw[-1])
    assert curves.stages["step"][0] == pytest.approx(4.0) and curves.stages["filter"][0] == pytest.approx(1.0)
    history.clear()
    assert len(history.curves(2.0).age) == 0


def test_memory_does_not_grow_with_time() -> None:
    history = History(capacity=64)
    for i in range(1000):
        history.append(tracked(i / 30))
    assert len(history.curves(1e9).age) == 64 < CAPACITY
