"""The head drawn by OpenGL, in pyqtgraph's view; imported only where OpenGL works."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import pyqtgraph.opengl as gl
from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QMouseEvent, QWheelEvent
from pyqtgraph.opengl import shaders
from pyqtgraph.opengl.items.GLMeshItem import DirtyFlag, GLMeshItem

from tracker.head import HeadModel
from tracker.types import Array, Image

from .orbit import DISTANCE_M, FIELD_DEG, MIDDLE, VIEW_FROM_FACE, Orbit
from .person.opengl import SplatItem, TexturedItem
from .person.prepare import MeshArrays, Prepared, SplatArrays

log = logging.getLogger(__name__)

_VERTEX = """
uniform mat4 u_mvp;
uniform mat3 u_normal;
attribute vec4 a_position;
attribute vec3 a_normal;
attribute vec4 a_color;
varying vec4 v_color;
varying vec3 v_normal;
void main() {
    v_normal = u_normal * a_normal;
    v_color = a_color;
    gl_Position = u_mvp * a_position;
}
"""
# A warm key light from the upper left, a cool fill from the right, and a rim; lights stay with the camera.
_FRAGMENT = """
#ifdef GL_ES
precision mediump float;
#endif
varying vec4 v_color;
varying vec3 v_normal;
void main() {
    vec3 n = normalize(v_normal);
    float key = max(dot(n, normalize(vec3(-0.5, 0.6, 0.75))), 0.0);
    float fill = max(dot(n, normalize(vec3(0.8, 0.1, 0.5))), 0.0);
    float rim = pow(1.0 - clamp(n.z, 0.0, 1.0), 3.0);
    vec3 light = vec3(0.22) + vec3(0.80, 0.77, 0.72) * key + vec3(0.16, 0.19, 0.24) * fill;
    gl_FragColor = vec4(v_color.rgb * light + vec3(0.10, 0.13, 0.15) * rim, v_color.a);
}
"""


class _Mesh(GLMeshItem):  # type: ignore[misc]
    """A mesh whose faces and colours go to the card once and whose vertices and normals go every frame."""

    def __init__(self, head: HeadModel, report: Any) -> None:
        program = shaders.ShaderProgram(
            "stillpointHead", [shaders.VertexShader(_VERTEX), shaders.FragmentShader(_FRAGMENT)]
        )
        super().__init__(
            vertexes=head.mean.copy(),
            faces=head.tri.astype(np.uint32),
            shader=program,
            smooth=True,
            computeNormals=False,
        )
        self._report = report
        self._fixed = False
        self.vertexes = head.mean
        self.normals = head.normals
        self.faces = np.ascontiguousarray(head.tri, dtype=np.uint32)
        alpha = np.full((len(head.color), 1), 255, np.uint8)
        self.colors = np.ascontiguousarray(np.concatenate([head.color, alpha], axis=1))
        self._fresh = True

    def show_mesh(self, vertices: Array, normals: Array) -> None:
        self.vertexes, self.normals, self._fresh = vertices, normals, True
        self.update()

    def parseMeshData(self) -> Any:
        dirty = DirtyFlag(0)
        if self._fresh:
            dirty |= DirtyFlag.POSITION | DirtyFlag.NORMAL
        if not self._fixed:
            dirty |= DirtyFlag.FACES | DirtyFlag.COLOR
        self._fresh, self._fixed = False, True
        return dirty

    def paint(self) -> None:
        if self._report is None:
            return
        try:
            super().paint()
        except Exception as error:  # PyOpenGL raises many kinds; the owner draws in software from here on
            log.warning("OpenGL head failed", exc_info=True)
            report, self._report = self._report, None
            report(f"OpenGL failed while drawing ({type(error).__name__}).")


class OpenGLHead(gl.GLViewWidget):  # type: ignore[misc]
    """pyqtgraph's orbiting view with the one mesh in it, and in its place a personal head's splats or textured mesh."""

    failed = pyqtSignal(str)
    person_failed = pyqtSignal(str, str)
    """What cannot be drawn here ("splats" or "mesh"), and why."""
    turned = pyqtSignal()
    painted = pyqtSignal()

    def __init__(self, head: HeadModel, background: str) -> None:
        super().__init__()
        self.setBackgroundColor(background)
        self.look_from_front()
        self._mesh = _Mesh(head, self.failed.emit)
        self._splats = SplatItem(lambda why: self.person_failed.emit("splats", why))
        self._textured = TexturedItem(lambda why: self.person_failed.emit("mesh", why))
        for item in (self._mesh, self._splats, self._textured):
            self.addItem(item)
        self.setAccessibleName("3D head, OpenGL")

    def resizeGL(self, width: int, height: int) -> None:
        # pyqtgraph's field of view is the horizontal one; the head must fit upright whatever the dock's shape.
        self.opts["fov"] = 2 * math.degrees(math.atan(math.tan(math.radians(FIELD_DEG) / 2) * width / max(height, 1)))

    def paintGL(self) -> None:
        super().paintGL()
        self.painted.emit()

    def show_mesh(self, vertices: Array, normals: Array) -> None:
        self._show_only(self._mesh)
        self._mesh.show_mesh(vertices, normals)

    def show_texture(self, picture: Image) -> None:
        """The texture that a personal head's mesh is drawn with from now on."""
        self._textured.show_texture(picture)

    def show_person(self, prepared: Prepared, turn: Array) -> None:
        """A personal head, turned by `turn` (3, 3) in the viewer's axes."""
        item: SplatItem | TexturedItem
        if isinstance(prepared, SplatArrays):
            item = self._splats
            self._splats.show_splats(prepared)
        elif isinstance(prepared, MeshArrays):
            item = self._textured
            self._textured.show_mesh(prepared)
        else:
            return
        whole = np.eye(4, dtype=np.float32)
        whole[:3, :3] = VIEW_FROM_FACE @ turn
        whole[:3, 3] = -whole[:3, :3] @ MIDDLE
        item.place(whole)
        self._show_only(item)

    def _show_only(self, item: Any) -> None:
        for other in (self._mesh, self._splats, self._textured):
            if other.visible() != (other is item):
                other.setVisible(other is item)

    @property
    def orbit(self) -> Orbit:
        return Orbit(float(self.opts["azimuth"]), float(self.opts["elevation"]), float(self.opts["distance"]))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self.turned.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event)
        self.turned.emit()

    def set_background(self, color: str) -> None:
        self.setBackgroundColor(color)

    def look_from_front(self) -> None:
        self.setCameraPosition(distance=DISTANCE_M, elevation=0, azimuth=0)
        self.turned.emit()
