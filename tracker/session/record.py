"""The recording sink: a session's folder, complete while it grows and finished when it is closed.

session.json    what was recorded, with what, and how: written first (status "recording") and last ("complete")
frames.parquet  one row per captured frame and face, everything (`columns`); frames.arrows while recording
frames.csv      the same rows: pose, 68 points raw and filtered, blend shapes
annotated.mp4   the picture with its overlay                       video.mkv   the picture as it was
summary.json    counts, speed, stability                           stability.png   the same, drawn
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import av
import cv2
import msgspec
import numpy as np

from ..capture import SourceInfo
from ..errors import OutputError
from ..head.model import EXPRESSIONS
from ..settings import Filter
from ..sinks import Drop
from ..types import Image, Tracked
from .columns import DENSE, POINTS
from .figure import write_figure
from .overlay import Style, draw_overlay
from .summary import Summary, Tally
from .table import CSV, PARQUET, STREAM, TableWriter
from .video import VideoWriter

log = logging.getLogger(__name__)

SESSION, SUMMARY, FIGURE = "session.json", "summary.json", "stability.png"
ANNOTATED, CLEAN = "annotated.mp4", "video.mkv"
_FILES = (SESSION, SUMMARY, FIGURE, ANNOTATED, CLEAN, STREAM, PARQUET, CSV)
_LONGEST_SIDE = 1920
"""Of the annotated video, pixels; larger frames are scaled down for it."""


class Recorder:
    """A sink that writes a session into `out`.

    `annotated` and `clean`: which videos. `layout`: of the overlay. `filter` and `model` are only written down.
    Raises OutputError where the folder cannot be written or holds something (its own files are replaced where
    `overwrite`), and later where the disk fails; what was written by then stays readable.
    """

    drop: Drop = "never"

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
    ) -> None:
        self.out = out
        self.summary: Summary | None = None
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

    def open(self, info: SourceInfo) -> None:
        with self._writing():
            self._session = self._about(info)
            self._write_json(SESSION, self._session)
            self._tally = Tally()
            self._table = TableWriter(self.out)
            for name, wanted in self._wanted.items():
                if wanted:
                    self._videos[name] = VideoWriter(self.out / name, info.fps, crf=23 if name == ANNOTATED else 18)

    def write(self, tracked: Tracked) -> None:
        if self._table is None or self._tally is None:
            raise OutputError(f"The session {self.out} is not open; open it before frames are written.")
        frame = tracked.raw.frame
        with self._writing():
            self._tally.add(tracked)
            self._table.add(tracked)
            if CLEAN in self._videos:
                self._videos[CLEAN].add(frame.image, frame.time)
            if ANNOTATED in self._videos:
                self._videos[ANNOTATED].add(annotate(tracked, self._layout), frame.time)

    def close(self) -> None:
        """Finish every file; what can be finished is, also where another fails."""
        table, self._table = self._table, None
        if table is None or self._tally is None:
            return
        summary = self.summary = self._tally.summary()
        with self._writing():
            try:
                for video in self._videos.values():
                    video.close()
            finally:
                table.close()
            self._write_json(SUMMARY, msgspec.to_builtins(summary))
            write_figure(self.out / PARQUET, summary, self.out / FIGURE)
            counts = {"frames": summary.frames, "rows": table.rows, "with_face": summary.found}
            counts["dropped"] = summary.dropped
            finished = {"status": "complete", "ended_utc": _now(), "counts": counts, "files": self._sizes()}
            self._write_json(SESSION, {**self._session, **finished})

    def _about(self, info: SourceInfo) -> dict[str, Any]:
        return {
            "schema": "stillpoint.session",
            "schema_version": {"major": 1, "minor": 0},
            "session_id": str(uuid.uuid4()),
            "status": "recording",
            "app": {"name": "stillpoint", "version": _version()},
            "model": self._model,
            "source": msgspec.to_builtins(info),
            "filter": msgspec.to_builtins(self._filter),
            "started_utc": _now(),
            "clock": "seconds of the capture clock; pictures of a video and frames of the table have one order",
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

    def _sizes(self) -> dict[str, int]:
        return {name: (self.out / name).stat().st_size for name in _FILES[1:] if (self.out / name).is_file()}

    def _write_json(self, name: str, value: Any) -> None:
        scratch = self.out / f"{name}.tmp"
        scratch.write_bytes(msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n")
        scratch.replace(self.out / name)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.error.FFmpegError) as error:
            log.warning("recording failed", exc_info=error)
            why = getattr(error, "strerror", None) or str(error)
            raise OutputError(
                f"The session in {self.out} cannot be written ({why}); recording stopped, what was written until then "
                "stays. Free some space or choose another folder."
            ) from error


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


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _version() -> str:
    try:
        return metadata.version("stillpoint")
    except metadata.PackageNotFoundError:
        return "unknown"
