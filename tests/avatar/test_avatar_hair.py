"""Hair in a picture, and long hair on the head."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from avatar_toy import plain, view_state

from tracker.avatar.atlas import SIZE, texels
from tracker.avatar.fall import falling
from tracker.avatar.finish import finish
from tracker.avatar.locks import SIDE, hair_of_all, hair_on_atlas, hair_seen, with_locks
from tracker.avatar.membrane import scalp
from tracker.avatar.picture import matte
from tracker.avatar.render import render_mesh
from tracker.avatar.seed import seeds
from tracker.avatar.splats import Splats, placed
from tracker.head import load_head
from tracker.types import FaceState, Image

SIZE_PX = 256
SKIN, HAIR, GROUND = (190.0, 140, 115), (45.0, 32, 28), (205.0, 210, 215)
ALL = np.ones((SIZE_PX, SIZE_PX), bool)


def pictured(
    hair: tuple[float, float, float] = HAIR, ground: tuple[float, float, float] = GROUND, yaw: float = 0.0
) -> Image:
    """A head with hair on its scalp before an even ground, with a camera's noise."""
    grid = texels(SIZE)
    share = grid.points(scalp()[:, None])
    colour = share * np.array(hair) + (1 - share) * np.array(SKIN)
    head = replace(plain(), texture=np.asarray(grid.image(colour.astype(np.uint8)), dtype=np.uint8))
    picture, cover, _ = render_mesh(head, state(yaw), (SIZE_PX, SIZE_PX))
    return noisy(picture + (1 - cover[..., None]) * np.array(ground))


def noisy(picture: np.ndarray) -> Image:
    grain = np.random.default_rng(0).normal(0, 4, picture.shape)
    return np.asarray(np.clip(picture + grain, 0, 255), dtype=np.uint8)


def state(yaw: float = 0.0) -> FaceState:
    return view_state(yaw, 0.0, SIZE_PX)


def boxed(picture: Image, low: tuple[float, float], high: tuple[float, float], only: np.ndarray) -> Image:
    """The picture with hair's colour where `only`, between two places of the plane through the neck, metres."""
    corners = state().project(np.array([[*low, -0.085], [*high, -0.085]], np.float32))
    (x0, x1), (y0, y1) = np.sort(corners[:, 0]).astype(int), np.sort(corners[:, 1]).astype(int)
    out = picture.copy()
    part = np.zeros(picture.shape[:2], bool)
    part[max(y0, 0) : y1, max(x0, 0) : x1] = True
    out[part & only] = noisy(np.broadcast_to(np.array(HAIR), picture.shape))[part & only]
    return out


def beside_the_head(picture: Image) -> np.ndarray:
    return np.asarray(render_mesh(plain(), state(), picture.shape[:2])[1] < 0.5)


def looked_at(picture: Image, yaw: float = 0.0) -> Image | None:
    cut = matte(picture, state(yaw), load_head().mean, ALL)
    return hair_seen(picture, cut, state(yaw), load_head().mean, ALL)


def fallen(picture: Image) -> tuple[np.ndarray, np.ndarray]:
    return falling([looked_at(picture)], [(state(), load_head().mean, SIZE_PX)], load_head().mean)


def test_hair_is_found_on_the_scalp_and_not_on_the_face_or_the_ground() -> None:
    found = looked_at(pictured())
    assert found is not None and found.shape == (SIDE, SIDE)
    k = SIDE / SIZE_PX
    column, row = (state().project(np.array([[0.0, 0.1, 0.0], [0.0, -0.03, 0.05]], np.float32)) * k).astype(int).T
    assert found[row[0], column[0]] == 255
    assert found[row[1], column[1]] == 0 and found[4, 4] == 0


def test_of_a_bald_head_nothing_is_hair_though_its_crown_shines() -> None:
    picture = pictured(hair=SKIN)
    column, row = state().project(np.array([[0.0, 0.095, 0.0]], np.float32))[0].astype(int)
    slab = picture.copy()
    slab[row - 7 : row + 7, column - 28 : column + 28] = noisy(np.full((14, 56, 3), 238.0))
    told = looked_at(slab)
    assert told is None or not told.any()
    rows, columns = np.mgrid[:SIZE_PX, :SIZE_PX]
    shine = 45 * np.exp(-(((columns - column) / 16) ** 2 + ((rows - row - 4) / 8) ** 2))
    found, grid = looked_at(np.clip(picture + shine[..., None], 0, 255).astype(np.uint8)), texels(SIZE)
    assert found is not None and not found.any()
    front = (grid.points(load_head().mean)[:, 2] > -0.03).astype(np.float32)
    bare = np.zeros_like(front)
    assert hair_of_all([bare], [front], [bare], scalp(), grid).max() == 0  # behind, too


def test_hair_of_the_skins_lightness_is_not_bald() -> None:
    found = looked_at(pictured(hair=(170.0, 155, 90)))
    assert found is None or found.any()


def test_locks_beside_the_neck_belong_to_the_head_and_make_it_stand_out_there() -> None:
    picture = pictured()
    for side in (1, -1):
        picture = boxed(picture, (side * 0.04, 0.03), (side * 0.105, -0.12), beside_the_head(picture))
    found = looked_at(picture)
    assert found is not None
    whole = with_locks(matte(picture, state(), load_head().mean, ALL), found, ALL)
    column, row = state().project(np.array([[0.09, -0.08, -0.085]], np.float32))[0].astype(int)
    assert whole[row, column] > 200
    offset, hangs = fallen(picture)
    mean, moved = load_head().mean, load_head().mean + offset
    nape = (hangs > 0.9) & (mean[:, 1] < -0.05) & (mean[:, 1] > -0.1)
    assert nape.sum() > 20
    assert np.abs(moved[nape, 0]).max() == pytest.approx(0.105, abs=0.012)
    assert moved[nape, 2].min() < mean[nape, 2].min() - 0.01
    front = (mean[:, 2] > -0.02) & (load_head().region == 0)
    assert np.abs(offset[front]).max() < 0.001 and hangs[front].max() == 0
    assert hangs[mean[:, 1] < -0.15].max() < 0.05  # it ends where the locks do


def test_short_hair_does_not_hang() -> None:
    offset, hangs = fallen(pictured())
    assert not offset.any() and not hangs.any()


def test_a_coat_of_hairs_colour_is_no_hair() -> None:
    coat = boxed(pictured(), (-0.13, -0.115), (0.13, -0.4), ALL)
    found = looked_at(coat)
    row = int(state().project(np.array([[0.0, -0.105, -0.085]], np.float32))[0, 1] * SIDE / SIZE_PX)
    assert found is not None and found[:row].any() and not found[row:].any()
    offset, hangs = fallen(coat)
    assert not offset.any() and not hangs.any()


def test_a_wall_of_hairs_colour_is_no_hair() -> None:
    picture = pictured()
    dark = boxed(picture, (0.0, 0.4), (0.4, -0.4), beside_the_head(picture))
    _, hangs = fallen(dark)
    assert hangs[load_head().mean[:, 0] > 0.02].max(initial=0) == 0


def test_before_a_ground_of_its_colour_hair_that_hides_the_neck_hangs_as_far_as_hair_does() -> None:
    picture = pictured(ground=(52.0, 40, 38))
    assert not fallen(picture)[1].any()  # short hair, a bare neck
    for side in (1, -1):
        picture = boxed(picture, (side * 0.04, -0.06), (side * 0.11, -0.4), ALL)
    offset, hangs = fallen(picture)
    mean = load_head().mean
    moved = mean + offset
    for side in (1, -1):
        nape = (hangs > 0.9) & (mean[:, 0] * side > 0) & (mean[:, 1] < -0.05) & (mean[:, 1] > -0.1)
        assert nape.sum() > 20
        assert 0.08 < np.abs(moved[nape, 0]).max() < 0.125


def test_beside_a_turned_head_a_wall_of_hairs_colour_is_no_hair() -> None:
    picture = pictured(yaw=32.0)
    beside = np.asarray(render_mesh(plain(), state(32.0), picture.shape[:2])[1] < 0.5)
    picture = boxed(picture, (-0.05, 0.06), (-0.2, -0.12), beside)
    found, alone = looked_at(picture, 32.0), looked_at(pictured(yaw=32.0), 32.0)
    assert found is not None and alone is not None
    inside = cv2.resize(matte(picture, state(32.0), load_head().mean, ALL), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    assert alone.any() and not found[inside == 0].any()


def test_from_the_side_nobody_knows_how_wide_hair_hangs() -> None:
    hair = np.full((SIDE, SIDE), 255, np.uint8)
    _, hangs = falling([hair], [(state(40.0), load_head().mean, SIZE_PX)], load_head().mean)
    assert not hangs.any()


def test_a_picture_says_of_texels_whether_they_are_hair_and_the_rest_is_supposed() -> None:
    grid, found = texels(SIZE), looked_at(pictured())
    assert found is not None
    share = hair_on_atlas(found, state(), load_head().mean, SIZE_PX, grid)
    place, grows = grid.points(load_head().mean), grid.points(scalp()[:, None])[:, 0]
    front = (place[:, 2] > -0.03).astype(np.float32)
    nothing = np.zeros_like(front)
    hair = hair_of_all([share], [front], [nothing], np.zeros(len(load_head().mean), np.float32), grid)
    assert hair[(place[:, 2] > -0.025) & (grows > 0.95)].mean() > 0.7
    assert hair[(place[:, 2] > 0.01) & (place[:, 1] < 0.0)].mean() < 0.1
    assert hair[place[:, 2] < -0.1].max() < 0.01
    assert np.allclose(hair_of_all([None], [front], [nothing], scalp(), grid), grows)


def test_what_hangs_is_completed_in_hairs_colour_and_a_nape_in_skins() -> None:
    grid = texels(256)
    place = grid.points(load_head().mean)
    share = grid.points(scalp()[:, None])
    albedo = (share * np.array(HAIR) + (1 - share) * np.array(SKIN)).astype(np.float32)
    seen = np.where(place[:, 2] > -0.06, 0.8, 0).astype(np.float32)
    nape = (place[:, 2] < -0.11) & (place[:, 1] < -0.05) & (place[:, 1] > -0.1)
    hangs = np.where(nape[:, None] | (share > 0.5), np.float32(1), np.float32(0))[:, 0]
    short, long = (
        finish(albedo, seen, grid, None, hair=h).texture.reshape(-1, 3)[grid.flat][nape].astype(float).mean(0)
        for h in (share[:, 0], hangs)
    )
    assert np.abs(short - SKIN).max() < 30
    assert np.abs(long - HAIR).max() < 30


def test_hairs_splats_are_longer_than_wide_and_run_down_the_head() -> None:
    head = plain()
    splats = Splats.of(seeds(head).arrays())
    mean, turn, size = placed(splats, head.neutral, load_head().tri)
    hair = (scalp()[load_head().tri[splats.triangle]].min(1) > 0.9) & (mean[:, 2] < -0.13) & (mean[:, 1] < 0.08)
    assert hair.sum() > 200
    assert np.median(size[hair, 0] / size[hair, 1]) > 2.5
    assert np.median(np.abs(turn[hair, 1, 0])) > 0.8  # the long axis is upright behind
