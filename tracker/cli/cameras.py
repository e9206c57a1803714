"""`stillpoint cameras`: what cameras there are, and what they can send."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..capture.camera import NO_CAMERA, CameraEntry, list_cameras
from ..capture.v4l2 import CameraFormat


def cameras() -> None:
    """List the cameras with the formats, sizes and frame rates that the system knows of."""
    console = Console()
    found = list_cameras(with_formats=True)
    if not found:
        console.print(NO_CAMERA, markup=False)
        console.print(nothing_hint(sys.platform), markup=False)
        return
    console.print(camera_table(found))
    console.print("Use one with --source INDEX or --source NAME (any part of its name).", markup=False)


def camera_table(found: Sequence[CameraEntry]) -> Table:
    """One row a camera; its formats are gathered by four-letter code, sizes by falling area."""
    table = Table(title="Cameras")
    for heading in ("index", "name", "backend", "path", "formats: size at frames a second"):
        table.add_column(heading, overflow="fold")
    for camera in found:
        described = "\n".join(format_lines(camera.formats)) or "not told by this system; open it to see"
        row = (str(camera.index), camera.name, camera.backend, camera.path or "-", described)
        table.add_row(*map(escape, row))
    return table


def format_lines(known: Sequence[CameraFormat]) -> list[str]:
    """One line for each four-letter code: "MJPG  1920x1080 at 30  1280x720 at 60/30"."""
    lines = []
    for fourcc in dict.fromkeys(entry.fourcc for entry in known):
        sizes = sorted((f for f in known if f.fourcc == fourcc), key=lambda f: f.width * f.height, reverse=True)
        shown = (f"{f.width}x{f.height}" + (" at " + "/".join(f"{r:g}" for r in f.fps) if f.fps else "") for f in sizes)
        lines.append(f"{fourcc}  " + "  ".join(shown))
    return lines


def nothing_hint(platform: str) -> str:
    """Where to look when there is no camera."""
    if platform == "linux":
        nodes = sorted(str(path) for path in Path("/dev").glob("video*"))
        if nodes:
            return f"There is {', '.join(nodes)}, but no driver there captures pictures."
        return "There is no /dev/video*: the kernel sees no camera (inside a container, pass the device on)."
    if platform == "darwin":
        return "On macOS allow the camera for the terminal: System Settings > Privacy & Security > Camera."
    return "On Windows look at Settings > Privacy & security > Camera > Let desktop apps access your camera."
