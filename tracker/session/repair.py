"""What a kill or a power cut left of a session, made whole: a table, a video with an index, and the two agreeing.

The table's stream keeps its whole batches, the video its pictures up to the first that cannot be decoded. A row whose
picture is gone stays, with `video_index` null; a picture whose row is gone gets one with state "unmeasured", so that
every picture has its row. Nothing is thrown away before what replaces it is on the disk; a repair that is cut off
itself can be run again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import OutputError, SourceError
from .about import SESSION, now_utc, read_about, write_json
from .markers import fold_journal
from .reason import reason_of
from .table import CSV, PARQUET, STREAM, lock, write_parquet
from .video import ANNOTATED, VIDEO

log = logging.getLogger(__name__)

BROKEN = "video.broken.mkv"
_STATES = ("tracked", "held", "lost", "dropped", "unmeasured")
_SCRATCH = (f"{PARQUET}.tmp", f"{SESSION}.tmp", "video.tmp.mkv")


@dataclass(frozen=True, slots=True)
class Repaired:
    """`rows` of the table; `frames` that were captured, of them `dropped`, `unmeasured` (a picture, no row) and
    `without_picture`; `pictures` of the video. `notes` are sentences for people."""

    rows: int
    frames: int
    dropped: int
    unmeasured: int
    without_picture: int
    pictures: int
    notes: tuple[str, ...] = ()


def interrupted(base: Path) -> list[Path]:
    """The sessions directly below a folder that were never finished and that nobody records into now."""
    found: list[Path] = []
    for path in sorted(base.glob(f"*/{SESSION}")):
        try:
            if needs_repair(path.parent) and not is_recording(path.parent):
                found.append(path.parent)
        except (SourceError, OSError):
            continue
    return found


def needs_repair(folder: Path) -> bool:
    """Whether a session was never finished. Raises SourceError for a folder that is none."""
    return bool(read_about(folder).get("status") == "recording")


def repair(folder: Path) -> Repaired:
    """Finish a session that was cut off; its status becomes "recovered".

    Raises SourceError for a folder without a session.json that can be read and for a session that needs no repair or
    is still being recorded, OutputError where the folder cannot be written.
    """
    about = read_about(folder)
    if about.get("status") != "recording":
        raise SourceError(f"{folder} is {about.get('status')}: there is nothing to repair.")
    if is_recording(folder):
        raise SourceError(f"{folder} is still being recorded; end that recording first.")
    try:
        return _repair(folder, about)
    except (OSError, av.error.FFmpegError, pa.ArrowException) as error:
        raise OutputError(
            f"{folder} cannot be repaired ({reason_of(error)}); free some space and try again."
        ) from error


def _repair(folder: Path, about: dict[str, Any]) -> Repaired:
    from .export import export
    from .folder import files
    from .replay import open_session
    from .table import parquet_from_stream

    for scratch in _SCRATCH:
        (folder / scratch).unlink(missing_ok=True)
    notes = []
    times = _mend_video(folder)
    if times is None:
        times = np.zeros(0)
    elif not times.size:
        (folder / VIDEO).replace(folder / BROKEN)
        notes.append(f"No picture of {VIDEO} can be read; it is now {BROKEN}.")
    if (folder / STREAM).is_file():
        parquet_from_stream(folder / STREAM, folder / PARQUET)
    elif not (folder / PARQUET).is_file():
        write_parquet((), folder / PARQUET)
    write_parquet(_agreeing(folder / PARQUET, times), folder / PARQUET)
    counts = _counts(folder / PARQUET)
    if counts["rows"] > 0:
        export(open_session(folder), "csv", folder / CSV)
    if (folder / ANNOTATED).is_file() and not _plays(folder / ANNOTATED):
        notes.append(f"{ANNOTATED} was cut off and cannot be played; `export-session --to overlay` draws it anew.")
    counts["stored"] = len(times)
    write_json(folder / SESSION, {
        **about, "status": "recovered", "recovered_utc": now_utc(), "counts": counts,
        "files": files(folder),
    })  # fmt: skip
    (folder / STREAM).unlink(missing_ok=True)
    with suppress(SourceError):  # of markers that a newer version wrote, which stay as they are
        fold_journal(folder)
    return Repaired(
        counts["rows"], counts["captured"], counts["dropped"], counts["unmeasured"], counts["without_picture"],
        len(times), tuple(notes),
    )  # fmt: skip


def _agreeing(table: Path, times: np.ndarray[Any, Any]) -> Iterator[pa.RecordBatch]:
    """The table's batches with a `video_index` only where there is a picture, then a row for each picture without one.

    `times` (pictures,) seconds from the first picture.
    """
    columns = pq.read_schema(str(table))
    if "video_index" not in columns.names:  # recorded before there was one
        with pq.ParquetFile(str(table)) as file:
            yield from file.iter_batches()
        return
    at = columns.names.index("video_index")
    known, begun, last = 0, 0.0, (-1, 0.0)
    with pq.ParquetFile(str(table)) as file:
        for batch in file.iter_batches():
            index = batch.column(at)
            keep = pc.if_else(pc.less(index, len(times)), index, pa.scalar(None, index.type))
            if known == 0 and index.null_count < len(index):
                begun = batch.column("time_s")[int(np.argmax(index.is_valid()))].as_py()
            most = pc.max(index).as_py()
            known = known if most is None else most + 1
            last = (batch.column("frame_index")[-1].as_py(), batch.column("time_s")[-1].as_py())
            yield batch.set_column(at, columns.field(at), keep)
    rows = [
        {"frame_index": last[0] + n, "video_index": known + n - 1, "time_s": begun + float(time), "state": "unmeasured"}
        for n, time in enumerate(times[known:], 1)
    ]
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema=columns)


def _counts(table: Path) -> dict[str, int]:
    names = {"frame_index", "state", "video_index"} & set(pq.read_schema(str(table)).names)
    rows = pq.read_table(str(table), columns=sorted(names))
    index, state = rows["frame_index"].to_numpy(), np.array(rows["state"].to_pylist(), dtype=object)
    frames = {name: np.unique(index[state == name]).size for name in _STATES}
    missing = rows["video_index"].is_null().to_numpy() if "video_index" in rows.column_names else np.zeros(0, bool)
    bare = np.unique(index[missing & (state != "dropped")]).size if missing.size else 0
    captured = np.unique(index).size
    return {
        "captured": captured, "dropped": frames["dropped"], "frames": captured - frames["dropped"],
        "rows": rows.num_rows, "with_face": frames["tracked"],
        "held": np.setdiff1d(index[state == "held"], index[state == "tracked"]).size,
        "unmeasured": frames["unmeasured"], "without_picture": bare,
    }  # fmt: skip


def _mend_video(folder: Path) -> np.ndarray[Any, Any] | None:
    """Write the clean video anew, with its length and its index, up to the last picture that can be decoded.

    Returns the pictures' times (pictures,) in seconds from the first; None where there is no video.
    """
    path, scratch = folder / VIDEO, folder / "video.tmp.mkv"
    if not path.is_file():
        return None
    try:
        source = av.open(str(path))
    except av.error.FFmpegError as error:
        log.warning("%s cannot be read", path, exc_info=error)
        return np.zeros(0)
    stamps: list[float] = []
    try:
        with source:
            for stream in source.streams.video[:1]:
                _copy(source, stream, scratch, stamps)
        if stamps:
            scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    return np.array(stamps) - (stamps[0] if stamps else 0.0)


def _copy(source: Any, stream: Any, scratch: Path, stamps: list[float]) -> None:
    with av.open(str(scratch), "w") as target:
        copy = target.add_stream_from_template(stream)
        for packet in _readable(source, stream):
            stamps.append(float(packet.pts * stream.time_base))
            packet.stream = copy
            target.mux(packet)


def _readable(source: Any, stream: Any) -> Iterator[Any]:
    """Packets up to the first that cannot be decoded; only those since the last key picture are tried."""
    group: list[Any] = []
    try:
        for packet in source.demux(stream):
            if packet.pts is None:
                continue
            if packet.is_keyframe:
                yield from group
                group = []
            group.append(packet)
    except av.error.FFmpegError as error:
        log.info("the video ends within a packet: %s", error)
    yield from group[: _decodable(stream, group)]


def _decodable(stream: Any, packets: list[Any]) -> int:
    decoder = av.CodecContext.create(stream.codec_context.name, "r")
    decoder.extradata = stream.codec_context.extradata
    decoder.thread_count = 1
    decoder.options = {"err_detect": "explode"}
    shown = 0
    try:
        for packet in [*packets, None]:
            if packet is not None and packet.is_corrupt:
                packet = None  # what was decoded until here still comes out
            shown += sum(not frame.is_corrupt for frame in decoder.decode(packet))
            if packet is None:
                break
    except av.error.FFmpegError as error:
        log.info("the last pictures cannot be decoded: %s", error)
    return min(shown, len(packets))


def _plays(path: Path) -> bool:
    try:
        with av.open(str(path)) as video:
            return bool(video.streams.video)
    except (av.error.FFmpegError, OSError):
        return False


def is_recording(folder: Path) -> bool:
    """Whether a process still writes the session's table."""
    stream = folder / STREAM
    if not stream.is_file():
        return False
    with stream.open("rb") as file:
        return not lock(file)
