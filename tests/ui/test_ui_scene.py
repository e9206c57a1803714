"""Scenes: the overlay lies exactly on the picture, whatever the size and the zoom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ui_faces import BASIS, face_at, tracked

from tracker.types import Face
from ui.scene import LEVELS, Wish, compose, confidence_levels, place

sizes = st.integers(1, 4000)
fractions = st.floats(0, 1)


@given(sizes, sizes, sizes, sizes, st.floats(1, 12), fractions, fractions)
def test_a_placement_maps_its_crop_onto_its_target_inside_the_frame(
    frame_w: int, frame_h: int, view_w: int, view_h: int, zoom: float, x: float, y: float
) -> None:
    placement = place(frame_w, frame_h, Wish(width=view_w, height=view_h, zoom=zoom, centre=(x, y)))
    x0, y0, x1, y1 = placement.crop
    assert 0 <= x0 < x1 <= frame_w and 0 <= y0 < y1 <= frame_h
    tx, ty, tw, th = placement.target
    corners = placement.to_view(np.array([[x0, y0], [x1, y1]], float))
    assert np.allclose(corners, [[tx, ty], [tx + tw, ty + th]], atol=1e-6)
    if zoom == 1:
        assert (x0, y0, x1, y1) == (0, 0, frame_w, frame_h)
        assert tx >= -1 and ty >= -1 and tx + tw <= view_w + 1 and ty + th <= view_h + 1


@pytest.mark.parametrize("wish", [Wish(640, 480), Wish(1280, 720), Wish(960, 540, zoom=4.0, centre=(0.4, 0.6))])
def test_a_mark_in_the_picture_and_its_overlay_coincide(wish: Wish) -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[288:292, 254:258] = (250, 30, 10)
    scene = compose(tracked(image=image), replace(wish, head=False))
    mark = scene.placement.to_view(np.array([[256.0, 290.0]]))[0] - scene.placement.target[:2]
    red = scene.image[..., 2].astype(float)
    rows, columns = np.indices(red.shape)
    found = np.array([(red * (columns + 0.5)).sum(), (red * (rows + 0.5)).sum()]) / red.sum()
    assert found == pytest.approx(mark, abs=0.6)
    assert scene.image[int(mark[1]), int(mark[0]), :3] == pytest.approx([10, 30, 250], abs=3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (4320, 7680)])
def test_any_frame_size_is_drawn(shape: tuple[int, int]) -> None:
    face = face_at(shape[1] / 2, shape[0] / 2, max(shape))
    scene = compose(tracked(raw=(face,), image=np.full((*shape, 3), 7, np.uint8)), Wish(mesh=True, box=True))
    assert scene.image.shape[:2] == scene.placement.target[3:1:-1]
    assert np.isfinite(scene.faces[0].points).all()


def test_raw_and_stable_are_told_apart() -> None:
    both = tracked(raw=(face_at(300),), stable=(face_at(320),))
    stable, raw = (compose(both, Wish(640, 480, raw=raw)).faces[0].points for raw in (False, True))
    assert np.allclose(stable[:, 0] - raw[:, 0], 20, atol=1e-3)


def test_what_is_switched_off_is_not_drawn() -> None:
    one = tracked(raw=(face_at(),))
    bare = compose(one, Wish(640, 480, landmarks=False, axes=False))
    assert len(bare.faces[0].points) == 0 and bare.faces[0].axes is None and bare.faces[0].box is None
    assert compose(one, Wish(640, 480, overlay=False, mesh=True)).faces == ()
    assert np.array_equal(compose(one, Wish(640, 480, overlay=False, mesh=True)).image, bare.image)
    assert compose(one, Wish(head=False)).head is None


def test_the_net_stays_on_the_face() -> None:
    one = tracked(raw=(face_at(),))
    changed = (compose(one, Wish(640, 480, mesh=True)).image != compose(one, Wish(640, 480)).image).any(2)
    assert changed.sum() > 2000
    rows, columns = np.nonzero(changed)
    x0, y0, x1, y1 = one.raw.faces[0].bbox
    wide, high = x1 - x0, y1 - y0
    assert columns.min() > x0 - 0.3 * wide and columns.max() < x1 + 0.3 * wide
    assert rows.min() > y0 - 0.8 * high and rows.max() < y1 + 0.2 * high


def test_the_head_turns_as_the_face_does() -> None:
    turned = compose(tracked(raw=(face_at(yaw=30),)), Wish()).head
    assert turned is not None
    nose = turned.turn @ np.array([0, 0, 1], np.float32)
    assert nose[0] == pytest.approx(0.5, abs=0.02) and nose[2] > 0.8
    assert turned.vertices.shape == (6017, 3)
    assert np.allclose(np.linalg.norm(turned.normals, axis=1), 1, atol=1e-3)


class Graded:
    """The real basis with deviations from the best to the worst."""

    def points(self, state: object, layout: object) -> np.ndarray:
        return BASIS.points(state, layout)  # type: ignore[arg-type]

    def std(self, state: object, layout: object) -> np.ndarray:
        return np.geomspace(0.002, 0.5, 68).astype(np.float32)

    def visibility(self, state: object, layout: object) -> np.ndarray:
        return np.ones(68, np.float32)


def test_levels_fall_from_certain_to_vague() -> None:
    levels = confidence_levels(Face(face_at().state, Graded()), "ibug68")
    assert levels[0] == LEVELS - 1 and levels[-1] == 0
    assert (np.diff(levels.astype(int)) <= 0).all() and len(set(levels.tolist())) == LEVELS
