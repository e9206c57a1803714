"""A face that is held is drawn so that nobody takes it for one that is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic import make_face, make_state, result_of

from tracker.overlay import Style, draw_overlay
from tracker.types import HELD_OPACITY, Face

GREY = np.full((480, 640, 3), 128, np.uint8)


def change(face: Face, style: Style) -> np.ndarray:
    """(480, 640): by how much each pixel differs from the picture without the face."""
    return np.abs(draw_overlay(GREY, result_of(0.0, face), None, style).astype(int) - 128).max(2)


def held(presence: float = 0.5) -> Face:
    return replace(make_face(make_state()), held=0.1, presence=presence)


def test_a_held_face_is_fainter_and_fades() -> None:
    plain = Style(box=False, axes=False, text=False)
    seen, soon, late = (int(change(f, plain).max()) for f in (make_face(make_state()), held(0.9), held(0.1)))
    assert seen > soon > late > 10


@pytest.mark.parametrize("part", ["box", "axes"])
def test_its_lines_are_dashed(part: str) -> None:
    only = Style(points=False, box=part == "box", axes=part == "axes", text=False)
    seen, dashed = (int((change(f, only) > 5).sum()) for f in (make_face(make_state()), held()))
    assert 0.35 * seen < dashed < 0.75 * seen


def test_its_label_says_so() -> None:
    plate = Style(points=False, box=False, axes=False)
    one, other = change(make_face(make_state()), plate), change(held(), plate)
    assert (one > 0).sum() < (other > 0).sum()  # "not seen, held" is longer than a percentage


def test_a_face_whose_place_is_nowhere_is_left_out() -> None:
    bad = replace(held(), state=make_state(centre=(float("nan"), 0.0)))
    assert not change(bad, Style(text=False)).any()


@pytest.mark.parametrize("presence", [-1.0, 0.0, 0.3, 1.0, 7.0])
def test_opacity_stays_between_its_ends(presence: float) -> None:
    assert HELD_OPACITY[0] <= held(presence).opacity <= HELD_OPACITY[1] < 1.0
    assert make_face(make_state()).opacity == 1.0
