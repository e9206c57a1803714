"""What a personal head looks like in one frame: posed, lit, and sorted by depth.

Worked out beside the window (`Newest`), whose thread only hands arrays to the graphics card.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tracker.avatar.atlas import load_atlas
from tracker.avatar.draw import TINTED, over, tints
from tracker.avatar.drive import Driver
from tracker.avatar.lighting import WHITE, shading
from tracker.avatar.membrane import mesh_normals
from tracker.avatar.render import render_mesh, viewpoint
from tracker.avatar.splats import Splats
from tracker.avatar.sprites import Sprites, Stage
from tracker.avatar.types import Avatar
from tracker.head import load_head
from tracker.types import FACING, Array, Face, Image

from ..orbit import FIELD_DEG, MIDDLE, eye_of

_AWAY = 0.15  # a splat whose surface looks away by more than this cosine is hidden by the head itself
Light = Literal["captured", "white", "studio"]
Drawing = Literal["splats", "mesh", "generic"]
DRAWINGS: tuple[Drawing, ...] = ("splats", "mesh", "generic")
"""From the best way on; each falls back to the next."""

STUDIO = WHITE.copy()
"""Light from the upper left, in the camera's axes: x right, y down, z forward."""
STUDIO[0] = (0.80, 0.79, 0.78)
STUDIO[1], STUDIO[2], STUDIO[3] = -0.28, -0.20, -0.22


@dataclass(frozen=True, slots=True)
class Manner:
    """How a personal head is drawn: as splats, as textured mesh, or not at all; in what light; tinted by what was seen,
    mirrored and guessed."""

    drawing: Drawing = "splats"
    light: Light = "captured"
    tinted: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """An avatar made ready for drawing. `stage` is None where it has no splats."""

    avatar: Avatar
    driver: Driver
    stage: Stage | None
    tints: Array | None

    @classmethod
    def of(cls, avatar: Avatar) -> Person:
        """Raises ModelError where the avatar's splats are damaged."""
        if avatar.splats is None:
            return cls(avatar, Driver(avatar), None, None)
        splats = Splats.of(avatar.splats)
        return cls(avatar, Driver(avatar), Stage(splats, load_head().tri), tints(splats.source))


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
    """For the card, farthest first."""

    sprites: Sprites
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
    stage = asked.person.stage
    if stage is None or asked.drawing != "splats":
        vertex = load_atlas().vertex
        return MeshArrays(
            np.ascontiguousarray(vertices[vertex]),
            np.ascontiguousarray(light[vertex], dtype=np.float32),
            time.thread_time() - begun,
        )
    tint = (asked.person.tints, TINTED) if asked.tinted and asked.person.tints is not None else None
    eye = eye_of(asked.rotation, asked.distance)
    sprites = stage.sprites(vertices, light, eye, asked.rotation, _AWAY, tint)
    return SplatArrays(sprites, time.thread_time() - begun)


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
