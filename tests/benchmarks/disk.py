"""A recording onto a disk that becomes full, and onto one that is slow.

    python tests/benchmarks/disk.py --full FOLDER [--fill]
    python tests/benchmarks/disk.py --slow FOLDER --pause 0.3

FOLDER of --full lies on a small file system (as root: mount -t tmpfs -o size=8m none FOLDER). --fill takes the room
away all at once after three seconds, which no recorder can foresee. --slow makes every write that has to reach the disk
(fsync) take `--pause` seconds longer. Both say how the recording ended, what was counted, and that table and video
agree.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq

from tracker.capture import CaptureThread
from tracker.detection.follow import FaceTracker
from tracker.pipeline import Pipeline
from tracker.session.record import Recorder
from tracker.session.repair import repair
from tracker.temporal import Stabilizer

SOURCE = "demo:1?width=320&height=240"


def recorded(folder: Path, seconds: float, fill: bool = False) -> tuple[Recorder, Pipeline, list[str]]:
    """Record in real time until it ends by itself, or for so long."""
    told: list[str] = []
    recorder = Recorder(folder / "session", annotated=False, clean=True, overwrite=True, on_message=told.append)
    capture = CaptureThread(SOURCE, realtime=True, loop=True)
    pipeline = Pipeline(capture, FaceTracker("onnx"), Stabilizer(), [recorder], on_message=told.append)
    pipeline.start()
    begun = time.monotonic()
    filler: threading.Timer | None = None
    while time.monotonic() - begun < seconds and pipeline.running:
        time.sleep(0.1)
        if recorder.frames and recorder not in pipeline.sinks:
            break
        if fill and filler is None and recorder.seconds > 3.0:
            filler = threading.Timer(0.0, take_room, (folder / "filler",))
            filler.start()
    tracked = pipeline.counters.tracked
    until = time.monotonic() + 10.0
    while pipeline.counters.tracked == tracked and time.monotonic() < until:
        time.sleep(0.1)
    assert pipeline.running and pipeline.counters.tracked > tracked, "tracking stopped with the recording"
    pipeline.stop(None)
    return recorder, pipeline, told


def take_room(path: Path) -> None:
    """All there is."""
    with path.open("wb") as file:
        try:
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        except OSError:
            return


def checked(folder: Path) -> dict[str, Any]:
    about = json.loads((folder / "session.json").read_text())
    table = pq.read_table(folder / "frames.parquet", columns=["frame_index", "video_index", "time_s", "state"])
    with av.open(str(folder / "video.mkv")) as video:
        pictures = sum(1 for _ in video.decode(video=0))
    known = np.unique(table.filter(table["video_index"].is_valid())["video_index"].to_numpy())
    assert np.array_equal(known, np.arange(pictures)), "table and video speak of different pictures"
    return {
        "status": about["status"],
        "ended_by": about.get("ended_by"),
        "counts": about["counts"],
        "pictures": pictures,
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--full", type=Path)
    asked.add_argument("--fill", action="store_true")
    asked.add_argument("--slow", type=Path)
    asked.add_argument("--pause", type=float, default=0.3)
    asked.add_argument("--seconds", type=float, default=20.0)
    options = asked.parse_args()
    figures: dict[str, Any] = {}
    if options.full is not None:
        free = shutil.disk_usage(options.full).free
        recorder, _, told = recorded(options.full, 60.0, options.fill)
        session = options.full / "session"
        (options.full / "filler").unlink(missing_ok=True)
        status = json.loads((session / "session.json").read_text())["status"]
        mended = False
        if status == "recording":
            repair(session)
            mended = True
        figures["full"] = {
            "room_mib": free / 2**20, "recorded_s": recorder.seconds, "told": told, "needed_repair": mended,
            **checked(session),
        }  # fmt: skip
    if options.slow is not None:
        real = os.fsync

        def slow(number: int) -> None:
            time.sleep(options.pause)
            real(number)

        os.fsync = slow
        recorder, pipeline, told = recorded(options.slow, options.seconds)
        figures["slow"] = {
            "pause_s": options.pause, "tracked": pipeline.counters.tracked, "late": recorder.late, "told": told,
            **checked(options.slow / "session"),
        }  # fmt: skip
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
