"""Which landmarks are called hidden."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tracker.errors import ModelError
from tracker.head import load_head
from tracker.head.occlusion import LAYOUTS, POINTS, load_occlusion, save_occlusion, seen_share


def towards(yaw: float, pitch: float = 0.0) -> np.ndarray:
    """The camera in the head frame of a face turned by `yaw` to its left and `pitch` up, degrees."""
    a, b = np.radians([yaw, pitch])
    return np.array([-np.sin(a) * np.cos(b), -np.sin(b), np.cos(a) * np.cos(b)], np.float32)


def test_a_face_from_the_front_shows_every_point_and_a_profile_half_of_them() -> None:
    table = load_occlusion()
    assert seen_share(table, towards(0)).min() > 0.9
    side = seen_share(table, towards(80))
    assert side[[0, 4, 17, 31, 36, 48, 30]].min() > 0.8  # the side that faces the camera, and the nose's tip
    assert side[[12, 26, 35, 45, 54]].max() < 0.1


def test_the_further_a_face_turns_the_more_it_hides() -> None:
    table = load_occlusion()
    counts = [int((seen_share(table, towards(yaw)) < 0.5).sum()) for yaw in (0, 20, 40, 60, 80)]
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert 20 < counts[-1] < 40


def test_sides_mirror_one_another() -> None:
    table, flip = load_occlusion(), load_head().layouts["ibug68"].flip
    left, right = seen_share(table, towards(50, 10)), seen_share(table, towards(-50, 10))
    assert np.abs(left[flip] - right).max() < 1e-3
    assert all(len(load_head().layouts[name].index) == POINTS for name in LAYOUTS)


def test_a_table_comes_back_as_it_was_written_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    table = np.round(np.random.default_rng(1).normal(size=(POINTS, 4)), 3).astype(np.float32)
    save_occlusion(table, {"pictures": 3}, tmp_path / "a.json")
    assert np.allclose(load_occlusion(tmp_path / "a.json"), table)
    (tmp_path / "b.json").write_text('{"seen": [[1, 2, 3, 4]]}', encoding="utf-8")
    with pytest.raises(ModelError, match="no table of 68 x 4"):
        load_occlusion(tmp_path / "b.json")
    with pytest.raises(ModelError, match="missing or damaged"):
        load_occlusion(tmp_path / "none.json")
