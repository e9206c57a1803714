"""The 3D head: the dense mesh as the face deforms it, from any side. OpenGL where there is one, else in software.

Both renderers show the same thing: vertices in the head frame, turned by the pose (or frontal), with the camera
orbiting. World axes of the view: X towards the viewer, Y to the viewer's right, Z up.
"""

from __future__ import annotations

import logging
import time

import numpy as np
from PyQt6.QtCore import QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QLabel, QVBoxLayout, QWidget

from tracker.avatar.render import tinted as tinted_texture
from tracker.head import HeadModel
from tracker.types import Array, Face

from .head_bar import HeadBar
from .head_software import SoftwareHead
from .newest import Newest
from .orbit import MIDDLE, VIEW_FROM_FACE
from .person.prepare import DRAWINGS, Asked, Drawing, Manner, Person, PictureOf, Prepared, prepare
from .renderer import Renderer, opengl_problem
from .scene import HeadShape, Scene
from .theme import Colors

log = logging.getLogger(__name__)
PICTURE_PERIOD_S = 0.1
"""Between two pictures of a personal head without OpenGL: each takes a core for some tens of milliseconds."""
STOP_S = 5.0
PAINT_PATIENCE_S = 0.25
"""What was prepared for OpenGL is waited for so long to be painted before the next is prepared: a slow card would else
have several made for one that is seen."""


class HeadView(QWidget):
    """The head of the first face. Keeps working, in software and with the reason shown, where OpenGL is missing."""

    follow_changed = pyqtSignal(bool)
    _prepared = pyqtSignal(object, object)
    _unprepared = pyqtSignal(object, str)

    def __init__(self, head: HeadModel, colors: Colors, follow: bool = True, renderer: str = "auto") -> None:
        super().__init__()
        self._head = head
        self._colors = colors
        self._follow = follow
        self._shape = HeadShape(head.mean, head.normals, np.eye(3, dtype=np.float32))
        self._person: Person | None = None
        self._manner = Manner()
        self._face: Face | None = None
        self._turn_asked = np.eye(3, dtype=np.float32)
        self._due, self._owed = 0.0, False
        self._reason = ""
        self._lost: dict[Drawing, str] = {}
        self._person_lost: dict[Drawing, str] = {}
        self._preparer: Newest[Asked, Prepared] = Newest("stillpoint-person", prepare, self._hand_over, self._give_up)
        self._prepared.connect(self._show_prepared)  # queued: these are emitted in the preparer's thread
        self._unprepared.connect(self._show_unprepared)
        self.prepared: Prepared | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("3D head")
        self.setAccessibleDescription("The face's mesh in 3D. Drag to turn it, scroll to zoom.")
        self.setMinimumSize(220, 190)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._note = QLabel()
        self._note.setProperty("role", "muted")
        self._note.setWordWrap(True)
        self._note.setContentsMargins(8, 2, 8, 2)
        self._note.hide()
        self._bar = HeadBar(follow, colors)
        self._bar.follow_asked.connect(self.set_follow)
        self._bar.front_asked.connect(lambda: self.renderer.look_from_front())
        self._layout.addWidget(self._bar)
        self._choice = renderer
        self.renderer: Renderer = self._make_renderer()
        self._layout.addWidget(self._note)
        self._draw()

    def sizeHint(self) -> QSize:
        return QSize(330, 290)

    @property
    def software_reason(self) -> str:
        """Why the head is drawn in software; empty where it is not."""
        return self._note.text() if self._reason else ""

    def show_scene(self, scene: Scene) -> None:
        """Take a scene's head, where it has one."""
        if scene.head is not None:
            self._shape = scene.head
            faces = (scene.tracked.raw if scene.wish.raw else scene.tracked.stable).faces
            self._face = faces[0] if faces else None
            if self.isVisible():
                self._draw()

    @property
    def person(self) -> Person | None:
        return self._person

    def set_person(self, person: Person | None) -> None:
        """Draw this personal head from now on; None: the generic one."""
        self._person, self._person_lost, self._due = person, {}, 0.0
        self._dress_renderer()
        self._draw()

    @property
    def drawing(self) -> Drawing:
        """How the head is drawn: as asked, or the next way that works."""
        if self._person is None:
            return "generic"
        best = DRAWINGS.index(self._manner.drawing)
        if best == 0 and (self._person.stage is None or isinstance(self.renderer, SoftwareHead)):
            best = 1
        while DRAWINGS[best] in self._lost or DRAWINGS[best] in self._person_lost:
            best += 1
        return DRAWINGS[best]

    @property
    def note(self) -> str:
        """Why this is drawn, and not something better; empty where nothing is amiss."""
        return "" if self._note.isHidden() else self._note.text()

    def set_manner(self, manner: Manner) -> None:
        """Draw the personal head in this manner."""
        if manner != self._manner:
            self._manner, self._due = manner, 0.0
            self._dress_renderer()
            self._draw()

    def shut_down(self) -> None:
        """End the thread; for the window's end."""
        self._preparer.close()
        self._preparer.join(STOP_S)

    def set_follow(self, follow: bool) -> None:
        """Turn with the face, or stay frontal."""
        if follow != self._follow:
            self._follow = follow
            self._bar.show_follow(follow)
            self._draw()
            self.follow_changed.emit(follow)

    def set_colors(self, colors: Colors) -> None:
        self._colors = colors
        self.renderer.set_background(colors.panel)
        self._bar.set_colors(colors)

    def _make_renderer(self) -> Renderer:
        reason = opengl_problem(self._choice)
        if reason is None:
            try:
                from .head_opengl import OpenGLHead

                view = OpenGLHead(self._head, self._colors.panel)
            except Exception as error:  # whatever a driver comes up with, the window must live
                log.warning("OpenGL head failed", exc_info=True)
                reason = f"OpenGL failed ({error})."
            else:
                # Told while it paints: it can only be taken away afterwards.
                view.failed.connect(lambda why: QTimer.singleShot(0, lambda: self._replace(why)))
                view.person_failed.connect(lambda what, why: QTimer.singleShot(0, lambda: self._lose(what, why)))
                view.turned.connect(self._draw_person)
                view.painted.connect(self._painted)
                self._layout.insertWidget(1, view, 1)
                self._reason = ""
                return view
        return self._use_software(reason)

    def _use_software(self, reason: str) -> SoftwareHead:
        software = SoftwareHead(self._head, self._colors.panel)
        self._layout.insertWidget(1, software, 1)
        software.turned.connect(self._draw_person)
        self._reason = reason
        self._tell()
        return software

    def set_renderer(self, choice: str) -> None:
        """Draw with "auto", "opengl" or "software" from now on."""
        if choice != self._choice:
            self._choice = choice
            self._replace(None)

    def _replace(self, reason: str | None) -> None:
        old = self.renderer
        assert isinstance(old, QWidget)
        self._layout.removeWidget(old)
        old.hide()
        old.deleteLater()
        self._lost, self._due = {}, 0.0
        self.renderer = self._make_renderer() if reason is None else self._use_software(reason)
        self._dress_renderer()
        self._draw()

    def _turn(self) -> Array:
        return self._shape.turn if self._follow else np.eye(3, dtype=np.float32)

    def _draw(self) -> None:
        if self.drawing != "generic":
            self._draw_person()
            return
        turn = self._turn()
        whole = VIEW_FROM_FACE @ turn
        vertices = (self._shape.vertices - MIDDLE) @ whole.T
        self.renderer.show_mesh(np.ascontiguousarray(vertices), np.ascontiguousarray(self._shape.normals @ whole.T))

    # --- the personal head

    def _tell(self) -> None:
        """Why this is drawn, and not something better."""
        parts = []
        if self._reason:
            mesh = self._person is not None and self._person.stage is not None and self._manner.drawing == "splats"
            instead = " The head is drawn as its textured mesh: splats need OpenGL." if mesh else ""
            parts.append(f"Drawn in software: {self._reason}{instead}")
        if self._person is not None:
            instead_of: dict[Drawing, str] = {"splats": "its textured mesh", "mesh": "the generic head"}
            for what, other in instead_of.items():
                why = self._lost.get(what) or self._person_lost.get(what)
                if why:
                    parts.append(f"{why.rstrip('.')}. Instead {other} is drawn.")
        self._note.setText(" ".join(parts))
        self._note.setVisible(bool(parts))

    def _lose(self, what: Drawing, why: str) -> None:
        """A way of drawing the personal head that this renderer turned out not to have."""
        self._lost[what] = why
        self._tell()
        self._draw()

    def _show_unprepared(self, asked: Asked, why: str) -> None:
        if asked.person is self._person:
            what: Drawing = "splats" if asked.drawing == "splats" and not asked.picture else "mesh"
            self._person_lost[what] = f"This head cannot be drawn ({why})"
            self._tell()
            self._draw()

    def _dress_renderer(self) -> None:
        self._tell()
        if self._person is not None:
            avatar = self._person.avatar
            self.renderer.show_texture(tinted_texture(avatar) if self._manner.tinted else avatar.texture)

    def _draw_person(self) -> None:
        """Have the personal head prepared, in its own thread."""
        person, manner = self._person, self._manner
        if person is None or self.drawing == "generic" or not self.isVisible():
            return
        pictured, now = isinstance(self.renderer, SoftwareHead), time.monotonic()
        if now < self._due:
            self._owed = True
            return
        if pictured:
            self._due = now + PICTURE_PERIOD_S
        turn, orbit = self._turn(), self.renderer.orbit
        panel = QColor(self._colors.panel)
        self._turn_asked = turn
        self._preparer.ask(
            Asked(
                person,
                self._face,
                orbit.rotation(turn),
                orbit.distance,
                self.drawing,
                manner.light,
                manner.tinted,
                self._follow,
                pictured,
                background=(panel.red(), panel.green(), panel.blue()),
            )
        )

    def _hand_over(self, prepared: Prepared) -> None:
        self._prepared.emit(prepared, self._turn_asked)

    def _give_up(self, asked: Asked, error: Exception) -> None:
        """A head from elsewhere may hold anything; the window must live."""
        self._unprepared.emit(asked, f"{type(error).__name__}: {error}")

    def _show_prepared(self, prepared: Prepared, turn: Array) -> None:
        if self.drawing == "generic":
            return
        if isinstance(prepared, PictureOf) == isinstance(self.renderer, SoftwareHead):
            self.prepared = prepared
            self.renderer.show_person(prepared, turn)
            if not isinstance(prepared, PictureOf):
                self._due = time.monotonic() + PAINT_PATIENCE_S

    def _painted(self) -> None:
        """What was prepared has been painted: the newest that came meanwhile may follow."""
        self._due = 0.0
        if self._owed:
            self._owed = False
            self._draw_person()
