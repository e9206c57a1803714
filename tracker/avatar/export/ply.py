"""The head's splats at rest in the layout of 3D Gaussian Splatting (Kerbl et al., 2023), which public viewers open.

One vertex a splat, little-endian floats: x y z, nx ny nz (zero), f_dc_0..2, f_rest_* (a colour's coefficients one after
the other, red first), opacity (logit), scale_0..2 (natural logarithm of metres), rot_0..3 (w x y z). Axes are those of
the pictures such files are made from, x right, y down, z away: the face looks along -z. The light is white.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import ModelError
from ...head import load_head
from ...types import FACING
from ..splats import Splats, placed, quaternions
from ..types import Avatar

_SIGNS_1 = np.array([-1.0, -1.0, 1.0], np.float32)
"""What half a turn about x does to coefficients of degree 1, which stand for y, z, x."""


def names(degrees: int) -> list[str]:
    """Of the properties, for 1 or 4 coefficients a colour."""
    rest = [f"f_rest_{i}" for i in range(3 * (degrees - 1))]
    place = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    return [*place, *rest, "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]


def write(avatar: Avatar, path: Path) -> None:
    """Raises ModelError where the head has no splats."""
    if avatar.splats is None:
        raise ModelError("This head has no splats to write as PLY; build it again with torch installed.")
    splats = Splats.of(avatar.splats)
    mean, rotation, scale = placed(splats, avatar.neutral, load_head().tri)
    count, degrees = splats.sh.shape[:2]
    rest = (splats.sh[:, 1:] * _SIGNS_1[: degrees - 1, None]).transpose(0, 2, 1).reshape(count, -1)
    table = np.concatenate(
        [
            mean @ FACING,
            np.zeros((count, 3)),
            splats.sh[:, 0],
            rest,
            splats.opacity[:, None],
            np.log(np.maximum(scale, 1e-7)),
            quaternions(FACING @ rotation),
        ],
        axis=1,
    )
    header = ["ply", "format binary_little_endian 1.0", "comment Stillpoint: metres", f"element vertex {count}"]
    header += [f"property float {name}" for name in names(degrees)] + ["end_header", ""]
    path.write_bytes("\n".join(header).encode("ascii") + np.ascontiguousarray(table, dtype="<f4").tobytes())
