"""BVH: hips, spine, neck, head and both eyes, centimetres, y up, at a fixed rate.

The head turns at its joint; the hips move so that the point midway between the eyes goes where it was measured. BVH
knows neither uneven times nor shapes: motion is resampled (slerp), the last pose is held where the face was lost, and
a JSON file beside it says so; shapes go into a CSV with the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation, Slerp

from ...errors import OutputError, SettingsError
from ...head.axes import gaze_of, gaze_turn, upright
from ...head.model import EXPRESSIONS
from ...whole import whole
from ..replay import Session
from ..take import Take
from . import Progress
from .lines import cells, write_lines

Floats = npt.NDArray[np.float64]

EYES_CM = (0.0, 7.0, 8.0)
"""From the head's joint to the point midway between the eyes."""

_HALF_EYES_CM = 3.15
_MOST_HZ = 1000.0
_JOINTS = (
    ("Hips", (0.0, 95.0, 0.0)), ("Spine", (0.0, 20.0, 0.0)), ("Neck", (0.0, 35.0, 0.0)), ("Head", (0.0, 12.0, 0.0)),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """One face at a fixed rate, upright axes: `place` (n, 3) metres, turns of the head and the eyes, shapes (n, 52)."""

    place: Floats
    head: Rotation
    left: Rotation
    right: Rotation
    shapes: Floats


def write(session: Session, path: Path, progress: Progress, face: int | None = None, rate: float | None = None) -> None:
    """`rate` frames a second, the session's own where it is not given. Raises SettingsError for one that cannot be."""
    if rate is not None and not 0.0 < rate <= _MOST_HZ:
        raise SettingsError(f"A motion cannot be written at {rate:g} frames a second; --rate wants 1 to {_MOST_HZ:g}.")
    take = session.take(face)
    if not take.found.any():
        raise OutputError(f"{session.folder} has no face to write; there is no motion in it.")
    hertz = rate or session.fps
    motion = resampled(take, hertz)
    count = len(motion.place)
    rows = _rows(motion)
    with whole(path) as scratch, scratch.open("w", encoding="utf-8", newline="\n") as file:
        file.write(hierarchy())
        file.write(f"MOTION\nFrames: {count}\nFrame Time: {1.0 / hertz:.8f}\n")
        for i, row in enumerate(rows):
            file.write(" ".join(f"{value:.5f}" for value in row) + "\n")
            if i % 500 == 0:
                progress(0.9 * i / count)
    lines = (cells(row, 5) for row in motion.shapes)
    write_lines(path.with_suffix(".shapes.csv"), EXPRESSIONS, lines, count, lambda share: progress(0.9 + 0.1 * share))
    about = {
        "resampled_hz": hertz,
        "captured_frames": len(take),
        "frames_without_face": int((~take.found).sum()),
        "frames_held": int(take.held.sum()),
        "method": "slerp between captured frames; the last pose is held where the face was lost",
        "face": take.face,
        "values": session.which,
        "shapes": path.with_suffix(".shapes.csv").name,
    }
    path.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def hierarchy() -> str:
    """The skeleton; the root has six channels, the other joints three, turned about z, x, y."""
    lines = ["HIERARCHY"]
    for depth, (name, offset) in enumerate(_JOINTS):
        place = "Xposition Yposition Zposition " if depth == 0 else ""
        channels = f"CHANNELS {6 if depth == 0 else 3} {place}Zrotation Xrotation Yrotation"
        lines += _opened("ROOT" if depth == 0 else "JOINT", name, offset, channels, depth)
    depth = len(_JOINTS)
    for name, side in (("LeftEye", 1.0), ("RightEye", -1.0)):
        offset = (side * _HALF_EYES_CM, EYES_CM[1], EYES_CM[2])
        lines += _opened("JOINT", name, offset, "CHANNELS 3 Zrotation Xrotation Yrotation", depth)
        pad = "\t" * (depth + 1)
        lines += [f"{pad}End Site", f"{pad}{{", f"{pad}\tOFFSET 0.0 0.0 1.2", f"{pad}}}", "\t" * depth + "}"]
    lines += ["\t" * depth + "}" for depth in reversed(range(len(_JOINTS)))]
    return "\n".join(lines) + "\n"


def _opened(kind: str, name: str, offset: tuple[float, float, float], channels: str, depth: int) -> list[str]:
    pad = "\t" * depth
    numbers = " ".join(f"{value:g}" for value in offset)
    return [f"{pad}{kind} {name}", f"{pad}{{", f"{pad}\tOFFSET {numbers}", f"{pad}\t{channels}"]


def resampled(take: Take, hertz: float) -> Motion:
    """At times 0, 1 / hertz, ... up to the last captured frame. The take has at least one face."""
    times, kept = np.unique(take.time, return_index=True)
    poses = [take.poses[i] for i in kept]
    have = np.array([pose is not None for pose in poses])
    held = np.maximum.accumulate(np.where(have, np.arange(len(have)), -1))
    held[held < 0] = int(np.flatnonzero(have)[0])
    seen = {int(i): upright(pose) for i in np.unique(held) if (pose := poses[int(i)]) is not None}
    turns = Rotation.from_matrix([seen[int(i)][0] for i in held])
    places = np.stack([seen[int(i)][1] for i in held])
    shapes = np.nan_to_num(take.values("blendshapes")[kept][held])
    at = np.minimum(np.arange(int(np.floor(times[-1] * hertz + 1e-6)) + 1) / hertz, times[-1])
    shapes = np.stack([np.interp(at, times, column) for column in shapes.T], axis=1)
    eyes = [gaze_of(row.astype(np.float32)) for row in shapes]
    return Motion(
        place=np.stack([np.interp(at, times, column) for column in places.T], axis=1),
        head=Slerp(times, turns)(at) if len(times) > 1 else turns,
        left=Rotation.from_matrix([gaze_turn(left) for left, _ in eyes]),
        right=Rotation.from_matrix([gaze_turn(right) for _, right in eyes]),
        shapes=shapes,
    )


def _rows(motion: Motion) -> Iterator[Floats]:
    """Channels of the root, spine, neck, head and eyes, in the order of the hierarchy."""
    eyes = np.array(EYES_CM)
    moved = 100.0 * (motion.place - motion.place[0]) - (motion.head.apply(eyes) - motion.head[0].apply(eyes))
    root = moved + np.array(_JOINTS[0][1])
    angles = [turn.as_euler("ZXY", degrees=True) for turn in (motion.head, motion.left, motion.right)]
    still = np.zeros((len(root), 3))
    yield from np.concatenate([root, still, still, still, *angles], axis=1)
