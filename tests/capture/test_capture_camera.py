"""The camera source on a driver that is made here and does what drivers do: refuse, deliver less, tear, die."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tracker.capture import camera as camera_module
from tracker.capture.camera import CameraEntry, CameraSource, find_camera, list_cameras, open_driver, open_hint
from tracker.capture.health import BLACK, FROZEN, UNIFORM, Health, likely_cause
from tracker.capture.v4l2 import CameraFormat, formats, read_formats
from tracker.errors import SourceError
from tracker.settings import Capture

WEBCAM = CameraEntry(0, "HD Webcam", "V4L2", "")


class FakeDriver:
    """Gives `pictures` (an item None is a failed grab), grants only what `limits` allows."""

    def __init__(self, pictures: list[Any], limits: dict[int, float] | None = None) -> None:
        self.pictures = list(pictures)
        self.asked: list[tuple[int, float]] = []
        self.props: dict[int, float] = {
            cv2.CAP_PROP_FRAME_WIDTH: 640,
            cv2.CAP_PROP_FRAME_HEIGHT: 480,
            cv2.CAP_PROP_FPS: 30,
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"YUYV"),
        }
        self.limits = limits or {}
        self.released = 0

    def set(self, prop: int, value: float) -> bool:
        self.asked.append((prop, value))
        self.props[prop] = self.limits.get(prop, value)
        return prop not in self.limits

    def get(self, prop: int) -> float:
        return self.props.get(prop, 0.0)

    def grab(self) -> bool:
        if self.pictures and self.pictures[0] is None:
            self.pictures.pop(0)
            return False
        return bool(self.pictures)

    def retrieve(self) -> tuple[bool, Any]:
        return True, self.pictures.pop(0)

    def release(self) -> None:
        self.released += 1


def opened(driver: FakeDriver, **settings: Any) -> CameraSource:
    return CameraSource(WEBCAM, Capture(**settings), driver=lambda entry: driver)


BGR = np.full((720, 1280, 3), (10, 20, 30), np.uint8)


def test_format_size_and_rate_are_asked_for_in_this_order() -> None:
    driver = FakeDriver([BGR])
    info = opened(driver, width=1280, height=720, fps=60.0, fourcc="MJPG").info
    assert [prop for prop, _ in driver.asked] == [
        cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_FRAME_WIDTH,
        cv2.CAP_PROP_FRAME_HEIGHT,
        cv2.CAP_PROP_FPS,
    ]
    assert (info.asked, info.got) == ("1280x720 60 fps MJPG", "1280x720 60 fps MJPG")
    assert (info.name, info.kind, info.live, info.notes) == ("HD Webcam", "camera", True, ())


def test_what_the_driver_does_not_grant_is_said() -> None:
    limits = {
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"YUYV"),
        cv2.CAP_PROP_FRAME_WIDTH: 640,
        cv2.CAP_PROP_FRAME_HEIGHT: 480,
        cv2.CAP_PROP_FPS: 15,
    }
    info = opened(FakeDriver([BGR], limits), width=1280, height=720, fps=30.0).info
    assert (info.asked, info.got) == ("1280x720 30 fps MJPG", "640x480 15 fps YUYV")
    said = " ".join(info.notes)
    assert "640x480 is what the camera gives" in said
    assert "sends YUYV" in said
    assert "offers 15" in said


def test_zero_leaves_the_choice_to_the_driver() -> None:
    driver = FakeDriver([BGR])
    info = opened(driver, width=0, height=0, fps=0.0, fourcc="").info
    assert driver.asked == []
    assert (info.asked, info.got) == ("the driver's choice", "640x480 30 fps YUYV")


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (BGR, (30, 20, 10)),
        (np.full((5, 6), 9, np.uint8), (9, 9, 9)),
        (np.full((5, 6), 0x1234, np.uint16), (0x12, 0x12, 0x12)),
        (np.full((5, 6, 4), (1, 2, 3, 9), np.uint8), (3, 2, 1)),
    ],
)
def test_every_picture_becomes_rgb(picture: np.ndarray, expected: tuple[int, int, int]) -> None:
    source = opened(FakeDriver([picture]))
    frame = source.read()
    assert frame is not None
    np.testing.assert_array_equal(frame.image[2, 2], expected)
    assert frame.image.shape == (*picture.shape[:2], 3)
    assert (source.info.height, source.info.width) == picture.shape[:2]


def test_frames_are_stamped_at_the_grab_and_torn_pictures_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([50.0, 50.01, 50.033, 50.033])
    monkeypatch.setattr(camera_module.time, "monotonic", lambda: next(clock))
    source = opened(FakeDriver([BGR, None, BGR, BGR]))
    frames = [source.read() for _ in range(3)]
    assert [f.index for f in frames if f] == [0, 1, 2]
    np.testing.assert_allclose([f.time for f in frames if f], [0.0, 0.033, 0.0331], atol=1e-9)


def test_a_camera_that_is_pulled_out_is_an_error_and_is_released() -> None:
    driver = FakeDriver([BGR])
    with opened(driver) as source:
        assert source.read() is not None
        with pytest.raises(SourceError, match="HD Webcam stopped sending pictures; was it pulled out"):
            source.read()
    assert driver.released == 1


def test_a_driver_that_fails_while_asked_is_released() -> None:
    class Failing(FakeDriver):
        def get(self, prop: int) -> float:
            raise RuntimeError("the driver crashed")

    driver = Failing([])
    with pytest.raises(RuntimeError):
        opened(driver)
    assert driver.released == 1


# --- health


def noise(i: int, level: int = 120) -> np.ndarray:
    return np.random.default_rng(i).integers(level - 20, level + 20, (96, 128, 3), dtype=np.uint8)


def watched(picture: Callable[[int], np.ndarray], fps: float, seconds: float = 4.0, **asked: Any) -> Health:
    health = Health(**({"asked_fps": 30.0, "fourcc": "MJPG", "width": 1280, "height": 720} | asked))
    for i in range(int(seconds * fps)):
        health.look(picture(i), i / fps)
    return health


def test_a_healthy_camera_has_no_notes_and_a_measured_rate() -> None:
    health = watched(noise, 29.5)
    assert health.notes == ()
    assert health.fps == pytest.approx(29.5, rel=0.01)


@pytest.mark.parametrize(
    ("picture", "note"),
    [
        (lambda i: np.full((96, 128, 3), i % 4, np.uint8), BLACK),
        (lambda i: np.full((96, 128, 3), 100 + i % 4, np.uint8), UNIFORM),
        (lambda i: noise(0), FROZEN),
    ],
    ids=["black", "uniform", "frozen"],
)
def test_a_dead_picture_is_noticed_and_forgotten_again(picture: Callable[[int], np.ndarray], note: str) -> None:
    health = watched(picture, 30.0)
    assert health.notes == (note,)
    health.look(noise(99), 5.0)
    assert health.notes == ()


def test_a_blink_of_black_is_no_note() -> None:
    health = watched(lambda i: np.zeros((96, 128, 3), np.uint8) if i % 20 < 10 else noise(i), 30.0)
    assert health.notes == ()


def test_a_low_rate_is_noted_with_its_cause_on_the_source() -> None:
    health = watched(noise, 10.0, fourcc="YUYV")
    assert len(health.notes) == 1
    assert "10 of 30 frames a second arrive" in health.notes[0]
    assert "USB 2" in health.notes[0]


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"fourcc": "YUYV", "width": 1920, "height": 1080}, "USB 2 carries about 9 a second; choose MJPG"),
        ({"fourcc": "YUYV", "width": 320, "height": 240}, "try another port"),
        ({"exposure_s": 0.05}, "exposes for 50 ms, longer than a frame \\(33 ms\\)"),
        ({"brightness": 30.0}, "little light"),
        ({}, "try another port"),
    ],
)
def test_the_likely_cause(facts: dict[str, Any], says: str) -> None:
    usual = {"asked_fps": 30.0, "fourcc": "MJPG", "width": 1280, "height": 720, "exposure_s": None, "brightness": 128.0}
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(likely_cause(**(usual | facts)))


# --- which camera

TWO = (CameraEntry(0, "HD Webcam C920", "V4L2"), CameraEntry(2, "Depth Camera", "V4L2"))


@pytest.mark.parametrize(("text", "index"), [("0", 0), ("2", 2), ("/dev/video2", 2), ("depth", 2), ("camera", 0)])
def test_a_camera_is_found_by_index_path_or_name(text: str, index: int) -> None:
    assert find_camera(text, TWO, "linux").index == index


@pytest.mark.parametrize("text", ["1", "Elgato"])
def test_an_unknown_camera_lists_the_known(text: str) -> None:
    with pytest.raises(SourceError, match="0: HD Webcam C920; 2: Depth Camera"):
        find_camera(text, TWO, "linux")


@pytest.mark.parametrize("text", ["0", "camera", "Elgato"])
def test_no_camera_at_all_says_what_to_do(text: str) -> None:
    with pytest.raises(SourceError, match=r"No camera found; connect one .* `demo`"):
        find_camera(text, (), "linux")


def test_elsewhere_an_index_is_tried_where_the_list_is_missing() -> None:
    assert find_camera("1", (), "darwin").index == 1


def test_missing_permission_names_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = tmp_path / "video0"
    node.touch()
    monkeypatch.setattr(camera_module.os, "access", lambda path, mode: False)  # root may read everything
    with pytest.raises(SourceError, match=r"group `video`.*usermod"):
        open_driver(CameraEntry(0, "HD Webcam", "V4L2", str(node)))


def test_a_device_that_does_not_open_gets_a_hint() -> None:
    with pytest.raises(SourceError, match="Ghost does not open; "):
        open_driver(CameraEntry(63, "Ghost", "V4L2", "/dev/video63"))


def test_hints_by_platform() -> None:
    assert "Privacy & Security" in open_hint("darwin")
    assert "desktop apps" in open_hint("win32")
    assert "another program" in open_hint("linux")


def test_listing_works_on_any_machine() -> None:
    for entry in list_cameras(with_formats=True):
        assert entry.name
        assert entry.index >= 0


# --- Video4Linux2


def uvc_driver(request: int, buffer: bytearray) -> None:
    """Answers like a webcam with two formats; layouts as in linux/videodev2.h."""
    (index,) = struct.unpack_from("=I", buffer, 0)
    sizes = {b"MJPG": [(1920, 1080), (640, 480)], b"YUYV": [(640, 480)]}
    if request == 0xC0405602:  # VIDIOC_ENUM_FMT
        assert len(buffer) == 64
        buffer[44:48] = [b"MJPG", b"YUYV"][index] if index < 2 else stop()
    elif request == 0xC02C564A:  # VIDIOC_ENUM_FRAMESIZES
        assert len(buffer) == 44
        listed = sizes[bytes(buffer[4:8])]
        struct.pack_into("=III", buffer, 8, 1, *(listed[index] if index < len(listed) else stop()))
    elif request == 0xC034564B:  # VIDIOC_ENUM_FRAMEINTERVALS
        assert len(buffer) == 52
        rates = [(1, 30), (1001, 60000)] if struct.unpack_from("=I", buffer, 8)[0] == 640 else [(1, 30)]
        struct.pack_into("=III", buffer, 16, 1, *(rates[index] if index < len(rates) else stop()))


def stop() -> Any:
    raise OSError(22, "Invalid argument")


def test_formats_are_read_from_the_driver() -> None:
    assert tuple(read_formats(uvc_driver)) == (
        CameraFormat("MJPG", 1920, 1080, (30.0,)),
        CameraFormat("MJPG", 640, 480, (59.94, 30.0)),
        CameraFormat("YUYV", 640, 480, (59.94, 30.0)),
    )


def test_a_range_of_sizes_counts_as_its_largest_and_endless_drivers_end() -> None:
    def ranges(request: int, buffer: bytearray) -> None:
        if request == 0xC0405602:
            buffer[44:48] = b"NV12"
        elif request == 0xC02C564A:
            struct.pack_into("=7I", buffer, 8, 3, 32, 4096, 2, 32, 2160, 2)
        else:
            struct.pack_into("=7I", buffer, 16, 3, 1, 120, 1, 1, 0, 0)

    assert tuple(read_formats(ranges)) == (CameraFormat("NV12", 4096, 2160, (120.0,)),)


def test_a_device_that_cannot_be_asked_has_no_formats(tmp_path: Path) -> None:
    assert formats(str(tmp_path / "nothing")) == ()
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert formats(str(plain)) == ()
