"""A small real session for the replay window's tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ui_faces import NodTracker

from tracker.capture import SourceInfo
from tracker.session.record import Recorder
from tracker.types import Frame, Tracked

COUNT = 90
GAP = range(50, 53)


def record_nod(out: Path) -> Path:
    """Three seconds of a nodding head, with three dropped frames; grey tells the pictures."""
    recorder, tracker = Recorder(out, annotated=False, clean=True), NodTracker()
    recorder.open(SourceInfo("test", "video", False, 160, 120, 30.0, COUNT))
    for i in range(COUNT):
        if i not in GAP:
            result = tracker.step(Frame(np.full((120, 160, 3), 30 + 2 * i, np.uint8), 5.0 + i / 30, i))
            recorder.write(Tracked(result, result))
    recorder.close()
    return out
