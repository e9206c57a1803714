"""BIDS motion: `sub-<label>/motion/` with the table, its channels, sidecars and events, under a dataset's root.

Head place (mm) and quaternion in the camera's axes, which for who faces the camera are left, inferior, posterior
(LIP); the 68 landmarks in pixels; the 52 shapes. A LATENCY channel carries the uneven times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import SettingsError
from ...head.axes import quaternion
from ...head.model import EXPRESSIONS
from ...types import FACING, Pose
from .. import labels
from ..markers import Markers, markers_over
from ..replay import Session
from ..take import Take
from . import Progress
from .lines import cells, write_lines

TRACKSYS = "stillpoint"
_POINTS = 68


@dataclass(frozen=True, slots=True)
class Channel:
    name: str
    component: str
    type: str
    tracked_point: str
    units: str
    reference_frame: str = "n/a"


CHANNELS: tuple[Channel, ...] = (
    Channel("latency", "n/a", "LATENCY", "n/a", "s"),
    *(Channel(f"head_{axis}", axis, "POS", "head", "mm", "camera") for axis in "xyz"),
    *(Channel(f"head_quat_{axis}", f"quat_{axis}", "ORNT", "head", "n/a", "camera") for axis in "xyzw"),
    *(Channel(f"lm{i}_{axis}", axis, "POS", f"lm{i}", "px", "image") for i in range(_POINTS) for axis in "xy"),
    *(Channel(name, "n/a", "MISC", "face", "n/a") for name in EXPRESSIONS),
)
"""In the order of the table's columns."""


def write(
    session: Session, path: Path, progress: Progress, face: int | None = None, subject: str | None = None,
    task: str = "face",
) -> None:  # fmt: skip
    """`subject`: a label of letters and digits; the session's pseudonym, or 01. Raises SettingsError for others."""
    told = session.about.get("subject", {})
    subject = subject or (told.get("pseudonym") if isinstance(told, dict) else None) or "01"
    for label in (subject, task):
        if not re.fullmatch(r"[A-Za-z0-9]+", label):
            raise SettingsError(f"{label!r} is no label of BIDS; use letters and digits only.")
    take = session.take(face)
    folder = path / f"sub-{subject}" / "motion"
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"sub-{subject}_task-{task}_tracksys-{TRACKSYS}"
    write_lines(folder / f"{stem}_motion.tsv", None, _rows(take), len(take), progress, "\t")
    keys = ("name", "component", "type", "tracked_point", "units", "reference_frame")
    rows = ([getattr(channel, key) for key in keys] for channel in CHANNELS)
    write_lines(folder / f"{stem}_channels.tsv", keys, rows, len(CHANNELS), lambda share: None, "\t")
    _json(folder / f"{stem}_channels.json", _frames())
    _json(folder / f"{stem}_motion.json", _sidecar(session, take, task))
    marked = markers_over(session.folder, Markers())[0].labels
    if marked:
        (folder / f"{stem}_events.tsv").write_bytes(labels.to_events(marked))
    _dataset(path, subject, f"motion/{stem}_motion.tsv", str(session.about.get("started_utc", "n/a")))


def _rows(take: Take) -> Iterator[list[str]]:
    points, shapes = take.values("ibug68"), take.values("blendshapes")
    for i, pose in enumerate(take.poses):
        head = np.full(7, np.nan) if pose is None else _head(pose)
        yield [f"{take.time[i]:.6f}", *cells(head, 5, "n/a"), *cells(points[i], 3, "n/a"), *cells(shapes[i], 4, "n/a")]


def _head(pose: Pose) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Place in mm, and the turn from a head whose axes are the camera's (a face that looks straight in)."""
    turn = quaternion(pose.rotation.astype(np.float64) @ FACING)
    return np.concatenate([pose.translation.astype(np.float64) * 1000.0, turn])


def _sidecar(session: Session, take: Take, task: str) -> dict[str, Any]:
    kinds = [channel.type for channel in CHANNELS]
    took = float(take.time[-1]) if len(take) else 0.0
    return {
        "TaskName": task,
        "SamplingFrequency": session.fps,
        "SamplingFrequencyEffective": (len(take) - 1) / took if took > 0.0 else session.fps,
        "RecordingDuration": took,
        "MissingValues": "n/a",
        "MotionChannelCount": len(CHANNELS),
        "POSChannelCount": kinds.count("POS"),
        "ORNTChannelCount": kinds.count("ORNT"),
        "LATENCYChannelCount": kinds.count("LATENCY"),
        "MiscChannelCount": kinds.count("MISC"),
        "TrackedPointsCount": _POINTS + 1,
        "TrackingSystemName": "Stillpoint",
        "SoftwareVersions": str(session.about.get("app", {}).get("version", "n/a")),
        "TaskDescription": f"Face tracked from video; {session.which} values of face {take.face}: found in "
        f"{int(take.found.sum())} of {len(take)} frames, held by the filter in {int(take.held.sum())} more (n/a)."
        + " Some landmarks were moved by hand."
        * bool(session.corrected),
    }


def _frames() -> dict[str, Any]:
    camera = {
        "SpatialAxes": "LIP",
        "RotationOrder": "XYZ",
        "RotationRule": "right-hand",
        "Description": "The camera's axes for a subject who faces it: x right in the picture, y down, z away.",
    }
    image = {"SpatialAxes": "LI_", "RotationRule": "n/a", "Description": "Pixels from the picture's top left corner."}
    return {"reference_frame": {"Levels": {"camera": camera, "image": image}}}


def _dataset(root: Path, subject: str, name: str, started: str) -> None:
    """The dataset's own files, where they are not there yet, and this recording in the list of scans."""
    about = root / "dataset_description.json"
    if not about.is_file():
        facts = {"Name": "Faces tracked by Stillpoint", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
        _json(about, facts)
    if not (root / "README").is_file():
        (root / "README").write_text("Faces tracked from video by Stillpoint, as BIDS motion.\n", encoding="utf-8")
    scans = root / f"sub-{subject}" / f"sub-{subject}_scans.tsv"
    known = scans.read_text(encoding="utf-8").splitlines()[1:] if scans.is_file() else []
    kept = [line for line in known if line.split("\t")[0] != name]
    acquired = started.replace("+00:00", "Z")
    scans.write_text("\n".join(["filename\tacq_time", *kept, f"{name}\t{acquired}"]) + "\n", encoding="utf-8")


def _json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
