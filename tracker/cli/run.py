"""`stillpoint run`: the window."""

from __future__ import annotations

from pathlib import Path

from ..settings import load_settings


def run(*, source: str | None = None, screenshot: Path | None = None, after: float = 5.0) -> int:
    """Open the window.

    Parameters
    ----------
    source:
        A camera's index or name, a video file, a URL, a folder of images, or "demo"; else what the settings say.
    screenshot:
        Draw the window into this picture after some seconds, and close it.
    after:
        How many seconds.
    """
    from ui.app import run_window

    settings = load_settings()
    return run_window(source or settings.capture.source, settings, screenshot, after)
