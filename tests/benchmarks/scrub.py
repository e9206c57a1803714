"""How long a frame takes to show in an hour-long session.

    python tests/benchmarks/scrub.py SESSION --out FOLDER

SESSION is any short recording with a clean video; it is repeated (packets copied, rows renumbered) into FOLDER until it
lasts --hours. Then the feed of the replay window is asked for frames as a hand on the playhead asks for them, and the
timeline is painted offscreen. Figures go to stdout as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tracker.session.play import Feed, Shown, View
from tracker.session.replay import open_session
from tracker.session.rows import Rows, read_values
from tracker.session.table import write_parquet
from tracker.session.timeline import timeline_of


def repeat(source: Path, out: Path, hours: float) -> None:
    """A session of that length out of a short one."""
    out.mkdir(parents=True, exist_ok=True)
    table = pq.read_table(str(source / "frames.parquet"))
    times = table["time_s"].to_numpy()
    step = float(np.median(np.diff(np.unique(times))))
    length = float(times[-1] - times[0]) + step
    frames = int(table["frame_index"].to_numpy().max()) + 1
    pictures = int(np.nanmax(table["video_index"].to_numpy().astype(float))) + 1
    count = int(np.ceil(hours * 3600 / length))
    (out / "session.json").write_text((source / "session.json").read_text())

    def batches() -> Iterator[pa.RecordBatch]:
        for turn in range(count):
            moved = table
            for name, by in (
                ("frame_index", turn * frames),
                ("video_index", turn * pictures),
                ("time_s", turn * length),
            ):
                column = moved[name]
                values = pa.compute.add(column, pa.scalar(by, column.type))
                moved = moved.set_column(moved.column_names.index(name), moved.schema.field(name), values)
            yield from moved.combine_chunks().to_batches()

    write_parquet(batches(), out / "frames.parquet")
    with av.open(str(source / "video.mkv")) as read, av.open(str(out / "video.mkv"), "w") as write:
        stream = read.streams.video[0]
        copy = write.add_stream_from_template(stream)
        packets = [packet for packet in read.demux(stream) if packet.pts is not None]
        held = [(bytes(packet), packet.pts, packet.is_keyframe) for packet in packets]
        for turn in range(count):
            for data, pts, key in held:
                packet = av.Packet(data)
                packet.pts = packet.dts = pts + round(turn * length / stream.time_base)
                packet.time_base, packet.stream, packet.is_keyframe = stream.time_base, copy, key
                write.mux(packet)


class Watch:
    """What the feed delivered, and when."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, int, bool]] = []
        self.changed = threading.Condition()

    def __call__(self, shown: Shown) -> None:
        with self.changed:
            self.seen.append((time.perf_counter(), shown.position, shown.final))
            self.changed.notify_all()

    def wait(self, position: int) -> float:
        with self.changed:
            self.changed.wait_for(lambda: bool(self.seen) and self.seen[-1][1:] == (position, True), 60)
            return self.seen[-1][0]


def milliseconds(values: list[float]) -> dict[str, float]:
    some = 1000 * np.array(values)
    return {
        name: round(float(v), 1)
        for name, v in zip(("median", "p95", "max"), np.percentile(some, (50, 95, 100)), strict=True)
    }


def measure(out: Path) -> dict[str, object]:
    begun = time.perf_counter()
    session = open_session(out)
    line = timeline_of(session)
    rows = Rows(session, line)
    figures: dict[str, object] = {
        "frames": len(line), "minutes": round(line.duration / 60, 1), "size": session.size,
        "gigabytes": round(sum(path.stat().st_size for path in out.iterdir()) / 1e9, 2),
        "open_ms": round(1000 * (time.perf_counter() - begun)),
    }  # fmt: skip
    watch = Watch()
    feed = Feed(View(rows), watch, lambda text: sys.stderr.write(text + "\n"))
    random = np.random.default_rng(0)

    def ask(positions: Iterable[int]) -> dict[str, dict[str, float]]:
        """Seconds on the wall and of the processor from the wish to the frame."""
        took, worked = [], []
        for position in positions:
            start, busy = time.perf_counter(), time.process_time()
            feed.wish(position)
            took.append(watch.wait(position) - start)
            worked.append(time.process_time() - busy)
        return {"wall": milliseconds(took), "processor": milliseconds(worked)}

    ask([0])
    figures["jump anywhere, ms"] = ask(int(p) for p in random.integers(0, len(line), 60))
    at = len(line) // 2
    ask([at])
    figures["one frame on, ms"] = ask(at + i for i in range(1, 60))
    figures["one frame back, ms"] = ask(at + 59 - i for i in range(1, 60))
    # A hand that drags the playhead over the whole hour and back in six seconds: 60 wishes a second.
    watch.seen.clear()
    wishes = []
    for i in range(360):
        position = int((0.5 - 0.5 * np.cos(2 * np.pi * i / 360)) * (len(line) - 1))
        wishes.append((time.perf_counter(), position))
        feed.wish(position)
        time.sleep(1 / 60)
    watch.wait(wishes[-1][1])
    shown = np.array([seen[0] for seen in watch.seen])
    figures["drag: wishes"] = len(wishes)
    figures["drag: pictures"] = len(shown)
    figures["drag: pictures a second"] = round(len(shown) / (shown[-1] - wishes[0][0]), 1)
    figures["drag: longest without a new picture, ms"] = round(1000 * float(np.diff(shown).max()), 1)
    feed.close()
    begun = time.perf_counter()
    read_values(session, "stable_blendshapes", 17)
    figures["read one item of a list column, ms (in a thread)"] = round(1000 * (time.perf_counter() - begun))
    return figures


def paint(out: Path) -> dict[str, object]:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PyQt6.QtWidgets import QApplication

    from tracker.session.labels import Label
    from tracker.session.markers import Track
    from ui.replay.curves import curve_of
    from ui.replay.timeline import TimelineView
    from ui.theme import DARK

    app = QApplication.instance() or QApplication(["scrub"])
    session = open_session(out)
    line = timeline_of(session)
    view = TimelineView(line, DARK)
    view.resize(1400, 360)
    curves = [curve_of(session, line, name) for name in ("stable_yaw_deg", "stable_pitch_deg", "presence")]
    labels = [
        Label(line.duration * i / 3000, line.duration * (i + 0.5) / 3000, "blink", "t", id=str(i)) for i in range(3000)
    ]
    view.show_curves(curves)
    view.show_labels(labels, [Track("t", "#5ab8f0")], set())
    view.show()
    app.processEvents()
    took: dict[str, list[float]] = {"move the playhead": [], "zoom": []}

    def timed(name: str, change: Callable[[], None]) -> None:
        begun = time.process_time()
        change()
        app.processEvents()
        took[name].append(time.process_time() - begun)

    for turn in range(20):
        timed("zoom", lambda turn=turn: view.zoom_by(1.3 if turn < 10 else 1 / 1.3))
        timed("move the playhead", lambda turn=turn: view.show_time(line.duration * (0.4 + 0.001 * turn)))
    view.close()
    spent = {f"{name}, ms of the processor": milliseconds(values) for name, values in took.items()}
    return {**spent, "labels": len(labels), "curves": len(curves)}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("session", type=Path, help="a recording's folder")
    asked.add_argument("--out", type=Path, required=True, help="where the long session is made, or was")
    asked.add_argument("--hours", type=float, default=1.0)
    options = asked.parse_args()
    if not (options.out / "video.mkv").is_file():
        repeat(options.session, options.out, options.hours)
    figures = {**measure(options.out), "timeline": paint(options.out)}
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
