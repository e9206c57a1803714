"""The head as glTF 2.0 in one binary file: texture, skin and ARKit's 52 shapes as morph targets.

Metres, y up, the face looks along +z. Joints: Neck, on it Head, on that EyeLeft and EyeRight, in the eyeballs' centres.
Shapes move eyelids and eyeballs as ARKit's do; turn the eyes by their joints or by the eyeLook shapes, not by both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...gltf import ARRAY, FLOAT, INDEX, UBYTE, USHORT, Buffer, binary
from ...head import EXPRESSIONS, load_head
from ...head.model import vertex_normals
from ...types import Array
from ..atlas import load_atlas
from ..membrane import smoothstep
from ..types import Avatar, ball_centre, eyeball
from .obj import png

JOINTS = ("Neck", "Head", "EyeLeft", "EyeRight")
_NECK = np.array([0.0, -0.15, -0.085], np.float32)
"""Where the neck turns, head frame."""
_NECK_RANGE_M = (-0.17, -0.10)
"""Below the first height the neck's joint has all the weight, above the second the head's."""
_LINEAR, _MIPMAPS, _CLAMP = 9729, 9987, 33071


def write(avatar: Avatar, path: Path) -> None:
    buffer = Buffer()
    primitive = _mesh(avatar, buffer)
    nodes, skin = _skeleton(avatar, buffer)
    image = buffer.blob(png(avatar))
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "Stillpoint"},
        "scene": 0,
        "scenes": [{"nodes": [0, 1]}],
        "nodes": [{"name": "Person", "mesh": 0, "skin": 0}, *nodes],
        "meshes": [
            {
                "name": "Head",
                "primitives": [primitive],
                "weights": [0.0] * len(EXPRESSIONS),
                "extras": {"targetNames": list(EXPRESSIONS)},
            }
        ],
        "skins": [skin],
        "materials": [
            {
                "name": "Skin",
                "pbrMetallicRoughness": {
                    "baseColorTexture": {"index": 0},
                    "metallicFactor": 0.0,
                    "roughnessFactor": 0.7,
                },
                "doubleSided": True,
            }
        ],
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"magFilter": _LINEAR, "minFilter": _MIPMAPS, "wrapS": _CLAMP, "wrapT": _CLAMP}],
        "images": [{"name": "Albedo", "mimeType": "image/png", "bufferView": image}],
        "buffers": [{"byteLength": len(buffer.data)}],
        "bufferViews": buffer.views,
        "accessors": buffer.accessors,
    }
    path.write_bytes(binary(document, bytes(buffer.data)))


def _mesh(avatar: Avatar, buffer: Buffer) -> dict[str, Any]:
    """The primitive; one glTF vertex for each corner of the atlas that a triangle uses."""
    head, atlas = load_head(), load_atlas()
    used, tri = np.unique(atlas.tri_uv, return_inverse=True)
    vertex = atlas.vertex[used]
    place = avatar.neutral[vertex]
    joints, weights = _weights(avatar)
    uv = atlas.uv[used].copy()
    uv[:, 1] = 1.0 - uv[:, 1]  # glTF counts from the top
    normals = vertex_normals(avatar.neutral, head.tri)[vertex]
    attributes = {
        "POSITION": buffer.bounded(place, ARRAY),
        "NORMAL": buffer.add(normals, FLOAT, ARRAY),
        "TEXCOORD_0": buffer.add(uv.astype(np.float32), FLOAT, ARRAY),
        "JOINTS_0": buffer.add(joints[vertex], UBYTE, ARRAY),
        "WEIGHTS_0": buffer.add(weights[vertex], FLOAT, ARRAY),
    }
    indices = buffer.add(tri.astype("<u2").ravel(), USHORT, INDEX)
    targets = [
        {"POSITION": buffer.bounded(np.ascontiguousarray(mode[vertex], dtype=np.float32), ARRAY)}
        for mode in head.expression
    ]
    return {"attributes": attributes, "indices": indices, "material": 0, "targets": targets, "mode": 4}


def _weights(avatar: Avatar) -> tuple[npt.NDArray[np.uint8], Array]:
    """(6017, 4) joints and weights."""
    head = load_head()
    low, high = _NECK_RANGE_M
    share = smoothstep((head.mean[:, 1] - low) / (high - low))
    weights = np.zeros((len(head.mean), 4), np.float32)
    weights[:, 0], weights[:, 1] = 1.0 - share, share
    for joint, side in ((2, 1.0), (3, -1.0)):
        weights[eyeball(side)] = np.eye(4, dtype=np.float32)[joint]
    joints = np.where(weights > 0, np.arange(4), 0).astype(np.uint8)  # unused joints must be 0
    return joints, weights


def _skeleton(avatar: Avatar, buffer: Buffer) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Nodes 1..4, of the joints, and the skin."""
    places = [_NECK, np.zeros(3, np.float32), *(ball_centre(avatar.neutral[eyeball(side)]) for side in (1.0, -1.0))]
    parents = {1: 0, 2: 1, 3: 1}
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(JOINTS), 1, 1))
    nodes: list[dict[str, Any]] = []
    for k, name in enumerate(JOINTS):
        inverse[k, :3, 3] = -places[k]
        at = places[k] - (places[parents[k]] if k in parents else 0.0)
        nodes.append({"name": name, "translation": [float(v) for v in at]})
    for child, parent in parents.items():
        nodes[parent].setdefault("children", []).append(child + 1)
    columns = np.ascontiguousarray(inverse.transpose(0, 2, 1)).reshape(len(JOINTS), 16)  # column-major
    return nodes, {"joints": [1, 2, 3, 4], "skeleton": 1, "inverseBindMatrices": buffer.add(columns, FLOAT)}
