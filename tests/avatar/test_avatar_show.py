"""A head as pictures, videos and files, by the library and by the commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from avatar_toy import plain, view_state

from tracker.avatar.drive import LAYOUT
from tracker.avatar.perform import Agreement, apertures, moved, perform
from tracker.avatar.seed import seeds
from tracker.avatar.show import BACKDROP, MeshHead, drawer, sheet, turntable
from tracker.avatar.store import list_heads, save_avatar, views_folder
from tracker.avatar.types import Avatar
from tracker.cli import head_show
from tracker.errors import ModelError, OutputError, SettingsError
from tracker.head import EXPRESSIONS, Basis, load_head
from tracker.types import Face, Frame, TrackResult


@pytest.fixture(scope="module")
def head() -> Avatar:
    splats = seeds(plain())
    return replace(plain(), splats=splats.take(np.arange(0, len(splats), 4)).arrays())


@pytest.fixture
def kept(head: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A head kept as "Ann", in a home of the test's own."""
    monkeypatch.setattr("tracker.avatar.store.platformdirs.user_data_dir", lambda *_, **__: str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "heads" / "Ann"
    save_avatar(head, folder)
    return folder


def test_the_turntable_goes_once_round(head: Avatar) -> None:
    pictures = list(turntable(drawer(head), 64, 4))
    assert len(pictures) == 4 and all(p.shape == (64, 64, 3) for p in pictures)
    shown = [(p != BACKDROP).any(-1) for p in pictures]
    back = shown[2][:, ::-1]  # the same outline from behind, but for the perspective
    assert (shown[0] & back).sum() > 0.75 * (shown[0] | back).sum()
    assert abs(pictures[0].astype(int) - pictures[2]).mean() > 2


def test_the_sheet_has_a_row_for_each_head(head: Avatar) -> None:
    picture = sheet([("splats", drawer(head), False), ("mesh", MeshHead(head), True)], 40)
    assert picture.shape == (2 * (40 + 26), 7 * 40, 3)


def test_a_clip_and_the_head_that_does_the_same_stand_side_by_side(head: Avatar) -> None:
    basis = Basis(load_head())
    weights = np.zeros(52, np.float32)
    weights[EXPRESSIONS.index("jawOpen")] = 0.3
    states = [view_state(0.0, 0.0, 160), view_state(10.0, 0.0, 160, weights)]
    image = np.full((160, 160, 3), 90, np.uint8)
    frames = [Frame(image, 0.1 * i, i) for i in range(3)]
    results = [(f, TrackResult(f, (Face(s, basis),))) for f, s in zip(frames, states, strict=False)]
    results.append((frames[2], TrackResult(frames[2], ())))
    shown = list(perform(results, MeshHead(head), size=64))
    assert [p.shape for p, _ in shown] == [(64, 128, 3)] * 3
    assert [t for _, t in shown] == [0.0, 0.1, 0.2]
    assert (shown[0][0][:, 64:] != BACKDROP).any(-1).mean() > 0.2
    assert (shown[2][0][:, 64:] == BACKDROP).all()  # no face, no head
    still, talking = (Face(s, basis) for s in states)
    assert apertures(talking.landmarks_px(LAYOUT))[0] > apertures(still.landmarks_px(LAYOUT))[0] + 0.1
    part = moved(states[0], np.array([20.0, 30.0]), 0.5)
    points = load_head().mean[:50]
    assert np.allclose(part.project(points), (states[0].project(points) - [20, 30]) * 0.5, atol=1e-3)


def test_agreement_is_a_correlation_and_says_when_there_is_none() -> None:
    agreement = Agreement()
    nothing = {"frames": 0, "correlation": None, "gain": None}
    assert agreement.figures() == {way: {"lips": nothing, "lids": nothing} for way in ("mesh", "seen")}
    agreement.mesh["lips"] = [(0.1 * i, 0.05 * i + 0.2) for i in range(12)]
    agreement.mesh["lids"] = [(0.3, 0.3)] * 12
    figures = agreement.figures()["mesh"]
    assert figures["lips"]["correlation"] == pytest.approx(1.0) and figures["lips"]["gain"] == pytest.approx(0.5)
    assert figures["lids"] == {"frames": 12, "correlation": None, "gain": None}


def test_render_writes_a_video_and_a_sheet(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.avatar.show.TURN_FRAMES", 4)
    head_show.render("Ann", turntable=True, size=64, mesh=True, out=tmp_path / "turn.mp4")
    with av.open(str(tmp_path / "turn.mp4")) as video:
        pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(pictures) >= 4 and pictures[0].shape == (64, 64, 3)
    head_show.render(str(kept), sheet=True, size=64)
    assert cv2.imread(str(tmp_path / "Ann-sheet.png")).shape == (3 * (64 + 26), 7 * 64, 3)


def test_what_is_asked_wrongly_is_said(kept: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--turntable"):
        head_show.render("Ann")
    with pytest.raises(SettingsError, match="64 and 1024"):
        head_show.render("Ann", sheet=True, size=5000)
    with pytest.raises(ModelError, match="Ann"):
        head_show.render("Nobody", sheet=True)
    with pytest.raises(OutputError, match=r"\.mp4 or \.mkv"):
        head_show.render("Ann", turntable=True, size=64, mesh=True, out=tmp_path / "turn.gif")
    assert not list(tmp_path.glob("*.gif")) and not list(tmp_path.glob(".*part*"))


def test_heads_are_listed_exported_and_deleted(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head_show.list_()
    assert "Ann" in capsys.readouterr().out
    head_show.export("Ann", to="obj", out=tmp_path / "files")
    assert (tmp_path / "files" / "head.mtl").is_file()
    head_show.delete("Ann")
    assert list_heads() == [] and not kept.exists()
    views_folder(kept).mkdir()
    head_show.list_()
    out = capsys.readouterr().out
    assert "no head" in out and "not finished" in out and "Ann" in out
    head_show.delete("Ann")
    assert not list(kept.parent.iterdir())
