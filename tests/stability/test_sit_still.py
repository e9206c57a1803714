"""Sitting still: a figure that is right, attempts that are refused with the reason, and results that are kept."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tracker.errors import OutputError
from tracker.stability import measures
from tracker.stability.sit_still import (
    COUNTDOWN_S,
    FILTERED,
    MEASURE_S,
    RAW,
    Attempt,
    Measurement,
    Progress,
    Stillness,
    earlier,
    keep,
    table,
    verdict,
)

SHAPE = np.random.default_rng(3).uniform(100.0, 300.0, (68, 2))
EYES = 100.0
WHOLE = COUNTDOWN_S + MEASURE_S


def sit(attempt: Attempt, way: object = None, fps: float = 30.0, until: float = WHOLE + 0.2) -> Progress:
    """Frames until it is over: noise of 0.2 px, filtered a tenth of it; `way(t)` moves the head by (x, y) pixels."""
    random = np.random.default_rng(0)
    for i in range(round(until * fps)):
        t = 100.0 + i / fps
        at = SHAPE + (np.zeros(2) if way is None else np.asarray(way(t - 100.0)))  # type: ignore[operator]
        rest = random.normal(size=(68, 2)) * 0.2
        progress = attempt.step(t, at + rest, at + 0.1 * rest, EYES)
        attempt.add("MediaPipe", t, at + 3.0 * rest)
    return progress


def test_the_figure_is_the_noise_and_not_the_sway() -> None:
    progress = sit(Attempt("camera", "default"), lambda t: (2.0 * np.sin(t), 0.0))
    assert progress.phase == "done" and progress.measured is not None
    found = progress.measured
    expected = 100.0 * 0.2 * np.sqrt(2) / EYES
    assert found.contestants[RAW].std == pytest.approx(expected, rel=0.06)
    assert found.contestants[FILTERED].std == pytest.approx(expected / 10, rel=0.06)
    assert found.contestants["MediaPipe"].std == pytest.approx(3 * expected, rel=0.06)
    assert found.contestants[RAW].acceleration == pytest.approx(expected * np.sqrt(6) * 0.886, rel=0.1)
    assert found.fps == pytest.approx(30.0, abs=0.1) and 1.0 < found.sway < 4.0


def test_it_counts_down_then_measures() -> None:
    attempt = Attempt("camera", "default")
    assert attempt.step(7.0, SHAPE, SHAPE, EYES) == Progress("countdown", COUNTDOWN_S)
    assert attempt.step(8.0, SHAPE, SHAPE, EYES).left == pytest.approx(COUNTDOWN_S - 1.0)
    assert attempt.step(7.0 + COUNTDOWN_S + 1.0, SHAPE, SHAPE, EYES) == Progress("measuring", MEASURE_S - 1.0)


def test_the_countdown_waits_for_a_face() -> None:
    attempt = Attempt("camera", "default")
    for i in range(200):
        progress = attempt.step(i / 30, None, None, EYES)
    assert progress.phase == "countdown" and progress.left == COUNTDOWN_S and "face" in progress.why
    assert attempt.step(200 / 30, SHAPE, SHAPE, EYES).left == pytest.approx(COUNTDOWN_S, abs=0.05)


@pytest.mark.parametrize(
    ("way", "word"),
    [(lambda t: (6.0 * t, 0.0), "moved by"), (lambda t: (0.0, 25.0 * (t > 5.0)), "moved by")],
)
def test_a_head_that_moved_is_refused(way: object, word: str) -> None:
    progress = sit(Attempt("camera", "default"), way)
    assert progress.phase == "rejected" and word in progress.why and progress.measured is None


def test_a_face_that_was_lost_is_refused() -> None:
    attempt = Attempt("camera", "default")
    sit(attempt, until=COUNTDOWN_S + 1.0)
    for i in range(20):
        progress = attempt.step(100.0 + COUNTDOWN_S + 1.0 + i / 30, None, None, EYES)
    assert progress.phase == "rejected" and "lost" in progress.why


def test_a_camera_that_is_too_slow_is_refused_and_a_missed_frame_is_not() -> None:
    assert "frames came" in sit(Attempt("camera", "default"), fps=5.0).why
    attempt = Attempt("camera", "default")
    sit(attempt, until=COUNTDOWN_S + 1.0)
    attempt.step(100.0 + COUNTDOWN_S + 1.0, None, None, EYES)
    assert attempt.step(100.0 + COUNTDOWN_S + 1.1, SHAPE, SHAPE, EYES).phase == "measuring"


def test_it_can_be_stopped_and_is_over_then() -> None:
    attempt = Attempt("camera", "default")
    attempt.step(0.0, SHAPE, SHAPE, EYES)
    attempt.stop("Cancelled.")
    assert attempt.over and attempt.step(1.0, SHAPE, SHAPE, EYES) == Progress("rejected", 0.0, "Cancelled.")


@pytest.mark.parametrize("speed", [3.0, 0.0])
def test_known_motion_is_taken_out_and_told(speed: float) -> None:
    attempt = Attempt("demo", "default")
    for i in range(260):
        motion = np.array([[1.0, 0.0, speed * i], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        at = SHAPE + motion[:2, 2]
        progress = attempt.step(i / 30, at, at, EYES, motion)
    assert progress.phase == "done" and progress.measured is not None
    assert progress.measured.contestants[RAW].std == pytest.approx(0.0, abs=1e-6)
    assert progress.measured.moving == (speed > 0)


MEASURED = Measurement(
    "2026-01-02T03:04:05+00:00", "camera", "default", 5.0, 150, 30.0, 90.0, 1.5,
    {RAW: Stillness(0.2, 0.4), FILTERED: Stillness(0.03, 0.02)},
)  # fmt: skip


@pytest.mark.parametrize(
    ("acceleration", "words"), [(0.03, "3.1 times calmer"), (0.09, "about as calm"), (0.4, "4.3 times less calm")]
)
def test_the_verdict_compares_in_words(acceleration: float, words: str) -> None:
    said = " ".join(verdict(with_figures(filtered=Stillness(0.031, acceleration))))
    assert words in said.lower() and "0.031 %" in said and "in the same seconds" not in said


def with_figures(**figures: Stillness) -> Measurement:
    return msgspec.structs.replace(MEASURED, contestants={**MEASURED.contestants, **figures})


def test_of_a_picture_that_moves_nothing_published_is_said() -> None:
    said = " ".join(verdict(msgspec.structs.replace(with_figures(filtered=Stillness(0.3, 0.5)), moving=True)))
    assert "0.300 %" in said and "moves its picture" in said and "published" not in said


def test_the_verdict_names_a_peer_that_ran() -> None:
    said = " ".join(verdict(with_figures(filtered=Stillness(0.05, 0.1), MediaPipe=Stillness(0.1, 0.1))))
    assert "2.0 times calmer than MediaPipe in the same seconds (0.100 %)" in said


def test_results_are_kept_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "stability.json"
    assert earlier(path) == ()
    keep(MEASURED, path)
    keep(with_figures(filtered=Stillness(0.07, 0.1)), path)
    assert [one.contestants[FILTERED].std for one in earlier(path)] == [0.03, 0.07]
    newest = table(earlier(path))[0]
    assert newest[:3] == ("2026-01-02 03:04", "camera", "default") and newest[4:6] == ("0.070", "–")
    assert not list(path.parent.glob("*.tmp"))


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'[{"when": 3}]'])
def test_a_damaged_file_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "stability.json"
    path.write_bytes(content)
    with pytest.raises(OutputError, match="move it away"):
        keep(MEASURED, path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be"):
        keep(MEASURED, tmp_path / "file" / "stability.json")


def test_the_deviation_is_the_labs() -> None:
    points = SHAPE + np.random.default_rng(1).normal(size=(150, 68, 2)) * 0.3
    attempt = Attempt("camera", "none")
    for i in range(90):
        attempt.step(i / 30, SHAPE, SHAPE, EYES)
    for i, frame in enumerate(points):
        progress = attempt.step(3.0 + i / 30, frame, frame, EYES)
    progress = attempt.step(8.0, points[0], points[0], EYES)
    assert progress.measured is not None
    assert progress.measured.contestants[RAW].std == pytest.approx(measures.still_std(points, EYES), rel=0.06)
