"""A session's glTF, read by pygltflib and drawn without a graphics card: does the face move as the video's does?

    python tests/benchmarks/gltf.py SESSION --out sheet.png --times 0.5 1.0 1.5

Exports SESSION, evaluates its morph weights and the head's rotation at the times named, and draws the mesh (painter's
algorithm, flat shading) beneath the clean video's picture of that moment.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from pygltflib import GLTF2
from scipy.spatial.transform import Rotation, Slerp

from tracker.session.export import export
from tracker.session.replay import open_session

SIDE = 360
KINDS: dict[int, Any] = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDE = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


def values(file: GLTF2, number: int) -> np.ndarray[Any, Any]:
    """An accessor's numbers (n, width)."""
    accessor = file.accessors[number]
    view = file.bufferViews[accessor.bufferView]
    wide = WIDE[accessor.type]
    start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
    flat = np.frombuffer(file.binary_blob(), KINDS[accessor.componentType], accessor.count * wide, start)
    return flat.reshape(-1, wide)


def track(file: GLTF2, path: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Times (n,) and values of the animation's channel for "weights", "rotation" or "translation"."""
    (animation,) = file.animations
    channel = next(one for one in animation.channels if one.target.path == path)
    sampler = animation.samplers[channel.sampler]
    times = values(file, sampler.input)[:, 0]
    return times, values(file, sampler.output).reshape(len(times), -1)


def drawn(points: np.ndarray[Any, Any], triangles: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Points (n, 3) in metres, y up, seen along -z; a grey picture."""
    canvas = np.full((SIDE, SIDE, 3), 24, np.uint8)
    corners = points[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    light = np.clip(normals @ np.array([0.25, 0.35, 0.9]), 0.0, 1.0)
    centre = np.array([0.0, -0.03])
    flat = (corners[:, :, :2] - centre) * (SIDE / 0.30) * (1.0, -1.0) + SIDE / 2
    for i in np.argsort(corners[:, :, 2].mean(1)):
        if normals[i, 2] > 0.0:
            shade = int(40 + 200 * light[i])
            cv2.fillConvexPoly(canvas, np.round(flat[i] * 8).astype(np.int32), (shade, shade, shade), cv2.LINE_AA, 3)
    return canvas


def pictures(video: Path, times: list[float]) -> list[np.ndarray[Any, Any]]:
    """Of the clean video, each the last at or before its time."""
    shown: list[np.ndarray[Any, Any]] = []
    last = np.zeros((SIDE, SIDE, 3), np.uint8)
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            while len(shown) < len(times) and frame.time > times[len(shown)] + 1e-6:
                shown.append(last)
            last = frame.to_ndarray(format="bgr24")
    shown += [last] * (len(times) - len(shown))
    side = [min(image.shape[:2]) for image in shown]
    cut = [
        image[(image.shape[0] - s) // 2 :, (image.shape[1] - s) // 2 :][:s, :s]
        for image, s in zip(shown, side, strict=True)
    ]
    return [np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)) for image in cut]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("session", type=Path)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--times", type=float, nargs="+", required=True)
    options = asked.parse_args()
    session = open_session(options.session)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.glb"
        export(session, "gltf", path)
        file = GLTF2.load(str(path))
    mesh = next(one for one in file.meshes if one.primitives[0].targets)
    part = mesh.primitives[0]
    rest = values(file, part.attributes.POSITION).astype(np.float64)
    triangles = values(file, part.indices).reshape(-1, 3)
    targets = [target["POSITION"] if isinstance(target, dict) else target.POSITION for target in part.targets]
    shapes = np.stack([values(file, number) for number in targets])
    times, weights = track(file, "weights")
    turn_times, turns = track(file, "rotation")
    slerp = Slerp(turn_times, Rotation.from_quat(turns))
    row = []
    for at in options.times:
        weight = np.array([np.interp(at, times, column) for column in weights.T])
        points = rest + np.tensordot(weight, shapes, 1)
        turned = slerp(float(np.clip(at, turn_times[0], turn_times[-1]))).apply(points)
        row.append(drawn(turned, triangles))
    above = pictures(session.video, options.times) if session.video is not None else []
    sheet = np.vstack([np.hstack(above), np.hstack(row)]) if above else np.hstack(row)
    cv2.imwrite(str(options.out), sheet)
    print(f"{len(times)} keys of {len(shapes)} shapes; moved {np.ptp(weights, axis=0).max():.2f} at most")


if __name__ == "__main__":
    main()
