"""The labelled packs (Parquet) -> arrays in memory, every label set in one table of queries.

A row of `Rows` is one face crop with whatever labels its pack has. Labels are crop pixels with the first pixel's
centre at (0.5, 0.5): the packs count it as (0, 0), so 0.5 is added here and nowhere else. Weights are 0 where a
label is missing; a set's weight states how far it is trusted.
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from ..errors import SourceError
from ..head import EXPRESSIONS, load_head

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LabelSet:
    """One way of placing points: which layout's rows it starts from, and how far it is trusted."""

    name: str
    layout: str
    weight: float


SETS = (
    LabelSet("merl68", "ibug68", 1.0),
    LabelSet("aflw21", "aflw21", 0.25),
    LabelSet("mediapipe478", "mediapipe478", 0.5),
    LabelSet("tddfa68", "aflw2000_68", 0.6),
    LabelSet("aflw2000_68", "aflw2000_68", 1.0),
    LabelSet("ibug68", "ibug68", 1.0),
)
"""`aflw2000_68` are the original, `ibug68` the re-annotated labels of AFLW2000-3D's calibration images."""

COUNTS = {s.name: len(load_head().layouts[s.layout].index) for s in SETS}
SLICES: dict[str, slice] = {}
for _set in SETS:
    _start = sum(COUNTS[s.name] for s in SETS[: SETS.index(_set)])
    SLICES[_set.name] = slice(_start, _start + COUNTS[_set.name])
TOTAL = sum(COUNTS.values())
ALL_PACKS = ("aflw", "aflw2000_calibration", "fairface", "frl", "scut", "ytf", "lfw", "facesynthetics")
FREE_PACKS = ("fairface", "frl")
"""Packs whose licence allows a product."""
RENDERED = "rendered"
"""The pack that `renders` makes of the free ones."""


@dataclass(frozen=True, eq=False)
class Rows:
    """n faces: `images` (list of (S, S, 3) uint8 RGB), `points` (n, TOTAL, 2) crop px, `weights` (n, TOTAL),
    `depth` (n, 68) of the set tddfa68 or aflw2000_68 (px, larger = nearer; NaN where unknown), `rotation`
    (n, 3, 3) view_from_head (NaN where unknown), `box` (n, 4) tight round 68 points, `blend` (n, 52) (NaN where
    unknown), `yaw` (n,) degrees, `pack` (n,), `name` (n,), `held_out` and `merl_test` (n,) bool, `visibility`
    (n, 68) of merl68 (2 visible, 1 externally occluded, 0 self-occluded, -1 unlabelled), `angles` (n, 3) of the
    calibration images: pitch, yaw, roll in degrees as their labels have them."""

    images: list[npt.NDArray[np.uint8]]
    points: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    depth: npt.NDArray[np.float32]
    rotation: npt.NDArray[np.float32]
    box: npt.NDArray[np.float32]
    blend: npt.NDArray[np.float32]
    yaw: npt.NDArray[np.float32]
    pack: npt.NDArray[Any]
    name: npt.NDArray[Any]
    held_out: npt.NDArray[np.bool_]
    merl_test: npt.NDArray[np.bool_]
    visibility: npt.NDArray[np.int8]
    angles: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, keep: npt.NDArray[Any]) -> Rows:
        """A subset, by mask or indices."""
        index = np.flatnonzero(keep) if keep.dtype == bool else keep
        arrays = {
            f: getattr(self, f)[index]
            for f in ("points", "weights", "depth", "rotation", "box", "blend", "yaw", "pack", "name")
        }
        extra = {f: getattr(self, f)[index] for f in ("held_out", "merl_test", "visibility", "angles")}
        return replace(self, images=[self.images[i] for i in index], **arrays, **extra)

    @property
    def trainable(self) -> npt.NDArray[np.bool_]:
        """Rows that may be trained on: never validation rows, MERL-RAV's test rows or the validate fold."""
        return ~self.held_out & ~self.merl_test


def free_packs(folder: Path) -> tuple[str, ...]:
    """The free packs, with the rendered heads where the folder has them."""
    return (*FREE_PACKS, RENDERED) if (folder / f"{RENDERED}.parquet").is_file() else FREE_PACKS


def load_rows(folder: Path, packs: tuple[str, ...] = ALL_PACKS) -> Rows:
    """Read and decode packs from `folder`. Raises SourceError where one is missing."""
    teacher68 = _teacher68(folder)
    parts = [_load(folder, pack, teacher68) for pack in packs]
    arrays: dict[str, Any] = {f: np.concatenate([p[f] for p in parts]) for f in parts[0] if f != "images"}
    rows = Rows(images=[image for p in parts for image in p["images"]], **arrays)
    rows = rows.take(np.asarray(np.isfinite(rows.box).all(1)))
    log.info("%d faces from %s", len(rows), ", ".join(packs))
    return rows


def _read(folder: Path, pack: str) -> Any:
    path = folder / f"{pack}.parquet"
    if not path.is_file():
        raise SourceError(f"The pack {path} is missing; give the folder that holds the packs with --data.")
    return pq.read_table(path)


def _column(table: Any, name: str, width: int) -> npt.NDArray[np.float32]:
    """A list column -> (n, width) float32, NaN where null."""
    out = np.full((table.num_rows, width), np.nan, np.float32)
    if name in table.column_names:
        for i, value in enumerate(table.column(name)):
            if value.is_valid:
                out[i] = np.asarray(value.values if hasattr(value, "values") else value.as_py(), dtype=np.float32)
    return out


def _teacher68(folder: Path) -> dict[tuple[str, str], npt.NDArray[np.float32]]:
    if not (folder / "tddfa68.parquet").is_file():
        return {}
    table = _read(folder, "tddfa68")
    points = _column(table, "pts68", 204).reshape(-1, 68, 3)
    keys = zip(table.column("pack").to_pylist(), table.column("name").to_pylist(), strict=True)
    return dict(zip(keys, points, strict=True))


def _load(folder: Path, pack: str, teacher68: dict[tuple[str, str], npt.NDArray[np.float32]]) -> dict[str, Any]:
    table = _read(folder, pack)
    n = table.num_rows
    names = table.column("name").to_pylist()
    images = [_decode(blob) for blob in table.column("image").to_pylist()]
    points = np.full((n, TOTAL, 2), np.nan, np.float32)
    trust = np.zeros((n, TOTAL), np.float32)
    depth = np.full((n, 68), np.nan, np.float32)
    blend = np.full((n, 52), np.nan, np.float32)
    visibility = np.full((n, 68), -1, np.int8)
    angles = np.full((n, 3), np.nan, np.float32)
    turns: npt.NDArray[np.float32] | None = None
    merl_test = np.zeros(n, bool)
    held_out = np.array([zlib.crc32(name.encode()) % 10 == 0 for name in names])

    for i, name in enumerate(names):
        seen = teacher68.get((pack, name))
        if seen is not None:
            points[i, SLICES["tddfa68"]], depth[i] = seen[:, :2], seen[:, 2]
            trust[i, SLICES["tddfa68"]] = 1.0

    if pack == "aflw":
        points[:, SLICES["aflw21"]] = _column(table, "aflw21", 42).reshape(n, 21, 2)
        points[:, SLICES["merl68"]] = _column(table, "merl68", 136).reshape(n, 68, 2)
        visibility[:] = _column(table, "merl68_visibility", 68)
        trust[:, SLICES["merl68"]] = np.select([visibility == 2, visibility == 1], [1.0, 0.5], 0.0)
        trust[:, SLICES["aflw21"]] = 1.0
        merl_test = np.array([value == "test" for value in table.column("merl_set").to_pylist()])
        mesh, shapes = _join_mediapipe(folder, names)
    elif pack in ("aflw2000_calibration", RENDERED):
        original = _column(table, "pts68_3d", 204).reshape(n, 68, 3)
        points[:, SLICES["aflw2000_68"]] = _column(table, "pts68_original", 136).reshape(n, 68, 2)
        points[:, SLICES["ibug68"]] = _column(table, "pts68_reannotated", 136).reshape(n, 68, 2)
        trust[:, SLICES["aflw2000_68"]] = trust[:, SLICES["ibug68"]] = 1.0
        depth = original[:, :, 2].copy()
        angles = _column(table, "pose", 3)
        held_out = np.array([fold != "train" for fold in table.column("fold").to_pylist()])
        mesh, shapes = np.full((n, 478, 3), np.nan, np.float32), blend
        if pack == RENDERED:
            turns, shapes = _column(table, "rotation", 9).reshape(n, 3, 3), _column(table, "shapes", len(EXPRESSIONS))
    else:
        mesh = _column(table, "mediapipe478", 1434).reshape(n, 478, 3)
        shapes = _shapes(table)
        spread = table.column("mediapipe_spread").to_numpy(zero_copy_only=False).astype(np.float32)
        mesh[~(spread < 2.0)] = np.nan
        shapes[~(spread < 2.0)] = np.nan
    points[:, SLICES["mediapipe478"]] = mesh[..., :2]
    trust[:, SLICES["mediapipe478"]] = 1.0
    points += 0.5

    rotation, yaw = rotations(points, depth)
    if turns is not None:
        rotation = turns
    # The mesh teacher slides towards the front on turned faces: trusted less from 30 degrees, not at all from 60.
    fade = np.clip((60 - np.abs(np.nan_to_num(yaw))) / 30, 0, 1)
    trust[:, SLICES["mediapipe478"]] *= fade[:, None]
    blend = np.where((np.abs(np.nan_to_num(yaw)) < 45)[:, None], shapes, np.nan)
    trust = np.where(np.isfinite(points).all(-1), trust, 0).astype(np.float32)
    return {
        "images": images,
        "points": np.nan_to_num(points),
        "weights": trust,
        "depth": depth,
        "rotation": rotation,
        "box": _boxes(points, trust),
        "blend": blend.astype(np.float32),
        "yaw": np.nan_to_num(yaw),
        "pack": np.full(n, pack),
        "name": np.array(names),
        "held_out": held_out,
        "merl_test": merl_test,
        "visibility": visibility,
        "angles": angles,
    }


def _decode(blob: bytes) -> npt.NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError("A picture in a pack cannot be decoded; fetch the pack again.")
    return np.asarray(image[..., ::-1], dtype=np.uint8, order="C")


def _shapes(table: Any) -> npt.NDArray[np.float32]:
    """The teacher's blendshapes (n, 52) in ARKit's order; NaN where null; tongueOut is never there."""
    import json

    names = json.loads(table.schema.metadata[b"blendshape_names"])
    values = _column(table, "mediapipe_blendshapes", len(names))
    out = np.full((table.num_rows, 52), np.nan, np.float32)
    for i, name in enumerate(names):
        if name in EXPRESSIONS:
            out[:, EXPRESSIONS.index(name)] = values[:, i]
    return out


def _join_mediapipe(folder: Path, names: list[str]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    table = _read(folder, "aflw_mediapipe")
    place = {name: i for i, name in enumerate(names)}
    mesh = np.full((len(names), 478, 3), np.nan, np.float32)
    blend = np.full((len(names), 52), np.nan, np.float32)
    points, shapes = _column(table, "mediapipe478", 1434).reshape(-1, 478, 3), _shapes(table)
    for i, name in enumerate(table.column("name").to_pylist()):
        if name in place:
            mesh[place[name]], blend[place[name]] = points[i], shapes[i]
    return mesh, blend


def rotations(points: npt.NDArray[np.float32], depth: npt.NDArray[np.float32]) -> tuple[Any, Any]:
    """view_from_head (n, 3, 3) and yaw in degrees, by Procrustes of a fitted 68-point set to the mean head."""
    head = load_head()
    model = head.layouts["aflw2000_68"].of(head.mean).astype(np.float64)
    model -= model.mean(0)
    xy = points[:, SLICES["tddfa68"]].astype(np.float64)
    other = points[:, SLICES["aflw2000_68"]].astype(np.float64)
    xy = np.where(np.asarray(np.isfinite(xy).all((1, 2)))[:, None, None], xy, other)
    cloud = np.concatenate([xy, -depth[..., None]], -1)  # view frame: z away from the camera
    known = np.flatnonzero(np.isfinite(cloud).all((1, 2)))
    rotation = np.full((len(points), 3, 3), np.nan, np.float32)
    yaw = np.full(len(points), np.nan, np.float32)
    if len(known):
        seen = cloud[known] - cloud[known].mean(1, keepdims=True)
        u, _, vt = np.linalg.svd(np.einsum("nki,kj->nij", seen, model))
        sign = np.sign(np.linalg.det(u @ vt))
        u[..., -1] *= sign[:, None]
        rotation[known] = u @ vt
        yaw[known] = np.degrees(np.arcsin(np.clip(rotation[known][:, 0, 2], -1, 1)))
    return rotation, yaw


def _boxes(points: npt.NDArray[np.float32], trust: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The tight box (n, 4) of the best 68-point set of each row; NaN where there is none."""
    box = np.full((len(points), 4), np.nan, np.float32)
    for name, least in (("merl68", 30), ("tddfa68", 68), ("aflw2000_68", 68)):
        part, sure = points[:, SLICES[name]], trust[:, SLICES[name]] > 0
        full = np.asarray(sure.sum(1) >= least)
        masked = np.where(sure[..., None], part, np.nan)[full]
        if full.any():
            box[full] = np.concatenate([np.nanmin(masked, 1), np.nanmax(masked, 1)], 1)
    return box
