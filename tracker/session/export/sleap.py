"""SLEAP's analysis HDF5: the 68 landmarks of every face as tracks, laid out as SLEAP writes them for MATLAB.

    tracks (T, 2, 68, F) f8, NaN where the face was not there   track_occupancy (F, T) u1
    point_scores (T, 68, F)   instance_scores, tracking_scores (T, F)
    track_names, node_names, edge_names, edge_inds              labels_path, video_path, video_ind, provenance

F runs over the captured frames from the first on. A landmark's score falls from 1 with the deviation that the network
expects of it (0.5 at 3 % of the face's size); an instance's is its presence. SLEAP tracks by matching, we do not:
tracking_scores are NaN. Needs the extra `export` (h5py).
"""

from __future__ import annotations

import importlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import OutputError, SettingsError
from ...whole import whole
from ..replay import Session
from ..take import Take
from . import Progress

Floats = npt.NDArray[np.float64]

POINTS = 68
_HALF = 0.03
_CHAINS = (
    (range(17), False), (range(17, 22), False), (range(22, 27), False), (range(27, 31), False),
    (range(31, 36), False), (range(36, 42), True), (range(42, 48), True), (range(48, 60), True), (range(60, 68), True),
)  # fmt: skip
"""Of the 68: contour, brows, nose, eyes, lips; the closed ones end where they begin."""


def edges() -> npt.NDArray[np.int32]:
    """(E, 2) neighbours along the contour, the brows, the nose, the eyes and the lips."""
    pairs: list[tuple[int, int]] = []
    for chain, closed in _CHAINS:
        nodes = [*chain, chain[0]] if closed else [*chain]
        pairs += pairwise(nodes)
    return np.array(pairs, np.int32)


def write(session: Session, path: Path, progress: Progress) -> None:
    """All faces of the session. Raises SettingsError without h5py, OutputError where there is no face."""
    h5py = _library()
    takes = [session.take(face) for face in sorted(session.faces)]
    if not takes:
        raise OutputError(f"{session.folder} has no face to write; there are no tracks in it.")
    names = [f"face_{take.face}" for take in takes]
    nodes = [f"lm{i}" for i in range(POINTS)]
    joined = edges()
    parts: list[dict[str, Floats]] = []
    for done, take in enumerate(takes, 1):
        parts.append(_track(take))
        progress(0.7 * done / len(takes))
    arrays: dict[str, npt.NDArray[Any]] = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    arrays["track_occupancy"] = np.stack([take.found for take in takes], axis=1).astype(np.uint8)
    arrays["tracking_scores"] = np.full(arrays["instance_scores"].shape, np.nan)
    arrays.update(edge_inds=joined, track_names=_bytes(names), node_names=_bytes(nodes))
    arrays["edge_names"] = np.array([[nodes[a], nodes[b]] for a, b in joined], dtype="S")
    with whole(path) as scratch, h5py.File(str(scratch), "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="gzip", compression_opts=9)
        words = {"labels_path": "", "video_path": session.video.name if session.video else "", "video_ind": 0}
        for key, value in {**words, "provenance": json.dumps(_provenance(session))}.items():
            file.create_dataset(key, data=value)
    progress(1.0)


def _track(take: Take) -> dict[str, Floats]:
    points = take.values("ibug68").reshape(len(take), POINTS, 2)
    corners = [take.column(f"bbox_{corner}") for corner in ("x0", "y0", "x1", "y1")]
    size = np.sqrt((corners[2] - corners[0]) * (corners[3] - corners[1]))
    doubt = take.column("std_px_ibug68") / size[:, None]
    return {
        "tracks": np.ascontiguousarray(points.transpose(2, 1, 0)),
        "point_scores": np.ascontiguousarray((0.5 ** (doubt / _HALF)).T),
        "instance_scores": take.column("presence"),
    }


def _provenance(session: Session) -> dict[str, Any]:
    about = session.about
    return {
        "made_by": "stillpoint", "version": str(about.get("app", {}).get("version", "")),
        "session_id": about.get("session_id"), "values": session.which,
        "moved_by_hand": bool(session.corrected),
        "first_frame": int(session.frames[0]) if len(session.frames) else 0,
        "pixels": "the centre of the top-left pixel is (0.5, 0.5)",
    }  # fmt: skip


def _bytes(names: list[str]) -> npt.NDArray[np.bytes_]:
    return np.array(names, dtype="S")


def _library() -> Any:
    try:
        return importlib.import_module("h5py")
    except ImportError as error:
        raise SettingsError(
            f"SLEAP's format needs h5py ({error}); install it with: pip install 'stillpoint[export]'"
        ) from error
