"""The head at rest as Wavefront OBJ, with its texture: head.obj, head.mtl, head.png. Metres, y up."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ...errors import OutputError
from ...head import load_head
from ...head.model import vertex_normals
from ..atlas import load_atlas
from ..types import Avatar

_MATERIAL = """newmtl head
Ka 1 1 1
Kd 1 1 1
Ks 0 0 0
illum 1
map_Kd {texture}
"""


def write(avatar: Avatar, path: Path) -> None:
    """The texture and the material go beside `path`, under its name."""
    head, atlas = load_head(), load_atlas()
    normals = vertex_normals(avatar.neutral, head.tri)
    lines = ["# Stillpoint", f"mtllib {path.stem}.mtl", "o Head", "usemtl head"]
    lines += ["v {:.6f} {:.6f} {:.6f}".format(*p) for p in avatar.neutral.tolist()]
    lines += ["vt {:.6f} {:.6f}".format(*p) for p in atlas.uv.tolist()]
    lines += ["vn {:.4f} {:.4f} {:.4f}".format(*p) for p in normals.tolist()]
    corners = np.stack([head.tri, atlas.tri_uv, head.tri], axis=2).reshape(-1, 9) + 1
    lines += ["f {}/{}/{} {}/{}/{} {}/{}/{}".format(*t) for t in corners.tolist()]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    path.with_suffix(".mtl").write_text(_MATERIAL.format(texture=f"{path.stem}.png"), encoding="ascii")
    path.with_suffix(".png").write_bytes(png(avatar))


def png(avatar: Avatar) -> bytes:
    """The texture as a PNG file."""
    done, data = cv2.imencode(".png", avatar.texture[..., ::-1])
    if not done:
        raise OutputError("The head's texture cannot be written as PNG.")
    return data.tobytes()
