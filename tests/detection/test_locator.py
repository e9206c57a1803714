"""The locator with its shipped weights on a real photograph, and its geometry on made-up maps."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.detection.locator import (
    CHECK_NAME,
    CHECK_SHARE,
    CHECK_SIZE,
    LIVE_PIXELS,
    MODEL,
    MULTIPLE,
    SIDE_UNIT,
    STRIDE,
    Find,
    Locator,
    check_crop,
    decode,
    fit,
    mended,
    merge,
)
from tracker.errors import ModelError

FACE = (268.0, 244.0, 168.0)
"""Centre and side of the tight square round the face in the photograph, read off by eye."""


def placed(photo: np.ndarray, size: tuple[int, int], scale: float, turn_deg: float = 0.0, mirror: bool = False):
    """The photograph turned about its face, which comes to lie in the middle; the canvas and the face's side."""
    turn = np.radians(turn_deg)
    flip = -1 if mirror else 1
    linear = scale * np.array([[np.cos(turn) * flip, -np.sin(turn)], [np.sin(turn) * flip, np.cos(turn)]])
    shift = np.array(size) / 2 - linear @ FACE[:2]
    matrix = np.concatenate([linear, shift[:, None]], 1)
    return cv2.warpAffine(photo, matrix, size, flags=cv2.INTER_AREA, borderValue=(90, 90, 90)), FACE[2] * scale


def test_the_one_face_of_a_photograph_is_found_where_it_is(locator: Locator, photo: np.ndarray) -> None:
    finds = locator.find(photo)
    assert all(other.score < finds[0].score for other in finds[1:])
    assert np.hypot(finds[0].centre[0] - FACE[0], finds[0].centre[1] - FACE[1]) < 0.15 * FACE[2]
    assert abs(np.log(finds[0].side / FACE[2])) < 0.25
    assert abs(np.degrees(finds[0].roll)) < 15


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1280, 720), (500, 500), (1920, 300)])
@pytest.mark.parametrize("share", [0.35, 0.6])
def test_shape_and_size_of_the_frame_do_not_matter(
    locator: Locator, photo: np.ndarray, size: tuple[int, int], share: float
) -> None:
    frame, side = placed(photo, size, share * min(size) / FACE[2])
    best = locator.find(frame)[0]
    assert np.hypot(best.centre[0] - size[0] / 2, best.centre[1] - size[1] / 2) < 0.25 * side
    assert abs(np.log(best.side / side)) < 0.35


def test_small_faces_need_the_pyramid_only_below_live_size(locator: Locator, photo: np.ndarray) -> None:
    frame, side = placed(photo, (1280, 720), 24 / FACE[2])
    best = locator.find(frame, pyramid=True)[0]
    assert np.hypot(best.centre[0] - 640, best.centre[1] - 360) < 0.4 * side
    frame, side = placed(photo, (1280, 720), 48 / FACE[2])
    best = locator.find(frame)[0]
    assert np.hypot(best.centre[0] - 640, best.centre[1] - 360) < 0.4 * side


@pytest.mark.parametrize("turn", [-30.0, -15.0, 15.0, 30.0])
def test_roll_is_clockwise_positive(locator: Locator, photo: np.ndarray, turn: float) -> None:
    upright = np.degrees(locator.find(placed(photo, (640, 480), 1.0)[0])[0].roll)
    turned = np.degrees(locator.find(placed(photo, (640, 480), 1.0, turn)[0])[0].roll)
    assert abs(turned - upright - turn) < 15


def test_a_mirrored_face_turns_the_other_way(locator: Locator, photo: np.ndarray) -> None:
    plain = locator.find(placed(photo, (640, 480), 1.0)[0])[0].yaw_sign
    mirrored = locator.find(placed(photo, (640, 480), 1.0, mirror=True)[0])[0].yaw_sign
    assert abs(plain + mirrored) < 0.25


def test_every_face_of_a_picture_is_found_and_no_more_than_asked(locator: Locator, photo: np.ndarray) -> None:
    half = cv2.resize(photo, (256, 300), interpolation=cv2.INTER_AREA)
    frame = np.hstack([half] * 4)
    finds = locator.find(frame)
    surest = sorted(finds, key=lambda f: -f.score)[:4]
    assert sorted(int(f.centre[0] // 256) for f in surest) == [0, 1, 2, 3]
    assert locator.find(frame, max_faces=2) == finds[:2]
    weights = [f.score * f.side for f in finds]
    assert weights == sorted(weights, reverse=True)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (3, 2), (4320, 7680), (20, 3000)])
def test_no_shape_of_frame_is_too_odd(locator: Locator, shape: tuple[int, int]) -> None:
    for pyramid in (False, True):
        assert locator.find(np.zeros((*shape, 3), np.uint8), pyramid=pyramid) == []


def test_nothing_is_found_in_noise_and_gradients(locator: Locator) -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    blobs = cv2.resize(random.integers(0, 256, (12, 16, 3), dtype=np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC)
    for image in (noise, blobs):
        assert locator.find(image, pyramid=True) == []


def test_what_is_no_colour_picture_has_no_faces(locator: Locator) -> None:
    assert locator.find(np.zeros((0, 5, 3), np.uint8)) == []
    assert locator.find(np.zeros((40, 50), np.uint8)) == []


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_the_input_keeps_the_shape_and_the_budget(height: int, width: int) -> None:
    shrunk, (sx, sy) = fit(np.zeros((height, width, 3), np.uint8), LIVE_PIXELS)
    rows, columns = shrunk.shape[:2]
    assert rows % MULTIPLE == columns % MULTIPLE == 0
    assert rows * columns <= LIVE_PIXELS
    across, down = width / sx, height / sy
    assert across <= columns + 1e-6 and down <= rows + 1e-6
    assert columns - across < MULTIPLE and rows - down < MULTIPLE
    if min(across, down) > 20:
        assert abs(np.log(sx / sy)) < 0.06


def test_fit_does_not_move_the_picture() -> None:
    image = np.zeros((720, 1280, 3), np.uint8)
    cv2.circle(image, (900, 200), 40, (255, 255, 255), -1)
    shrunk, (sx, sy) = fit(image, LIVE_PIXELS)
    ys, xs = np.nonzero(shrunk[..., 0] > 127)
    assert (xs.mean() + 0.5) * sx == pytest.approx(900.5, abs=1.5)
    assert (ys.mean() + 0.5) * sy == pytest.approx(200.5, abs=1.5)


def test_decode_reads_a_cell_as_documented() -> None:
    maps = np.zeros((7, 20, 30), np.float32)
    maps[:, 4, 10] = (0.9, 0.25, -0.5, np.log(2.0), np.cos(0.3), np.sin(0.3), -1.4)
    maps[0, 9, 9] = 0.3
    (find,) = decode(maps, 0.4, (2.0, 2.0))
    x, y, half = 10.75 * STRIDE * 2, 4.0 * STRIDE * 2, SIDE_UNIT * 2.0
    assert find.box == pytest.approx((x - half, y - half, x + half, y + half), abs=1e-4)
    assert (find.score, find.roll, find.yaw_sign) == pytest.approx((0.9, 0.3, -1.0))
    assert decode(maps, 0.4, (2.0, 2.0), largest=40.0) == []


def square(x: float, y: float, side: float, score: float) -> Find:
    return Find((x - side / 2, y - side / 2, x + side / 2, y + side / 2), score, 0.0, 0.0)


def test_merge_keeps_the_surer_of_two_that_lie_on_one_face() -> None:
    kept = merge([square(100, 100, 50, 0.6), square(110, 100, 60, 0.9), square(200, 100, 40, 0.5)])
    assert [f.score for f in kept] == [0.9, 0.5]


@given(
    st.lists(st.builds(square, st.floats(0, 500), st.floats(0, 500), st.floats(5, 200), st.floats(0.1, 1)), max_size=12)
)
def test_merging_twice_changes_nothing(finds: list[Find]) -> None:
    once = merge(finds)
    assert merge(once) == once
    assert set(once) <= set(finds)


@given(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(-1, 1))
def test_a_square_is_mended_in_its_own_upright_frame(
    along: float, down: float, grow: float, turn: float, roll: float
) -> None:
    find = Find((100, 80, 140, 120), 0.3, roll, 0.0)
    better = mended(find, np.array([0.8, along, down, grow, turn, 2.0], np.float32))
    toward = np.array(better.centre) - find.centre
    own = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]]) @ toward
    assert own == pytest.approx([40 * along, 40 * down], abs=1e-3)
    assert better.side == pytest.approx(40 * np.exp(grow), rel=1e-4)
    assert (better.score, better.roll, better.yaw_sign) == pytest.approx((0.8, roll + turn, 1.0), abs=1e-5)


def test_the_second_looks_crop_is_upright_and_centred() -> None:
    image = np.zeros((300, 300, 3), np.uint8)
    roll, side = 0.6, 90.0
    up = (150 + 40 * np.sin(roll), 150 - 40 * np.cos(roll))
    cv2.circle(image, (round(up[0]), round(up[1])), 6, (255, 255, 255), -1)
    crop = check_crop(image, (150, 150), side, roll)
    assert crop.shape == (CHECK_SIZE, CHECK_SIZE, 3)
    ys, xs = np.nonzero(crop[..., 0] > 127)
    assert xs.mean() + 0.5 == pytest.approx(CHECK_SIZE / 2, abs=1)
    assert ys.mean() + 0.5 == pytest.approx(CHECK_SIZE / 2 - 40 * CHECK_SIZE / (side * CHECK_SHARE), abs=1)


@pytest.mark.parametrize("name", [MODEL.name, CHECK_NAME])
def test_unusable_weights_are_named(tmp_path: Path, name: str) -> None:
    for file in (MODEL, MODEL.with_name(CHECK_NAME)):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    model = tmp_path / name
    old = onnx.load(str(model))
    onnx.helper.set_model_props(old, {"version": "0"})
    onnx.save(old, str(model))
    with pytest.raises(ModelError, match="version 0"):
        Locator(tmp_path / MODEL.name)
    model.write_bytes(model.read_bytes()[:5000])
    with pytest.raises(ModelError, match="cannot be read"):
        Locator(tmp_path / MODEL.name)
    model.unlink()
    with pytest.raises(ModelError, match=f"{name} are missing"):
        Locator(tmp_path / MODEL.name)


def test_the_weights_are_small_and_say_what_they_are() -> None:
    assert MODEL.stat().st_size + MODEL.with_name(CHECK_NAME).stat().st_size < 800_000
    locator = Locator()
    meta = locator.session.get_modelmeta().custom_metadata_map
    assert {"name", "version", "stride", "multiple", "live_pixels"} <= set(meta)
    assert {"name", "version", "size", "share"} <= set(locator.check.get_modelmeta().custom_metadata_map)


def test_sessions_can_be_handed_in(locator: Locator, photo: np.ndarray) -> None:
    again = Locator(locator.session, check=locator.check)
    assert again.find(photo) == locator.find(photo)
