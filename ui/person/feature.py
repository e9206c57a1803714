"""The personal head in the window: who is shown, how one is built, and the head beside the video."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QMessageBox, QSplitter

from tracker.avatar.store import delete_head, heads_folder, list_heads, load_avatar
from tracker.avatar.types import Avatar
from tracker.errors import StillpointError
from tracker.head import load_head
from tracker.settings import Settings
from tracker.types import Image, Tracked

from ..banner import Kind
from ..feature import Dock, Feature, Host
from ..head_view import HeadView
from ..scene import Scene
from ..theme import Colors
from .builder import Builder, Write
from .panel import PersonPanel
from .prepare import Manner
from .prepare import Person as Prepared
from .turn import Ring, Turn

TITLE = "Person"
NO_SPLATS = "This head has no splats: it was built without torch. Its textured mesh is drawn."


def free_name(wanted: str) -> str:
    """A name for a new head that no kept one has: what is wanted (or "Me") without what folders cannot be called."""
    plain = "".join(c for c in wanted.strip() if c.isalnum() or c in " -_").strip() or "Me"
    names = (plain, *(f"{plain} {i}" for i in range(2, 1000)))
    return next(name for name in names if not (heads_folder() / name).exists())


class _Loaded(QObject):
    """Carries a head that was read in a thread into the window's."""

    ready = pyqtSignal(str, object, str)


class PersonFeature(Feature):
    """One per window."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host
        self.panel = PersonPanel()
        self.builder = Builder(host.window)
        self._ring = Ring(host.theme.colors)
        self._turn: Turn | None = None
        self._person: Prepared | None = None
        self._name = ""
        self._last: Image | None = None
        self._mirror: HeadView | None = None
        self._splitter: QSplitter | None = None
        self._loaded = _Loaded(host.window)
        self._loading: list[threading.Thread] = []
        self.docks = (Dock(TITLE, self.panel, "panel"),)
        self.menu = "&Person"
        self.overlays = (self._ring,)
        self.actions = {
            "person_photo": self._build_from_picture,
            "person_turn": self._begin_or_skip_turn,
            "person_tint": self.panel.tint.toggle,
            "person_mirror": self.panel.mirror.toggle,
            "person_delete": self._delete,
        }
        self._connect()
        self._list()
        wanted = host.settings().view.person
        if wanted:
            self.choose(wanted)

    def _connect(self) -> None:
        panel, builder = self.panel, self.builder
        panel.chosen.connect(lambda name: self._host.change("view.person", name))
        panel.photo_asked.connect(self._build_from_picture)
        panel.turn_asked.connect(self._begin_or_skip_turn)
        panel.cancel_asked.connect(builder.cancel)
        panel.go_on_asked.connect(self._go_on)
        panel.forget_asked.connect(builder.forget)
        panel.forget_asked.connect(self._idle)
        panel.delete_asked.connect(self._delete)
        panel.manner_asked.connect(self._set_manner)
        panel.mirror_asked.connect(self._set_mirror)
        builder.progress.connect(panel.show_build)
        builder.built.connect(self._built)
        builder.failed.connect(lambda text: self._over("trouble", text, 0.0))
        builder.cancelled.connect(lambda text: self._over("notice", text, 8.0))
        self._loaded.ready.connect(self._show_loaded)

    # --- who is shown

    def choose(self, name: str) -> None:
        """Draw this kept head from now on ("": the generic one). It is read in a thread."""
        self._name = name
        self._list()
        if not name:
            self._show_loaded("", None, "")
            return

        def load() -> None:
            try:
                avatar = load_avatar(heads_folder() / name)
                self._loaded.ready.emit(name, Prepared.of(avatar), "")
            except StillpointError as error:
                self._loaded.ready.emit(name, None, str(error))

        self._loading = [thread for thread in self._loading if thread.is_alive()]
        thread = threading.Thread(target=load, name="stillpoint-load-head", daemon=True)
        self._loading.append(thread)
        thread.start()

    def _show_loaded(self, name: str, person: Prepared | None, problem: str) -> None:
        if name != self._name:
            return  # another was chosen since
        self._person = person
        if problem:
            self._host.say("trouble", f"{problem} The generic head is drawn.")
        for view in self._views():
            view.set_person(person)
        avatar: Avatar | None = person.avatar if person is not None else None
        if avatar is None:
            self.panel.show_note("Heads stay on this computer.")
        elif avatar.splats is None:
            self.panel.show_note(str(avatar.facts.get("no_splats", NO_SPLATS)))
        else:
            seen = avatar.facts.get("shares", {}).get("seen")
            share = f", {100 * seen:.0f} % of the skin seen" if isinstance(seen, float) else ""
            self.panel.show_note(f"{len(avatar.splats['triangle'])} splats{share}.")

    def _list(self) -> None:
        self.panel.show_people([path.name for path in list_heads()], self._name)

    def _delete(self) -> None:
        if not self._name:
            self._host.go_to(TITLE)
            return
        asked = QMessageBox.question(
            self._host.window, "Delete a head", f"Delete the head {self._name} and its pictures from this computer?"
        )
        if asked == QMessageBox.StandardButton.Yes:
            self.delete(self._name)

    def delete(self, name: str) -> None:
        """Delete a kept head; the generic one is drawn where it was shown."""
        try:
            delete_head(heads_folder() / name)
        except (StillpointError, OSError) as error:
            self._host.say("trouble", str(error))
        else:
            self._host.say("notice", f"The head {name} and its pictures are deleted.", for_s=8)
        if name == self._name:
            self._host.change("view.person", "")
        self._list()

    # --- building one

    def _build_from_picture(self) -> None:
        image = self._last
        if image is None:
            self._host.say("notice", "There is no picture yet: open a source that shows your face.", for_s=6)
            return

        def write(folder: Path) -> None:
            data = cv2.imencode(".png", image[..., ::-1])[1]
            (folder / "picture.png").write_bytes(data.tobytes())

        self._build(write)

    def _begin_or_skip_turn(self) -> None:
        if self.builder.busy:
            return
        if self._turn is None:
            if self._host.live.state.phase != "running":
                self._host.say("notice", "Open a camera or a clip first.", for_s=6)
                return
            self._turn = self._ring.turn = Turn()
            self.panel.turn.setText("That is enough")
        else:
            self._end_turn()

    def _end_turn(self) -> None:
        turn, self._turn, self._ring.turn = self._turn, None, None
        self.panel.turn.setText("From a turn")
        if turn is None:
            return
        if not turn.kept:
            self._host.say("trouble", "No face was seen during the turn, so no head was built.")
            return
        self._build(turn.write)

    def _build(self, write: Write) -> None:
        name = free_name(self.panel.name.text())
        self.panel.show_build("Starting …", 0.0)
        self._host.go_to(TITLE)
        self.builder.build(write, heads_folder() / name, self._host.settings())

    def _go_on(self) -> None:
        kept = self.builder.kept
        if kept is not None:
            self.panel.show_build("Starting …", 0.0)
            self.builder.go_on(heads_folder() / free_name(kept.name), self._host.settings())

    def _idle(self) -> None:
        """No build runs; what of one before is kept is offered."""
        self.panel.show_build("", 0.0)
        self.panel.show_kept(self.builder.kept)

    def _built(self, folder: str) -> None:
        self._idle()
        name = Path(folder).name
        self._host.say("notice", f"The head {name} is built and drawn.", for_s=8)
        if self._host.settings().view.person == name:
            self.choose(name)
        else:
            self._host.change("view.person", name)
        self._list()

    def _over(self, kind: Kind, text: str, for_s: float) -> None:
        self._idle()
        self._host.say(kind, text, for_s=for_s)

    # --- how it is drawn

    def _views(self) -> list[HeadView]:
        return [self._host.head, *([self._mirror] if self._mirror is not None else [])]

    def _set_manner(self, manner: Manner) -> None:
        for view in self._views():
            view.set_manner(manner)

    def _set_mirror(self, on: bool) -> None:
        """A second view of the head beside the video, as large as that."""
        video = self._host.video
        if on and self._mirror is None:
            settings = self._host.settings().view
            self._mirror = HeadView(load_head(), self._host.theme.colors, settings.follow, settings.renderer)
            self._mirror.set_manner(self.panel.manner)
            self._mirror.set_person(self._person)
            stage = video.parentWidget()
            layout = stage.layout() if stage is not None else None
            assert layout is not None
            self._splitter = QSplitter(Qt.Orientation.Horizontal)
            layout.replaceWidget(video, self._splitter)
            self._splitter.addWidget(video)
            self._splitter.addWidget(self._mirror)
            self._splitter.setSizes([1000, 1000])
        elif not on and self._mirror is not None and self._splitter is not None:
            stage = self._splitter.parentWidget()
            layout = stage.layout() if stage is not None else None
            assert layout is not None
            layout.replaceWidget(self._splitter, video)
            video.show()
            self._mirror.shut_down()
            self._mirror.deleteLater()
            self._splitter.deleteLater()
            self._mirror = self._splitter = None

    # --- what the window tells

    def tap(self, tracked: Tracked) -> None:
        turn = self._turn
        if turn is not None:
            turn.add(tracked)

    def show_scene(self, scene: Scene) -> None:
        self._last = scene.tracked.raw.frame.image
        if self._mirror is not None:
            self._mirror.show_scene(scene)

    def show_settings(self, settings: Settings) -> None:
        if settings.view.person != self._name:
            self.choose(settings.view.person)
        if self._mirror is not None:
            self._mirror.set_follow(settings.view.follow)
            self._mirror.set_renderer(settings.view.renderer)

    def set_colors(self, colors: Colors) -> None:
        self._ring.colors = colors
        if self._mirror is not None:
            self._mirror.set_colors(colors)

    def refresh(self) -> None:
        if self._turn is not None and (self._turn.over or self._host.live.state.phase != "running"):
            self._end_turn()

    def close(self) -> None:
        self.builder.close()
        for view in self._views():
            view.shut_down()
        for thread in self._loading:
            thread.join(10.0)
