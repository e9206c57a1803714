"""The recording sink: a session's folder, complete while it grows and finished when it is closed.

session.json    what was recorded, with what, and how: written first (status "recording") and last ("complete")
frames.parquet  one row per captured frame and face, also for dropped frames (`columns`); frames.arrows while recording
frames.csv      the same rows: pose, 68 points raw and filtered, blend shapes
markers.json    what was marked meanwhile, also as markers.txt; markers.journal while recording (`book`)
annotated.mp4   the picture with its overlay                       video.mkv   the picture as it was
summary.json    counts, speed, stability                           stability.png   the same, drawn
log.jsonl       what happened meanwhile (`log`)

A recording may begin with the seconds before it was asked for (`preroll`), and ends by itself before the disk is full
(`room`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import msgspec

from ..capture import SourceInfo
from ..errors import OutputError
from ..overlay import annotate
from ..settings import Filter
from ..sinks import Drop
from ..types import Frame, Tracked
from .about import SESSION, about_recording, now_utc, write_json
from .book import LiveMarkers
from .columns import POINTS, dropped_rows, rows_of
from .figure import FIGURE, write_figure
from .folder import files, prepare
from .log import SessionLog
from .preroll import PreRoll
from .reason import reason_of
from .room import Room
from .summary import SUMMARY, Summary, Tally
from .table import PARQUET, TableWriter
from .video import ANNOTATED, VIDEO, VideoWriter

log = logging.getLogger(__name__)

_LOOK_S = 1.0
_REST = 4.0
"""A slow disk may be waited for a fifth of the time, so that pictures are not lost for the sake of safety."""
_ANCHOR_S = 60.0
"""How often the capture clock of a live source is set against the time of day."""


class Recorder:
    """A sink that writes a session into `out`.

    `annotated` and `clean`: which videos; `lossless`: the clean one keeps every bit. `layout`: of the overlay.
    `filter`, `model` and `about` (see `recording_facts`) are only written down. `limit_s`: nothing is recorded from so
    many seconds after the first frame on, and `full` is set. `preroll`: another sink of the same pipeline, whose frames
    come first. `on_message` gets sentences for people, from the sink's thread.
    Raises OutputError where the folder cannot be written or holds something (its own files are replaced where
    `overwrite`), and later where the disk fails or is about to be full; what was written by then stays readable.
    """

    drop: Drop = "never"
    problem: str | None = None
    """Why the recording had to end with something missing, a sentence for people."""
    markers: LiveMarkers | None = None
    """What people and the program mark while it runs; set it before `open`."""

    def __init__(
        self,
        out: Path,
        *,
        annotated: bool = True,
        clean: bool = False,
        lossless: bool = False,
        layout: str = POINTS,
        filter: Filter | None = None,
        model: Mapping[str, Any] | None = None,
        about: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        limit_s: float | None = None,
        preroll: PreRoll | None = None,
        on_message: Callable[[str], None] | None = None,
    ) -> None:
        self.out = out
        self.summary: Summary | None = None
        self.dropped = self.late = self.before = 0
        """Frames that were captured but not recorded; those of them in gaps for which the recorder itself had no time
        (with what the capture dropped within such a gap); and the recorded ones of the pre-roll."""
        self.full = threading.Event()
        self.on_message = on_message
        self._limit_s = limit_s
        self.preroll = preroll
        self._first: float | None = None
        self._begun: float | None = None
        self._last: tuple[int, float] | None = None
        self._live = False
        self._look_at = self._anchored = -float("inf")
        self._wanted = {ANNOTATED: annotated, VIDEO: clean}
        self._lossless, self._layout = lossless, layout
        self._filter, self._model, self._about = filter or Filter(), dict(model or {}), dict(about or {})
        self._tally: Tally | None = None
        self._table: TableWriter | None = None
        self._videos: dict[str, VideoWriter] = {}
        self._session: dict[str, Any] = {}
        self._room = Room(out, self._tell)
        self._log: SessionLog | None = None
        prepare(out, overwrite)

    @property
    def frames(self) -> int:
        """Written so far."""
        return self._tally.frames if self._tally is not None else 0

    @property
    def seconds(self) -> float:
        """From the first frame to the last that was written."""
        return self._last[1] - self._first if self._last is not None and self._first is not None else 0.0

    @property
    def ended(self) -> str | None:
        """Why it ended by itself although nothing is missing (a disk that is nearly full), a sentence for people."""
        return self._room.ended

    def note(self, key: str, value: Any) -> None:
        """Put a fact into session.json, such as the neutral pose; from any thread, with the next time it is written."""
        self._about[key] = value
        if self._log is not None:
            self._log.event("note", key=key, value=value)

    def open(self, info: SourceInfo) -> None:
        self._live = info.live
        with self._writing():
            self._log = SessionLog(self.out)
            self._session = about_recording(info, self._filter, self._model, self._about)
            self._save()
            self._log.event("opened", source=info.name, got=info.got, fps=info.fps)
            self._tally = Tally()
            self._table = TableWriter(self.out, safe=info.live)
            for name, wanted in self._wanted.items():
                if wanted:
                    lossless = self._lossless and name == VIDEO
                    crf = 23 if name == ANNOTATED else 18
                    self._videos[name] = VideoWriter(self.out / name, info.fps, crf=crf, lossless=lossless)

    def write(self, tracked: Tracked) -> None:
        if self._table is None or self._tally is None:
            raise OutputError(f"The session {self.out} is not open; open it before frames are written.")
        frame = tracked.raw.frame
        if self._begun is None:
            self._begun = frame.time
            for older in self.preroll.take(frame.index) if self.preroll is not None else ():
                self._add(older)
                self.before += 1
        if self._limit_s is not None and frame.time - self._begun > self._limit_s - 1e-6:
            self.full.set()
        if not self.full.is_set():
            self._add(tracked)

    def close(self) -> None:
        """Finish every file; what can be finished is, also where another fails."""
        table, self._table = self._table, None
        if self.preroll is not None:
            self.preroll.resume()
        try:
            if table is not None and self._tally is not None:
                self.summary = msgspec.structs.replace(self._tally.summary(), dropped=self.dropped)
                self._finish(table, self.summary)
        finally:
            try:
                if self.markers is not None:
                    self.markers.close()
            finally:
                if self._log is not None:
                    self._log.close()

    def _add(self, tracked: Tracked) -> None:
        assert self._table is not None and self._tally is not None and self._log is not None
        frame = tracked.raw.frame
        if self._first is None:
            self._first = frame.time
        now = (frame.index, frame.time)
        gap = dropped_rows(self._last, now) if self._last is not None else []
        picture = self._videos[VIDEO].frames if VIDEO in self._videos else None
        begun = time.perf_counter()
        with self._writing():
            # Pictures first: a row never speaks of a picture that could not be written.
            if VIDEO in self._videos:
                self._videos[VIDEO].add(frame.image, frame.time)
            if ANNOTATED in self._videos:
                self._videos[ANNOTATED].add(annotate(tracked, self._layout), frame.time)
            self._room.spent("encoder", time.perf_counter() - begun)
            rows, begun = rows_of(tracked), time.perf_counter()
            self._table.add([*gap, *({**row, "video_index": picture} for row in rows)])
            self._room.spent("disk", time.perf_counter() - begun)
            self._tally.add(tracked)
            self.dropped += len(gap)
            self._last, self._log.time_s = now, frame.time
            if self.markers is not None:
                self.markers.see(tracked)
            self._learn(tracked, len(gap))
            self._look(frame)

    def _learn(self, tracked: Tracked, gap: int) -> None:
        """What only frames tell: the camera's intrinsics, and whether the recorder itself was too slow."""
        if gap > tracked.raw.dropped and self._log is not None:
            self.late += gap - tracked.raw.dropped
            self._log.event("late", frames=gap - tracked.raw.dropped, frame_index=tracked.raw.frame.index)
            self._room.late(gap - tracked.raw.dropped, self.seconds)
        camera = self._session["camera"]
        if camera["intrinsics"] is None and tracked.raw.faces:
            seen = tracked.raw.faces[0].state.camera
            kind = "given" if self._session.get("detection", {}).get("focal") else "assumed"
            camera["intrinsics"] = {"kind": kind, "f": seen.focal, "cx": seen.cx, "cy": seen.cy, "distortion": []}

    def _look(self, frame: Frame) -> None:
        """Once a second: what was written reaches the disk itself, where a power cut leaves it alone, and the disk is
        asked for its room."""
        now = time.monotonic()
        if now < self._look_at:
            return
        if self._live:
            for video in self._videos.values():
                video.sync()
            if now - self._anchored >= _ANCHOR_S:
                self._anchored = now
                self._anchor(frame.time)
                self._save()
        took = time.monotonic() - now
        self._room.spent("disk", took)
        self._look_at = now + took + max(_LOOK_S, _REST * took)
        if not self._room.look(self.seconds):
            self.full.set()
            raise OutputError(self._room.ended)

    def _finish(self, table: TableWriter, summary: Summary) -> None:
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
            stored = self._videos[VIDEO].frames if VIDEO in self._videos else 0
            counts = {"captured": summary.frames + self.dropped, "dropped": self.dropped, "frames": summary.frames}
            counts.update(stored=stored, rows=table.rows, with_face=summary.found, held=summary.held)
            counts.update(dropped_by_recorder=self.late, before_the_button=self.before)
            if self._log is not None:
                self._log.event("closed", **counts, ended=self.ended)
            ended = {"ended_by": self.ended} if self.ended is not None else {}
            self._session.update(status="complete", ended_utc=now_utc(), counts=counts, files=files(self.out), **ended)
            self._save()

    def _save(self) -> None:
        write_json(self.out / SESSION, {**self._session, **self._about})

    def _anchor(self, seconds: float) -> None:
        """Set the capture clock against the time of day; late by as long as a frame takes to get here."""
        self._session["clock"]["anchors"].append({"time_s": seconds, "utc": now_utc()})

    def _tell(self, text: str) -> None:
        if self._log is not None:
            self._log.event("told", text=text)
        if self.on_message is not None:
            self.on_message(text)

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
