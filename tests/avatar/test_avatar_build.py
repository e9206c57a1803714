"""Building from pictures and clips, and what is said of those that will not do."""

from __future__ import annotations

import os
import signal
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from commands import run

from tracker import assets
from tracker.avatar.assemble import Cancelled, Recipe
from tracker.avatar.build import Candidate, build_head, choose, read_picture, recorded, shot_of_picture
from tracker.avatar.render import render_mesh
from tracker.avatar.store import load_views
from tracker.detection.follow import FaceTracker
from tracker.errors import SourceError
from tracker.types import Image

PHOTO = assets.ROOT / "demo" / "grace_hopper.jpg"
QUICK = Recipe(size=128)


@lru_cache(maxsize=1)
def tracker() -> FaceTracker:
    return FaceTracker(engine="onnx", max_faces=3)


@lru_cache(maxsize=1)
def photo() -> Image:
    return read_picture(PHOTO)


def saved(folder: Path, image: Image, name: str = "picture.png") -> str:
    path = folder / name
    assert cv2.imwrite(str(path), image[..., ::-1])
    return str(path)


def test_a_photograph_becomes_a_head_that_looks_like_it(tmp_path: Path) -> None:
    stages: list[str] = []
    avatar = build_head(saved(tmp_path, photo()), tracker(), recipe=QUICK, progress=lambda s, _: stages.append(s))
    (view,) = avatar.views
    drawn, cover, _ = render_mesh(avatar, view.state, view.image.shape[:2], smooth=1)
    middle = view.state.project(np.zeros((1, 3), np.float32))[0].astype(int)
    r = int(0.045 * view.state.scale)
    face = np.s_[middle[1] - r // 2 : middle[1] + 2 * r, middle[0] - r : middle[0] + r]
    assert cover[face].min() > 0.99
    off = cv2.blur(drawn, (9, 9))[face].astype(float) - cv2.blur(view.image, (9, 9))[face]
    assert np.abs(off).mean() < 22
    assert list(dict.fromkeys(stages)) == ["find", "fit", "outline", "texture", "complete", ""]
    shares = avatar.facts["shares"]
    assert shares["seen"] > 0.15 and sum(shares.values()) == pytest.approx(1, abs=0.01)
    assert len(avatar.facts["sha256"]) == 64 and avatar.facts["source"] == "picture.png"


def drawing() -> Image:
    """A child's face: round, two dots, a line."""
    image = np.full((240, 240, 3), 255, np.uint8)
    cv2.circle(image, (120, 120), 80, (0, 0, 0), 2)
    for x in (95, 145):
        cv2.circle(image, (x, 100), 6, (0, 0, 0), -1)
    cv2.ellipse(image, (120, 140), (30, 20), 0, 0, 180, (0, 0, 0), 2)
    return image


def bad_pictures() -> list[tuple[str, Image, str]]:
    p = photo()
    return [
        ("empty", np.full((200, 300, 3), 90, np.uint8), "No face was found"),
        ("drawing", drawing(), "No face was found|not clear enough"),
        ("two", np.concatenate([p, p], axis=1), "More than one face"),
        ("half", np.ascontiguousarray(p[:, :262]), "Only a part|No face|not clear|from the side"),
        ("small", cv2.resize(p, (55, 64), interpolation=cv2.INTER_AREA), "pixels large|No face"),
    ]


@pytest.mark.parametrize(("name", "image", "said"), bad_pictures(), ids=[b[0] for b in bad_pictures()])
def test_a_picture_that_will_not_do_is_told_why(tmp_path: Path, name: str, image: Image, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        build_head(saved(tmp_path, image, f"{name}.png"), tracker(), recipe=QUICK)


def test_a_huge_photograph_is_cut_down() -> None:
    large = cv2.resize(photo(), None, fx=6, fy=6, interpolation=cv2.INTER_LINEAR)
    shot = shot_of_picture(large, "large", tracker())
    assert len(shot.image) == 1024
    whole = shot_of_picture(photo(), "photo", tracker())
    ratio = len(shot.image) / len(whole.image)
    assert np.abs(shot.face.landmarks_px("ibug68") / ratio - whole.face.landmarks_px("ibug68")).mean() < 6


def test_no_picture_and_no_clean_video_are_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("not a picture")
    with pytest.raises(SourceError, match="no picture that can be read"):
        build_head(str(path), tracker())
    (tmp_path / "session.json").write_text("{}")
    with pytest.raises(SourceError, match="no clean video"):
        recorded(str(tmp_path))


def write_clip(folder: Path, images: list[Image]) -> str:
    clip = folder / "clip"
    clip.mkdir()
    for i, image in enumerate(images):
        saved(clip, image, f"{i:03}.png")
    return str(clip)


def write_video(folder: Path) -> Path:
    """The photograph, three frames of it."""
    video = folder / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (512, 600))
    for _ in range(3):
        writer.write(np.ascontiguousarray(photo()[..., ::-1]))
    writer.release()
    return video


def test_ctrl_c_says_where_the_chosen_views_are_and_how_to_be_rid_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tracker.avatar import build

    def interrupted(*given: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return assemble(*given)

    assemble = build.assemble
    monkeypatch.setattr(build, "assemble", interrupted)
    video, out = write_video(tmp_path), tmp_path / "me"
    assert run("head", "build", str(video), "--out", str(out), "--no-splats") == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "cancelled" in told and f"kept in {tmp_path / '.me.views'}" in told and f"head delete {out}" in told
    assert not out.exists() and (tmp_path / ".me.views").is_dir()
    assert run("head", "delete", str(out)) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["clip.avi"]


def test_a_cancelled_build_stops_and_its_views_are_used_by_the_next(tmp_path: Path) -> None:
    video = write_video(tmp_path)
    kept = tmp_path / ".me.views"
    reached: list[str] = []
    with pytest.raises(Cancelled, match="Nothing was written"):
        build_head(
            str(video), tracker(), recipe=QUICK, resume=kept, progress=lambda s, _: reached.append(s),
            cancelled=lambda: "fit" in reached,
        )  # fmt: skip
    assert "watch" in reached
    assert kept.is_dir()
    reached.clear()
    avatar = build_head(str(video), tracker(), recipe=QUICK, resume=kept, progress=lambda s, _: reached.append(s))
    assert "watch" not in reached and len(avatar.views) >= 1
    assert "hardly turns" in avatar.facts["note"]
    assert load_views(kept, avatar.facts["sha256"])


def test_clips_without_one_person_are_told_why(tmp_path: Path) -> None:
    empty = write_clip(tmp_path, [np.full((120, 160, 3), 90, np.uint8)] * 2)
    with pytest.raises(SourceError, match="no face was found"):
        build_head(empty, tracker(), recipe=QUICK)
    (tmp_path / "two").mkdir()
    both = write_clip(tmp_path / "two", [np.concatenate([photo(), photo()], axis=1)] * 3)
    with pytest.raises(SourceError, match="More than one person"):
        build_head(both, tracker(), recipe=QUICK)


def test_views_are_chosen_from_all_directions_and_the_first_is_frontal() -> None:
    shot = shot_of_picture(photo(), "photo", tracker())
    places = [(-30.0, 0.0), (-2.0, 1.0), (1.0, 0.0), (2.0, 0.0), (28.0, 0.0), (3.0, 20.0)]
    from dataclasses import replace

    made = [Candidate(replace(shot, name=str(i)), yaw, pitch, 0.0) for i, (yaw, pitch) in enumerate(places)]
    chosen = [s.name for s in choose(made, 4)]
    assert chosen[0] in {"1", "2", "3"} and {"0", "4", "5"} <= set(chosen)
