"""A long recording of a looping clip at its own pace: is every captured frame accounted for, and what does it cost?

    python tests/benchmarks/recording.py clip.mp4 --out FOLDER --minutes 10

Checks that the table has a row for every captured frame, that the video's presentation times are the captured times to
the millisecond, and that drops add up; measures processor time and memory. Then the price of recording alone, with and
without a recorder in turns. Figures go to FOLDER/figures.json, memory over time to FOLDER/memory.png (matplotlib).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
from memory import draw, rss_mib, slope

from tracker.capture import CaptureThread
from tracker.detection.follow import FaceTracker
from tracker.pipeline import Pipeline
from tracker.session.about import recording_facts
from tracker.session.record import Recorder
from tracker.settings import Settings
from tracker.temporal import Stabilizer

EVERY_S = 2.0
TURN_S = 20.0


def play(source: str, seconds: float, recorder: Recorder | None, memory: list[tuple[float, float]]) -> dict[str, float]:
    """Track (and record) for so long; counters and the process's processor time."""
    tracker = FaceTracker("onnx")
    capture = CaptureThread(source, realtime=True, loop=True)
    pipeline = Pipeline(capture, tracker, Stabilizer(), [recorder] if recorder is not None else [])
    begun, cpu = time.monotonic(), time.process_time()
    pipeline.start()
    while time.monotonic() - begun < seconds and pipeline.running:
        time.sleep(EVERY_S)
        memory.append((time.monotonic() - begun, rss_mib()))
    counters = pipeline.counters
    pipeline.stop(None)
    took = time.monotonic() - begun
    return {
        "captured": pipeline.counters.captured, "tracked": counters.tracked, "seconds": took,
        "cpu_s": time.process_time() - cpu,
    }  # fmt: skip


def checked(out: Path, recorder: Recorder) -> dict[str, Any]:
    """What the session's files say, compared with one another. Stops where they do not agree."""
    about = json.loads((out / "session.json").read_text())
    table = pq.read_table(out / "frames.parquet", columns=["frame_index", "video_index", "time_s", "state"])
    index, first = np.unique(table["frame_index"].to_numpy(), return_index=True)
    state = np.array(table["state"].to_pylist(), dtype=object)[first]
    assert np.array_equal(index, np.arange(index[0], index[-1] + 1)), "a captured frame has no row"
    pictured = table.filter(table["video_index"].is_valid())
    picture, at = np.unique(pictured["video_index"].to_numpy(), return_index=True)
    told = pictured["time_s"].to_numpy()[at]
    with av.open(str(out / "video.mkv")) as video:
        stamps = np.array([float(packet.pts * packet.time_base) for packet in video.demux(video=0) if packet.size])
    assert np.array_equal(picture, np.arange(len(stamps))), "table and video speak of different pictures"
    apart = np.abs(stamps - (told - told[0]))
    assert about["status"] == "complete" and about["counts"]["captured"] == len(index)
    assert about["counts"]["dropped"] == int((state == "dropped").sum()) == recorder.dropped
    return {
        "counts": about["counts"], "rows_of_captured_frames": len(index), "pictures": len(stamps),
        "duration_s": float(told[-1] - told[0]), "fps": (len(told) - 1) / float(told[-1] - told[0]),
        "presentation_time_off_ms": {"mean": float(apart.mean() * 1e3), "most": float(apart.max() * 1e3)},
        "bytes": {name: facts["bytes"] for name, facts in about["files"].items()},
    }  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("source")
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--minutes", type=float, default=10.0)
    asked.add_argument("--turns", type=int, default=3, help="of 20 s each with and without a recorder")
    options = asked.parse_args()
    settings, memory = Settings(), list[tuple[float, float]]()
    folder: Path = options.out
    recorder = Recorder(
        folder / "session", annotated=False, clean=True, about=recording_facts(settings, object()), overwrite=True
    )
    ran = play(options.source, 60.0 * options.minutes, recorder, memory)
    figures = {**ran, **checked(folder / "session", recorder)}
    figures["memory_mib"] = {
        "after_a_minute": float(np.interp(60.0, *zip(*memory, strict=True))), "at_the_end": memory[-1][1],
        "slope_per_minute": slope(memory, 60.0),
    }  # fmt: skip
    draw(memory, folder / "memory.png")
    prices: dict[str, list[float]] = {"with": [], "without": []}
    for turn in range(options.turns):
        for kind in prices:
            sink = Recorder(folder / f"turn{turn}", annotated=False, clean=True, overwrite=True)
            one = play(options.source, TURN_S, sink if kind == "with" else None, [])
            prices[kind].append(1e3 * one["cpu_s"] / one["tracked"])
    each = {kind: float(np.median(values)) for kind, values in prices.items()}
    figures["cpu_ms_per_frame"] = {**each, "share_of_recording": 1.0 - each["without"] / each["with"]}
    figures["load_at_the_end"] = os.getloadavg()
    (folder / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
