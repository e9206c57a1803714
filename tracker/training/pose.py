"""Head pose against AFLW2000-3D's labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..types import FACING
from .packs import Rows

Rotations = npt.NDArray[np.floating]


def pose_errors(rotation: Rotations, rows: Rows) -> dict[str, float]:
    """Mean absolute error of (yaw, pitch, roll) on the validate fold, and the geodesic mean, degrees.

    `rotation` (n, 3, 3) is camera_from_head of every calibration row.
    """
    off, turn = pose_errors_each(rotation, rows)
    pitch, yaw, roll = off.mean(0)
    names = {"yaw": yaw, "pitch": pitch, "roll": roll, "mean": off.mean(), "geodesic": turn.mean()}
    return {name: round(float(value), 2) for name, value in names.items()}


def pose_errors_each(rotation: Rotations, rows: Rows) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Of every row of the validate fold: absolute errors (m, 3) of pitch, yaw and roll, and the geodesic (m,), degrees.

    The two head frames differ by a constant rotation, which is estimated on the train fold.
    """
    mine = rotation.astype(np.float64)
    labels = rows.angles
    truth = np.stack([label_rotation(*angle) for angle in labels])
    train = ~rows.held_out
    u, _, vt = np.linalg.svd(np.einsum("nji,njk->ik", mine[train], truth[train]))
    frame = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    aligned = mine[rows.held_out] @ frame
    found = np.array([label_angles(r) for r in aligned])
    between = np.einsum("nji,njk->nik", aligned, truth[rows.held_out])
    turn = np.degrees(np.arccos(np.clip((np.trace(between, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    return np.abs(found - labels[rows.held_out]), turn


def label_rotation(pitch: float, yaw: float, roll: float) -> npt.NDArray[np.float64]:
    """AFLW2000-3D's angles (degrees) -> camera_from_head: its R = Rx(pitch) Ry(yaw) Rz(roll) has y up."""
    a, b, c = np.radians([pitch, yaw, roll])
    rx = np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, -np.sin(b)], [0, 1, 0], [np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), np.sin(c), 0], [-np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(FACING.astype(np.float64) @ rx @ ry @ rz)


def label_angles(rotation: Rotations) -> tuple[float, float, float]:
    """The inverse of `label_rotation`: (pitch, yaw, roll) in degrees."""
    q = FACING.astype(np.float64) @ rotation
    yaw = -np.degrees(np.arcsin(np.clip(q[0, 2], -1, 1)))
    pitch = np.degrees(np.arctan2(q[1, 2], q[2, 2]))
    roll = np.degrees(np.arctan2(q[0, 1], q[0, 0]))
    return float(pitch), float(yaw), float(roll)
