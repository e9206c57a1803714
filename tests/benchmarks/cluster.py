"""Many short videos on a local Dask cluster of two worker processes, one killed half-way, beside one process.

    python tests/benchmarks/cluster.py --out FOLDER --videos 40

Needs the extra `cluster`. Every video must be done once; figures go to FOLDER/figures.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from tracker.batch import Job, Outcome, run_here, run_on_cluster, videos_of
from tracker.capture import open_source
from tracker.session.video import VideoWriter
from tracker.settings import Detection, Settings

SETTINGS = Settings(detection=Detection(engine="onnx"))


def film(path: Path, frames: int, seed: int) -> None:
    """A short video of the demo's photograph."""
    path.parent.mkdir(parents=True, exist_ok=True)
    video = VideoWriter(path, 30.0)
    with open_source(f"demo:{seed}?frames={frames}&width=160&height=120") as source:
        for frame in source:
            video.add(frame.image, frame.time)
    video.close()


def counted(outcomes: list[Outcome], began: float) -> dict[str, Any]:
    done = [one.out for one in outcomes if one.status == "done"]
    assert len(done) == len(set(done)), "a video was done twice"
    status = {name: sum(one.status == name for one in outcomes) for name in ("done", "already done", "failed")}
    return {"seconds": time.monotonic() - began, **status, "processes": len({one.worker for one in outcomes})}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--videos", type=int, default=40)
    asked.add_argument("--frames", type=int, default=12)
    options = asked.parse_args()
    root: Path = options.out
    for name in ("clips", "dask", "one"):
        shutil.rmtree(root / name, ignore_errors=True)
    for i in range(options.videos):
        film(root / "clips" / f"{i:03}.mp4", options.frames, i)

    def jobs(name: str) -> list[Job]:
        videos = videos_of(str(root / "clips"), root / name)
        return [Job(str(path), str(root / name / folder), SETTINGS, annotated=False) for folder, path in videos.items()]

    from distributed import LocalCluster

    got: list[Outcome] = []
    killed: list[int] = []
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        began = time.monotonic()

        def each(outcome: Outcome) -> None:
            got.append(outcome)
            if len(got) == options.videos // 2:
                killed.append(int(outcome.worker.split(":")[1]))
                os.kill(killed[0], signal.SIGKILL)

        run_on_cluster(jobs("dask"), cluster.scheduler_address, each)
        figures: dict[str, Any] = {"two Dask workers, one killed half-way": counted(got, began)}
    assert len({one.out for one in got}) == len(got) == options.videos and killed
    alone: list[Outcome] = []
    began = time.monotonic()
    run_here(jobs("one"), 1, alone.append)
    figures["one process"] = counted(alone, began)
    (root / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
