"""The locator's scenes, maps, loss, export and scoring, on made-up faces."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.detection.locator import CHECK_NAME, CHECK_SHARE, CHECK_SIZE, MODEL, Find, Locator, decode
from tracker.errors import ModelError, SourceError
from tracker.head import load_head
from tracker.training import locator_export
from tracker.training.locator import LocatorConfig, Scenes, export_locator, train_both, train_locator
from tracker.training.locator_check import (
    CheckConfig,
    CheckNet,
    check_loss,
    gather,
    gather_wrong,
    harder,
    square,
    train_check,
)
from tracker.training.locator_data import FACE, IGNORE, Pictures, load_backgrounds, marks_of, move
from tracker.training.locator_export import parity
from tracker.training.locator_looks import cover_face, draw_shapes
from tracker.training.locator_net import Deployed, LocatorNet, loss, targets
from tracker.training.locator_paste import SMALLEST
from tracker.training.locator_scenes import Stock, scene
from tracker.types import rotation_from_angles


def seen(yaw: float, pitch: float, roll: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean head's 68 points (1, 68, 2) in pixels under a pose in degrees, and its rotation (1, 3, 3)."""
    head, rotation = load_head(), rotation_from_angles(yaw, pitch, roll)
    turned = head.layouts["aflw2000_68"].of(head.mean) @ rotation.T
    return (turned[:, :2] * 1000 + 300)[None], rotation[None]


@pytest.fixture(scope="module")
def stock() -> Stock:
    """Crops with a drawn face, pictures with one, and pictures of noise."""
    random = np.random.default_rng(3)
    crops, marks = [], []
    for _ in range(6):
        crop = np.full((120, 120, 3), random.integers(60, 120, 3), np.uint8)
        cv2.ellipse(crop, (60, 62), (32, 40), 0, 0, 360, (225, 190, 170), -1)
        for x in (48, 72):
            cv2.circle(crop, (x, 55), 5, (30, 20, 20), -1)
        cv2.ellipse(crop, (60, 82), (14, 5), 0, 0, 360, (160, 40, 50), -1)
        crops.append(crop)
        marks.append(np.array([[60.0, 66.0, 64.0, 0.0, 0.0, FACE]], np.float32))
    empty = [cv2.resize(random.integers(0, 256, (9, 12, 3), dtype=np.uint8), (320, 240)) for _ in range(4)]
    wide = [np.pad(c, ((60, 60), (100, 100), (0, 0)), mode="edge") for c in crops[:2]]
    shifted = [m + np.array([100, 60, 0, 0, 0, 0], np.float32) for m in marks[:2]]
    return Stock(Pictures(crops, marks), Pictures(wide, shifted), Pictures(empty, [np.zeros((0, 6), np.float32)] * 4))


@given(st.floats(-89, 89), st.floats(-40, 40))
@settings(deadline=None)
def test_marks_say_roll_and_turn_at_every_yaw(yaw: float, roll: float) -> None:
    mark = marks_of(*seen(yaw, 0, roll))[0]
    # Positive roll tips the crown to the picture's left: counterclockwise, while a mark's roll is clockwise.
    assert np.degrees(mark[3]) == pytest.approx(-roll, abs=0.01)
    assert abs(yaw) < 0.1 or np.sign(mark[4]) == np.sign(yaw)
    assert roll or mark[4] == pytest.approx(np.sin(np.radians(yaw)), abs=1e-5)


def test_an_upright_square_is_tight_round_the_points() -> None:
    p, rotation = seen(0, 0, 0)
    x, y, side, roll = marks_of(p, rotation)[0, :4]
    low, high = p[0].min(0), p[0].max(0)
    assert (x, y) == pytest.approx(tuple((low + high) / 2), abs=1.0)
    assert side == pytest.approx((high - low).max(), rel=0.01)
    assert abs(roll) < 0.02


@given(st.floats(0.3, 3), st.floats(-1.2, 1.2), st.booleans(), st.floats(-25, 25))
@settings(deadline=None)
def test_moving_marks_is_marking_what_was_moved(scale: float, turn: float, mirror: bool, yaw: float) -> None:
    c, s, flip = scale * np.cos(turn), scale * np.sin(turn), -1 if mirror else 1
    affine = np.array([[c * flip, -s, 40.0], [s * flip, c, -7.0]])
    p, rotation = seen(yaw, 0, 10)
    image_turn = np.eye(3)
    image_turn[:2, :2] = affine[:, :2] / scale
    # A mirrored head is a head whose x axis is the other way round.
    moved_rotation = image_turn @ rotation[0] @ np.diag([flip, 1, 1])
    want = marks_of(p @ affine[:, :2].T + affine[:, 2], moved_rotation[None])
    assert move(marks_of(p, rotation), affine) == pytest.approx(want, rel=2e-3, abs=2e-2)


def test_a_scene_depends_on_seed_and_index_alone(stock: Stock) -> None:
    first, marks = scene(stock, (128, 96), 5, 7)
    again, same = scene(stock, (128, 96), 5, 7)
    other, _ = scene(stock, (128, 96), 6, 7)
    assert first.shape == (96, 128, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again) and np.array_equal(marks, same)
    assert not np.array_equal(first, other)


def test_scenes_mark_what_they_show(stock: Stock) -> None:
    counts = []
    for index in range(150):
        _, marks = scene(stock, (160, 128), 1, index)
        faces = marks[marks[:, 5] == FACE]
        counts.append(len(faces))
        assert np.isfinite(marks).all() and (np.abs(marks[:, 3]) <= np.pi + 1e-5).all()
        assert (faces[:, 2] >= SMALLEST).all()
        assert set(np.unique(marks[:, 5])) <= {FACE, IGNORE}
    assert counts.count(0) > 10 and counts.count(1) > 10 and max(counts) > 4


def test_a_covered_face_is_gone_and_its_surroundings_stay(stock: Stock) -> None:
    crop, mark = stock.crops.images[0], stock.crops.marks[0][0]
    covered = cover_face(crop, mark, np.random.default_rng(0))
    assert np.abs(covered[55, 48].astype(int) - crop[55, 48]).max() > 20
    assert np.array_equal(covered[:8], crop[:8])


def test_targets_read_back_as_the_marks() -> None:
    marks = np.array([[50, 40, 30, 0.4, -0.5, FACE], [100, 70, 12, -0.2, 0.9, FACE]], np.float32)
    maps = targets(marks, (160, 128))
    heat = np.where(maps[0] == 1, maps[0], 0)
    finds = decode(np.concatenate([heat[None], maps[3:]]), 0.5, (1.0, 1.0))
    seen = sorted((*f.centre, f.side, f.roll, f.yaw_sign) for f in finds)
    assert np.array(seen) == pytest.approx(marks[:, :5], abs=1e-3)


def test_ignored_places_cost_nothing_whatever_the_network_says() -> None:
    marks = np.array([[80, 60, 60, 0, 0, IGNORE]], np.float32)
    target = torch.from_numpy(targets(marks, (160, 128)))[None]
    maps = torch.zeros(1, 7, 16, 20) - 9
    calm = loss(maps, target)[0]
    maps[0, 0, 7, 10] = 9
    assert loss(maps, target)[0] == pytest.approx(float(calm), abs=1e-6)
    maps[0, 0, 1, 1] = 9
    assert loss(maps, target)[0] > calm + 1


def test_loss_is_least_where_the_maps_are_the_targets() -> None:
    marks = np.array([[50, 40, 30, 0.4, -0.5, FACE]], np.float32)
    target = torch.from_numpy(targets(marks, (160, 128)))[None]
    maps = torch.cat([torch.where(target[:, :1] >= 1, 9.0, -9.0), target[:, 3:]], 1)
    best = loss(maps, target)[0]
    assert best < 0.01
    for channel in range(7):
        worse = maps.clone()
        worse[:, channel] += 0.5 if channel else 6.0
        assert loss(worse, target)[0] > best


def test_training_learns_goes_on_and_exports(stock: Stock, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = LocatorConfig(tmp_path, tmp_path, tmp_path / "out", steps=2, batch=4, sizes=((96, 64),), workers=0)
    train_locator(config, stock)
    first = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)
    more = LocatorConfig(tmp_path, tmp_path, tmp_path / "out", steps=4, batch=4, sizes=((96, 64),), workers=0)
    model = train_locator(more, stock)
    second = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)
    assert (first["step"], second["step"]) == (2, 4)
    assert not torch.equal(first["net"]["out.weight"], second["net"]["out.weight"])
    session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    (maps,) = session.run(None, {"image": np.zeros((1, 96, 64, 3), np.uint8)})
    assert maps.shape == (1, 7, 12, 8)


def test_a_few_steps_on_one_batch_lower_the_loss(stock: Stock, tmp_path: Path) -> None:
    torch.manual_seed(0)
    scenes = Scenes(stock, LocatorConfig(tmp_path, tmp_path, tmp_path, batch=4, sizes=((96, 64),)), 0, 4)
    images, wanted = (torch.stack(part) for part in zip(*(scenes[i] for i in range(4)), strict=True))
    net = LocatorNet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    values = []
    for _ in range(12):
        total, _ = loss(net(images.float() / 255), wanted)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        values.append(float(total.detach()))
    assert values[-1] < 0.6 * values[0]


def test_export_matches_torch_and_a_changed_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net = LocatorNet().eval()
    path, shapes = export_locator(net, tmp_path / "locator.onnx"), [(1, 64, 96, 3)]
    assert parity(Deployed(net), path, shapes) < 1e-4
    with torch.no_grad():
        net.out.weight += 0.05
    assert parity(Deployed(net), path, shapes) > 1e-3
    monkeypatch.setattr(locator_export, "TOLERANCE", -1.0)
    with pytest.raises(ModelError, match="differs from torch"):
        export_locator(net, tmp_path / "other.onnx")


def test_the_deployed_heat_is_zero_but_at_peaks() -> None:
    torch.manual_seed(0)
    image = torch.randint(0, 256, (1, 64, 96, 3), dtype=torch.uint8)
    heat = Deployed(LocatorNet())(image)[0, 0].detach().numpy()
    rows, columns = np.nonzero(heat)
    assert 0 < len(rows) < heat.size / 2
    for row, column in zip(rows, columns, strict=True):
        around = heat[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        assert heat[row, column] == around.max()


def test_backgrounds_are_read_shrunk_and_marked(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    names = [f"inner/{i}.png" for i in range(12)]
    for name in names:
        cv2.imwrite(str(tmp_path / name), np.zeros((400, 1280, 3), np.uint8))
    (tmp_path / "faces.json").write_text(json.dumps({n: [[640, 200, 80, 0.1, 0, FACE]] for n in names}))
    train, held_out = load_backgrounds(tmp_path, share=3), load_backgrounds(tmp_path, True, share=3)
    assert len(train) + len(held_out) == 12 and len(held_out) > 0
    assert train.images[0].shape == (200, 640, 3)
    assert train.marks[0][0] == pytest.approx([320, 100, 40, 0.1, 0, FACE])
    assert len(train.where(with_faces=False)) == 0


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No pictures"):
        load_backgrounds(tmp_path)


def find(x: float, y: float, side: float, roll: float = 0.0) -> Find:
    return Find((x - side / 2, y - side / 2, x + side / 2, y + side / 2), 0.5, roll, 0.0)


def test_wrong_candidates_are_those_off_every_face_or_of_another_size() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(image, (150, 150), 5, (255, 0, 0), -1)
    marks = np.array([[60, 60, 40, 0, 0, FACE], [60, 150, 40, 0, 0, IGNORE]], np.float32)
    right = [find(65, 58, 44), find(60, 150, 150), find(70, 140, 12)]
    assert list(gather(right, image, marks)) == []
    wrong = [find(150, 150, 30, 0.7), find(60, 60, 110), find(60, 60, 12)]
    patches = list(gather(wrong, image, marks))
    assert len(patches) == 3
    middle = patches[0].shape[0] // 2
    assert patches[0][middle, middle].tolist() == [255, 0, 0]


def test_a_square_says_how_far_it_lies_off_its_face() -> None:
    size, side = 240, 60.0
    image = np.zeros((size, size, 3), np.uint8)
    cv2.circle(image, (120, 120), 5, (255, 255, 255), -1)
    faces = Pictures([image], [np.array([[120.5, 120.5, side, 0.3, 0.5, FACE]], np.float32)])
    nothing = Pictures([np.zeros((size, size, 3), np.uint8)], [faces.marks[0]])
    off, seen, kinds = [], [], set()
    for seed in range(60):
        crop, wanted = square(faces, nothing, nothing, np.random.default_rng(seed))
        kinds.add(float(wanted[0]))
        if wanted[0] and crop.max() > 60:
            ys, xs = np.nonzero(crop.max(2) > 0.6 * crop.max())
            seen.append((xs.mean() + 0.5, ys.mean() + 0.5))
            off.append(CHECK_SIZE / 2 + wanted[1:3] * CHECK_SIZE / CHECK_SHARE)
    assert kinds == {0.0, 1.0} and len(seen) > 12
    assert np.median(np.abs(np.array(seen) - off)) < 0.6
    assert np.std(off, axis=0).min() > 1.5


def test_the_second_look_trains_and_exports(stock: Stock, tmp_path: Path) -> None:
    wrong = gather_wrong(lambda image: [find(image.shape[1] / 2, 20, 25)], stock, scenes=3, seed=0)
    assert len(wrong) >= len(stock.empty)
    model = train_check(CheckConfig(tmp_path, steps=3, batch=8, workers=0), stock, wrong)
    session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    (answers,) = session.run(None, {"crops": np.zeros((3, CHECK_SIZE, CHECK_SIZE, 3), np.uint8)})
    assert answers.shape == (3, 6)
    assert ((answers[:, 0] > 0) & (answers[:, 0] < 1)).all()


def test_what_the_second_look_believes_is_listed_more_often(stock: Stock, tmp_path: Path) -> None:
    wrong = gather_wrong(lambda image: [find(image.shape[1] / 2, 20, 25)], stock, scenes=3, seed=0)
    model = train_check(CheckConfig(tmp_path, steps=1, batch=8, workers=0), stock, wrong)
    assert len(harder(wrong, model)) > 1.9 * len(wrong)  # untrained, it half believes everything


def test_both_looks_train_one_after_the_other_and_go_on(stock: Stock, tmp_path: Path) -> None:
    config = LocatorConfig(tmp_path, tmp_path, tmp_path, steps=1, batch=2, sizes=((96, 64),), workers=0)
    check = CheckConfig(tmp_path, scenes=2, steps=2, batch=8, workers=0)
    models = train_both(config, check, stock)
    assert [m.name for m in models] == [MODEL.name, CHECK_NAME]
    assert Locator(models[0]).find(np.zeros((40, 40, 3), np.uint8)) == []
    started = torch.load(tmp_path / "check.pt", weights_only=True)
    train_both(config, check, stock)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 1
    assert started.keys() == torch.load(tmp_path / "check.pt", weights_only=True).keys()


def test_the_second_looks_loss_asks_no_square_of_what_is_no_face() -> None:
    torch.manual_seed(0)
    answers = CheckNet().eval()(torch.rand(2, 3, CHECK_SIZE, CHECK_SIZE) * 255).detach()
    wanted = torch.tensor([[1, 0.1, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0]], dtype=torch.float32)
    first = check_loss(answers, wanted)
    answers[1, 1:] += 5
    assert check_loss(answers, wanted) == pytest.approx(float(first))
    answers[0, 1:] += 5
    assert check_loss(answers, wanted) > first + 1


def test_drawn_shapes_change_the_picture_but_not_the_original(stock: Stock) -> None:
    image = stock.empty.images[0]
    before = image.copy()
    drawn = [draw_shapes(image, np.random.default_rng(seed)) for seed in range(10)]
    assert np.array_equal(image, before)
    assert sum(not np.array_equal(d, image) for d in drawn) >= 9
