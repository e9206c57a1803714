"""A personal head drawn by OpenGL: splats as point sprites, farthest first, or the textured mesh.

Items for pyqtgraph's view. A point costs a processor that plays the graphics card two thirds of what a quad does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from OpenGL import GL
from OpenGL.GL import shaders
from PyQt6.QtGui import QOpenGLContext, QSurfaceFormat
from PyQt6.QtOpenGL import QOpenGLBuffer
from pyqtgraph import Transform3D
from pyqtgraph.opengl.GLGraphicsItem import GLGraphicsItem

from tracker.avatar.atlas import load_atlas
from tracker.avatar.sprites import Sprites
from tracker.types import Array, Image

from .prepare import MeshArrays, SplatArrays

log = logging.getLogger(__name__)
Failed = Callable[[str], None]
_MARGIN_PX = 48

_SPLAT_VERTEX = """
uniform mat4 u_view;
uniform mat4 u_projection;
uniform vec2 u_viewport;
uniform float u_margin, u_largest;
attribute vec4 a_place, a_color;
attribute vec2 a_shape;
FLAT varying vec4 v_fall, v_color;
void main() {
    vec2 focal = 0.5 * u_viewport * vec2(u_projection[0][0], u_projection[1][1]);
    float a = focal.x * focal.x * a_place.w + 0.3, c = focal.y * focal.y * a_shape.y + 0.3;
    float b = focal.x * focal.y * a_shape.x;
    float reach = max(2.0 * log(255.0 * a_color.a), 0.0);
    float side = min(2.0 * sqrt(reach * max(a, c)), u_largest);
    v_fall = vec4(vec3(c, -2.0 * b, a) * (-0.5 * side * side / max(a * c - b * b, 1e-9)), -0.5 * reach);
    v_color = a_color;
    gl_Position = u_projection * (u_view * vec4(a_place.xyz, 1.0));
    gl_Position.xy *= u_viewport / (u_viewport + 2.0 * u_margin);
    gl_PointSize = side;
}
"""
_SPLAT_ATTRIBUTES = ("a_place", "a_color", "a_shape")
_SPLAT_FRAGMENT = """
FLAT varying vec4 v_fall, v_color;
void main() {
    vec2 at = gl_PointCoord - 0.5;
    float fall = at.x * (v_fall.x * at.x + v_fall.y * at.y) + v_fall.z * at.y * at.y;
    if (fall < v_fall.w) discard;
    PIXEL = vec4(v_color.rgb, min(v_color.a * exp(fall), 0.99));
}
"""
_MESH_VERTEX = """
uniform mat4 u_mvp;
attribute vec3 a_mean;
attribute vec3 a_light;
attribute vec2 a_uv;
varying vec3 v_light;
varying vec2 v_uv;
void main() {
    v_light = a_light;
    v_uv = a_uv;
    gl_Position = u_mvp * vec4(a_mean, 1.0);
}
"""
_MESH_FRAGMENT = """
uniform sampler2D u_texture;
varying vec3 v_light;
varying vec2 v_uv;
void main() {
    PIXEL = vec4(TEXEL(u_texture, v_uv).rgb * v_light, 1.0);
}
"""


def _program(vertex: str, fragment: str, attributes: tuple[str, ...]) -> Any:
    """Compiled for the current context; attributes get the locations of their order."""
    context = QOpenGLContext.currentContext()
    modern = context is not None and context.format().version() >= (3, 1)
    if modern:
        head = "#version 140\n#define FLAT flat\n#define attribute in\n#define varying out\n"
        tail = "#version 140\n#define FLAT flat\n#define varying in\n#define TEXEL texture\nout vec4 PIXEL;\n"
    else:
        head = "#version 120\n#define FLAT\n"
        tail = "#version 120\n#define FLAT\n#define TEXEL texture2D\n#define PIXEL gl_FragColor\n"
    program = GL.glCreateProgram()
    for kind, text in ((GL.GL_VERTEX_SHADER, head + vertex), (GL.GL_FRAGMENT_SHADER, tail + fragment)):
        GL.glAttachShader(program, shaders.compileShader(text, kind))
    for location, name in enumerate(attributes):
        GL.glBindAttribLocation(program, location, name)
    GL.glLinkProgram(program)
    if not GL.glGetProgramiv(program, GL.GL_LINK_STATUS):
        raise RuntimeError(GL.glGetProgramInfoLog(program))
    return program


def _core() -> bool:
    context = QOpenGLContext.currentContext()
    return context is not None and context.format().profile() == QSurfaceFormat.OpenGLContextProfile.CoreProfile


class _Item(GLGraphicsItem):  # type: ignore[misc]
    """Draws until it fails, then says so once and stays silent."""

    def __init__(self, failed: Failed) -> None:
        super().__init__()
        self._failed: Failed | None = failed
        self._program_made: Any = None
        self._buffers: dict[str, QOpenGLBuffer] = {}
        self.setVisible(False)

    def place(self, model: Array) -> None:
        """The head's rotation and shift (4, 4) in the view's world axes."""
        self.setTransform(Transform3D(model))

    def paint(self) -> None:
        if self._failed is None:
            return
        try:
            self._draw()
        except Exception as error:  # PyOpenGL raises many kinds; the owner takes another way from here on
            log.warning("OpenGL failed on the personal head", exc_info=True)
            failed, self._failed = self._failed, None
            failed(f"OpenGL failed while drawing the personal head ({type(error).__name__}).")

    def _draw(self) -> None:
        raise NotImplementedError

    def _upload(self, name: str, values: np.ndarray[Any, Any], kind: Any = QOpenGLBuffer.Type.VertexBuffer) -> None:
        buffer = self._buffers.get(name)
        if buffer is None:
            buffer = self._buffers[name] = QOpenGLBuffer(kind)
            buffer.create()
            buffer.setUsagePattern(QOpenGLBuffer.UsagePattern.StreamDraw)
        raw: Any = values  # PyQt takes what has a buffer, and says so nowhere
        buffer.bind()
        if buffer.size() != values.nbytes:
            buffer.allocate(raw, values.nbytes)
        else:
            buffer.write(0, raw, values.nbytes)
        buffer.release()

    def _matrix(self, program: Any, name: str, matrix: Any) -> None:
        at = GL.glGetUniformLocation(program, name)
        GL.glUniformMatrix4fv(at, 1, False, np.array(matrix.data(), dtype=np.float32))


class SplatItem(_Item):
    """The splats: their numbers go to the card whenever they are new."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed)
        self._fresh: Sprites | None = None
        self._count = 0
        self._largest = 0.0

    def show_splats(self, arrays: SplatArrays) -> None:
        self._fresh = arrays.sprites
        self.update()

    def _draw(self) -> None:
        if self._program_made is None:
            self._program_made = _program(_SPLAT_VERTEX, _SPLAT_FRAGMENT, _SPLAT_ATTRIBUTES)
            self._largest = float(GL.glGetFloatv(GL.GL_ALIASED_POINT_SIZE_RANGE)[1])
        if self._fresh is not None:
            self._count = len(self._fresh)
            for name in ("place", "color", "shape"):
                self._upload(name, getattr(self._fresh, name))
            self._fresh = None
        if not self._count:
            return
        program = self._program_made
        GL.glEnable(GL.GL_BLEND)
        GL.glDisable(GL.GL_DEPTH_TEST)
        GL.glBlendFuncSeparate(GL.GL_SRC_ALPHA, GL.GL_ONE_MINUS_SRC_ALPHA, GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
        GL.glEnable(GL.GL_VERTEX_PROGRAM_POINT_SIZE)
        if not _core():  # there it is always on, and to ask for it an error
            GL.glEnable(GL.GL_POINT_SPRITE)
        GL.glUseProgram(program)
        self._matrix(program, "u_view", self.modelViewMatrix())
        self._matrix(program, "u_projection", self.view().currentProjection())
        left, low, width, height = (int(value) for value in GL.glGetIntegerv(GL.GL_VIEWPORT))
        # A point whose middle lies outside is dropped whole: the outside begins beyond the picture's border.
        GL.glViewport(left - _MARGIN_PX, low - _MARGIN_PX, width + 2 * _MARGIN_PX, height + 2 * _MARGIN_PX)
        GL.glUniform2f(GL.glGetUniformLocation(program, "u_viewport"), float(width), float(height))
        GL.glUniform1f(GL.glGetUniformLocation(program, "u_margin"), float(_MARGIN_PX))
        GL.glUniform1f(GL.glGetUniformLocation(program, "u_largest"), self._largest)
        for location, (name, size) in enumerate((("place", 4), ("color", 4), ("shape", 2))):
            self._buffers[name].bind()
            GL.glVertexAttribPointer(location, size, GL.GL_FLOAT, False, 0, None)
            self._buffers[name].release()
            GL.glEnableVertexAttribArray(location)
        GL.glDrawArrays(GL.GL_POINTS, 0, self._count)
        for location in range(3):
            GL.glDisableVertexAttribArray(location)
        GL.glViewport(left, low, width, height)
        if not _core():
            GL.glDisable(GL.GL_POINT_SPRITE)
        GL.glDisable(GL.GL_VERTEX_PROGRAM_POINT_SIZE)
        GL.glUseProgram(0)


class TexturedItem(_Item):
    """The textured mesh: places and light go to the card whenever they are new, the texture once."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed)
        self._fresh: MeshArrays | None = None
        self._picture: Image | None = None
        self._texture: int | None = None
        self._count = 0

    def show_mesh(self, arrays: MeshArrays) -> None:
        self._fresh = arrays
        self.update()

    def show_texture(self, picture: Image) -> None:
        """(S, S, 3) in the atlas's layout."""
        self._picture = np.ascontiguousarray(picture)
        self.update()

    def _draw(self) -> None:
        if self._program_made is None:
            self._program_made = _program(_MESH_VERTEX, _MESH_FRAGMENT, ("a_mean", "a_light", "a_uv"))
            atlas = load_atlas()
            uv = atlas.uv.copy()
            uv[:, 1] = 1.0 - uv[:, 1]
            self._upload("uv", np.ascontiguousarray(uv, dtype=np.float32))
            faces = np.ascontiguousarray(atlas.tri_uv, dtype=np.uint32)
            self._count = faces.size
            self._upload("faces", faces, QOpenGLBuffer.Type.IndexBuffer)
        if self._picture is not None:
            self._load(self._picture)
            self._picture = None
        if self._fresh is not None:
            self._upload("place", self._fresh.place)
            self._upload("light", self._fresh.light)
            self._fresh = None
        if "place" not in self._buffers or self._texture is None:
            return
        program = self._program_made
        GL.glEnable(GL.GL_DEPTH_TEST)
        GL.glDisable(GL.GL_BLEND)
        GL.glDisable(GL.GL_CULL_FACE)
        GL.glUseProgram(program)
        self._matrix(program, "u_mvp", self.mvpMatrix())
        GL.glActiveTexture(GL.GL_TEXTURE0)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._texture)
        GL.glUniform1i(GL.glGetUniformLocation(program, "u_texture"), 0)
        for location, (name, size) in enumerate((("place", 3), ("light", 3), ("uv", 2))):
            self._buffers[name].bind()
            GL.glVertexAttribPointer(location, size, GL.GL_FLOAT, False, 0, None)
            self._buffers[name].release()
            GL.glEnableVertexAttribArray(location)
        self._buffers["faces"].bind()
        GL.glDrawElements(GL.GL_TRIANGLES, self._count, GL.GL_UNSIGNED_INT, None)
        self._buffers["faces"].release()
        for location in range(3):
            GL.glDisableVertexAttribArray(location)
        GL.glBindTexture(GL.GL_TEXTURE_2D, 0)
        GL.glUseProgram(0)

    def _load(self, picture: Image) -> None:
        if self._texture is None:
            self._texture = int(GL.glGenTextures(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._texture)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
        height, width = picture.shape[:2]
        GL.glTexImage2D(
            GL.GL_TEXTURE_2D, 0, GL.GL_RGB, width, height, 0, GL.GL_RGB, GL.GL_UNSIGNED_BYTE, picture.tobytes()
        )
        for name in (GL.GL_TEXTURE_MIN_FILTER, GL.GL_TEXTURE_MAG_FILTER):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, name, GL.GL_LINEAR)
        if bool(GL.glGenerateMipmap):
            GL.glGenerateMipmap(GL.GL_TEXTURE_2D)
            GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_LINEAR)
        GL.glBindTexture(GL.GL_TEXTURE_2D, 0)
