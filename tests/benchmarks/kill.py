"""kill -9 at random moments of a recording, then what is left is opened and repaired.

    python tests/benchmarks/kill.py --out FOLDER --times 20

Each time the demo is recorded by a process of its own, killed 0 to 8 s after its first picture, and looked at: it opens
as it is, what is lost is at most two seconds, and after `repair` table and video speak of the same pictures at the same
times. The recorder says every frame that it was handed on its standard output, which is what "lost" is measured
against. Figures go to FOLDER/figures.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq

from tracker.session.repair import repair
from tracker.session.replay import open_session

CHILD = """
import sys
from pathlib import Path
from tracker.capture import CaptureThread
from tracker.detection.follow import FaceTracker
from tracker.pipeline import Pipeline
from tracker.session.record import Recorder
from tracker.temporal import Stabilizer

class Telling(Recorder):
    def write(self, tracked):
        super().write(tracked)
        print(tracked.raw.frame.index, tracked.raw.frame.time, flush=True)

source = CaptureThread("demo:1?width=640&height=480", realtime=True, loop=True)
recorder = Telling(Path(sys.argv[1]), annotated=False, clean=True)
Pipeline(source, FaceTracker("onnx"), Stabilizer(), [recorder]).run()
"""
LONGEST_S = 8.0


def killed(folder: Path, after: float) -> tuple[int, float]:
    """Record into `folder` until the kill; the last frame that was written, and its time."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    lines = [child.stdout.readline()]
    time.sleep(after)
    os.kill(child.pid, signal.SIGKILL)
    lines += child.communicate()[0].splitlines()
    index, at = lines[-1].split() if len(lines[-1].split()) == 2 else lines[-2].split()
    return int(index), float(at)


def looked_at(folder: Path, index: int, at: float) -> dict[str, Any]:
    """What a session that was killed has lost. Stops where table and video do not agree."""
    try:
        before = open_session(folder).rows
    except Exception as error:  # killed within the first second: nothing whole yet, which it says
        before = 0
        assert "first second" in str(error), error
    done = repair(folder)
    assert json.loads((folder / "session.json").read_text())["status"] == "recovered"
    table = pq.read_table(folder / "frames.parquet", columns=["frame_index", "video_index", "time_s", "state"])
    seen = [state in ("tracked", "held", "lost") for state in table["state"].to_pylist()]
    measured = table.filter(np.array(seen, dtype=bool))
    pictured = table.filter(table["video_index"].is_valid())
    last_row = max(measured["time_s"].to_pylist(), default=0.0)
    last_picture = max(pictured["time_s"].to_pylist(), default=0.0)
    if done.pictures:
        with av.open(str(folder / "video.mkv")) as video:
            stamps = np.array([float(frame.pts * frame.time_base) for frame in video.decode(video=0)])
        number, first = np.unique(pictured["video_index"].to_numpy(), return_index=True)
        told = pictured["time_s"].to_numpy()[first]
        assert np.array_equal(number, np.arange(len(stamps))), "table and video speak of different pictures"
        assert np.abs(stamps - (told - told[0])).max() < 1e-3, "table and video speak of different times"
    assert open_session(folder).rows == done.rows
    return {
        "written_until_s": at, "frames": index + 1, "rows_before_repair": before, "rows": done.rows,
        "pictures": done.pictures, "rows_lost_s": at - last_row, "pictures_lost_s": at - last_picture,
    }  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--times", type=int, default=20)
    asked.add_argument("--seed", type=int, default=0)
    options = asked.parse_args()
    moments = random.Random(options.seed)
    every: list[dict[str, Any]] = []
    for number in range(options.times):
        folder: Path = options.out / f"killed{number:02}"
        shutil.rmtree(folder, ignore_errors=True)
        after = moments.uniform(0.0, LONGEST_S)
        every.append({"killed_after_s": after, **looked_at(folder, *killed(folder, after))})
        print(json.dumps(every[-1]), flush=True)
    worst = {name: max(one[name] for one in every) for name in ("rows_lost_s", "pictures_lost_s")}
    figures = {"times": len(every), "most": worst, "within_two_seconds": max(worst.values()) <= 2.0, "each": every}
    (options.out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps({name: value for name, value in figures.items() if name != "each"}))
    sys.exit(0 if figures["within_two_seconds"] else 1)


if __name__ == "__main__":
    main()
