"""A head's files, opened by readers that are not ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pygltflib
import pytest
from avatar_toy import plain
from plyfile import PlyData

from tracker.avatar.atlas import load_atlas
from tracker.avatar.export import EXPORTS, export
from tracker.avatar.seed import seeds
from tracker.avatar.splats import Splats, posed, rotations
from tracker.avatar.types import Avatar
from tracker.errors import ModelError, OutputError
from tracker.head import EXPRESSIONS, load_head


@pytest.fixture(scope="module")
def head() -> Avatar:
    splats = seeds(plain())
    splats = splats.take(np.arange(0, len(splats), 9))
    color = np.random.default_rng(0).normal(0, 0.2, (len(splats), 4, 3)).astype(np.float32)
    return replace(plain(), splats=replace(splats, sh=color).arrays())


def test_ply_holds_the_splats_as_viewers_read_them(head: Avatar, tmp_path: Path) -> None:
    vertex = PlyData.read(str(export(head, "ply", tmp_path)))["vertex"]
    assert head.splats is not None
    splats = Splats.of(head.splats)
    names = [p.name for p in vertex.properties]
    assert names[:9] == ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    assert names[9:18] == [f"f_rest_{i}" for i in range(9)]
    assert names[18:] == ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    assert vertex.count == len(splats)
    # Covariances put together as a viewer does are those that we draw, half a turn about x away.
    turn = rotations(np.stack([vertex[f"rot_{i}"] for i in range(4)], 1))
    axes = turn * np.exp(np.stack([vertex[f"scale_{i}"] for i in range(3)], 1))[:, None, :]
    cov = axes @ axes.transpose(0, 2, 1)
    ours = posed(splats, head.neutral, load_head().tri)
    size = np.abs(ours.cov).max()
    for k, (i, j, sign) in enumerate(
        ((0, 0, 1), (0, 1, -1), (0, 2, -1), (1, 1, 1), (1, 2, 1), (2, 2, 1)),
    ):
        assert np.allclose(cov[:, i, j], sign * ours.cov[k], atol=1e-4 * size)
    assert np.allclose([vertex["x"], vertex["y"], vertex["z"]], ours.mean * [[1], [-1], [-1]], atol=1e-6)
    # A colour of degree 1, seen from the side: evaluated as the format says, it is ours.
    ray = np.array([0.6, 0.0, 0.8])
    rest = np.stack([vertex[f"f_rest_{i}"] for i in range(9)], 1).reshape(-1, 3, 3)  # splat, channel, coefficient
    theirs = -ray[1] * rest[..., 0] + ray[2] * rest[..., 1] - ray[0] * rest[..., 2]
    there = ray * [1, -1, -1]
    mine = -there[1] * splats.sh[:, 1] + there[2] * splats.sh[:, 2] - there[0] * splats.sh[:, 3]
    assert np.allclose(theirs, mine, atol=1e-5)


def test_gltf_has_texture_skin_and_every_shape(head: Avatar, tmp_path: Path) -> None:
    document = pygltflib.GLTF2().load(str(export(head, "gltf", tmp_path)))
    blob = document.binary_blob()
    kinds = {5126: np.float32, 5123: np.uint16, 5121: np.uint8}
    widths = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}

    def values(index: int) -> np.ndarray:
        accessor = document.accessors[index]
        view = document.bufferViews[accessor.bufferView]
        raw = blob[view.byteOffset : view.byteOffset + view.byteLength]
        return np.frombuffer(raw, kinds[accessor.componentType]).reshape(-1, widths[accessor.type])[: accessor.count]

    primitive = document.meshes[0].primitives[0]
    place = values(primitive.attributes.POSITION)
    index = values(primitive.indices)
    assert len(index) == 3 * len(load_head().tri) and index.max() == len(place) - 1
    assert np.allclose(place[index[:, 0]], head.neutral[load_head().tri.ravel()], atol=1e-6)
    assert document.meshes[0].extras["targetNames"] == list(EXPRESSIONS) and len(primitive.targets) == 52
    jaw = values(primitive.targets[EXPRESSIONS.index("jawOpen")]["POSITION"])
    assert np.allclose(
        jaw[index[:, 0]], load_head().expression[EXPRESSIONS.index("jawOpen")][load_head().tri.ravel()], atol=1e-6
    )
    weights, joints = values(primitive.attributes.WEIGHTS_0), values(primitive.attributes.JOINTS_0)
    assert np.allclose(weights.sum(1), 1.0, atol=1e-5) and joints.max() == 3
    assert not joints[weights == 0].any()
    inverse = values(document.skins[0].inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
    at = np.zeros(3)
    for node in (1, 2, 3):  # neck, head, left eye: one below the other
        at = at + document.nodes[node].translation
        assert np.allclose(inverse[node - 1, :3, 3], -at, atol=1e-6)
    view = document.bufferViews[document.images[0].bufferView]
    picture = cv2.imdecode(
        np.frombuffer(blob[view.byteOffset : view.byteOffset + view.byteLength], np.uint8), cv2.IMREAD_COLOR
    )
    assert np.array_equal(picture[..., ::-1], head.texture)
    uv = values(primitive.attributes.TEXCOORD_0)
    assert uv.min() >= 0 and uv.max() <= 1


def test_obj_and_its_texture_lie_together(head: Avatar, tmp_path: Path) -> None:
    path = export(head, "obj", tmp_path)
    lines = path.read_text().splitlines()
    places = np.array([line.split()[1:] for line in lines if line.startswith("v ")], dtype=float)
    assert np.allclose(places, head.neutral, atol=1e-5)
    faces = [line.split()[1:] for line in lines if line.startswith("f ")]
    assert len(faces) == len(load_head().tri)
    assert [int(corner.split("/")[1]) - 1 for corner in faces[7]] == load_atlas().tri_uv[7].tolist()
    material = (tmp_path / "head.mtl").read_text()
    assert "map_Kd head.png" in material and (tmp_path / "head.png").is_file()


def test_what_cannot_be_written_is_said_and_leaves_nothing(head: Avatar, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="ply, gltf, obj"):
        export(head, "stl", tmp_path)
    with pytest.raises(ModelError, match="torch"):
        export(replace(head, splats=None), "ply", tmp_path)
    blocked = tmp_path / "file"
    blocked.write_text("here")
    for name in EXPORTS:
        with pytest.raises(OutputError, match="cannot be written"):
            export(head, name, blocked)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
