"""Rendered heads: a pack of pictures with exact labels in every pose, for training on free data alone.

Free photographs are fitted with the head model from their labels (`lift`), their skin is unwrapped, completed by its
mirror image and carried on round the head; other heads wear it, with other shapes, expressions, poses and light, before
pieces of other photographs. Labels are where the model's own points are: exact, on the hidden side too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..avatar.atlas import texels
from ..avatar.finish import finish
from ..avatar.lighting import WHITE, shading
from ..avatar.picture import cut_out, inside, matte
from ..avatar.render import interpolated, rasterise, seen_from, texture_place
from ..avatar.texture import fuse, light_of, unwrap
from ..errors import SourceError
from ..head import EXPRESSIONS, load_head, moving
from ..head.model import vertex_normals
from ..types import Array, Camera, FaceState, Image, rotation_from_angles
from ..whole import whole
from .lift import lift, liftable, settle_offsets
from .lift_points import lift_points
from .lift_solve import Recipe
from .packs import FREE_PACKS, RENDERED, load_rows

log = logging.getLogger(__name__)
SIDE = 120
"""Pixels of a picture, as in the other packs."""
TEXTURE = 256
FRONTAL = 25.0
"""Degrees of yaw to which a photograph shows enough of a face to take its skin."""
_SMOOTH = 2
_TILT, _ROLL = 14.0, 12.0  # degrees, standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class Skins:
    """What heads can be made of: `textures` (n, TEXTURE, TEXTURE, 3) uint8 and `expressions` (m, 52) seen on faces."""

    textures: list[Image]
    expressions: Array


def gather(data: Path, packs: tuple[str, ...] = FREE_PACKS) -> tuple[Skins, list[Image]]:
    """Skins of the training rows of free packs, and their pictures for backgrounds. Raises SourceError."""
    rows = load_rows(data, packs)
    rows = rows.take(rows.trainable & liftable(rows))
    full = settle_offsets(rows, lift_points(load_head(), None), Recipe())
    lifted, fits, _ = lift(rows, full)
    good = lifted.good & (np.abs(rows.yaw) < FRONTAL)
    textures = []
    for i in np.flatnonzero(good):
        state = FaceState(
            fits.rotation[i], fits.centre[i], float(fits.scale[i]), float(fits.nearness[i]),
            Camera(1.0, SIDE / 2, SIDE / 2), fits.identity[i], fits.expression[i], _NOTHING, _NOTHING,
        )  # fmt: skip
        textures.append(_skin(rows.images[i], state))
    if not textures:
        raise SourceError(f"No photograph of {', '.join(packs)} could be fitted; check the packs in {data}.")
    log.info("%d skins of %d photographs", len(textures), len(rows))
    return Skins(textures, fits.expression[lifted.good].astype(np.float32)), rows.images


_NOTHING = np.zeros(0, np.float32)


def _skin(image: Image, state: FaceState) -> Image:
    """The whole texture of one photographed face."""
    vertices = shaped(state.identity, state.expression)
    cut, moved = cut_out(image, state, vertices)
    grid = texels(TEXTURE)
    shown = inside(image.shape, state, moved, len(cut))
    sample = unwrap(cut, matte(cut, moved, vertices, shown), moved, vertices, grid)
    colour, confidence = fuse([sample], light_of([sample], grid), [1.0])
    return finish(colour, confidence, grid, None).texture


def shaped(identity: Array, expression: Array) -> Array:
    """(V, 3) metres: the head model with an identity and an expression."""
    head = load_head()
    moved = np.tensordot(moving(expression), head.expression, 1)
    return np.asarray(head.mean + np.tensordot(identity, head.identity, 1) + moved, dtype=np.float32)


def random_state(rng: np.random.Generator, expressions: Array) -> FaceState:
    """A head somewhere in a picture of SIDE: any yaw to 95 degrees alike, an expression that somebody had, or two."""
    yaw = float(rng.uniform(-95, 95))
    rotation = rotation_from_angles(yaw, float(rng.normal(0, _TILT)), float(rng.normal(0, _ROLL)))
    share = rng.uniform(0, 1) * (rng.random() < 0.5)
    one, two = expressions[rng.integers(len(expressions), size=2)]
    expression = np.clip((1 - share) * one + share * two, 0, 1)
    if rng.random() < 0.15:
        expression[_BLINKS] = np.maximum(expression[_BLINKS], rng.uniform(0.4, 1.0))
    if rng.random() < 0.15:
        expression[_JAW] = max(float(expression[_JAW]), rng.uniform(0.2, 0.9))
    head = load_head()
    identity = np.clip(rng.normal(0, 0.9, len(head.identity)), -2.5, 2.5).astype(np.float32)
    state = FaceState(
        rotation, np.zeros(2, np.float32), 1.0, float(np.exp(rng.normal(np.log(0.9), 0.35))),
        Camera(1.0, SIDE / 2, SIDE / 2), identity, expression.astype(np.float32), _NOTHING, _NOTHING,
    )  # fmt: skip
    # As large and as well centred as the other packs' faces are in their crops.
    points = replace(state, scale=100.0).project(head.layouts["aflw2000_68"].of(shaped(identity, expression)))
    low, high = points.min(0), points.max(0)
    scale = 100.0 * SIDE * rng.uniform(0.56, 0.74) / float((high - low).max())
    middle = (low + high) / 2 * (scale / 100.0)
    return replace(state, scale=scale, centre=(SIDE / 2 + rng.normal(0, 0.03 * SIDE, 2) - middle).astype(np.float32))


_BLINKS = [EXPRESSIONS.index("eyeBlinkLeft"), EXPRESSIONS.index("eyeBlinkRight")]
_JAW = EXPRESSIONS.index("jawOpen")


def random_light(rng: np.random.Generator) -> Array:
    """(9, 3): from one side more than from the other, tinted a little, never black."""
    light = WHITE.copy()
    direction = rng.normal(0, 1, 3) * (0.24, 0.18, 0.14)
    light[0] += rng.normal(-0.05, 0.14)
    light[1:4] += direction[:, None]
    light[4:] += rng.normal(0, 0.05, (5, 1))
    return np.asarray(light * np.exp(rng.normal(0, 0.06, 3)), dtype=np.float32)


def render(texture: Image, state: FaceState, light: Array, behind: Image) -> Image:
    """A head (SIDE, SIDE, 3) before a picture of the same size."""
    head = load_head()
    vertices = shaped(state.identity, state.expression)
    points, depth = seen_from(state, vertices)
    raster = rasterise(points * np.float32(_SMOOTH), depth, head.tri, (SIDE * _SMOOTH, SIDE * _SMOOTH))
    columns, rows = texture_place(raster, len(texture))
    colour = cv2.remap(cv2.GaussianBlur(texture, (0, 0), 0.7), columns, rows, cv2.INTER_LINEAR).astype(np.float32)
    normals = interpolated(vertex_normals(vertices, head.tri) @ state.rotation.T, raster)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
    hit = raster.triangle >= 0
    colour[hit] *= shading(light, normals[hit])
    ground = cv2.resize(behind, (SIDE * _SMOOTH, SIDE * _SMOOTH), interpolation=cv2.INTER_LINEAR)
    # A rim of half a pixel, so that no edge is cut with scissors.
    cover = cv2.GaussianBlur(hit.astype(np.float32), (0, 0), 0.8)[..., None] * hit[..., None]
    mixed = cover * colour + (1 - cover) * ground
    small = cv2.resize(mixed, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(small + 0.5, 0, 255), dtype=np.uint8)


def background(rng: np.random.Generator, pictures: list[Image]) -> Image:
    """A piece of a picture, blown up and blurred so that no face in it is one, or plain colours running over."""
    if rng.random() < 0.25:
        small = rng.integers(0, 256, (3, 3, 3), dtype=np.uint8)
        return np.asarray(cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    picture = pictures[rng.integers(len(pictures))]
    side = int(min(picture.shape[:2]) * rng.uniform(0.2, 0.45))
    y, x = (int(rng.integers(n - side + 1)) for n in picture.shape[:2])
    piece = cv2.resize(picture[y : y + side, x : x + side], (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.rotate(piece, int(rng.integers(3))), dtype=np.uint8)


def draw(skins: Skins, pictures: list[Image], count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Rows of the pack, each made from its own number: the same for the same seed."""
    layouts = load_head().layouts
    for i in range(count):
        rng = np.random.default_rng((seed, i))
        state = random_state(rng, skins.expressions)
        texture = skins.textures[rng.integers(len(skins.textures))]
        image = render(texture, state, random_light(rng), background(rng, pictures))
        vertices = shaped(state.identity, state.expression)
        done, blob = cv2.imencode(".webp", image[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 88])
        assert done
        row: dict[str, Any] = {"name": f"rendered_{seed}_{i:06d}", "image": blob.tobytes(), "fold": "train"}
        for column, layout in (("pts68_3d", "aflw2000_68"), ("pts68_reannotated", "ibug68")):
            points = layouts[layout].of(vertices)
            pixel, depth = seen_from(state, points)
            pixel = pixel - 0.5  # packs count the first pixel's centre as 0
            row[column] = pixel.ravel().tolist()
            if layout == "aflw2000_68":
                row["pts68_original"] = row[column]
                row[column] = np.column_stack([pixel, -state.scale * depth]).ravel().tolist()
        row["rotation"] = state.rotation.ravel().tolist()
        row["shapes"] = state.expression.tolist()
        yield row


def write_pack(data: Path, out: Path, count: int, seed: int = 1) -> Path:
    """Render `count` heads from the free packs in `data` into `out/rendered.parquet`. Raises SourceError."""
    skins, pictures = gather(data)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{RENDERED}.parquet"
    with whole(path) as scratch:
        pq.write_table(pa.Table.from_pylist(list(draw(skins, pictures, count, seed)), _SCHEMA), str(scratch))
    return path


_FLOATS = pa.list_(pa.float32())
_SCHEMA = pa.schema(
    [("name", pa.string()), ("image", pa.binary()), ("fold", pa.string())]
    + [(n, _FLOATS) for n in ("pts68_original", "pts68_3d", "pts68_reannotated", "rotation", "shapes")],
    {b"terms": b"from FairFace and Face Research Lab London Set (both CC BY 4.0); head model MIT"},
)
