"""Real files, written here with PyAV, damaged byte by byte, and read back."""

from __future__ import annotations

import gc
import itertools
import logging
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tracker.capture import open_source
from tracker.capture.video import VideoSource
from tracker.errors import SourceError

MILLISECOND = Fraction(1, 1000)


def picture(i: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Grey that tells the number of the frame, with a red patch in the top left corner."""
    image = np.full((height, width, 3), 40 + 5 * i % 200, np.uint8)
    image[: height // 2, : width // 3] = (220, 20, 20)
    return image


def write(
    path: Path,
    times_ms: Sequence[int],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    size: tuple[int, int] = (96, 64),
    container: dict[str, str] | None = None,
    **options: str,
) -> Path:
    with av.open(str(path), "w", options=container or {}) as file:
        stream = file.add_stream(codec, rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.time_base = stream.codec_context.time_base = MILLISECOND
        for i, at in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(picture(i, *size), "rgb24")
            frame.pts, frame.time_base = at, MILLISECOND
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """The same mp4 with a display matrix (a, b, c, d) in its track's header."""
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    other = path.with_name("turned.mp4")
    other.write_bytes(data)
    return other


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    times = [0, 33, 66, 200, 210, 1000, 1033]
    with open_source(write(tmp_path / "a.mp4", times)) as source:
        frames = list(source)
        assert (source.info.kind, source.info.width, source.info.height) == ("video", 96, 64)
        assert source.info.frames == 7
        assert not source.info.live
        assert source.problem is None
    np.testing.assert_allclose([f.time for f in frames], np.array(times) / 1000, atol=2e-3)
    assert [f.index for f in frames] == list(range(7))
    greys = [int(f.image[60, 90, 1]) for f in frames]
    assert greys == pytest.approx([40 + 5 * i for i in range(7)], abs=4)


def test_frames_come_in_order_of_presentation_with_b_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "b.mp4", range(0, 900, 30), bf="3", g="15")
    greys = [int(f.image[60, 90, 1]) for f in open_source(path)]
    assert greys == pytest.approx([40 + 5 * i for i in range(30)], abs=4)


@pytest.mark.parametrize(
    ("matrix", "shape", "corner"),
    [
        ((1, 0, 0, 1), (64, 96), (2, 2)),
        ((0, 1, -1, 0), (96, 64), (2, -3)),
        ((-1, 0, 0, -1), (64, 96), (-3, -3)),
        ((0, -1, 1, 0), (96, 64), (-3, 2)),
        ((-1, 0, 0, 1), (64, 96), (2, -3)),
    ],
    ids=["upright", "clockwise", "half", "anticlockwise", "mirrored"],
)
def test_the_rotation_flag_is_obeyed(
    tmp_path: Path, matrix: tuple[int, int, int, int], shape: tuple[int, int], corner: tuple[int, int]
) -> None:
    with open_source(turned(write(tmp_path / "a.mp4", [0, 33]), matrix)) as source:
        frame = source.read()
        assert frame is not None
        assert frame.image.shape[:2] == shape == (source.info.height, source.info.width)
        assert frame.image.flags.c_contiguous
        red, green, _ = (int(v) for v in frame.image[corner])
        assert red > 180 > 90 > green
        others = {(2, 2), (2, -3), (-3, -3), (-3, 2)} - {corner}
        assert all(int(frame.image[other][0]) < 120 for other in others)


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("ten_bit.mkv", "libx265", "yuv420p10le"),
        ("grey.mkv", "ffv1", "gray"),
        ("deep_grey.mkv", "ffv1", "gray16le"),
        ("alpha.mov", "png", "rgba"),
        ("full_range.mkv", "mjpeg", "yuvj420p"),
    ],
)
def test_every_pixel_format_becomes_rgb(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    with open_source(write(tmp_path / name, [0, 33, 66], codec=codec, pixels=pixels, **quiet)) as source:
        frames = list(source)
    assert len(frames) == 3
    for i, frame in enumerate(frames):
        assert frame.image.dtype == np.uint8
        assert frame.image.shape == (64, 96, 3)
        assert int(frame.image[60, 90, 1]) == pytest.approx(40 + 5 * i, abs=6)


@pytest.mark.parametrize(("name", "options"), [("cut.mkv", {}), ("cut.mp4", {"movflags": "faststart"})])
def test_a_truncated_file_gives_its_good_frames_and_says_so(
    tmp_path: Path, name: str, options: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    whole = write(tmp_path / name, range(0, 3000, 33), container=options).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) * 7 // 10])
    with caplog.at_level(logging.WARNING), open_source(tmp_path / name) as source:
        frames = list(source)
        assert 5 < len(frames) < 91
        assert source.problem is not None
        assert f"cut short: {len(frames)} of" in source.problem
    assert source.problem in caplog.text
    assert int(frames[-1].image[60, 90, 1]) == pytest.approx(40 + 5 * (len(frames) - 1) % 200, abs=6)


def test_damage_in_the_middle_costs_only_what_it_hit(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", range(0, 3000, 33), codec="png", pixels="rgb24")
    data = bytearray(path.read_bytes())
    media = data.find(b"mdat")
    middle = data.find(b"\x89PNG", media + len(data) // 2 - 400)
    data[middle : middle + 60] = b"\xff" * 60
    path.write_bytes(data)
    with open_source(path) as source:
        frames = list(source)
        assert len(frames) == 90
        assert source.problem is not None
        assert "damaged in places: 90 of 91 frames" in source.problem


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty \\(0 bytes\\)"),
        (b"\x00\x01\x02garbage" * 500, "cannot be read as a video"),
        (b"Dear diary, nothing moved today.\n" * 200, "cannot be read as a video|holds no video"),
    ],
    ids=["zero bytes", "garbage", "text"],
)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.txt"])
def test_what_is_no_video_is_refused_with_a_sentence(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=says):
        open_source(path)


def test_a_recording_without_its_index_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.mp4", range(0, 900, 33)).read_bytes()
    (tmp_path / "a.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="cut off before it was finished"):
        open_source(tmp_path / "a.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.wav"), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        file.mux(stream.encode(sound))
        file.mux(stream.encode(None))
    with pytest.raises(SourceError, match="holds no video"):
        open_source(tmp_path / "a.wav")


def test_a_loop_decodes_again_with_time_going_on(tmp_path: Path) -> None:
    with open_source(write(tmp_path / "a.mp4", [0, 33, 66]), loop=True) as source:
        frames = [source.read() for _ in range(8)]
    times = [f.time for f in frames if f is not None]
    assert len(times) == 8
    assert all(b > a for a, b in itertools.pairwise(times))
    assert [int(f.image[60, 90, 1]) for f in frames[3:6] if f] == pytest.approx([40, 45, 50], abs=4)


def test_untagged_hd_is_taken_for_bt709(tmp_path: Path) -> None:
    path = tmp_path / "hd.mp4"
    colour = np.full((720, 1280, 3), (200, 60, 40), np.uint8)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv444p"
        frame = av.VideoFrame.from_ndarray(colour, "rgb24").reformat(format="yuv444p", dst_colorspace="ITU709")
        frame.pts, frame.time_base = 0, MILLISECOND
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with open_source(path) as source:
        shown = source.read()
    assert shown is not None
    np.testing.assert_allclose(shown.image[360, 640], (200, 60, 40), atol=4)


def test_a_video_that_is_repeated_leaves_no_garbage(tmp_path: Path) -> None:
    """Nothing waits for Python's collector: a frame that does holds its whole picture, and all night is long."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(8):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * i, np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    source = VideoSource(path, loop=True)
    for _ in range(8):
        source.read()
    gc.collect()
    gc.disable()
    try:
        gc.set_debug(gc.DEBUG_SAVEALL)
        for _ in range(40):
            source.read()
        gc.collect()
        assert not [thing for thing in gc.garbage if type(thing).__name__ == "VideoFrame"]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        source.close()
