"""The personal head in the window: choosing, drawing, building, deleting, and the guided turn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE_MS, PATIENCE_S
from pytestqt.qtbot import QtBot

from tracker.avatar.assemble import Cancelled
from tracker.avatar.atlas import texels
from tracker.avatar.lighting import WHITE
from tracker.avatar.seed import seeds
from tracker.avatar.store import heads_folder, list_heads, save_avatar
from tracker.avatar.types import SEEN, Avatar
from tracker.errors import ModelError
from tracker.head import load_head
from tracker.settings import Settings, with_setting
from ui.orbit import MIDDLE, Orbit, eye_of
from ui.person.feature import PersonFeature, free_name
from ui.person.prepare import Asked, Manner, MeshArrays, Person, PictureOf, SplatArrays, prepare
from ui.window import Window

FRONT = np.eye(3, dtype=np.float32)


@pytest.fixture(autouse=True)
def _own_heads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tracker.avatar.store.platformdirs.user_data_dir", lambda *_, **__: str(tmp_path / "data"))


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    head, texel = load_head(), texels(512)
    texture = texel.image(np.clip(texel.points(head.color.astype(np.float32)), 0, 255).astype(np.uint8))
    source = texel.image(np.full(len(texel.flat), SEEN, np.uint8), spread=False)
    plain = Avatar(head.mean, np.zeros(40, np.float32), texture, source, source, WHITE)
    return replace(plain, splats=seeds(plain).arrays())


def person_of(window: Window) -> PersonFeature:
    return next(feature for feature in window.features if isinstance(feature, PersonFeature))


def ask(avatar: Avatar, orbit: Orbit, turn: np.ndarray = FRONT, **changes: object) -> Asked:
    asked = Asked(Person.of(avatar), None, orbit.rotation(turn), orbit.distance)
    return replace(asked, **changes)  # type: ignore[arg-type]


def test_splats_are_sorted_by_their_distance_and_what_looks_away_is_left_out(avatar: Avatar) -> None:
    orbit = Orbit(azimuth=30.0, elevation=10.0)
    prepared = prepare(ask(avatar, orbit))
    assert isinstance(prepared, SplatArrays)
    sprites = prepared.sprites
    depth = orbit.rotation(FRONT)[2] @ (sprites.place[:, :3].T - eye_of(orbit.rotation(FRONT), orbit.distance)[:, None])
    assert (np.diff(depth) < 2e-5).all()
    assert 0.3 * len(avatar.splats["triangle"]) < len(sprites) < 0.8 * len(avatar.splats["triangle"])  # type: ignore[index]
    assert np.isfinite(sprites.place).all() and np.isfinite(sprites.shape).all()
    assert sprites.color.min() >= 0 and sprites.color[:, 3].max() <= 1


def test_the_camera_circles_the_head() -> None:
    eye = eye_of(Orbit(azimuth=90.0).rotation(FRONT), 0.5)
    assert np.allclose(eye, MIDDLE + np.array([0.5, 0, 0]), atol=1e-6)  # the viewer's right
    above = eye_of(Orbit(elevation=90.0).rotation(FRONT), 0.5)
    assert np.allclose(above, MIDDLE + np.array([0, 0.5, 0]), atol=1e-6)
    assert np.linalg.det(Orbit(20.0, 30.0).rotation(FRONT)) == pytest.approx(1.0, abs=1e-5)


def test_without_splats_the_textured_mesh_is_prepared(avatar: Avatar) -> None:
    prepared = prepare(ask(replace(avatar, splats=None), Orbit()))
    assert isinstance(prepared, MeshArrays) and len(prepared.place) == len(prepared.light)
    assert isinstance(prepare(ask(avatar, Orbit(), drawing="mesh")), MeshArrays)


def test_a_picture_shows_the_head_in_its_middle(avatar: Avatar) -> None:
    prepared = prepare(ask(avatar, Orbit(), picture=True, side=120, background=(0, 0, 255)))
    assert isinstance(prepared, PictureOf)
    head = (prepared.image != (0, 0, 255)).any(-1)
    rows, columns = np.nonzero(head)
    assert head[60, 60] and abs(columns.mean() - 59.5) < 2
    assert 40 < np.ptp(columns[rows < 60]) < 60 and rows.min() > 5
    white = prepare(ask(avatar, Orbit(), picture=True, side=120, light="white"))
    lamp = prepare(ask(avatar, Orbit(), picture=True, side=120, light="studio"))
    assert isinstance(white, PictureOf) and isinstance(lamp, PictureOf)
    left, right = lamp.image[40:70, 40:55].mean(), lamp.image[40:70, 65:80].mean()
    assert left > 1.1 * right
    assert abs(white.image[40:70, 40:55].mean() - white.image[40:70, 65:80].mean()) < 0.05 * left


def test_a_kept_head_is_drawn_when_chosen_and_gone_when_deleted(
    make_window: Callable[..., Window], qtbot: QtBot, avatar: Avatar
) -> None:
    save_avatar(avatar, heads_folder() / "Ann")
    window = make_window(features=(PersonFeature,))
    feature = person_of(window)
    assert [feature.panel.people.itemText(i) for i in range(2)] == ["Generic head", "Ann"]
    window.change("view.person", "Ann")
    qtbot.waitUntil(lambda: window.head.person is not None, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: isinstance(window.head.prepared, PictureOf), timeout=PATIENCE_MS)
    assert "splats" in feature.panel.note.text()
    assert "software" in window.head.software_reason.lower()
    window.head.set_manner(Manner(drawing="generic"))
    feature.delete("Ann")
    assert window.head.person is None and window.settings.view.person == "" and list_heads() == []
    assert feature.panel.people.count() == 1


def test_a_head_that_cannot_be_drawn_gives_way_to_the_generic_one_and_says_why(
    make_window: Callable[..., Window], qtbot: QtBot, avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window(features=(PersonFeature,))
    head = window.head
    head.set_person(Person.of(avatar))
    assert head.drawing == "mesh" and "splats need OpenGL" in head.note
    monkeypatch.setattr("ui.person.prepare.render_mesh", lambda *_, **__: 1 / 0)
    head._due = 0.0
    head._draw()
    qtbot.waitUntil(lambda: head.drawing == "generic", timeout=PATIENCE_MS)
    assert "ZeroDivisionError" in head.note and "generic head is drawn" in head.note
    head.set_person(Person.of(avatar))
    assert head.drawing == "mesh" and "generic" not in head.note


def test_the_next_head_is_prepared_when_the_one_before_was_painted(
    make_window: Callable[..., Window], qtbot: QtBot, avatar: Avatar
) -> None:
    head = make_window(features=(PersonFeature,)).head
    head.set_person(Person.of(avatar))
    qtbot.waitUntil(lambda: head.prepared is not None, timeout=PATIENCE_MS)
    first, head._due = head.prepared, float("inf")
    head._draw()
    head._draw()
    assert head._owed
    head._painted()
    assert not head._owed
    qtbot.waitUntil(lambda: head.prepared is not first, timeout=PATIENCE_MS)


def test_a_damaged_head_is_told_and_the_generic_one_is_drawn(
    make_window: Callable[..., Window], qtbot: QtBot, avatar: Avatar
) -> None:
    save_avatar(avatar, heads_folder() / "Bob")
    (heads_folder() / "Bob" / "splats.npz").write_bytes(b"nothing")
    window = make_window(with_setting(Settings(), "view.person", "Bob"), features=(PersonFeature,))
    qtbot.waitUntil(lambda: window.banner.isVisible(), timeout=PATIENCE_MS)
    assert "damaged" in window.banner.text and window.head.person is None


def test_the_mirror_stands_beside_the_video_and_goes_again(make_window: Callable[..., Window]) -> None:
    window = make_window(features=(PersonFeature,))
    panel = person_of(window).panel
    panel.mirror.setChecked(True)
    assert window.video.parentWidget() is not None and window.video.parentWidget().count() == 2  # type: ignore[union-attr]
    panel.mirror.setChecked(False)
    assert window.video.parentWidget().objectName() == "stage" and not window.video.isHidden()  # type: ignore[union-attr]


def test_a_failed_build_says_why_and_leaves_nothing(
    make_window: Callable[..., Window], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window(features=(PersonFeature,))
    feature = person_of(window)
    began = threading.Event()

    def refuse(*_: object, **__: object) -> Avatar:
        began.set()
        raise ModelError("No face was found in the picture.")

    monkeypatch.setattr("tracker.avatar.build.build_head", refuse)
    feature._last = np.zeros((40, 40, 3), np.uint8)
    with qtbot.waitSignal(feature.builder.failed, timeout=PATIENCE_MS) as heard:
        window.actions_by_name["person_photo"].trigger()
    assert began.is_set() and heard.args == ["No face was found in the picture."]
    assert list_heads() == [] and feature.panel.photo.isEnabled()
    assert "No face" in window.banner.text


def test_a_cancelled_build_is_told_and_no_trouble(
    make_window: Callable[..., Window], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window(features=(PersonFeature,))
    feature = person_of(window)
    began, wait = threading.Event(), threading.Event()

    def build(*_: object, cancelled: Callable[[], bool], **__: object) -> Avatar:
        began.set()
        while not cancelled():
            wait.wait(0.01)
        raise Cancelled

    monkeypatch.setattr("tracker.avatar.build.build_head", build)
    feature._last = np.zeros((40, 40, 3), np.uint8)
    window.actions_by_name["person_photo"].trigger()
    assert began.wait(PATIENCE_S)
    with qtbot.waitSignal(feature.builder.cancelled, timeout=PATIENCE_MS):
        feature.panel.cancel.click()
    assert "cancelled" in window.banner.text and window.banner.kind == "notice"
    assert list_heads() == [] and feature.panel.photo.isEnabled()


def test_a_build_is_kept_chosen_and_drawn(
    make_window: Callable[..., Window], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, avatar: Avatar
) -> None:
    window = make_window(features=(PersonFeature,))
    feature = person_of(window)
    monkeypatch.setattr("tracker.avatar.build.build_head", lambda *_, **__: avatar)
    monkeypatch.setattr("tracker.avatar.grow.with_splats", lambda given, _: given)
    feature.panel.name.setText("Cleo/..")
    feature._last = np.zeros((40, 40, 3), np.uint8)
    with qtbot.waitSignal(feature.builder.built, timeout=PATIENCE_MS):
        feature.panel.photo.click()
    qtbot.waitUntil(lambda: window.head.person is not None, timeout=PATIENCE_MS)
    assert [path.name for path in list_heads()] == ["Cleo"] and window.settings.view.person == "Cleo"
    assert free_name("Cleo") == "Cleo 2" and free_name("../") == "Me"
