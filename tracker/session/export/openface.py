"""The columns of OpenFace 2's CSV that Stillpoint has: nothing is invented, what is missing is left out.

Millimetres, radians, and its camera (x right, y down, z forward). Its rotations are R = Rx Ry Rz of a head whose axes
are the camera's when it looks straight in, so Rx = -pitch, Ry = -yaw, Rz = -roll. Eye 0 is the leftmost in the image.
Not in there: eye landmarks, the point distribution model and action units, which belong to OpenFace's own models.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...head.axes import Triple, gaze_direction, gaze_of, upright
from ...types import FaceState
from ..replay import Session
from . import Progress
from .lines import cells, write_lines

POINTS = 68


def header(solid: bool) -> list[str]:
    """Names in OpenFace's order; `solid`: with the 68 points in space."""
    names = ["frame", "face_id", "timestamp", "confidence", "success"]
    names += [f"gaze_{eye}_{axis}" for eye in (0, 1) for axis in "xyz"] + ["gaze_angle_x", "gaze_angle_y"]
    names += [f"pose_T{axis}" for axis in "xyz"] + [f"pose_R{axis}" for axis in "xyz"]
    names += [f"{axis}_{i}" for axis in "xy" for i in range(POINTS)]
    return names + ([f"{axis}_{i}" for axis in "XYZ" for i in range(POINTS)] if solid else [])


def write(session: Session, path: Path, progress: Progress) -> None:
    """One line a row of the session; where no face was seen success is 0, and the line is blank beyond it."""
    names = header(session.basis is not None)
    frame, time = session.column("frame_index"), session.column("time_s")
    ids, presence, points = session.column("face_id"), session.column("presence"), session.values("ibug68")

    def rows() -> Iterator[list[str]]:
        for row in range(session.rows):
            state = session.state(row) if not session.held[row] else None
            start = [str(int(frame[row]) + 1)]
            if state is None:
                yield [*start, "", f"{time[row]:.6f}", "0", "0", *[""] * (len(names) - 5)]
                continue
            start += [str(int(ids[row])), f"{time[row]:.6f}", f"{presence[row]:.3f}", "1"]
            flat = points[row].reshape(-1, 2).T.ravel()
            yield (
                start
                + cells(np.array(_gaze(state)), 6)
                + cells(_pose(state), 4)
                + cells(flat, 2)
                + _solid(session, row)
            )

    write_lines(path, names, rows(), session.rows, progress)


def _gaze(state: FaceState) -> list[float]:
    turn, _ = upright(state.pose)
    left, right = gaze_of(np.nan_to_num(state.expression))
    looks: tuple[Triple, Triple] = (gaze_direction(turn, right), gaze_direction(turn, left))
    x, y, z = np.mean(looks, axis=0)
    return [*looks[0], *looks[1], float(np.arctan2(x, -z)), float(np.arctan2(y, -z))]


def _pose(state: FaceState) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    pose = state.pose
    angles = np.radians([-pose.pitch_deg, -pose.yaw_deg, -pose.roll_deg])
    return np.concatenate([pose.translation.astype(np.float64) * 1000.0, angles])


def _solid(session: Session, row: int) -> list[str]:
    if session.basis is None:
        return []
    face = session.face(row)
    if face is None:
        return []
    points = face.landmarks_head("ibug68") @ face.pose.rotation.T + face.pose.translation
    return cells(points.T.ravel() * 1000.0, 1)
