"""`session.json`: what a session says of itself, written whole or not at all."""

from __future__ import annotations

import platform
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from ..capture import SourceInfo
from ..head.model import EXPRESSIONS
from ..settings import Filter
from .columns import DENSE, POINTS

SCHEMA, VERSION = "stillpoint.session", {"major": 1, "minor": 1}
_LIBRARIES = ("av", "numpy", "onnxruntime", "opencv-python-headless", "pyarrow")


def about_recording(info: SourceInfo, settings: Filter, model: Mapping[str, Any]) -> dict[str, Any]:
    """What is known when a recording begins; its status is "recording" until it is finished."""
    clock = time.get_clock_info("monotonic")
    return {
        "schema": SCHEMA,
        "schema_version": VERSION,
        "session_id": str(uuid.uuid4()),
        "status": "recording",
        "app": {"name": "stillpoint", "version": version_of("stillpoint")},
        "versions": {"python": platform.python_version(), **{name: version_of(name) for name in _LIBRARIES}},
        "platform": platform.platform(),
        "model": dict(model),
        "source": msgspec.to_builtins(info),
        "filter": msgspec.to_builtins(settings),
        "started_utc": now_utc(),
        "clock": {
            "time_s": "seconds of the capture clock; a picture's time in video.mkv is this less the first picture's",
            "joined_by": "video_index: the picture's number in video.mkv; times of dropped frames are divided evenly",
            "source": clock.implementation,
            "resolution_s": clock.resolution,
            "anchors": [],
        },
        "geometry": {
            "image_origin": "top-left corner of the top-left pixel; pixel centres at +0.5",
            "mirrored": False,
            "camera_axes": "x right, y down, z forward",
            "unit": "m",
            "angles": "F R = Rx(-pitch) Ry(yaw) Rz(roll), F = diag(1, -1, -1), R camera_from_head",
        },
        "landmarks": {POINTS: 68, DENSE: 478},
        "blendshapes": list(EXPRESSIONS),
    }


def write_json(path: Path, value: Any) -> None:
    """Keys sorted, UTF-8, beside and renamed: a reader sees the old file or the new one. Raises OSError."""
    scratch = path.with_name(f"{path.name}.tmp")
    try:
        scratch.write_bytes(msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n")
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def now_utc() -> str:
    return datetime.now(UTC).isoformat()


def version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
