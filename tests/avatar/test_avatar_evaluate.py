"""The measures of heads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tracker.avatar.agreement import Person
from tracker.avatar.completion import SIZE, WIDE, inputs, load_completion
from tracker.avatar.contestants import SeenHead
from tracker.avatar.figures import Foretold, Outcome, gain, half_of, summary
from tracker.avatar.lighting import WHITE
from tracker.avatar.likeness import evened, psnr, ssim
from tracker.avatar.render import render_mesh, viewpoint
from tracker.avatar.report import marks, spread_of, write_report
from tracker.avatar.types import GUESSED, SEEN, Avatar
from tracker.head import load_head

RANDOM = np.random.default_rng(2)


def test_likeness_is_measured_inside_the_mask() -> None:
    picture = RANDOM.integers(0, 255, (40, 40, 3), dtype=np.uint8)
    other = picture.copy()
    mask = np.zeros((40, 40), bool)
    mask[:20] = True
    other[20:] = 0
    assert psnr(picture, other, mask) == float("inf")
    assert ssim(picture, picture, mask) == pytest.approx(1)
    other[:20] = np.clip(picture[:20].astype(int) + 1, 1, 255).astype(np.uint8)
    assert psnr(picture, other, mask) == pytest.approx(48.13, abs=0.1)
    dim = (picture * np.array([0.5, 0.6, 0.7])).astype(np.uint8)
    assert psnr(dim, picture, mask) < 20 < 40 < psnr(evened(dim, picture, mask), picture, mask)
    assert ssim(picture, RANDOM.integers(0, 255, (40, 40, 3), dtype=np.uint8), mask) < 0.2


def foretold(contestant: str, yaw: float, value: float, task: str = "one frame") -> Foretold:
    return Foretold("clip", "report", task, contestant, "clip 1", yaw, value, value + 1, 0.5, float("nan"))


def test_marks_are_of_the_report_half_and_the_files_can_be_read(tmp_path: Path) -> None:
    frames = [foretold("projected", 40, 16.0), foretold("mesh", -45, 18.0), foretold("mesh", 5, 30.0)]
    frames += [foretold("bare", 40, 13.0), foretold("bare", 5, 1.0)]
    frames += [foretold("mesh", 5, 23.0, "turn"), Foretold("t", "tune", "turn", "mesh", "t 1", 5, 50.0, 50.0, 1.0, 1.0)]
    picture = np.zeros((16, 16, 3), np.uint8)
    outcome = Outcome(frames, [], [], [("clip", [("frame", picture)])], ["other: no face"])
    frames.append(foretold("mesh", 40, 20.0, "one picture"))
    gain, over_bare, persons, persons_over_bare, turn, shape = marks(outcome)
    assert over_bare["found"] == pytest.approx(5.0) and persons_over_bare["found"] is None
    assert persons["found"] is None and not persons["met"]
    assert gain["found"] == pytest.approx(2.0) and gain["met"]
    assert turn["found"] == pytest.approx(23.0) and not turn["met"]
    assert shape["found"] is None and not shape["met"]
    assert [r["frames"] for r in summary(frames) if r["yaw"] == "30-60"] == [1, 1, 1, 1]
    written = write_report(outcome, tmp_path / "out", {})
    assert [p.name for p in written] == ["heads.json", "heads.html", "heads.png"]
    facts = json.loads(written[0].read_text())
    assert facts["frames"][0]["landmarks"] is None and facts["skipped"] == ["other: no face"]
    page = written[1].read_text()
    assert "data:image/jpeg" in page and "http" not in page


def test_a_gain_is_taken_frame_by_frame_and_its_error_over_clips() -> None:
    def frames(clip: str, *steps: float) -> list[Foretold]:
        return [
            Foretold(clip, "report", "one frame", who, f"{clip} {i}", 40.0, 15.0 + i + step * (who == "mesh"), 0, 0, 0)
            for i, step in enumerate(steps)
            for who in ("projected", "mesh")
        ]

    found = gain(frames("a", 1.0, 3.0), "mesh", "projected")
    assert found is not None and (found.mean, found.better, found.frames) == (2.0, 2, 2)
    assert found.error == pytest.approx(1.0)
    # Two clips that differ, each the same in all of its frames: as sure as two numbers are.
    two = gain(frames("a", 1.0, 1.0, 1.0) + frames("b", -3.0, -3.0, -3.0), "mesh", "projected")
    assert two is not None and two.error == pytest.approx(2.0) and (two.mean, two.better) == (-1.0, 3)
    one = gain(frames("a", 1.0), "mesh", "projected")
    assert one is not None and np.isnan(one.error)
    assert gain(frames("a", 1.0), "mesh", "bare") is None
    mark = marks(Outcome(frames("a", 1.0, 3.0)))[0]
    assert spread_of(mark) == " ± 1.00, better in 2 of 2"


def test_every_source_of_persons_has_a_mark_of_its_own(tmp_path: Path) -> None:
    shapes = [
        RANDOM.normal(0, 0.01, (1, 20, 3)) + RANDOM.normal(0, by, (4, 20, 3)) for by in (0.001,) * 3 + (0.02,) * 3
    ]
    sources = ["clips"] * 3 + ["pack"] * 3
    people = [
        Person(
            str(i), "report", source, own.astype(np.float32), own.astype(np.float32), np.zeros((0, 20, 3), np.float32)
        )
        for i, (source, own) in enumerate(zip(sources, shapes, strict=True))
    ]
    outcome = Outcome(people=[*people, replace(people[0], half="tune")])
    found = {m["measure"].rsplit(", ", 1)[1]: m["met"] for m in marks(outcome) if m["measure"].startswith("shape")}
    assert found == {"clips": True, "pack": False}
    written = write_report(outcome, tmp_path, {})
    facts = json.loads(written[0].read_text())
    assert facts["identity"]["clips"]["fitted"]["persons"] == 3 and facts["persons"] == [str(i) for i in range(6)]
    assert "6 persons of the report half" in written[1].read_text()


def test_a_clip_is_always_in_the_same_half() -> None:
    assert {half_of(f"clip{i}") for i in range(20)} == {"tune", "report"}
    assert half_of("profile_to_front") == "report"


def test_the_completion_keeps_what_it_is_shown_and_fills_the_rest_alike() -> None:
    tone = np.array([0.7, 0.5, 0.4], np.float32)
    albedo = np.broadcast_to(tone, (SIZE, WIDE, 3)).astype(np.float32)
    confidence = np.zeros((SIZE, WIDE), np.float32)
    confidence[20:90, 8:40] = 1
    shown, mean = inputs(albedo, confidence)
    assert shown.shape == (10, SIZE, WIDE) and mean == pytest.approx(tone, abs=1e-4)
    assert np.array_equal(shown[4:8], shown[:4, :, ::-1])
    out = load_completion()(albedo, confidence)
    assert out.shape == (SIZE, WIDE, 3) and out.min() >= 0 and out.max() <= 1
    assert np.abs(out[30:80, 12:52].mean((0, 1)) - tone).max() < 0.15


def test_the_bare_head_is_drawn_where_it_was_seen_and_nowhere_else() -> None:
    texture = np.full((256, 256, 3), 200, np.uint8)
    source = np.full((256, 256), GUESSED, np.uint8)
    source[:, :64] = SEEN  # one half of the face's half of the atlas
    avatar = Avatar(load_head().mean, np.zeros(40, np.float32), texture, source, source, WHITE)
    state = viewpoint(0.0, 0.0, 96)
    whole, cover, _ = render_mesh(avatar, state, (96, 96))
    drawn, seen = SeenHead(avatar).draw(state, (96, 96))
    left, right = seen[:, :44], seen[:, 52:]
    assert min(left.max(), right.max()) < 0.01 and max(left.max(), right.max()) > 0.99
    assert (seen <= cover + 1e-6).all()
    assert np.abs(drawn[seen > 0.99].astype(int) - whole[seen > 0.99]).max() <= 1
    assert drawn[seen == 0].max() == 0
