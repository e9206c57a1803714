"""glTF 2.0 in one binary file: the person's head, ARKit's 52 shapes as morph targets, and the session as animation.

Metres, y up: the camera stands in the origin and looks along -z, as it did. The mesh has the median identity of the
session. One key a captured frame; where the face was lost the last one is held.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import OutputError
from ...gltf import ARRAY, FLOAT, INDEX, UBYTE, USHORT, Buffer, binary
from ...head import EXPRESSIONS, HeadModel, load_head, moving
from ...head.axes import quaternion, upright
from ...head.model import vertex_normals
from ...whole import whole
from ..replay import Session
from ..take import Take
from . import Progress


def write(session: Session, path: Path, progress: Progress, face: int | None = None) -> None:
    take = session.take(face)
    if not take.found.any():
        raise OutputError(f"{session.folder} has no face to write; there is nothing to animate.")
    head, buffer = load_head(), Buffer()
    primitive = _mesh(head, take, buffer)
    progress(0.4)
    animation = _animation(take, buffer)
    progress(0.8)
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "Stillpoint"},
        "scene": 0,
        "scenes": [{"nodes": [0, 1]}],
        "nodes": [{"name": "Head", "mesh": 0}, {"name": "Camera", "camera": 0}],
        "cameras": [_camera(take)],
        "meshes": [
            {
                "name": "Head",
                "primitives": [primitive],
                "weights": [0.0] * len(EXPRESSIONS),
                "extras": {"targetNames": list(EXPRESSIONS)},
            }
        ],
        "materials": [
            {
                "name": "Skin",
                "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.6},
                "doubleSided": True,
            }
        ],
        "animations": [animation],
        "buffers": [{"byteLength": len(buffer.data)}],
        "bufferViews": buffer.views,
        "accessors": buffer.accessors,
    }
    with whole(path) as scratch:
        scratch.write_bytes(binary(document, bytes(buffer.data)))
    progress(1.0)


def _mesh(head: HeadModel, take: Take, buffer: Buffer) -> dict[str, Any]:
    identity = np.nanmedian(take.values("identity"), axis=0).astype(np.float32)
    shape = (head.mean + np.tensordot(identity, head.identity[: len(identity)], 1)).astype(np.float32)
    colour = np.concatenate([head.color, np.full((len(head.color), 1), 255, np.uint8)], axis=1)
    attributes = {
        "POSITION": buffer.bounded(shape, ARRAY),
        "NORMAL": buffer.add(vertex_normals(shape, head.tri).astype(np.float32), FLOAT, ARRAY),
        "COLOR_0": buffer.add(colour, UBYTE, ARRAY, normalized=True),
    }
    indices = buffer.add(head.tri.astype("<u2").ravel(), USHORT, INDEX)
    targets = [{"POSITION": buffer.bounded(mode.astype(np.float32), ARRAY)} for mode in head.expression]
    return {"attributes": attributes, "indices": indices, "material": 0, "targets": targets, "mode": 4}


def _animation(take: Take, buffer: Buffer) -> dict[str, Any]:
    times, kept = np.unique(take.time.astype(np.float32), return_index=True)  # strictly rising; of twins the first
    found = take.found[kept]
    held = np.maximum.accumulate(np.where(found, np.arange(len(kept)), -1))
    held[held < 0] = int(np.flatnonzero(found)[0])
    turns, places = np.empty((len(kept), 4), np.float32), np.empty((len(kept), 3), np.float32)
    for i, frame in enumerate(kept[held]):
        pose = take.poses[frame]
        if pose is not None:
            turn, place = upright(pose)
            turns[i], places[i] = quaternion(turn), place
    flips = np.cumprod(np.where(np.sum(turns[1:] * turns[:-1], axis=1) < 0.0, -1.0, 1.0))
    turns[1:] *= flips[:, None].astype(np.float32)  # q and -q are one turn; neighbours must not go the long way round
    weights = moving(np.clip(np.nan_to_num(take.values("blendshapes")[kept[held]]), 0.0, 1.0))
    time = buffer.bounded(times)
    outputs = {
        "translation": buffer.add(places, FLOAT),
        "rotation": buffer.add(turns, FLOAT),
        "weights": buffer.add(weights.ravel(), FLOAT),
    }
    samplers = [{"input": time, "output": output, "interpolation": "LINEAR"} for output in outputs.values()]
    channels = [{"sampler": i, "target": {"node": 0, "path": path}} for i, path in enumerate(outputs)]
    return {"name": "Session", "samplers": samplers, "channels": channels}


def _camera(take: Take) -> dict[str, Any]:
    width, height = take.session.size
    focal = float(np.nanmedian(take.column("camera_focal")))
    height, width = height or 720, width or 1280
    optics = {"yfov": float(2.0 * np.arctan2(height / 2.0, focal)), "aspectRatio": width / height, "znear": 0.01}
    return {"name": "Camera", "type": "perspective", "perspective": optics}
