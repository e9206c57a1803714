"""A head on the disk is whole or not there."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tracker.avatar import store
from tracker.avatar.lighting import WHITE
from tracker.avatar.render import viewpoint
from tracker.avatar.store import (
    delete_head,
    list_heads,
    load_avatar,
    load_views,
    save_avatar,
    save_views,
    unfinished,
    views_folder,
)
from tracker.avatar.types import Avatar, View
from tracker.errors import ModelError, OutputError
from tracker.head import load_head


def small() -> Avatar:
    random = np.random.default_rng(1)
    picture = random.integers(0, 255, (24, 24, 3), dtype=np.uint8)
    view = View("me.jpg", picture, picture[..., 0].copy(), viewpoint(10, 0, 24), 0.5)
    code = np.zeros((32, 32), np.uint8)
    texture = random.integers(0, 255, (32, 32, 3), dtype=np.uint8)
    return Avatar(
        load_head().mean, np.ones(40, np.float32), texture, code + 9, code + 3, WHITE, (view,), {"source": "me.jpg"}
    )


def left_over(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_head_is_read_as_it_was_written(tmp_path: Path) -> None:
    avatar = replace(small(), splats={"opacity": np.arange(5, dtype=np.float32)})
    save_avatar(avatar, tmp_path / "me")
    back = load_avatar(tmp_path / "me")
    for name in ("neutral", "identity", "texture", "confidence", "provenance", "lighting"):
        assert np.array_equal(getattr(back, name), getattr(avatar, name)), name
    one, two = back.views[0], avatar.views[0]
    assert one.name == two.name and one.sharp == two.sharp
    assert np.array_equal(one.image, two.image) and np.array_equal(one.matte, two.matte)
    assert np.allclose(one.state.project(avatar.neutral), two.state.project(avatar.neutral), atol=1e-4)
    assert back.splats is not None and np.array_equal(back.splats["opacity"], np.arange(5))
    assert back.facts == {"source": "me.jpg"}
    assert left_over(tmp_path) == ["me"]
    assert list_heads(tmp_path) == [tmp_path / "me"]


def test_a_head_is_replaced_only_when_that_was_asked_for(tmp_path: Path) -> None:
    save_avatar(small(), tmp_path / "me")
    with pytest.raises(OutputError, match="holds a head already"):
        save_avatar(small(), tmp_path / "me")
    save_avatar(replace(small(), facts={"source": "again"}), tmp_path / "me", overwrite=True)
    assert load_avatar(tmp_path / "me").facts == {"source": "again"}
    other = tmp_path / "photos"
    other.mkdir()
    with pytest.raises(OutputError, match="holds no head"):
        save_avatar(small(), other, overwrite=True)
    with pytest.raises(ModelError, match="nothing was deleted"):
        delete_head(other)
    delete_head(tmp_path / "me")
    assert left_over(tmp_path) == ["photos"]


@pytest.mark.parametrize("name", ["texture.png", "shape.npz", "views/000.png", "avatar.json"])
def test_a_damaged_head_is_refused(tmp_path: Path, name: str) -> None:
    save_avatar(small(), tmp_path / "me")
    path = tmp_path / "me" / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ModelError, match="damaged"):
        load_avatar(tmp_path / "me")


def test_a_full_disk_leaves_nothing_behind_and_the_old_head_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_avatar(small(), tmp_path / "me")

    def full(path: Path, image: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "_save_png", full)
    for target, overwrite in (("new", False), ("me", True)):
        with pytest.raises(OutputError, match="No space left"):
            save_avatar(replace(small(), facts={"source": "later"}), tmp_path / target, overwrite=overwrite)
    assert left_over(tmp_path) == ["me"]
    assert load_avatar(tmp_path / "me").facts == {"source": "me.jpg"}
    with pytest.raises(OutputError, match="No space left"):
        save_views(tmp_path / "kept", "abc", [("a", small().texture, np.ones((32, 32), bool), (0, 0, 9, 9))])
    assert left_over(tmp_path) == ["me"]


def test_no_head_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no head"):
        load_avatar(tmp_path)
    assert list_heads(tmp_path / "nowhere") == []


def test_chosen_views_are_kept_for_the_same_input_only(tmp_path: Path) -> None:
    shown = np.zeros((32, 32), bool)
    shown[:20] = True
    save_views(tmp_path / ".me.views", "abc", [("clip 3", small().texture, shown, (1.0, 2.0, 9.0, 9.5))])
    ((name, image, back, box),) = load_views(tmp_path / ".me.views", "abc")
    assert name == "clip 3" and box == (1.0, 2.0, 9.0, 9.5)
    assert np.array_equal(image, small().texture) and np.array_equal(back, shown)
    assert load_views(tmp_path / ".me.views", "another") == []
    assert load_views(tmp_path / "nowhere", "abc") == []
    (tmp_path / ".me.views" / "000.png").write_bytes(b"")
    assert load_views(tmp_path / ".me.views", "abc") == []


def test_deleting_a_head_takes_the_views_of_an_unfinished_build_along(tmp_path: Path) -> None:
    shown = np.ones((32, 32), np.bool_)
    for name in ("me", "you"):
        save_views(views_folder(tmp_path / name), "abc", [("clip 3", small().texture, shown, (1.0, 2.0, 9.0, 9.5))])
    save_avatar(small(), tmp_path / "me")
    assert unfinished(tmp_path) == [tmp_path / "me", tmp_path / "you"]
    delete_head(tmp_path / "me")
    assert left_over(tmp_path) == [".you.views"]
    delete_head(tmp_path / "you")
    assert left_over(tmp_path) == [] and unfinished(tmp_path) == []
    with pytest.raises(ModelError, match="nothing was deleted"):
        delete_head(tmp_path / "you")
