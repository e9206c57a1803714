"""Folders of images as people have them: odd depths, odd sizes, and things that are no images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker.capture import open_source
from tracker.capture.images import load_image
from tracker.errors import SourceError


def save(path: Path, image: np.ndarray) -> None:
    ok, data = cv2.imencode(path.suffix, image)
    assert ok
    path.write_bytes(data.tobytes())


def exif_rotated(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG with an EXIF block that holds nothing but the orientation."""
    tiff = (
        b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01" + bytes([0, orientation, 0, 0]) + b"\0" * 4
    )
    block = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + jpeg[2:]


def test_natural_order_time_and_a_text_file_among_them(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        save(tmp_path / f"frame{number}.png", np.full((8, 9, 3), number, np.uint8))
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden").write_text("")
    with open_source(tmp_path) as source:
        assert source.info.frames == 3
        assert source.info.kind == "images"
        assert any("notes.txt" in note for note in source.info.notes)
        assert ".hidden" not in " ".join(source.info.notes)
        frames = list(source)
        assert source.problem is None
    assert [int(f.image[0, 0, 0]) for f in frames] == [1, 2, 10]
    np.testing.assert_allclose([f.time for f in frames], np.arange(3) / 30)
    assert [f.index for f in frames] == [0, 1, 2]


def test_rgb_order_and_contiguous(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.full((3, 4, 3), (10, 20, 30), np.uint8))  # OpenCV writes BGR
    image = load_image(tmp_path / "a.png")
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image[1, 1], (30, 20, 10))


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("grey.png", np.full((5, 7), 77, np.uint8), (77, 77, 77)),
        ("deep.png", np.full((5, 7, 3), (0x1122, 0x3344, 0x5566), np.uint16), (0x55, 0x33, 0x11)),
        ("deep_grey.png", np.full((5, 7), 0xABCD, np.uint16), (0xAB, 0xAB, 0xAB)),
        ("alpha.png", np.full((5, 7, 4), (1, 2, 3, 40), np.uint8), (3, 2, 1)),
        ("float.tiff", np.full((5, 7, 3), (0.0, 0.5, 2.0), np.float32), (255, 128, 0)),
    ],
)
def test_depths_and_channels(tmp_path: Path, name: str, image: np.ndarray, expected: tuple[int, int, int]) -> None:
    save(tmp_path / name, image)
    got = load_image(tmp_path / name)
    assert (got.shape, got.dtype) == ((5, 7, 3), np.uint8)
    np.testing.assert_array_equal(got[2, 2], expected)


@pytest.mark.parametrize(("orientation", "where"), [(1, (4, 4)), (3, (-5, -5)), (6, (4, -5)), (8, (-5, 4))])
def test_exif_orientation(tmp_path: Path, orientation: int, where: tuple[int, int]) -> None:
    image = np.zeros((40, 64, 3), np.uint8)
    image[:16, :16] = 255
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(exif_rotated(jpeg, orientation))
    got = load_image(tmp_path / "a.jpg")
    assert got.shape[:2] == ((40, 64) if orientation in (1, 3) else (64, 40))
    assert int(got[where][0]) > 200
    assert int((got[..., 0] > 128).sum()) == pytest.approx(256, abs=40)


def test_a_damaged_image_is_skipped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in (1, 2, 3):
        save(tmp_path / f"{number}.png", np.full((8, 8, 3), number, np.uint8))
    (tmp_path / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    (tmp_path / "0.jpg").write_bytes(b"")
    with open_source(tmp_path) as source:
        frames = list(source)
        assert source.problem is not None
        assert "2 of 4 images" in source.problem
    assert [int(f.image[0, 0, 0]) for f in frames] == [1, 3]
    np.testing.assert_allclose([f.time for f in frames], [0, 1 / 30])
    assert "2.png" in caplog.text
    assert "empty (0 bytes)" in caplog.text


@pytest.mark.parametrize("shape", [(1, 1), (4320, 7680)])
def test_the_smallest_and_an_8k_image(tmp_path: Path, shape: tuple[int, int]) -> None:
    save(tmp_path / "a.png", np.full((*shape, 3), 9, np.uint8))
    with open_source(tmp_path / "a.png") as source:
        frame = source.read()
        assert frame is not None
        assert frame.image.shape == (*shape, 3)
        assert (source.info.height, source.info.width) == shape
        assert source.read() is None


def test_folders_without_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is empty; jpg"):
        open_source(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SourceError, match="holds no images but 1 other"):
        open_source(tmp_path)
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match="Not one of the 1 images"):
        open_source(tmp_path)
