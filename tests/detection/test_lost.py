"""Which lost face a found one is: by place, size and time alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tracker.detection.lost import REMEMBERED_S, Lost
from tracker.types import Face


def a_face(x: float, side: float = 100.0, name: int = 0) -> Face:
    """All that is asked of a face here."""
    values: dict[str, Any] = {"id": name, "bbox": (x, 0.0, x + side, side), "size_px": side}
    return cast(Face, SimpleNamespace(**values))


def lost(*faces: Face) -> Lost:
    memory = Lost()
    for face in faces:
        memory.add(face, 0.0)
    return memory


def test_the_nearest_comes_back_and_only_once() -> None:
    memory = lost(a_face(0.0, name=3), a_face(80.0, name=5))
    assert memory.take(a_face(60.0), 0.1) == 5
    assert memory.take(a_face(60.0), 0.1) == 3
    assert memory.take(a_face(60.0), 0.1) is None and not memory


@pytest.mark.parametrize(("x", "side", "now"), [(200.0, 100.0, 0.1), (0.0, 180.0, 0.1), (0.0, 50.0, 0.1)])
def test_what_is_far_away_or_of_another_size_is_somebody_else(x: float, side: float, now: float) -> None:
    assert lost(a_face(0.0)).take(a_face(x, side), now) is None


def test_who_is_away_for_longer_may_have_gone_further() -> None:
    assert lost(a_face(0.0)).take(a_face(150.0), 0.1) is None
    assert lost(a_face(0.0, name=7)).take(a_face(150.0), 0.9) == 7


@pytest.mark.parametrize("now", [REMEMBERED_S, -0.1, float("nan")])
def test_nobody_is_remembered_for_long_or_when_the_clock_went_back(now: float) -> None:
    memory = lost(a_face(0.0))
    memory.forget(now)
    assert not memory
