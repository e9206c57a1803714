"""The 3D head: the dense mesh as the face deforms it, from any side. OpenGL where there is one, else in software.

Both renderers show the same thing: vertices in the head frame, turned by the pose (or frontal), with the camera
orbiting. World axes of the view: X towards the viewer, Y to the viewer's right, Z up.
"""

from __future__ import annotations

import logging
from typing import Protocol

import numpy as np
from PyQt6.QtCore import QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QOffscreenSurface, QOpenGLContext
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from tracker.head import HeadModel
from tracker.types import Array

from .head_software import SoftwareHead
from .keys import hint
from .scene import HeadShape, Scene
from .theme import Colors, icon

log = logging.getLogger(__name__)
VIEW_FROM_FACE = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
"""(x right, y up, z to the viewer) -> the view's world axes."""
MIDDLE = np.array([0.0, -0.05, -0.06], dtype=np.float32)
"""Roughly the head's middle, head frame, metres: what the camera circles."""
ON_PROCESSOR = ("llvmpipe", "softpipe", "swiftshader", "software rasterizer", "gdi generic")


class Renderer(Protocol):
    """What draws the head: a widget."""

    def show_mesh(self, vertices: Array, normals: Array) -> None: ...
    def set_background(self, color: str) -> None: ...
    def look_from_front(self) -> None: ...


def opengl_problem(choice: str = "auto") -> str | None:
    """Why OpenGL is not used, as a sentence, or None. Call with an application running.

    `choice` "auto" also refuses an OpenGL that runs on the processor: one such view makes the whole window slower
    than the software renderer does. "opengl" takes it, "software" takes none.
    """
    if choice == "software":
        return "chosen in the View panel."
    try:
        from OpenGL import GL
    except (ImportError, AttributeError, OSError) as error:
        return f"PyOpenGL cannot be loaded ({error}); install libgl1."
    context = QOpenGLContext()
    if not context.create():
        return "this display offers no OpenGL; install your graphics driver (or libgl1-mesa-dri)."
    surface = QOffscreenSurface()
    surface.setFormat(context.format())
    surface.create()
    if not context.makeCurrent(surface):
        return "the OpenGL driver refuses to start; update it."
    version, name = context.format().version(), bytes(GL.glGetString(GL.GL_RENDERER) or b"").decode(errors="replace")
    context.doneCurrent()
    if version < (2, 1):
        return f"OpenGL {version[0]}.{version[1]} was found and 2.1 is needed; update the graphics driver."
    if choice == "auto" and any(word in name.lower() for word in ON_PROCESSOR):
        return f"OpenGL has no graphics card here ({name.split(' (')[0]})."
    return None


class HeadView(QWidget):
    """The head of the first face. Keeps working, in software and with the reason shown, where OpenGL is missing."""

    follow_changed = pyqtSignal(bool)

    def __init__(self, head: HeadModel, colors: Colors, follow: bool = True, renderer: str = "auto") -> None:
        super().__init__()
        self._head = head
        self._colors = colors
        self._follow = follow
        self._shape = HeadShape(head.mean, head.normals, np.eye(3, dtype=np.float32))
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
        self._layout.addLayout(self._bar())
        self._choice = renderer
        self.renderer: Renderer = self._make_renderer()
        self._layout.addWidget(self._note)
        self._draw()

    def sizeHint(self) -> QSize:
        return QSize(330, 290)

    @property
    def follow(self) -> bool:
        return self._follow

    @property
    def software_reason(self) -> str:
        """Why the head is drawn in software; empty where it is not."""
        return self._note.text()

    def show_scene(self, scene: Scene) -> None:
        """Take a scene's head, where it has one."""
        if scene.head is not None:
            self._shape = scene.head
            if self.isVisible():
                self._draw()

    def set_follow(self, follow: bool) -> None:
        """Turn with the face, or stay frontal."""
        if follow != self._follow:
            self._follow = follow
            self._follow_button.setChecked(follow)
            self._draw()
            self.follow_changed.emit(follow)

    def set_colors(self, colors: Colors) -> None:
        self._colors = colors
        self.renderer.set_background(colors.panel)
        self._dress_buttons()

    def _bar(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 8, 4)
        self._follow_button = QToolButton()
        self._follow_button.setText("Follows the pose")
        self._follow_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._follow_button.setCheckable(True)
        self._follow_button.setChecked(self._follow)
        self._follow_button.setToolTip(hint("follow", "The head turns as the face does, or stays frontal"))
        self._follow_button.setAccessibleName("3D head follows the pose")
        self._follow_button.toggled.connect(self.set_follow)
        self._front_button = QToolButton()
        self._front_button.setToolTip("Look from the front again")
        self._front_button.setAccessibleName("Look at the 3D head from the front")
        self._front_button.clicked.connect(lambda: self.renderer.look_from_front())
        row.addWidget(self._follow_button)
        row.addStretch(1)
        row.addWidget(self._front_button)
        self._follow_button.toggled.connect(lambda _: self._dress_buttons())
        self._dress_buttons()
        return row

    def _dress_buttons(self) -> None:
        ink = self._colors.on_accent if self._follow_button.isChecked() else self._colors.text
        self._follow_button.setIcon(icon("follow", ink))
        self._front_button.setIcon(icon("reset", self._colors.text))

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
                self._layout.insertWidget(1, view, 1)
                self._note.hide()
                return view
        return self._use_software(reason)

    def _use_software(self, reason: str) -> SoftwareHead:
        software = SoftwareHead(self._head, self._colors.panel)
        self._layout.insertWidget(1, software, 1)
        self._note.setText(f"Drawn in software: {reason}")
        self._note.show()
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
        self.renderer = self._make_renderer() if reason is None else self._use_software(reason)
        self._draw()

    def _draw(self) -> None:
        turn = self._shape.turn if self._follow else np.eye(3, dtype=np.float32)
        whole = VIEW_FROM_FACE @ turn
        vertices = (self._shape.vertices - MIDDLE) @ whole.T
        self.renderer.show_mesh(np.ascontiguousarray(vertices), np.ascontiguousarray(self._shape.normals @ whole.T))
