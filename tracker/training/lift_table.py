"""The fitted set: one row a face, a Parquet file that training reads beside the packs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SourceError
from ..whole import whole
from .packs import SLICES, Rows

Floats = npt.NDArray[np.float32]
FORMAT = 1
SHAPES = {
    "rotation": (3, 3),
    "identity": (40,),
    "expression": (52,),
    "centre": (2,),
    "aflw2000_68": (68, 3),
    "tddfa68": (68, 3),
    "merl68": (68, 3),
    "residuals": (6,),
    "kept": (6,),
}


@dataclass(frozen=True, slots=True, eq=False)
class Lifted:
    """n fits. Pixels are those of `Rows`: the pack's own crop, the first pixel's centre at (0.5, 0.5).

    name, pack (n,); rotation (n, 3, 3) view_from_head; centre (n, 2) px, scale (n,) px per metre and nearness (n,)
    1/m as in `FaceState`; identity (n, 40); expression (n, 52); aflw2000_68, tddfa68, merl68 (n, 68, 3): x, y px and
    depth px (larger = nearer) of the fitted head; residuals (n, 6): of each of `packs.SETS`, the mean distance of the
    points that were kept, face sizes (NaN without labels); kept (n, 6): the share of its labels kept; quality (n,)
    0..1; good (n,) bool: fit to train on."""

    name: npt.NDArray[Any]
    pack: npt.NDArray[Any]
    rotation: Floats
    centre: Floats
    scale: Floats
    nearness: Floats
    identity: Floats
    expression: Floats
    aflw2000_68: Floats
    tddfa68: Floats
    merl68: Floats
    residuals: Floats
    kept: Floats
    quality: Floats
    good: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.name)

    def positions(self, pack: npt.NDArray[Any], name: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """(m,) where each of m rows (by pack and name) stands in this table; -1 where it has no fit."""
        at = {key: i for i, key in enumerate(zip(self.pack.tolist(), self.name.tolist(), strict=True))}
        keys = zip(np.asarray(pack).tolist(), np.asarray(name).tolist(), strict=True)
        return np.array([at.get(key, -1) for key in keys], dtype=np.intp)


def write_lifted(path: Path, lifted: Lifted, facts: dict[str, str]) -> None:
    """Write fits as `load_lifted` reads them; `facts` go into the file's metadata."""
    columns: dict[str, Any] = {}
    for field in Lifted.__dataclass_fields__:
        value = getattr(lifted, field)
        if field in SHAPES:
            flat = np.ascontiguousarray(value, dtype=np.float32).reshape(len(lifted), -1)
            values = pa.array(flat.ravel())
            columns[field] = pa.FixedSizeListArray.from_arrays(values, flat.shape[1])
        else:
            columns[field] = pa.array(value.tolist() if value.dtype.kind in "UO" else value)
    metadata = {"format": str(FORMAT)} | facts
    table = pa.table(columns).replace_schema_metadata({k.encode(): v.encode() for k, v in metadata.items()})
    with whole(path) as scratch:
        pq.write_table(table, scratch, compression="zstd")


def load_lifted(path: Path) -> Lifted:
    """Fits that `stillpoint lift` wrote. Raises SourceError where the file is none."""
    if not path.is_file():
        raise SourceError(f"{path} is not there: a file of fits was wanted; make one with `stillpoint lift`.")
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"{path} cannot be read ({error}): a file of fits was wanted.") from error
    if (table.schema.metadata or {}).get(b"format") != str(FORMAT).encode() or "rotation" not in table.column_names:
        raise SourceError(f"{path} holds no fits of this version; make it again with `stillpoint lift`.")
    values: dict[str, Any] = {}
    for field in Lifted.__dataclass_fields__:
        column = table.column(field).combine_chunks()
        if field in SHAPES:
            values[field] = column.flatten().to_numpy().reshape(-1, *SHAPES[field])
        else:
            values[field] = np.array(column.to_pylist() if column.type == pa.string() else column.to_numpy(False))
    return Lifted(**values)


def taught(rows: Rows, lifted: Lifted) -> Rows:
    """Rows whose rotation and depth and labels of `tddfa68` are those of the good fits.

    Joined by pack and name. Calibration images keep their labels, which define the pose; rows without a good fit
    keep what they had. `yaw` is filled in where no teacher had told it.
    """
    at = lifted.positions(rows.pack, rows.name)
    use = np.flatnonzero((at >= 0) & (rows.pack != "aflw2000_calibration"))
    use = use[lifted.good[at[use]]]
    fit = at[use]
    rotation, depth, yaw = rows.rotation.copy(), rows.depth.copy(), rows.yaw.copy()
    labels, weights = rows.points.copy(), rows.weights.copy()
    lost = use[~np.isfinite(rows.rotation[use]).all((1, 2))]
    rotation[use], depth[use] = lifted.rotation[fit], lifted.tddfa68[fit, :, 2]
    yaw[lost] = np.degrees(np.arcsin(np.clip(rotation[lost, 0, 2], -1, 1)))
    labels[use, SLICES["tddfa68"]] = lifted.tddfa68[fit, :, :2]
    weights[use, SLICES["tddfa68"]] = 1.0
    return replace(rows, rotation=rotation, depth=depth, yaw=yaw, points=labels, weights=weights)
