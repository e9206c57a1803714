"""`stillpoint demo`: the main job without a camera; `make demo` calls it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .run import run
from .track import track

FRAMES = 300


def demo(*, out: Path = Path("out/demo")) -> int:
    """Open the window on the built-in demo; without a display track ten seconds of it into a folder instead.

    Parameters
    ----------
    out:
        The folder for the annotated video, the tables and the stability figure.
    """
    if has_display():
        return run(source="demo")
    print(f"There is no display: tracking {FRAMES} frames of the demo into {out}.")
    track(f"demo:0?frames={FRAMES}", out=out, layout="mediapipe478", overwrite=True)
    return 0


def has_display() -> bool:
    """Whether a window can be shown: on Linux a display must be named, or another Qt platform asked for."""
    if sys.platform != "linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
