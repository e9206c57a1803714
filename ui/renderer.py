"""What draws the 3D head, and whether OpenGL can."""

from __future__ import annotations

from typing import Any, Protocol

from PyQt6.QtGui import QOffscreenSurface, QOpenGLContext

from tracker.types import Array, Image

from .orbit import Orbit
from .person.prepare import Prepared

ON_PROCESSOR = ("llvmpipe", "softpipe", "swiftshader", "software rasterizer", "gdi generic")


class Renderer(Protocol):
    """What draws the head: a widget, with a signal `turned` for when the person looks from elsewhere."""

    turned: Any

    @property
    def orbit(self) -> Orbit: ...
    def show_mesh(self, vertices: Array, normals: Array) -> None: ...
    def show_texture(self, picture: Image) -> None: ...
    def show_person(self, prepared: Prepared, turn: Array) -> None: ...
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
