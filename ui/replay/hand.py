"""A person's hand on the picture: corrections that are dragged, landmarks that are added, and their panel."""

from __future__ import annotations

import getpass
from collections.abc import Callable

from tracker.errors import StillpointError
from tracker.session.corrections import Correction
from tracker.session.own_points import NAME, OwnPoint
from tracker.session.play import Shown
from tracker.types import Face

from .desk import Desk
from .landmarks_panel import LandmarksPanel
from .layer import Hand, Mode, ReplayOverlay


class HandOnPicture:
    """Joins the overlay, the panel and the desk."""

    def __init__(self, desk: Desk, repaint: Callable[[], None]) -> None:
        self._desk, self._repaint = desk, repaint
        self._panel: LandmarksPanel | None = None
        self.overlay = ReplayOverlay(self._correct, self._add, repaint)

    def connect(self, panel: LandmarksPanel) -> None:
        self._panel = panel
        panel.mode_asked.connect(self.set_mode)
        panel.dropped.connect(self._desk.corrections.remove)
        panel.point_dropped.connect(self._desk.points.remove)
        panel.reach_changed.connect(self._desk.corrections.reach)

    def toggle(self, mode: Mode) -> None:
        self.set_mode("look" if self.overlay.mode == mode else mode)

    def set_mode(self, mode: Mode) -> None:
        """Look, correct landmarks, or add one. Corrections are made standing still."""
        self.overlay.mode = mode
        if mode != "look":
            self._desk.player.pause()
        if self._panel is not None:
            self._panel.show_mode(mode)
        self._repaint()

    def show(self, shown: Shown) -> None:
        self.overlay.show(shown)

    def refresh(self) -> None:
        """What the desk holds now."""
        self.overlay.layer = self._desk.corrections.layer
        self.overlay.own = {name: tracks["stable"] for name, tracks in self._desk.points.tracks.items()}
        self._repaint()

    def _correct(self, hand: Hand) -> None:
        desk, wish = self._desk, self._desk.bridge.wish
        at = desk.player.position
        desk.corrections.put(Correction(
            frame=int(desk.line.index[at]), time=float(desk.line.time[at]), face=hand.face, layout=wish.layout,
            landmark=hand.landmark, x=hand.at[0], y=hand.at[1], was=hand.was, which="raw" if wish.raw else "stable",
            run=desk.run, reach=self._panel.reach if self._panel is not None else (0, 0), author=self._author(),
        ))  # fmt: skip

    def _add(self, face: Face, x: float, y: float) -> None:
        desk = self._desk
        name = self._panel.name.text().strip() if self._panel is not None else ""
        if not NAME.fullmatch(name):
            desk.told.emit("trouble", f"A landmark cannot be called {name!r}; use letters, digits, - and _.")
            return
        if desk.rows.approximate:
            desk.told.emit("trouble", "The model that recorded it is not installed; a landmark cannot be computed.")
            return
        try:
            query = face.query_at(x, y)
        except StillpointError as error:
            desk.told.emit("trouble", str(error))
            return
        if query is None:
            desk.told.emit("notice", "There is no skin of the face at this place; click on the face.")
            return
        frame = int(desk.line.index[desk.player.position])
        place = (float(query[0]), float(query[1]), float(query[2]))
        desk.points.put(OwnPoint(name, place, frame, x, y, self._author()))
        self.set_mode("look")

    def _author(self) -> str:
        named = self._desk.settings.annotate.author
        if named:
            return named
        try:
            return getpass.getuser()
        except (OSError, KeyError):
            return ""
