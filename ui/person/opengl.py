"""A personal head drawn by OpenGL: splats as instanced quads, farthest first, or the textured mesh.

Items for pyqtgraph's view. Where the context cannot draw instances, `instancing_problem` says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from OpenGL import GL
from OpenGL.GL import shaders
from PyQt6.QtGui import QOpenGLContext
from PyQt6.QtOpenGL import QOpenGLBuffer
from pyqtgraph import Transform3D
from pyqtgraph.opengl.GLGraphicsItem import GLGraphicsItem

from tracker.avatar.atlas import load_atlas
from tracker.types import Array, Image

from .prepare import MeshArrays, SplatArrays

log = logging.getLogger(__name__)
Failed = Callable[[str], None]

_SPLAT_VERTEX = """
uniform mat4 u_view;
uniform mat4 u_projection;
uniform vec2 u_viewport;
attribute vec2 a_corner;
attribute float a_x, a_y, a_z, a_xx, a_xy, a_xz, a_yy, a_yz, a_zz, a_red, a_green, a_blue, a_alpha;
varying vec2 v_at;
varying vec4 v_color;
void main() {
    vec4 seen = u_view * vec4(a_x, a_y, a_z, 1.0);
    float away = max(-seen.z, 0.01);
    float fx = 0.5 * u_viewport.x * u_projection[0][0], fy = 0.5 * u_viewport.y * u_projection[1][1];
    mat3 turn = mat3(u_view[0].xyz, u_view[1].xyz, u_view[2].xyz);
    mat3 cov = mat3(a_xx, a_xy, a_xz, a_xy, a_yy, a_yz, a_xz, a_yz, a_zz);
    cov = turn * cov * transpose(turn);
    vec3 j0 = vec3(fx / away, 0.0, fx * seen.x / (away * away));
    vec3 j1 = vec3(0.0, fy / away, fy * seen.y / (away * away));
    float a = dot(j0, cov * j0) + 0.3, b = dot(j0, cov * j1), c = dot(j1, cov * j1) + 0.3;
    float middle = 0.5 * (a + c), apart = sqrt(max(0.25 * (a - c) * (a - c) + b * b, 1e-9));
    float wide = middle + apart, narrow = max(middle - apart, 0.05);
    vec2 along = abs(b) > 1e-6 ? normalize(vec2(b, wide - a)) : (a >= c ? vec2(1.0, 0.0) : vec2(0.0, 1.0));
    float reach = sqrt(max(2.0 * log(255.0 * a_alpha), 0.0));
    v_at = a_corner * reach;
    v_color = vec4(a_red, a_green, a_blue, a_alpha);
    vec2 aside = v_at.x * sqrt(wide) * along + v_at.y * sqrt(narrow) * vec2(-along.y, along.x);
    gl_Position = u_projection * seen;
    gl_Position.xy += 2.0 * aside / u_viewport * gl_Position.w;
}
"""
_SPLAT_ATTRIBUTES = tuple(
    f"a_{name}" for name in ("x", "y", "z", "xx", "xy", "xz", "yy", "yz", "zz", "red", "green", "blue", "alpha")
)
_SPLAT_FRAGMENT = """
varying vec2 v_at;
varying vec4 v_color;
void main() {
    float alpha = min(v_color.a * exp(-0.5 * dot(v_at, v_at)), 0.99);
    if (alpha < 0.0039) discard;
    PIXEL = vec4(v_color.rgb, alpha);
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


def instancing_problem() -> str | None:
    """Why the current context cannot draw splats, or None."""
    if not bool(GL.glVertexAttribDivisor) or not bool(GL.glDrawArraysInstanced):
        return "this OpenGL cannot draw instances (3.3 is wanted)"
    return None


def _program(vertex: str, fragment: str, attributes: tuple[str, ...]) -> Any:
    """Compiled for the current context; attributes get the locations of their order."""
    context = QOpenGLContext.currentContext()
    modern = context is not None and context.format().version() >= (3, 1)
    if modern:
        head = "#version 140\n#define attribute in\n#define varying out\n"
        tail = "#version 140\n#define varying in\n#define TEXEL texture\nout vec4 PIXEL;\n"
    else:
        head = "#version 120\n"
        tail = "#version 120\n#define TEXEL texture2D\n#define PIXEL gl_FragColor\n"
    program = GL.glCreateProgram()
    for kind, text in ((GL.GL_VERTEX_SHADER, head + vertex), (GL.GL_FRAGMENT_SHADER, tail + fragment)):
        GL.glAttachShader(program, shaders.compileShader(text, kind))
    for location, name in enumerate(attributes):
        GL.glBindAttribLocation(program, location, name)
    GL.glLinkProgram(program)
    if not GL.glGetProgramiv(program, GL.GL_LINK_STATUS):
        raise RuntimeError(GL.glGetProgramInfoLog(program))
    return program


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
    """The splats: their numbers go to the card whenever they are new, one run of memory for each attribute."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed)
        self._fresh: Array | None = None
        self._count = 0

    def show_splats(self, arrays: SplatArrays) -> None:
        self._fresh = arrays.block
        self.update()

    def _draw(self) -> None:
        if self._program_made is None:
            problem = instancing_problem()
            if problem is not None:
                raise RuntimeError(problem)
            self._program_made = _program(_SPLAT_VERTEX, _SPLAT_FRAGMENT, ("a_corner", *_SPLAT_ATTRIBUTES))
            self._upload("corners", np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32))
        if self._fresh is not None:
            self._count = self._fresh.shape[1]
            self._upload("splats", self._fresh)
            self._fresh = None
        if not self._count:
            return
        program = self._program_made
        GL.glEnable(GL.GL_BLEND)
        GL.glDisable(GL.GL_DEPTH_TEST)
        GL.glDisable(GL.GL_CULL_FACE)
        GL.glBlendFuncSeparate(GL.GL_SRC_ALPHA, GL.GL_ONE_MINUS_SRC_ALPHA, GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
        GL.glUseProgram(program)
        view = self.view()
        self._matrix(program, "u_view", self.modelViewMatrix())
        self._matrix(program, "u_projection", view.currentProjection())
        _, _, width, height = GL.glGetIntegerv(GL.GL_VIEWPORT)
        GL.glUniform2f(GL.glGetUniformLocation(program, "u_viewport"), float(width), float(height))
        self._buffers["corners"].bind()
        GL.glVertexAttribPointer(0, 2, GL.GL_FLOAT, False, 0, None)
        self._buffers["splats"].bind()
        locations = range(1 + len(_SPLAT_ATTRIBUTES))
        for location in locations[1:]:
            start = GL.GLvoidp((location - 1) * self._count * 4)
            GL.glVertexAttribPointer(location, 1, GL.GL_FLOAT, False, 4, start)
        self._buffers["splats"].release()
        for location in locations:
            GL.glEnableVertexAttribArray(location)
            GL.glVertexAttribDivisor(location, 1 if location else 0)
        GL.glDrawArraysInstanced(GL.GL_TRIANGLE_STRIP, 0, 4, self._count)
        for location in locations:
            GL.glVertexAttribDivisor(location, 0)
            GL.glDisableVertexAttribArray(location)
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
