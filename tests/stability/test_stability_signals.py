"""The test signals: moved exactly, the same each time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker.errors import SourceError
from tracker.stability import signals
from tracker.stability.signals import Picture


@pytest.fixture(scope="module")
def photo() -> Picture:
    return Picture.read(width=320)


@pytest.mark.parametrize("shift", [0.0625, 0.3137, 0.5, -7.77, 12.9])
def test_a_part_of_a_pixel_is_moved_exactly(shift: float) -> None:
    """A smooth blob's centroid says where the picture lies."""
    y, x = np.mgrid[0:80, 0:100] + 0.5
    blob = 230.0 * np.exp(-((x - 48.3) ** 2 + (y - 41.7) ** 2) / (2 * 6.0**2))
    picture = Picture(np.repeat(np.rint(blob).astype(np.uint8)[..., None], 3, axis=2))
    motion = np.eye(3)
    motion[0, 2], motion[1, 2] = shift, -shift / 2

    def centroid(image: np.ndarray) -> np.ndarray:
        weight = image[..., 0].astype(np.float64)
        return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()

    way = centroid(picture.filmed(motion, 0.0, 0)) - centroid(picture.image)
    np.testing.assert_allclose(way, (shift, -shift / 2), atol=0.02)


def test_sharpness_does_not_change_with_the_fraction(photo: Picture) -> None:
    def sharpness(shift: float) -> float:
        motion = np.eye(3)
        motion[0, 2] = shift
        return float(cv2.Laplacian(photo.filmed(motion, 0.0, 0)[20:-20, 20:-20].astype(np.float32), cv2.CV_32F).std())

    found = [sharpness(s) for s in (0.1, 0.25, 0.5, 0.75)]
    assert max(found) / min(found) < 1.12


def test_every_frame_knows_its_motion_and_is_the_same_each_time(photo: Picture) -> None:
    signal = signals.wave(photo, amplitude=10.0, period=12.0, frames=7, skip=2)
    once, again = list(signal.play()), list(signal.play())
    for number, (a, b) in enumerate(zip(once, again, strict=True)):
        assert a.motion is not None
        assert a.motion[0, 2] == pytest.approx(10.0 * np.sin(2 * np.pi * number / 12.0))
        assert a.time == pytest.approx(number / 30) and a.index == number
        np.testing.assert_array_equal(a.image, b.image)
    assert not np.array_equal(once[0].image, once[6].image)


def test_the_noise_is_what_was_asked_for_and_fresh(photo: Picture) -> None:
    frames = [frame.image.astype(np.float64) for frame in signals.still(photo, noise=5.0, frames=3).play()]
    middle = (photo.image > 40) & (photo.image < 215)  # where nothing is clipped
    for frame in frames:
        assert (frame - photo.image)[middle].std() == pytest.approx(5.0, rel=0.03)
    rest = [(frame - photo.image)[middle] for frame in frames]
    assert abs(np.corrcoef(rest[0], rest[1])[0, 1]) < 0.02


def test_a_stop_stops_where_its_event_says(photo: Picture) -> None:
    signal = signals.stop(photo, speed=4.0, noise=0.0, moving=5, rest=6)
    x = np.array([frame.motion[0, 2] for frame in signal.play() if frame.motion is not None])
    assert np.ptp(x) == pytest.approx(20.0)
    assert x[signal.event] == x[-1] and x[signal.event - 1] == pytest.approx(x[-1] - 4.0)


def test_a_step_is_one_frame_long(photo: Picture) -> None:
    signal = signals.step(photo, size=8.0, noise=0.0, still_frames=4, after=4)
    x = np.array([frame.motion[0, 2] for frame in signal.play() if frame.motion is not None])
    assert np.flatnonzero(np.diff(x)).tolist() == [signal.event - 1]
    assert x[signal.event] - x[signal.event - 1] == pytest.approx(8.0)


def test_waves_stay_inside_what_frames_can_show(photo: Picture) -> None:
    assert all(s.period >= 4 and s.amplitude <= 40 for s in signals.bode(photo))


def test_what_is_no_picture_is_said_so(tmp_path: Path) -> None:
    bad = tmp_path / "x.jpg"
    bad.write_bytes(b"no picture")
    with pytest.raises(SourceError, match="no picture"):
        Picture.read(bad)


def test_a_clip_ends_where_it_is_told_to() -> None:
    signal = signals.clip("demo:1?frames=9&width=320&height=240", most=4)
    assert len(list(signal.play())) == 4
    assert signal.kind == "clip" and signal.fps == pytest.approx(30.0)
