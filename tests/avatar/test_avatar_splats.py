"""Splats: their frames, their drawing against a naive one, their gradients, and that optimising makes them better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from avatar_toy import patterned, plain, view_state

from tracker.avatar.draw import SplatHead, over
from tracker.avatar.lids import lids
from tracker.avatar.raster import BLUR_PX2, Footprints, footprints, rasterize
from tracker.avatar.seed import seeds
from tracker.avatar.show import MeshHead
from tracker.avatar.splats import Look, Rig, Splats, posed, quaternions, rotations
from tracker.avatar.sprites import Stage
from tracker.avatar.types import EYEBALL, Avatar, View
from tracker.errors import ModelError
from tracker.head import EXPRESSIONS, load_head
from tracker.types import FaceState


@pytest.fixture(scope="module")
def head() -> Avatar:
    avatar = plain()
    return replace(avatar, splats=seeds(avatar).arrays())


def some_splats(count: int, seed: int = 0) -> Splats:
    random = np.random.default_rng(seed)
    tri = load_head().skin
    triangle = np.sort(random.integers(0, len(tri), count)).astype(np.int32)
    quaternion = random.normal(size=(count, 4))
    return Splats(
        triangle,
        random.uniform(0, 0.4, (count, 2)).astype(np.float32),
        random.normal(0, 0.2, count).astype(np.float32),
        (quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)).astype(np.float32),
        random.uniform(-1.5, 0.0, (count, 3)).astype(np.float32),
        random.uniform(-1, 3, count).astype(np.float32),
        random.normal(0, 0.3, (count, 4, 3)).astype(np.float32),
        np.full(count, 3, np.uint8),
    )


def test_a_quaternion_and_its_rotation_are_one() -> None:
    q = some_splats(50).rotation
    back = quaternions(rotations(q))
    assert np.allclose(np.abs((back * q).sum(1)), 1.0, atol=1e-5)


def test_splats_go_with_a_head_that_turns_and_moves() -> None:
    model, splats = load_head(), some_splats(200)
    turn = rotations(np.array([[0.8, 0.1, -0.5, 0.3]], np.float32))[0]
    shift = np.array([0.01, -0.2, 0.05], np.float32)
    still, moved = posed(splats, model.mean, model.skin), posed(splats, model.mean @ turn.T + shift, model.skin)
    assert np.allclose(moved.mean, turn @ still.mean + shift[:, None], atol=1e-5)

    def matrix(cov: np.ndarray) -> np.ndarray:
        xx, xy, xz, yy, yz, zz = cov
        return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]).transpose(2, 0, 1)

    wanted = turn @ matrix(still.cov) @ turn.T
    assert np.allclose(matrix(moved.cov), wanted, atol=1e-3 * np.abs(wanted).max())


def test_a_splat_grows_with_its_triangle() -> None:
    model, splats = load_head(), some_splats(100)
    small, large = posed(splats, model.mean, model.skin), posed(splats, 2 * model.mean, model.skin)
    assert np.allclose(large.cov, 4 * small.cov, rtol=1e-3, atol=1e-12)


def naive(prints: Footprints, alpha: np.ndarray, color: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 4), splat by splat and pixel by pixel."""
    out, left = np.zeros((size, size, 4)), np.ones((size, size))
    y, x = np.mgrid[0:size, 0:size] + 0.5
    for i in np.argsort(prints.depth, kind="stable"):
        if prints.reach[i] <= 0:
            continue
        dx, dy = x - prints.centre[0, i], y - prints.centre[1, i]
        a, b, c = prints.conic[:, i]
        value = alpha[i] * np.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)
        value = np.where(value > 1 / 255, np.minimum(value, 0.99), 0.0)
        out += (left * value)[..., None] * np.append(color[i], 1.0)
        left *= 1 - value
    return out


def test_sprites_are_the_splats_that_face_the_camera_farthest_first() -> None:
    model, splats = load_head(), some_splats(600)
    rig, stage = Rig(splats, model.skin), Stage(splats, model.skin)
    look = Look.of(view_state(20.0, 5.0, 100))
    light = np.random.default_rng(1).uniform(0.5, 1.5, model.mean.shape).astype(np.float32)
    # Each splat's number as its colour: which they are.
    number = np.repeat(np.arange(600, dtype=np.float32)[:, None] / 600, 3, axis=1)
    tinted = stage.sprites(model.mean, np.ones_like(light), look.eye, look.rotation, 0.15, (number, 1.0))
    which = np.round(600 * tinted.color[:, 0]).astype(int)
    assert 0.2 < len(which) / len(splats) < 0.9 and len(set(which.tolist())) == len(which)
    every = rig.posed(model.mean)
    some = stage.sprites(model.mean, light, look.eye, look.rotation, 0.15)
    assert np.allclose(some.place[:, :3].T, every.mean[:, which], atol=1e-6)
    wanted = rig.color(every.mean, look.eye) * rig.spread(light).T
    assert np.allclose(some.color[:, :3], wanted[which], atol=0.01) and np.allclose(some.color[:, 3], rig.alpha[which])
    assert (np.diff(look.rotation[2] @ some.place[:, :3].T) < 1e-5).all()
    ray = every.mean - look.eye[:, None]
    aside = (ray * every.normal).sum(0) / np.linalg.norm(ray, axis=0)
    hidden = np.setdiff1d(np.arange(len(splats)), which)
    assert aside[hidden].min() > 0 and aside[which].max() < 0.3
    # Their footprints are those that the exact drawing has, but for where on its triangle a splat lies.
    a, b, c = footprints(every, np.ones(600, np.float32), look).conic[:, which]
    det = a * c - b * b
    exact = np.stack([c, -b, a]) / det - np.array([[BLUR_PX2], [0.0], [BLUR_PX2]])
    focal = look.scale / look.nearness
    mine = focal**2 * np.stack([some.place[:, 3], some.shape[:, 0], some.shape[:, 1]])
    size = exact[0] + exact[2]
    assert np.abs(mine - exact).max(0).max() < 0.1 * size.max()
    assert np.quantile(np.abs(mine - exact).max(0) / size, 0.95) < 0.04


def test_the_rasterizer_is_the_naive_one_but_quicker() -> None:
    model, splats = load_head(), some_splats(400)
    rig = Rig(splats, model.skin)
    state = view_state(25.0, 10.0, 48)
    look = Look.of(state)
    placed = rig.posed(model.mean)
    prints, color = footprints(placed, rig.alpha, look), rig.color(placed.mean, look.eye)
    picture, cover = rasterize(prints, rig.alpha, color, 48, 48)
    wanted = naive(prints, rig.alpha, color, 48)
    assert wanted[..., 3].max() > 0.9
    assert np.abs(picture - wanted[..., :3]).max() < 1e-4
    assert np.abs(cover - wanted[..., 3]).max() < 1e-4


def test_a_footprint_lies_where_the_camera_projects_its_splat() -> None:
    model, splats = load_head(), some_splats(300)
    state = view_state(-40.0, 5.0, 100)
    rig = Rig(splats, model.skin)
    placed = rig.posed(model.mean)
    prints = footprints(placed, rig.alpha, Look.of(state))
    assert np.allclose(prints.centre.T, state.project(placed.mean.T), atol=1e-3)
    # Its covariance: that of points drawn from the splat, projected.
    random = np.random.default_rng(3)
    i = int(np.argmax(placed.cov[0] * (prints.reach > 0)))
    xx, xy, xz, yy, yz, zz = placed.cov[:, i]
    cloud = random.multivariate_normal(
        placed.mean[:, i], np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]], np.float64), 20_000
    ).astype(np.float32)
    wanted = np.cov(state.project(cloud).T) + BLUR_PX2 * np.eye(2)
    a, b, c = prints.conic[:, i]
    assert np.allclose(np.linalg.inv(np.array([[a, b], [b, c]])), wanted, rtol=0.06, atol=0.02 * np.trace(wanted))


def test_seeds_close_the_head(head: Avatar) -> None:
    state = view_state(30.0, 0.0, 128)
    picture, cover = SplatHead(head).draw(state, (128, 128))
    points = state.project(head.neutral)
    inside = np.zeros((128, 128), bool)
    face = load_head().layouts["ibug68"].of(head.neutral)[27:60]
    x, y = np.round(state.project(face)).astype(int).T
    inside[y.min() : y.max(), x.min() : x.max()] = True
    assert np.quantile(cover[inside], 0.02) > 0.97
    assert (points[:, 0].min() > 0) and cover[:, 0].max() < 0.05
    assert over(picture, cover, (0, 255, 0))[2, 2].tolist() == [0, 255, 0]


def test_lids_close_and_the_eye_is_hidden(head: Avatar) -> None:
    weights = np.zeros(52, np.float32)
    open_eye = view_state(0.0, 0.0, 160)
    weights[[EXPRESSIONS.index("eyeBlinkLeft"), EXPRESSIONS.index("eyeBlinkRight")]] = 1.0
    closed = replace(open_eye, expression=weights)
    ball = load_head().layouts["mediapipe478"].of(head.neutral)[473]
    x, y = np.round(open_eye.project(ball[None])[0]).astype(int)
    drawn = SplatHead(head)
    before, after = (drawn.draw(state, (160, 160))[0][y, x].astype(float) for state in (open_eye, closed))
    skin = drawn.draw(open_eye, (160, 160))[0][y - 22, x].astype(float)
    assert np.abs(before - skin).mean() > 40
    assert np.abs(after - skin).mean() < 20


def test_what_was_guessed_is_tinted(head: Avatar) -> None:
    drawn = SplatHead(head)
    green = {}
    for yaw in (50.0, -50.0):  # the subject's right side, which was seen, and the left one
        pictures = [drawn.draw(view_state(yaw, 0.0, 96), (96, 96), tinted=on) for on in (True, False)]
        shift = pictures[0][0].astype(float) - pictures[1][0]
        shift = shift[pictures[0][1] > 0.9].mean(0)
        green[yaw] = shift[1] - shift[2]
    assert green[50.0] > 10 and green[-50.0] < -10  # green on the one side, blue on the other


def test_damaged_splats_are_refused(head: Avatar) -> None:
    assert head.splats is not None
    with pytest.raises(ModelError, match="lack"):
        Splats.of({k: v for k, v in head.splats.items() if k != "opacity"})
    with pytest.raises(ModelError, match="damaged"):
        Splats.of({**head.splats, "bary": head.splats["bary"][:-1]})
    with pytest.raises(ModelError, match="no splats"):
        SplatHead(replace(head, splats=None))


def test_gradients_are_those_of_finite_differences() -> None:
    torch = pytest.importorskip("torch")
    from tracker.avatar import raster_torch

    random = np.random.default_rng(1)
    n, size = 14, 12
    half = random.normal(size=(n, 2, 2)) * 0.3
    conic = half @ half.transpose(0, 2, 1) + np.eye(2) * 0.12
    prints = Footprints(
        random.uniform(2, 10, (2, n)).astype(np.float32),
        np.stack([conic[:, 0, 0], conic[:, 0, 1], conic[:, 1, 1]]).astype(np.float32),
        np.full(n, 40, np.float32),
        np.arange(n, dtype=np.float32),
    )
    alpha, color = random.uniform(0.2, 0.7, n).astype(np.float32), random.uniform(0, 1, (n, 3)).astype(np.float32)
    which, listed = raster_torch.pair_list(prints, alpha, size, size)
    assert which.tolist() == list(range(n))
    given = [torch.tensor(x.astype(np.float64)) for x in (prints.centre, prints.conic, alpha, color.T)]
    given = [x.requires_grad_() for x in given]
    picture = raster_torch.rasterize(*given, listed).detach().numpy()
    wanted = naive(prints, alpha, color, size)
    assert np.abs(picture.transpose(1, 2, 0) - wanted).max() < 0.02  # what lies behind 99 % is left out
    assert torch.autograd.gradcheck(lambda *x: raster_torch.rasterize(*x, listed), given, eps=1e-6, atol=1e-4)


def test_what_is_optimised_is_what_is_drawn(head: Avatar) -> None:
    pytest.importorskip("torch")
    from tracker.avatar.sight import SIDE, sight

    assert head.splats is not None
    splats, size = Splats.of(head.splats), (SIDE, SIDE)
    state = view_state(30.0, -10.0, SIDE)
    looked_at = sight(head, View("x", np.zeros((*size, 3), np.uint8), np.full(size, 255, np.uint8), state), "cpu")
    looked_at.renew(splats)
    drawn = looked_at.drawn(splats)
    left, top = np.round(np.asarray(state.centre) - looked_at.look.centre).astype(int)
    there = slice(top, top + drawn.shape[1]), slice(left, left + drawn.shape[2])
    picture, cover = SplatHead(head).draw(state, size)
    known = looked_at.weight.numpy() > 0.5
    assert known.sum() > 0.1 * SIDE * SIDE
    assert np.abs(255 * drawn[:3].transpose(1, 2, 0) - picture[there])[known].max() < 4  # what lies behind 99 %
    assert np.abs(drawn[3] - cover[there])[known].max() < 0.015


def _pictured(avatar: Avatar, state: FaceState, size: int) -> View:
    picture, cover = SplatHead(avatar).draw(state, (size, size))
    return View("made", picture, np.clip(cover * 255, 0, 255).astype(np.uint8), state)


def test_optimising_brings_splats_nearer_to_the_views(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from tracker.avatar import refine, sight

    monkeypatch.setattr(sight, "SIDE", 96)
    monkeypatch.setattr(sight, "_ALL_ROUND", ())
    true = patterned()
    true = replace(true, splats=seeds(true).arrays())
    seen = _pictured(true, view_state(0.0, 0.0, 96), 96)
    held = _pictured(true, view_state(15.0, 0.0, 96), 96)
    start = replace(patterned(0.6), views=(seen,))
    told: list[float] = []
    better = refine.optimise(start, told.append, steps=16)

    def error(avatar: Avatar, view: View) -> float:
        picture, _ = SplatHead(avatar).draw(view.state, (96, 96))
        return float(np.abs(picture.astype(float) - view.image)[view.matte > 128].mean())

    first = replace(start, splats=seeds(start).arrays())
    assert error(better, seen) < 0.75 * error(first, seen)
    assert error(better, held) < 0.85 * error(first, held)
    assert told[-1] == 1.0 and told == sorted(told)


def test_what_no_picture_shows_stays_as_the_texture_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from tracker.avatar import refine, sight

    monkeypatch.setattr(sight, "SIDE", 96)
    start = patterned()
    bright = replace(start, texture=np.full_like(start.texture, 230))
    seen = _pictured(replace(bright, splats=seeds(bright).arrays()), view_state(0.0, 0.0, 96), 96)
    start = replace(start, views=(seen,))
    aside = view_state(60.0, 0.0, 96)
    wanted, cover = MeshHead(start).draw(aside, (96, 96))

    def astray(avatar: Avatar) -> float:
        picture, _ = SplatHead(avatar).draw(aside, (96, 96))
        return float(np.abs(picture.astype(float) - wanted)[cover > 0.5].mean())

    held = astray(refine.optimise(start, steps=40))
    monkeypatch.setattr(sight, "_ALL_ROUND", ())
    assert held < 0.9 * astray(refine.optimise(start, steps=40))


def test_optimising_leaves_lids_eyes_and_mouth_as_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from tracker.avatar import refine, sight

    monkeypatch.setattr(sight, "SIDE", 96)
    monkeypatch.setattr(sight, "_ALL_ROUND", ((150.0, 0.0),))  # a view that does not show them
    start, model = patterned(), load_head()
    bright = replace(start, texture=np.full_like(start.texture, 230))
    seen = _pictured(replace(bright, splats=seeds(bright).arrays()), view_state(0.0, 0.0, 96), 96)
    done = refine.optimise(replace(start, views=(seen,)), steps=40)
    assert done.splats is not None
    first, last = seeds(start), Splats.of(done.splats)
    made = (lids()[model.tri].max(1) > 0.5) | np.isin(model.region[model.tri], (3, 6, EYEBALL)).any(1)  # lips, teeth
    for name in ("bary", "offset", "rotation", "log_scale", "opacity", "sh"):
        was, now = (getattr(splats, name)[made[splats.triangle]] for splats in (first, last))
        assert np.allclose(was, now, atol=1e-5), name
    assert not np.allclose(first.sh.mean((0, 1)), last.sh.mean((0, 1)), atol=0.02)


def test_an_optimised_face_has_no_holes_when_it_is_looked_at_more_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from tracker.avatar import refine, sight

    monkeypatch.setattr(sight, "SIDE", 96)
    monkeypatch.setattr(sight, "_ALL_ROUND", ())
    true, start = patterned(), patterned(0.6)
    seen = _pictured(replace(true, splats=seeds(true).arrays()), view_state(0.0, 0.0, 96), 96)
    close = view_state(0.0, 0.0, 480)
    x, y = (close.project(load_head().layouts["ibug68"].of(start.neutral))[:, k] for k in (0, 1))
    face = slice(int(y[27]), int(y[57])), slice(int(x[36]), int(x[45]))

    def through(avatar: Avatar) -> float:
        return float(np.quantile(1 - SplatHead(avatar).draw(close, (480, 480))[1][face], 0.99))

    done = refine.optimise(replace(start, views=(seen,)), steps=60)
    assert through(done) < 0.5 * through(replace(start, splats=seeds(start).arrays()))
    assert done.splats is not None
    head = load_head()
    corners, skin = head.mean[head.tri], np.isin(head.region[head.tri], (0, 3)).all(1)
    front = skin & (corners[..., 2].min(1) > 0) & (corners[..., 1].min(1) > -0.1)
    at, now = (splats.bary[front[splats.triangle]] for splats in (seeds(start), Splats.of(done.splats)))
    assert len(at) == len(now) and np.abs(at - now).max() < 0.1  # none was divided, or went where there is no face


def test_a_picture_says_nothing_of_what_lies_beyond_its_edge() -> None:
    pytest.importorskip("torch")
    from tracker.avatar.sight import SIDE, sight

    avatar = plain()
    image = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    image[:40] = 128
    view = View("x", image, np.zeros((SIDE, SIDE), np.uint8), view_state(0.0, 0.0, SIDE))
    looked_at = sight(avatar, view, "cpu")
    top = round(float(view.state.centre[1] - looked_at.look.centre[1]))  # what is not known is cut off
    assert 40 <= top <= 44 and looked_at.weight.numpy()[: SIDE // 2 - top].min() > 0


def test_a_cancelled_optimisation_leaves_the_head_as_it_was() -> None:
    pytest.importorskip("torch")
    from tracker.avatar import refine

    avatar = plain()
    seen = View("x", np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8), view_state(0.0, 0.0, 64))
    start = replace(avatar, views=(seen,))
    assert refine.optimise(start, cancelled=lambda: True) is start


def test_hair_beyond_the_mesh_gets_splats_that_hang_on_it() -> None:
    from tracker.avatar.strands import strands

    model = load_head()
    state = view_state(0.0, 0.0, 128)
    look = Look.of(state)
    top = state.project(model.mean)[:, 1].min()
    missing = np.zeros((4, 128, 128), np.float32)
    rows = slice(int(top) - 8, int(top))
    missing[:, rows, 58:70] = np.array([0.2, 0.1, 0.05, 1.0], np.float32)[:, None, None]
    found = strands(missing, look, model.mean, np.ones_like(model.mean), 1)
    assert len(found) > 10
    placed = posed(found, model.mean, model.tri)
    points = state.project(placed.mean.T)
    assert points[:, 1].max() < top + 2 and points[:, 1].min() > top - 10
    assert np.abs(points[:, 0] - 64).max() < 8
    assert len(strands(np.zeros_like(missing), look, model.mean, np.ones_like(model.mean), 4)) == 0


def test_without_torch_the_head_stays_a_mesh_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    from tracker.avatar import grow

    monkeypatch.setattr(grow.importlib.util, "find_spec", lambda name: None)
    grown = grow.with_splats(plain())
    assert grown.splats is None and "torch" in grown.facts["no_splats"]


def test_a_build_that_is_cancelled_among_the_splats_ends() -> None:
    pytest.importorskip("torch")
    from tracker.avatar.assemble import Cancelled, Clock
    from tracker.avatar.grow import with_splats

    stages: list[str] = []
    clock = Clock(lambda stage, share: stages.append(stage), lambda: len(stages) > 0)
    with pytest.raises(Cancelled, match="Nothing was written"):
        with_splats(plain(), clock)
        with_splats(plain(), clock)
    assert set(stages) <= {"splats", ""}
