"""`session.json`: what a session says of itself, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from ..capture import SourceInfo
from ..errors import SourceError
from ..head.model import EXPRESSIONS
from ..settings import Filter, Settings
from ..whole import whole
from .columns import DENSE, POINTS

SESSION = "session.json"
SCHEMA, VERSION = "stillpoint.session", {"major": 1, "minor": 2}
_LIBRARIES = ("av", "numpy", "onnxruntime", "opencv-python-headless", "pyarrow", "scipy")
_PARTS = ("app", "camera", "clock", "counts", "filter", "passes", "source")
"""Of session.json, objects wherever they are there."""
_PACKAGE = Path(__file__).parent.parent


def recording_facts(settings: Settings, tracker: object) -> dict[str, Any]:
    """What a recorder is told of who records: engine, detection, whose face it is, and what was agreed to."""
    wanted = settings.record
    return {
        "engine": str(getattr(tracker, "engine_name", "")) or "unknown",
        "detection": msgspec.to_builtins(settings.detection),
        "subject": {"pseudonym": wanted.subject or None},
        "consent": {"text": wanted.consent or None, "video_stored": True},
    }


def about_recording(
    info: SourceInfo, settings: Filter, model: Mapping[str, Any], more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What is known when a recording begins; its status is "recording" until it is finished.

    `more` are further facts (`recording_facts`), which stand as they are.
    """
    clock = time.get_clock_info("monotonic")
    return {
        "schema": SCHEMA,
        "schema_version": VERSION,
        "session_id": uuid7(),
        "status": "recording",
        "app": {"name": "stillpoint", "version": version_of("stillpoint"), "sha256": program_hash()},
        "versions": {"python": platform.python_version(), **{name: version_of(name) for name in _LIBRARIES}},
        "platform": platform.platform(),
        "model": dict(model),
        "source": msgspec.to_builtins(info),
        "camera": {"asked": info.asked, "got": info.got, "intrinsics": None},
        "filter": msgspec.to_builtins(settings),
        "neutral_pose": None,
        "subject": {"pseudonym": None},
        "consent": {"text": None, "video_stored": False},
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
        **(more or {}),
    }


def read_about(folder: Path) -> dict[str, Any]:
    """A session's own word of itself.

    Raises SourceError for a folder that is no session, whose session.json is damaged, or that a newer version wrote.
    """
    path = folder / SESSION
    if not path.is_file():
        raise SourceError(f"{folder} is no session: there is no {SESSION}; name the folder that a recording made.")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise SourceError(f"{path} cannot be read ({error}); restore it from a copy.") from error
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        raise SourceError(f"{path} is of no session of Stillpoint: its schema should be {SCHEMA!r}.")
    strange = [key for key in _PARTS if not isinstance(about.get(key, {}), dict)]
    if strange:
        raise SourceError(f"{path} was edited: {', '.join(strange)} should be an object; restore it from a copy.")
    version = about.get("schema_version")
    major = version.get("major") if isinstance(version, dict) else None
    if not isinstance(major, int) or major > VERSION["major"]:
        raise SourceError(
            f"{folder} was recorded by a newer Stillpoint (schema {major}, this one reads up to {VERSION['major']}); "
            "update it."
        )
    return about


@cache
def program_hash() -> str:
    """Of the library's own source, name by name: two recordings with the same one were made by the same program."""
    told = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        told.update(path.relative_to(_PACKAGE).as_posix().encode())
        told.update(path.read_bytes())
    return told.hexdigest()


def uuid7() -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of Unix milliseconds, then chance; they sort by time."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 7 << 76
    return str(uuid.UUID(int=number & ~(3 << 62) | 2 << 62))


def described(path: Path) -> dict[str, Any]:
    """Size and hash of a file, read in pieces. Raises OSError."""
    told = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            told.update(piece)
        return {"bytes": file.tell(), "sha256": told.hexdigest()}


def write_json(path: Path, value: Any) -> None:
    """Keys sorted, UTF-8, beside and renamed: a reader sees the old file or the new one. Raises OSError."""
    with whole(path) as scratch:
        scratch.write_bytes(msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n")


def now_utc() -> str:
    return datetime.now(UTC).isoformat()


def version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
