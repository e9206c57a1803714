"""What needs the clean video again: it with the overlay drawn anew, and still frames at the markers.

The table's `video_index` says which picture belongs to which frame; of sessions without that column the n-th picture
is the n-th frame. Times are the table's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from ...errors import OutputError
from ...overlay import annotate
from ...types import Frame, Image, Tracked, TrackResult
from ..labels import Label
from ..markers import read_markers
from ..replay import Session
from ..video import VideoWriter
from . import Progress

LAYOUT = "ibug68"
_BY_HAND, _MOVED_PX = (255, 95, 210), 0.05
"""The ring about a landmark that a person moved, and from how far on it has one: as in the replay window."""


def overlay(session: Session, path: Path, progress: Progress) -> None:
    """An MP4 with the overlay; raises ModelError where the model that recorded the session is not installed."""
    _video(session)
    if path.suffix not in (".mp4", ".mkv"):
        raise OutputError(f"{path} names no video; let it end in .mp4 or .mkv.")
    scratch = path.with_name(f"part.{path.name}")
    video = VideoWriter(scratch, session.fps, crf=23)
    try:
        for done, tracked in enumerate(_tracked(session)):
            video.add(_drawn(tracked), tracked.raw.frame.time)
            if done % 50 == 0:
                progress(done / max(len(session.frames), 1))
    except BaseException:
        video.close()
        scratch.unlink(missing_ok=True)
        raise
    video.close()
    if video.frames:
        scratch.replace(path)
    progress(1.0)


def stills(session: Session, path: Path, progress: Progress) -> None:
    """A folder with one PNG a marker, of the frame that was captured last when it began.

    Raises OutputError where the session has no markers.
    """
    markers = read_markers(session.folder)
    if not markers:
        raise OutputError(f"{session.folder} has no markers; there is no frame to keep.")
    _video(session)
    path.mkdir(parents=True, exist_ok=True)
    pictured = _pictured(session)
    times = session.take().time[pictured]
    wanted: dict[int, list[tuple[int, Label]]] = {}
    for number, one in enumerate(markers):
        wanted.setdefault(max(int(np.searchsorted(times, one.start + 1e-6, "right")) - 1, 0), []).append((number, one))
    kept = 0
    for position, (frame, image) in enumerate(_frames(session)):
        for number, one in wanted.get(position, ()):
            drawn = _drawn(_result(session, frame, image))
            name = re.sub(r"[^\w-]+", "_", one.label).strip("_")[:40] or "marker"
            _png(path / f"{number:04}_{name}_frame{frame.index}.png", drawn)
            kept += 1
            progress(kept / len(markers))
    progress(1.0)


def _drawn(tracked: Tracked) -> Image:
    """With the overlay; landmarks that were moved by hand have a ring, and a line from where they were measured."""
    image = annotate(tracked, LAYOUT)
    zoom = image.shape[1] / tracked.raw.frame.image.shape[1]
    radius, width = max(round(0.008 * max(image.shape)), 4), max(round(max(image.shape) / 1280), 1)
    for face in tracked.stable.faces:
        here, measured = face.landmarks_px(LAYOUT), face.state.project(face.landmarks_head(LAYOUT))
        for i in np.flatnonzero(np.linalg.norm(here - measured, axis=1) > _MOVED_PX):
            now, was = (
                np.asarray(np.clip(one[i] * zoom - 0.5, -1e5, 1e5) * 16, int).tolist() for one in (here, measured)
            )
            cv2.circle(image, now, radius * 16, _BY_HAND, width, cv2.LINE_AA, 4)
            cv2.line(image, was, now, _BY_HAND, width, cv2.LINE_AA, 4)
    return image


def _tracked(session: Session) -> Iterator[Tracked]:
    for frame, image in _frames(session):
        yield _result(session, frame, image)


def _result(session: Session, frame: Frame, image: Image) -> Tracked:
    index = session.column("frame_index")
    rows = range(int(np.searchsorted(index, frame.index)), int(np.searchsorted(index, frame.index, "right")))
    pictured = replace(frame, image=image)
    found = (tuple(face for row in rows if (face := one.face(row)) is not None) for one in session.both)
    raw, stable = (TrackResult(pictured, faces) for faces in found)
    return Tracked(raw, stable)


def _frames(session: Session) -> Iterator[tuple[Frame, Image]]:
    """Frames of the table with their pictures. Raises OutputError where there is no video, or it is shorter."""
    video, pictured, shown = _video(session), _pictured(session), 0
    times = session.take().time[pictured]
    try:
        with av.open(str(video)) as container:
            for index, time, picture in zip(session.frames[pictured], times, container.decode(video=0), strict=False):
                image = np.ascontiguousarray(picture.to_ndarray(format="rgb24"), dtype=np.uint8)
                shown += 1
                yield Frame(image, float(time), int(index)), image
    except av.error.FFmpegError as error:
        raise OutputError(f"{video} cannot be read ({error}); restore it from a copy.") from error
    if shown < len(pictured):
        missing = len(pictured) - shown
        raise OutputError(f"{video} has {shown} pictures, {missing} fewer than the table has frames.")


def _pictured(session: Session) -> npt.NDArray[np.int64]:
    """(P,) which of the frames have a picture, in the pictures' order."""
    known = "video_index" in session.names and np.isfinite(session.column("video_index"))
    if not np.any(known):
        return np.arange(len(session.frames))
    return np.asarray(np.searchsorted(session.frames, np.unique(session.column("frame_index")[known])), np.int64)


def _video(session: Session) -> Path:
    if session.video is None:
        raise OutputError(f"{session.folder} has no clean video (video.mkv); pictures cannot be made from it.")
    return session.video


def _png(path: Path, image: Image) -> None:
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise OutputError(f"{path} could not be encoded as PNG.")
    path.write_bytes(data.tobytes())
