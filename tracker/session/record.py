"""The recording sink: a session's folder, complete while it grows and finished when it is closed.

session.json    what was recorded, with what, and how: written first (status "recording") and last ("complete")
frames.parquet  one row per captured frame and face, also for dropped frames (`columns`); frames.arrows while recording
frames.csv      the same rows: pose, 68 points raw and filtered, blend shapes
annotated.mp4   the picture with its overlay                       video.mkv   the picture as it was
summary.json    counts, speed, stability                           stability.png   the same, drawn
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import cv2
import msgspec
import numpy as np

from ..capture import SourceInfo
from ..errors import OutputError
from ..settings import Filter
from ..sinks import Drop
from ..types import Frame, Image, Tracked
from .about import about_recording, now_utc, write_json
from .columns import POINTS, dropped_rows, rows_of
from .figure import write_figure
from .overlay import Style, draw_overlay
from .reason import reason_of
from .summary import Summary, Tally
from .table import CSV, PARQUET, STREAM, TableWriter
from .video import VideoWriter

log = logging.getLogger(__name__)

SESSION, SUMMARY, FIGURE = "session.json", "summary.json", "stability.png"
ANNOTATED, CLEAN = "annotated.mp4", "video.mkv"
_FILES = (SESSION, SUMMARY, FIGURE, ANNOTATED, CLEAN, STREAM, PARQUET, CSV)
_LONGEST_SIDE = 1920
"""Of the annotated video, pixels; larger frames are scaled down for it."""
_SAFE_S = 1.0
_ANCHOR_S = 60.0
"""How often the capture clock of a live source is set against the time of day."""


class Recorder:
    """A sink that writes a session into `out`.

    `annotated` and `clean`: which videos. `layout`: of the overlay. `filter` and `model` are only written down.
    `limit_s`: nothing is recorded from so many seconds after the first frame on, and `full` is set.
    Raises OutputError where the folder cannot be written or holds something (its own files are replaced where
    `overwrite`), and later where the disk fails; what was written by then stays readable.
    """

    drop: Drop = "never"
    problem: str | None = None
    """Why the recording had to end, a sentence for people."""

    def __init__(
        self,
        out: Path,
        *,
        annotated: bool = True,
        clean: bool = False,
        layout: str = POINTS,
        filter: Filter | None = None,
        model: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        limit_s: float | None = None,
    ) -> None:
        self.out = out
        self.summary: Summary | None = None
        self.dropped = 0
        self.full = threading.Event()
        self._limit_s = limit_s
        self._first: float | None = None
        self._last: tuple[int, float] | None = None
        self._live = False
        self._synced = self._anchored = -float("inf")
        self._wanted = {ANNOTATED: annotated, CLEAN: clean}
        self._layout = layout
        self._filter, self._model = filter or Filter(), dict(model or {})
        self._tally: Tally | None = None
        self._table: TableWriter | None = None
        self._videos: dict[str, VideoWriter] = {}
        self._session: dict[str, Any] = {}
        _prepare(out, overwrite)

    @property
    def frames(self) -> int:
        """Written so far."""
        return self._tally.frames if self._tally is not None else 0

    @property
    def seconds(self) -> float:
        """From the first frame to the last that was written."""
        return self._last[1] - self._first if self._last is not None and self._first is not None else 0.0

    def open(self, info: SourceInfo) -> None:
        self._live = info.live
        with self._writing():
            self._session = about_recording(info, self._filter, self._model)
            write_json(self.out / SESSION, self._session)
            self._tally = Tally()
            self._table = TableWriter(self.out, safe=info.live)
            for name, wanted in self._wanted.items():
                if wanted:
                    self._videos[name] = VideoWriter(self.out / name, info.fps, crf=23 if name == ANNOTATED else 18)

    def write(self, tracked: Tracked) -> None:
        if self._table is None or self._tally is None:
            raise OutputError(f"The session {self.out} is not open; open it before frames are written.")
        frame = tracked.raw.frame
        if self._first is None:
            self._first = frame.time
        if self._limit_s is not None and frame.time - self._first > self._limit_s - 1e-6:
            self.full.set()
        if self.full.is_set():
            return
        now = (frame.index, frame.time)
        gap = dropped_rows(self._last, now) if self._last is not None else []
        picture = self._videos[CLEAN].frames if CLEAN in self._videos else None
        with self._writing():
            # Pictures first: a row never speaks of a picture that could not be written.
            if CLEAN in self._videos:
                self._videos[CLEAN].add(frame.image, frame.time)
            if ANNOTATED in self._videos:
                self._videos[ANNOTATED].add(annotate(tracked, self._layout), frame.time)
            self._table.add([*gap, *({**row, "video_index": picture} for row in rows_of(tracked))])
            if self._live:
                self._keep_safe(frame)
        self._tally.add(tracked)
        self.dropped += len(gap)
        self._last = now

    def close(self) -> None:
        """Finish every file; what can be finished is, also where another fails."""
        table, self._table = self._table, None
        if table is None or self._tally is None:
            return
        summary = self.summary = msgspec.structs.replace(self._tally.summary(), dropped=self.dropped)
        with self._writing():
            try:
                for video in self._videos.values():
                    video.close()
            finally:
                table.close()
            write_json(self.out / SUMMARY, msgspec.to_builtins(summary))
            write_figure(self.out / PARQUET, summary, self.out / FIGURE)
            if self.problem is not None:
                from .repair import repair

                repair(self.out)  # the disk has room again, but of the last second something may be missing
                return
            if self._live and self._last is not None:
                self._anchor(self._last[1])
            stored = self._videos[CLEAN].frames if CLEAN in self._videos else 0
            counts = {"captured": summary.frames + self.dropped, "dropped": self.dropped, "frames": summary.frames}
            counts.update(stored=stored, rows=table.rows, with_face=summary.found)
            finished = {"status": "complete", "ended_utc": now_utc(), "counts": counts, "files": sizes(self.out)}
            write_json(self.out / SESSION, {**self._session, **finished})

    def _keep_safe(self, frame: Frame) -> None:
        """Once a second: let what was written reach the disk itself, where a power cut leaves it alone."""
        now = time.monotonic()
        if now - self._synced >= _SAFE_S:
            self._synced = now
            for video in self._videos.values():
                video.sync()
        if now - self._anchored >= _ANCHOR_S:
            self._anchored = now
            self._anchor(frame.time)
            write_json(self.out / SESSION, self._session)

    def _anchor(self, seconds: float) -> None:
        """Set the capture clock against the time of day; late by as long as a frame takes to get here."""
        self._session["clock"]["anchors"].append({"time_s": seconds, "utc": now_utc()})

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.error.FFmpegError) as error:
            log.warning("recording failed", exc_info=error)
            self.problem = self.problem or (
                f"The session in {self.out} cannot be written ({reason_of(error)}); recording stopped, what was "
                "written until then stays. Free some space and finish it with `stillpoint repair`, or choose another "
                "folder."
            )
            raise OutputError(self.problem) from error


def annotate(tracked: Tracked, layout: str = POINTS, longest_side: int = _LONGEST_SIDE) -> Image:
    """The frame with its overlay, RGB, scaled down to `longest_side` pixels where it is larger."""
    image = tracked.raw.frame.image
    zoom = min(longest_side / max(image.shape[:2]), 1.0)
    if zoom < 1.0:
        height, width = (max(round(side * zoom), 1) for side in image.shape[:2])
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return draw_overlay(image, tracked.stable, tracked.raw, Style(layout=layout, zoom=zoom))


def _prepare(out: Path, overwrite: bool) -> None:
    """An empty folder, or one whose session may be replaced; nothing that is not ours is touched."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        held = [path.name for path in out.iterdir()]
        if held and not overwrite:
            what = "a session" if SESSION in held else "files"
            raise OutputError(f"{out} already holds {what}; choose another folder, or overwrite it (--overwrite).")
        for name in _FILES:
            (out / name).unlink(missing_ok=True)
        probe = out / f"{SESSION}.tmp"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"The folder {out} cannot be written ({error.strerror or error}); choose another with --out."
        ) from error


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file of a session but session.json itself."""
    return {name: (folder / name).stat().st_size for name in _FILES[1:] if (folder / name).is_file()}
