"""Atlas, renderer, light and membrane: what a head is drawn and read with."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tracker.avatar.atlas import texels
from tracker.avatar.finish import finish, plain
from tracker.avatar.lids import lid_skin, lids
from tracker.avatar.lighting import WHITE, estimate, shading
from tracker.avatar.membrane import mesh_normals, scalp, spread
from tracker.avatar.picture import matte
from tracker.avatar.render import rasterise, render_mesh, viewpoint
from tracker.avatar.texture import unwrap
from tracker.avatar.types import EYEBALL, GUESSED, MIRRORED, SEEN, Avatar, ball_centre, eyeball
from tracker.head import EXPRESSIONS, load_head
from tracker.head.model import vertex_normals

SIZE = 128


def painted() -> Avatar:
    """A head whose colours say where its points are."""
    head, grid = load_head(), texels(SIZE)
    place = np.clip((grid.points(head.mean) + np.float32(0.13)) / 0.26, 0, 1)
    texture = np.asarray(grid.image((place * 200 + 20).astype(np.uint8)), dtype=np.uint8)
    none = np.zeros((SIZE, SIZE), np.uint8)
    return Avatar(head.mean, np.zeros(40, np.float32), texture, none, none, WHITE)


def test_the_atlas_places_every_texel_on_its_triangle_and_knows_its_mirror_partner() -> None:
    grid, head = texels(SIZE), load_head()
    assert grid.covered.mean() > 0.6
    assert np.allclose(grid.weight.sum(1), 1, atol=1e-5) and grid.weight.min() >= 0
    place = np.asarray(grid.image(grid.points(head.mean)), dtype=np.float32)
    other = cv2.remap(place, grid.mirror[..., 0], grid.mirror[..., 1], cv2.INTER_LINEAR)
    skin = np.isin(head.region, (0, 1))[head.tri[grid.triangle]].all(1)
    off = np.abs(other * (-1, 1, 1) - place).max(-1).ravel()[grid.flat][skin]
    assert np.quantile(off, 0.97) < 0.003


def test_of_two_triangles_the_nearer_is_drawn_and_backs_are_not() -> None:
    square = np.array([[2, 2], [2, 14], [14, 2], [14, 14]], np.float32)
    points = np.concatenate([square, square])
    depth = np.array([1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5], np.float32)
    front = np.array([[0, 1, 2], [4, 5, 6], [3, 2, 1]], np.intp)
    raster = rasterise(points, depth, front, (16, 16))
    assert raster.triangle[4, 4] == 1 and raster.triangle[12, 12] == 2 and raster.triangle[1, 1] == -1
    assert raster.depth[4, 4] == pytest.approx(0.5) and raster.depth[12, 12] == pytest.approx(1)
    assert (rasterise(points, depth, front[:, ::-1], (16, 16)).triangle == -1).all()


def test_a_head_is_drawn_where_its_vertices_are() -> None:
    avatar, size = painted(), 96
    front, cover, depth = render_mesh(avatar, viewpoint(0, 0, size), (size, size))
    assert 0.2 < cover.mean() < 0.5 and np.isfinite(depth[cover > 0.99]).all()
    assert abs(int(front[size // 2, size // 2, 0]) - 120) < 8  # the middle of the face is at x = 0
    left, right = (render_mesh(avatar, viewpoint(yaw, 0, size), (size, size))[1] for yaw in (40, -40))
    assert np.abs(left - right[:, ::-1]).mean() < 0.01
    nose = load_head().mean[:, 2].argmax()
    assert viewpoint(40, 0, size).project(load_head().mean[nose][None])[0, 0] > size / 2 + 8


def test_eyeballs_turn_about_their_centres_and_stay_round() -> None:
    look = np.zeros(52, np.float32)
    look[EXPRESSIONS.index("eyeLookUpLeft")] = 1.0
    avatar = painted()
    ball = eyeball(1.0)
    rest, moved = avatar.neutral[ball], avatar.vertices(look)[ball]
    centre = ball_centre(rest)
    before, after = (np.linalg.norm(v - centre, axis=1) for v in (rest, moved))
    assert np.abs(before - after).max() < 1e-5
    pole = rest[:, 2].argmax()
    assert moved[pole, 1] > rest[pole, 1] + 0.005
    assert np.allclose(avatar.vertices(look)[eyeball(-1.0)], avatar.neutral[eyeball(-1.0)], atol=1e-7)


def test_what_is_drawn_is_read_back_and_what_is_hidden_is_not() -> None:
    avatar, grid, size = painted(), texels(SIZE), 256
    state = viewpoint(35, 0, size)
    picture, cover, _ = render_mesh(avatar, state, (size, size))
    sample = unwrap(picture, (255 * cover).astype(np.uint8), state, avatar.neutral, grid)
    truth = avatar.texture.reshape(-1, 3)[grid.flat].astype(np.float32)
    sure = sample.weight > 0.3
    assert sure.mean() > 0.15
    assert np.median(np.abs(sample.colour - truth)[sure]) < 3
    place = grid.points(load_head().mean)
    assert (
        sample.weight[(place[:, 0] > 0.05) & (place[:, 2] < -0.05)].mean()
        < 0.25 * sample.weight[(place[:, 0] < -0.05) & (place[:, 2] < -0.05)].mean()
    )
    assert sample.weight[place[:, 2] < -0.15].max() == 0


def test_hair_where_the_picture_ends_is_read_though_hair_at_its_own_rim_is_not() -> None:
    avatar, grid, size = painted(), texels(SIZE), 256
    state = viewpoint(0, 10, size)
    picture, cover, _ = render_mesh(avatar, state, (size, size))
    middle = np.median(state.project(avatar.neutral[scalp() > 0.9])[:, 1])
    shown = np.broadcast_to(np.arange(size)[:, None] > middle, (size, size))
    head = np.where(shown, 255 * cover, 0).astype(np.uint8)
    blind, knowing = (unwrap(picture, head, state, avatar.neutral, grid, s).weight for s in (None, shown))
    hair = grid.points(scalp()[:, None])[:, 0]
    assert (knowing >= blind).all() and np.array_equal(knowing[hair == 0], blind[hair == 0])
    assert knowing[hair > 0.5].sum() > 1.5 * blind[hair > 0.5].sum()


def test_dark_hair_before_a_dark_ground_belongs_to_the_head() -> None:
    size, grid = 192, texels(SIZE)
    avatar, state = painted(), viewpoint(0, 0, 192)
    colour = np.where(grid.points(scalp()[:, None]) > 0.3, 18.0, 170.0) * np.ones(3)
    haired = replace(avatar, texture=np.asarray(grid.image(colour.astype(np.uint8)), dtype=np.uint8))
    picture, _, _ = render_mesh(haired, state, (size, size))
    random = np.random.default_rng(0)
    picture = np.clip(
        picture + 16.0 * (picture.max(-1, keepdims=True) == 0) + random.normal(0, 2, picture.shape), 0, 255
    )
    found = matte(picture.astype(np.uint8), state, avatar.neutral)
    column, row = state.project(np.array([[0.0, 0.085, 0.03]], np.float32))[0].astype(int)
    assert picture[row, column].max() < 40 and found[row, column] == 255
    assert found[4, 4] == 0


def test_what_lies_beyond_the_edge_of_a_picture_tells_nothing_of_its_background() -> None:
    size, grid = 192, texels(SIZE)
    state = viewpoint(0, 0, size)
    place = grid.points(load_head().mean)
    colour = np.where(place[:, 1:2] < -0.12, np.array([215.0, 220, 245]), np.array([160.0, 110, 90]))
    colour = np.where(grid.points(scalp()[:, None]) > 0.3, 60.0, colour)
    dressed = replace(painted(), texture=np.asarray(grid.image(colour.astype(np.uint8)), dtype=np.uint8))
    picture, cover, _ = render_mesh(dressed, state, (size, size))
    low, high = state.project(np.array([[-0.092, 0.1, 0.0], [0.092, -0.14, 0.0]], np.float32)).astype(int)
    shown = np.zeros((size, size), bool)
    shown[low[1] : high[1], low[0] : high[0]] = True
    picture = picture + np.uint8((20, 25, 120)) * (cover < 0.5)[..., None]
    grain = np.random.default_rng(0).normal(0, 3, picture.shape)
    whole = np.clip(np.where(shown[..., None], picture, 128) + grain, 0, 255).astype(np.uint8)
    found = matte(whole, state, painted().neutral, shown) > 127
    ground = shown & (cover == 0)
    assert ground.sum() > 1000 and found[ground].mean() < 0.1
    assert found[shown & (cover == 1)].mean() > 0.9


def test_normals_of_every_frame_are_those_of_the_model() -> None:
    vertices = painted().vertices(np.full(52, 0.2, np.float32))
    assert np.abs(mesh_normals(vertices) - vertex_normals(vertices, load_head().tri)).max() < 1e-5


def test_light_is_found_and_everywhere_light_leaves_colours_alone() -> None:
    random = np.random.default_rng(0)
    normal = random.normal(size=(3000, 3))
    normal[:, 2] = -np.abs(normal[:, 2])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    assert np.array_equal(shading(WHITE, normal), np.ones((3000, 3), np.float32))
    light = WHITE.copy()
    light[1] = (0.3, 0.2, 0.1)
    colour = np.array([180.0, 130, 100]) * shading(light, normal)
    colour[:200] = 10  # a beard
    found, skin = estimate(colour, normal, np.ones(3000))
    assert np.abs(shading(found, normal) * skin - colour)[200:].mean() < 4


def test_values_are_carried_over_the_surface() -> None:
    head = load_head()
    trust = (head.mean[:, 0] > 0.03).astype(np.float32)
    skin = head.region < 3
    carried = spread(np.full((len(head.mean), 1), 7.0, np.float32), trust)
    assert carried[skin] == pytest.approx(7.0, abs=0.05)
    faded = spread(np.full((len(head.mean), 1), 7.0, np.float32), trust, decay=0.01)
    assert faded[skin].min() < 4
    hair = scalp()
    crown, chin = head.mean[:, 1].argmax(), np.abs(head.mean - (0, -0.11, 0.02)).sum(1).argmin()
    assert hair[crown] == 1 and hair[chin] == 0


def test_the_unseen_half_is_mirrored_and_said_to_be() -> None:
    grid, head = texels(SIZE), load_head()
    place = grid.points(head.mean)
    albedo = np.zeros((len(grid.flat), 3), np.float32)
    albedo[:] = (200, 120, 90)
    seen = (place[:, 0] > 0.004).astype(np.float32) * (place[:, 2] > -0.05)
    albedo[seen == 0] = 0
    done = finish(albedo, seen, grid, None)
    source = done.provenance.ravel()[grid.flat]
    cheek = (np.abs(place[:, 0] + 0.04) < 0.01) & (np.abs(place[:, 1] + 0.05) < 0.01)
    cheek &= (head.region[head.tri[grid.triangle]] == 0).all(1)
    back = place[:, 2] < -0.14
    assert (source[cheek] == MIRRORED).mean() > 0.97
    assert (source[back] == GUESSED).all() and (source[(seen > 0) & (place[:, 2] > 0.03)] == SEEN).all()
    colour = done.texture.reshape(-1, 3)[grid.flat].astype(float)
    assert colour[cheek].mean(0) == pytest.approx((200, 120, 90), abs=6)
    assert colour[back].mean(0) == pytest.approx((200, 120, 90), abs=12)
    bare = plain(albedo, seen, grid)
    assert set(np.unique(bare.provenance)) == {0, GUESSED, SEEN}


def test_a_lid_is_skin_with_a_line_of_lashes_whatever_an_open_eye_showed_there() -> None:
    model, grid = load_head(), texels(512)
    skin, place = np.array([200.0, 150.0, 120.0], np.float32), grid.points(model.mean)
    ball = model.mean[(model.region == EYEBALL) & (model.mean[:, 0] > 0)]
    front = np.array([ball[:, 0].mean(), ball[:, 1].mean(), ball[:, 2].max()])
    near = np.linalg.norm(np.abs(place) * (1, 0, 0) + place * (0, 1, 1) - front, axis=1) < 0.0125
    colour = np.where(near[:, None], np.array([250.0, 250.0, 255.0], np.float32), skin)  # the white of the eye
    sure, source = np.ones(len(colour), np.float32), np.full(len(colour), SEEN, np.uint8)
    made, origin = lid_skin(colour, source, colour, sure, grid)
    cover = grid.points(lids()[:, None])[:, 0]
    lid = (cover > 0.99) & (model.region[model.tri].max(1) == 0)[grid.triangle]
    assert (lid & near).sum() > 200
    hue = made[lid] / made[lid].mean(1, keepdims=True) - skin / skin.mean()
    assert np.abs(hue).max() < 0.08  # skin, lighter or darker
    light = made[lid].mean(1) / skin.mean()
    assert light.max() < 1.1 and np.median(light) > 0.85 and light.min() < 0.7
    assert (origin[lid] == GUESSED).all() and (origin[cover == 0] == SEEN).all()
    assert np.array_equal(made[cover == 0], colour[cover == 0])
