"""What a personal head looks like in one frame, worked out in a thread of its own: posed, lit, and sorted by depth.

The window's thread only hands arrays to the graphics card. A frame that comes while one is being worked on replaces
the one that waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tracker.avatar.atlas import load_atlas
from tracker.avatar.draw import TINTED, over, tints
from tracker.avatar.drive import Driver
from tracker.avatar.lighting import WHITE, shading
from tracker.avatar.membrane import mesh_normals
from tracker.avatar.render import render_mesh, viewpoint
from tracker.avatar.splats import Rig, Splats
from tracker.avatar.types import Avatar
from tracker.head import load_head
from tracker.types import FACING, Array, Face, Image

from ..orbit import FIELD_DEG, MIDDLE, eye_of

log = logging.getLogger(__name__)
_AWAY = 0.15  # a splat whose surface looks away by more than this cosine is hidden by the head itself
Light = Literal["captured", "white", "studio"]
Drawing = Literal["splats", "mesh", "generic"]

STUDIO = WHITE.copy()
"""Light from the upper left, in the camera's axes: x right, y down, z forward."""
STUDIO[0] = (0.80, 0.79, 0.78)
STUDIO[1], STUDIO[2], STUDIO[3] = -0.28, -0.20, -0.22


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """An avatar made ready for drawing. `rig` is None where it has no splats."""

    avatar: Avatar
    driver: Driver
    rig: Rig | None
    tints: Array | None

    @classmethod
    def of(cls, avatar: Avatar) -> Person:
        """Raises ModelError where the avatar's splats are damaged."""
        if avatar.splats is None:
            return cls(avatar, Driver(avatar), None, None)
        splats = Splats.of(avatar.splats)
        return cls(avatar, Driver(avatar), Rig(splats, load_head().tri), tints(splats.source))


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One frame to prepare, seen by a camera `distance` metres from the head's middle whose axes are `rotation` (3, 3),
    camera_from_head. `follow`: the light falls on the head as its pose has it. `picture`: as a picture, `side` pixels
    large, for a window without OpenGL."""

    person: Person
    face: Face | None
    rotation: Array
    distance: float
    drawing: Drawing = "splats"
    light: Light = "captured"
    tinted: bool = False
    follow: bool = True
    picture: bool = False
    side: int = 240
    background: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class SplatArrays:
    """For the card, farthest first: `block` (13, N) of mean, covariance xx xy xz yy yz zz, colour, opacity."""

    block: Array
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class MeshArrays:
    """For the card: `place` (C, 3) and `light` (C, 3) of the atlas's corners."""

    place: Array
    light: Array
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class PictureOf:
    """A square picture (S, S, 3), for a window without OpenGL."""

    image: Image
    seconds: float


Prepared = SplatArrays | MeshArrays | PictureOf


def prepare(asked: Asked) -> Prepared:
    """The splats or the mesh of one frame, in the head frame."""
    begun = time.thread_time()
    avatar = asked.person.avatar
    state = asked.person.driver.state(asked.face) if asked.face is not None else None
    expression = state.expression if state is not None else None
    rotation = state.rotation if state is not None and asked.follow else FACING
    lighting = {"captured": avatar.lighting, "white": WHITE, "studio": STUDIO}[asked.light]
    if asked.picture:
        return _picture(asked, expression, lighting, begun)
    vertices = avatar.vertices(expression)
    light = shading(lighting, mesh_normals(vertices) @ rotation.T)
    rig = asked.person.rig
    if rig is None or asked.drawing != "splats":
        vertex = load_atlas().vertex
        return MeshArrays(
            np.ascontiguousarray(vertices[vertex]),
            np.ascontiguousarray(light[vertex], dtype=np.float32),
            time.thread_time() - begun,
        )
    eye = eye_of(asked.rotation, asked.distance)
    which, posed = rig.farthest_first(vertices, eye, asked.rotation[2], _AWAY)
    color = rig.color(posed.mean, eye, which).T
    if asked.tinted and asked.person.tints is not None:
        color = color * (1 - TINTED) + asked.person.tints[which].T * TINTED
    block = np.empty((13, len(which)), np.float32)
    block[:3], block[3:9] = posed.mean, posed.cov
    np.multiply(color, rig.spread(light, which), out=block[9:12])
    np.take(rig.alpha, which, out=block[12])
    return SplatArrays(block, time.thread_time() - begun)


def _picture(asked: Asked, expression: Array | None, lighting: Array, begun: float) -> PictureOf:
    focal = 0.5 * asked.side / np.tan(np.radians(FIELD_DEG) / 2)
    # The camera looks at the head's middle: where the origin between the eyes lies then, and how large it is there.
    origin = -(asked.rotation @ MIDDLE)
    origin[2] += asked.distance
    scale = float(focal / origin[2])
    state = replace(
        viewpoint(0.0, 0.0, asked.side, expression),
        rotation=asked.rotation,
        centre=np.asarray(asked.side / 2 + scale * origin[:2], np.float32),
        scale=scale,
        nearness=float(1 / origin[2]),
    )
    picture, cover, _ = render_mesh(
        asked.person.avatar, state, (asked.side, asked.side), lighting=lighting, provenance=asked.tinted, smooth=1
    )
    return PictureOf(over(picture, cover, asked.background), time.thread_time() - begun)


class Preparer:
    """Prepares in a thread of its own, which starts with the first frame asked for; `ready` is called from it, or
    `failed` with what could not be prepared and why."""

    def __init__(self, ready: Callable[[Prepared], None], failed: Callable[[Asked, str], None]) -> None:
        self._ready, self._failed = ready, failed
        self._changed = threading.Condition()
        self._waiting: Asked | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def ask(self, asked: Asked) -> None:
        """Prepare this next; what waited is forgotten."""
        with self._changed:
            if self._closed:
                return
            self._waiting = asked
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stillpoint-person", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self, timeout: float | None = 5.0) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._waiting = None
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._closed)
                if self._closed:
                    return
                asked, self._waiting = self._waiting, None
            assert asked is not None
            try:
                prepared = prepare(asked)
            except Exception as error:  # a head from elsewhere may hold anything; the window must live
                log.warning("a personal head cannot be drawn", exc_info=True)
                self._failed(asked, f"{type(error).__name__}: {error}")
                continue
            self._ready(prepared)
