"""The columns of a session's table, and the rows of a frame.

One row per captured frame and face; `state` says what became of it:

tracked     a face was found
held        no face was found, and the filter says where it is by now: `raw_` is null, `stable_` is its word
lost        no face was found; this state and the others have nulls instead of measurements
dropped     captured but never recorded: a gap in the indices, its time divided evenly between its neighbours'
unmeasured  a picture whose row was lost when the recording was cut off (`repair`)

Every measured value is there twice: `raw_` as the network said it, `stable_` as the filter left it; what a filter
reads is there to the last bit, so that it can be run again. Pixels as in `tracker.types`. `video_index` is the number
of the frame's picture in the clean video; `result_s` is when tracking and filtering were done, on the capture clock
(live sources only). Frames before the first press of the button (the pre-roll) are rows like all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ..head.axes import gaze_direction, gaze_of, upright
from ..head.model import EXPRESSIONS
from ..types import Face, Tracked

POINTS = "ibug68"
DENSE = "mediapipe478"
_COUNTS = {POINTS: 68, DENSE: 478}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """`length` 0: one number or word a row; > 0: a list of so many float32; -1: a list of any length.

    `csv` names the columns of the text table that the value fills (none: it is not in there), with `digits` decimals.
    """

    name: str
    kind: pa.DataType
    length: int = 0
    csv: tuple[str, ...] = ()
    digits: int = 0
    unit: str = ""

    @property
    def type(self) -> pa.DataType:
        if self.length == 0:
            return self.kind
        return pa.list_(self.kind, self.length) if self.length > 0 else pa.list_(self.kind)


def _number(name: str, digits: int, unit: str = "", kind: pa.DataType | None = None) -> Column:
    return Column(name, kind or pa.float32(), csv=(name,), digits=digits, unit=unit)


def _numbers(prefix: str) -> list[Column]:
    angles = [_number(f"{prefix}_{angle}_deg", 3, "degree") for angle in ("yaw", "pitch", "roll")]
    place = [_number(f"{prefix}_{axis}_m", 5, "m") for axis in ("tx", "ty", "tz")]
    centre = [_number(f"{prefix}_centre_{axis}", 3, "px") for axis in "xy"]
    double = pa.float64()
    scale = [_number(f"{prefix}_scale", 3, "px/m", double), _number(f"{prefix}_nearness", 4, "1/m", double)]
    return [*angles, *place, *centre, *scale]


def _lists(prefix: str) -> list[Column]:
    real = pa.float32()
    points = tuple(f"{prefix}_{axis}{i}" for i in range(_COUNTS[POINTS]) for axis in "xy")
    shapes = EXPRESSIONS if prefix == "stable" else ()
    looks = {side: tuple(f"{prefix}_gaze_{side}_{axis}" for axis in "xyz") for side in ("left", "right")}
    return [
        *(Column(f"{prefix}_gaze_{side}", real, 3, looks[side], 4, "unit vector, camera axes") for side in looks),
        Column(f"{prefix}_blendshapes", real, len(EXPRESSIONS), tuple(shapes), 4, "0..1, ARKit's order"),
        Column(f"{prefix}_{POINTS}", real, 2 * _COUNTS[POINTS], points, 3, "px, x0 y0 x1 y1 ..."),
        Column(f"{prefix}_{DENSE}", real, 2 * _COUNTS[DENSE], unit="px, x0 y0 x1 y1 ..."),
        Column(f"{prefix}_rotation", real, 9, unit="view_from_head, row by row"),
        Column(f"{prefix}_identity", real, -1),
        Column(f"{prefix}_residual", real, -1),
        Column(f"{prefix}_spread", real, -1),
    ]


COLUMNS: tuple[Column, ...] = (
    _number("frame_index", 0, kind=pa.int64()),
    _number("video_index", 0, kind=pa.int32()),
    _number("time_s", 6, "s, capture clock", pa.float64()),
    _number("dropped_before", 0, "frames", pa.int32()),
    _number("state", 0, kind=pa.string()),
    _number("face_id", 0, kind=pa.int32()),
    _number("presence", 4, "0..1"),
    *(_number(f"bbox_{corner}", 3, "px") for corner in ("x0", "y0", "x1", "y1")),
    _number("step_s", 6, "s"),
    _number("filter_s", 6, "s"),
    _number("result_s", 6, "s, capture clock", pa.float64()),
    *(_number(f"camera_{part}", 3, "px", pa.float64()) for part in ("focal", "cx", "cy")),
    Column("carried", pa.float64(), 8, unit="x, y, 1, depth px of the frame before -> px, row by row; inf: not told"),
    *_numbers("raw"),
    *_numbers("stable"),
    *_lists("raw"),
    *_lists("stable"),
    *(Column(f"std_px_{layout}", pa.float32(), _COUNTS[layout], unit="px") for layout in (POINTS, DENSE)),
    Column(f"visibility_{POINTS}", pa.float32(), _COUNTS[POINTS], unit="0..1"),
)
CSV_HEADER: tuple[str, ...] = tuple(name for column in COLUMNS for name in column.csv)


def schema() -> pa.Schema:
    """Of the stream and of the Parquet file; a field's metadata holds its unit."""
    return pa.schema([pa.field(c.name, c.type, metadata={"unit": c.unit} if c.unit else None) for c in COLUMNS])


def rows_of(tracked: Tracked) -> list[Row]:
    """The rows of one frame; a column that is missing in a row is null."""
    frame, timings = tracked.raw.frame, {**tracked.raw.timings, **tracked.stable.timings}
    common: Row = {"frame_index": frame.index, "time_s": frame.time, "dropped_before": tracked.raw.dropped}
    common.update(step_s=timings.get("step"), filter_s=timings.get("filter"))
    if tracked.done is not None:
        common["result_s"] = tracked.done
    stable = {face.id: face for face in tracked.stable.faces}
    seen = {face.id for face in tracked.raw.faces}
    rows = [{**common, **_face(raw, stable.get(raw.id, raw))} for raw in tracked.raw.faces]
    rows += [{**common, **_held(face)} for name, face in stable.items() if name not in seen]
    return rows or [{**common, "state": "lost"}]


def dropped_rows(last: tuple[int, float], now: tuple[int, float]) -> list[Row]:
    """One row for each frame between two that were recorded; both are (index, seconds)."""
    (before, begun), (after, ended) = last, now
    step = (ended - begun) / max(after - before, 1)
    return [
        {"frame_index": before + n, "time_s": begun + n * step, "state": "dropped"} for n in range(1, after - before)
    ]


def _face(raw: Face, stable: Face) -> Row:
    row = {**_shown(stable), "state": "tracked"}
    if raw.carried is not None:
        missing = 4 - raw.carried.shape[1]  # no NaN: tables that are the same shall compare as the same
        row["carried"] = np.pad(raw.carried, ((0, 0), (0, missing)), constant_values=np.inf).ravel()
    row.update(_measured("raw", raw))
    row.update({f"std_px_{layout}": raw.std_px(layout) for layout in (POINTS, DENSE)})
    return row


def _held(stable: Face) -> Row:
    row = {**_shown(stable), "state": "held"}
    row.update({f"std_px_{layout}": stable.std_px(layout) for layout in (POINTS, DENSE)})
    return row


def _shown(stable: Face) -> Row:
    """What of a row the filter's word fills."""
    camera = stable.state.camera
    row: Row = {"face_id": stable.id, "presence": stable.presence}
    row.update(zip(("bbox_x0", "bbox_y0", "bbox_x1", "bbox_y1"), stable.bbox, strict=True))
    row.update(camera_focal=camera.focal, camera_cx=camera.cx, camera_cy=camera.cy)
    row.update(_measured("stable", stable))
    row[f"visibility_{POINTS}"] = stable.visibility(POINTS)
    return row


def _measured(prefix: str, face: Face) -> Row:
    state, pose = face.state, face.pose
    tx, ty, tz = (float(v) for v in pose.translation)
    values: Row = {"yaw_deg": pose.yaw_deg, "pitch_deg": pose.pitch_deg, "roll_deg": pose.roll_deg}
    values.update(tx_m=tx, ty_m=ty, tz_m=tz, centre_x=float(state.centre[0]), centre_y=float(state.centre[1]))
    values.update(scale=state.scale, nearness=state.nearness, rotation=state.rotation.ravel())
    values.update(blendshapes=state.expression, identity=state.identity, residual=state.residual, spread=state.spread)
    values.update({layout: face.landmarks_px(layout).ravel() for layout in (POINTS, DENSE)})
    turn, _ = upright(pose)
    looks = zip(("left", "right"), gaze_of(np.nan_to_num(state.expression)), strict=True)
    values.update({f"gaze_{side}": np.array(gaze_direction(turn, gaze), np.float32) for side, gaze in looks})
    return {f"{prefix}_{name}": value for name, value in values.items()}


def batch_of(rows: Sequence[Row]) -> pa.RecordBatch:
    """Rows -> one Arrow batch."""
    return pa.RecordBatch.from_arrays([_array(column, rows) for column in COLUMNS], schema=schema())


def _array(column: Column, rows: Sequence[Row]) -> pa.Array:
    values = [row.get(column.name) for row in rows]
    if column.length <= 0:
        return pa.array(values, type=column.type)
    kind = column.kind.to_pandas_dtype()
    empty = np.zeros(column.length, kind)
    flat = np.concatenate([empty if value is None else value for value in values]).astype(kind, copy=False)
    missing = pa.array([value is None for value in values])
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), type=column.type, mask=missing)


def csv_row(row: Row) -> list[str]:
    """One line of the text table; what is null is empty."""
    cells: list[str] = []
    for column in COLUMNS:
        if column.csv:
            value = row.get(column.name)
            cells.extend([""] * len(column.csv) if value is None else _cells(column, value))
    return cells


def _cells(column: Column, value: Any) -> list[str]:
    if column.length == 0 and column.digits == 0:
        return [str(value)]
    show: Callable[[float], str] = f"{{:.{column.digits}f}}".format
    return [show(v) for v in value.tolist()] if column.length else [show(value)]
