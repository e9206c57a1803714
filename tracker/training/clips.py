"""Clips with a truth file beside them: is the face found where a person sees one, and nowhere else?

`NAME.truth.json` holds, as inclusive frame ranges, `visible` (a person sees a face), `hard` (a tracker may fairly
lose it) and `faces`, the number of people.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..capture.source import open_source
from ..detection.follow import FaceTracker
from ..errors import SourceError


@dataclass(frozen=True, slots=True)
class ClipScore:
    """Frames that show a face (hard ones left out) and those of them found; frames that show none and false finds;
    `ids` counts the identities given (the number of people where nobody was taken for another); `ms` the median step.
    """

    name: str
    frames: int
    visible: int
    found: int
    empty: int
    false: int
    faces: int
    ids: int
    ms: float

    @property
    def share(self) -> float:
        return self.found / max(self.visible, 1)


def clip_names(folder: Path) -> list[Path]:
    """Videos of a folder that have a truth file. Raises SourceError where there is none."""
    clips = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".mp4", ".mkv", ".mov"} and _truth(p).is_file())
    if not clips:
        raise SourceError(f"{folder} holds no video with a .truth.json beside it; give the folder of the clips.")
    return clips


def people(clip: Path) -> int:
    """How many a clip shows, by its truth file."""
    return int(json.loads(_truth(clip).read_text(encoding="utf-8"))["faces"])


def score_clip(clip: Path, tracker: FaceTracker, progress: Callable[[int], None] | None = None) -> ClipScore:
    """Follow one clip from its start with a fresh memory."""
    truth = json.loads(_truth(clip).read_text(encoding="utf-8"))
    tracker.reset()
    counts, ids, times = [], set(), []
    for frame in open_source(clip):
        result = tracker.step(frame)
        counts.append(len(result.faces))
        ids |= {face.id for face in result.faces}
        times.append(sum(result.timings.values()))
        if progress is not None:
            progress(len(counts))
    found = np.array(counts) > 0
    visible, hard = _mask(truth["visible"], len(found)), _mask(truth.get("hard", []), len(found))
    asked = visible & ~hard
    return ClipScore(
        clip.stem,
        len(found),
        int(asked.sum()),
        int((found & asked).sum()),
        int((~visible & ~hard).sum()),
        int((found & ~visible & ~hard).sum()),
        int(truth["faces"]),
        len(ids),
        round(1000 * float(np.median(times)), 2) if times else 0.0,
    )


def _truth(clip: Path) -> Path:
    return clip.with_suffix(".truth.json")


def _mask(ranges: list[list[int]], count: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    mask = np.zeros(count, bool)
    for first, last in ranges:
        mask[first : last + 1] = True
    return mask
