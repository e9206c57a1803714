"""How long the whole step takes: frame in, landmarks out, face already found; ours and a peer's in turns.

Machines are noisy, so contestants take turns of some frames in random order and medians are compared. "One thread"
pins the process (and the peer's) to one core: MediaPipe has no setting for threads.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .capture.demo import DemoSource
from .detection.engines import cpu_engine
from .detection.follow import FaceTracker
from .detection.weights import load_weights
from .peers import MediaPipe
from .temporal import Stabilizer
from .types import Frame

TURN = 15
"""Frames of one contestant in a row."""
Step = Callable[[Frame], float]


def bench(
    rounds: int = 10,
    threads: tuple[int, ...] = (1, 2),
    peer: Path | None = None,
    peer_python: Path | None = None,
    models: tuple[str, ...] = ("default",),
) -> dict[str, Any]:
    """{threads: {contestant: {"median_ms", "p10_ms", "p90_ms"}}} and the stages' medians; 640x480 demo frames.

    Each of the `models` runs in the CPU engine that `auto` takes on this machine.
    """
    source = DemoSource(seed=3, frames=TURN * 4)
    frames = list(source)
    height, width = frames[0].image.shape[:2]
    out: dict[str, Any] = {"frame": f"{width}x{height}", "cpu": _cpu(), "rounds": rounds}
    for count in threads:
        with _pinned(count) as cores:
            out[f"{count} thread" + "s" * (count > 1)] = _turns(frames, rounds, count, cores, peer, peer_python, models)
    return out


def _turns(
    frames: list[Frame],
    rounds: int,
    threads: int,
    cores: set[int] | None,
    peer: Path | None,
    python: Path | None,
    models: tuple[str, ...],
) -> dict[str, Any]:
    stages: dict[str, dict[str, list[float]]] = {}
    contestants: dict[str, Step] = {}
    for model in models:
        engine = cpu_engine(load_weights(model))

        def new(engine: str = engine, model: str = model) -> FaceTracker:
            return FaceTracker(engine=engine, threads=threads, model=model)

        name = f"{model} ({engine})"
        full = f"{name}: 478 points, std, pose, blendshapes"
        stages[full] = {}
        contestants[full] = _ours(new(), "mediapipe478", False, stages[full])
        contestants[f"{name}: the same, stabilized"] = _ours(new(), "mediapipe478", True, {})
        contestants[f"{name}: 68 points"] = _ours(new(), "ibug68", False, {})
        if engine != "onnx":
            contestants[f"{model} (onnx): 478 points, std, pose, blendshapes"] = _ours(
                new("onnx"), "mediapipe478", False, {}
            )
    other = MediaPipe(peer, "VIDEO", python) if peer else None
    if other is not None:
        if cores:
            _pin_all(other.pid, cores)
        contestants["mediapipe VIDEO, 478 points + blendshapes"] = lambda frame: other.read(frame).seconds
    rng, clock = np.random.default_rng(0), 0.0
    spent: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name in rng.permutation(list(contestants)):
            for i in range(TURN):
                clock += 1 / 30
                image = frames[(turn * TURN + i) % len(frames)].image
                seconds = contestants[name](Frame(image, clock))
                if turn:  # the first round warms up
                    spent[name].append(seconds * 1000)
    if other is not None:
        other.close()
    table = {name: _spread(values) for name, values in spent.items()}
    for name, spans in stages.items():
        table[f"stages of {name}"] = {k: round(float(np.median(v)) * 1000, 3) for k, v in spans.items()}
    return table


def _ours(tracker: FaceTracker, layout: str, stabilize: bool, stages: dict[str, list[float]]) -> Step:
    stabilizer = Stabilizer("default" if stabilize else "none")

    def step(frame: Frame) -> float:
        start = time.perf_counter()
        result = tracker.step(frame)
        if stabilize:
            result = stabilizer.apply(result)
        for face in result.faces:
            face.landmarks_px(layout)
            if layout != "ibug68":
                face.std_px(layout)
            _ = face.pose.yaw_deg
        spent = time.perf_counter() - start
        for name, seconds in result.timings.items():
            stages.setdefault(name, []).append(seconds)
        return spent

    return step


def _spread(values: list[float]) -> dict[str, float]:
    p10, median, p90 = np.percentile(values, [10, 50, 90])
    return {"median_ms": round(float(median), 3), "p10_ms": round(float(p10), 3), "p90_ms": round(float(p90), 3)}


@contextmanager
def _pinned(count: int) -> Iterator[set[int] | None]:
    """The first `count` cores for this process, where the platform can pin."""
    if not hasattr(os, "sched_setaffinity"):
        yield None
        return
    before = os.sched_getaffinity(0)
    cores = set(sorted(before)[-count:])
    os.sched_setaffinity(0, cores)
    try:
        yield cores
    finally:
        os.sched_setaffinity(0, before)


def _pin_all(pid: int, cores: set[int]) -> None:
    """Pin every thread of another process."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cores)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
