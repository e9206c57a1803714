"""The 3D view of a personal head: frames a second, and what a frame costs on and off the window's thread.

    xvfb-run -a -s "-screen 0 1400x900x24" python tests/benchmarks/head_view.py HEAD --out head_view.json

A head that nods and talks is shown in each way for some frames, or seconds where those do not come: splats and textured
mesh by OpenGL (which may run on the processor: LIBGL_ALWAYS_SOFTWARE=1), the mesh drawn in software, and the generic
head. A frame counts when it was painted; new poses are offered 60 times a second. Pictures go beside the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import cast

import numpy as np
from PyQt6.QtCore import QEvent, QEventLoop, QObject, QTimer
from PyQt6.QtGui import QOpenGLContext
from PyQt6.QtWidgets import QApplication, QWidget

from tracker.avatar.store import load_avatar
from tracker.head import EXPRESSIONS, Basis, load_head
from tracker.types import Camera, Face, FaceState, Frame, Tracked, TrackResult, rotation_from_angles
from ui.head_view import HeadView
from ui.person.prepare import DRAWINGS, Drawing, Manner, Person
from ui.scene import Wish, compose
from ui.theme import DARK

WAYS: tuple[tuple[str, Drawing], ...] = (
    ("opengl", "splats"),
    ("opengl", "mesh"),
    ("software", "splats"),
    ("opengl", "generic"),
)
SIDE = 400


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one way. `window_ms` and `other_ms`: processor time a painted frame of the window's thread and of all others
    (OpenGL on the processor draws in both); `prepared_ms`: of posing, lighting and sorting, off the window's thread."""

    renderer: str
    asked: Drawing
    drawn: Drawing
    note: str
    splats: int
    frames_a_second: float
    prepared_ms: float | None
    window_ms: float
    other_ms: float


class _Painted(QObject):
    """Counts a widget's paintings."""

    count = 0

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 (Qt's name)
        if event is not None and event.type() == QEvent.Type.Paint:
            self.count += 1
        return super().eventFilter(watched, event)


def face_of(at: float, basis: Basis) -> Face:
    """A face that shakes its head, talks and blinks."""
    weights = np.zeros(52, np.float32)
    weights[EXPRESSIONS.index("jawOpen")] = 0.25 + 0.25 * np.sin(9 * at)
    for side in ("Left", "Right"):
        weights[EXPRESSIONS.index(f"eyeBlink{side}")] = float(at % 2.0 < 0.2)
    none = np.zeros(0, np.float32)
    state = FaceState(
        rotation_from_angles(25 * np.sin(1.5 * at), 8 * np.sin(2.1 * at)),
        np.array([320, 240], np.float32), 1500.0, 1.2,
        Camera(500.0, 320.0, 240.0), np.zeros(40, np.float32), weights, none, none,
    )  # fmt: skip
    return Face(state, basis, presence=0.97)


def measure(
    app: QApplication, person: Person, way: tuple[str, Drawing], frames: int, seconds: float, picture: Path
) -> Cost:
    """Show a head until so many frames were painted, or for so long."""
    head = load_head()
    basis, painted = Basis(head), _Painted()
    view = HeadView(head, DARK, True, way[0])
    view.set_manner(Manner(drawing=way[1]))
    view.set_person(person)
    view.resize(SIDE, SIDE)
    view.show()
    canvas = cast(QWidget, view.renderer)
    canvas.installEventFilter(painted)
    prepared: list[float] = []
    begun = time.perf_counter()

    def offer() -> None:
        at = time.perf_counter() - begun
        image = np.zeros((480, 640, 3), np.uint8)
        result = TrackResult(Frame(image, at), (face_of(at, basis),), {})
        view.show_scene(compose(Tracked(result, result), Wish(landmarks=False, axes=False)))
        if view.prepared is not None and (not prepared or prepared[-1] != view.prepared.seconds):
            prepared.append(view.prepared.seconds)

    timer = QTimer()
    timer.timeout.connect(offer)
    timer.start(16)
    _run(app, painted, 5, seconds)  # the first frames load what later ones have
    painted.count = 0
    prepared.clear()
    own, every, since = time.thread_time(), _cpu(), time.perf_counter()
    _run(app, painted, frames, seconds)
    own, every, since = time.thread_time() - own, _cpu() - every, time.perf_counter() - since
    timer.stop()
    view.grab().save(str(picture))
    count = max(painted.count, 1)
    splats = len(person.stage) if person.stage is not None else 0
    cost = Cost(
        way[0],
        way[1],
        view.drawing,
        view.note,
        splats,
        round(painted.count / since, 1),
        round(1e3 * median(prepared), 2) if prepared else None,
        round(1e3 * own / count, 2),
        round(1e3 * max(every - own, 0.0) / count, 2),
    )
    view.shut_down()
    view.close()
    view.deleteLater()
    app.processEvents()
    return cost


def _run(app: QApplication, painted: _Painted, frames: int, seconds: float) -> None:
    over = time.perf_counter() + seconds
    while painted.count < frames and time.perf_counter() < over:
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("head", type=Path, help="a head's folder")
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--frames", type=int, default=120)
    asked.add_argument("--seconds", type=float, default=30.0, help="at most, for each way")
    options = asked.parse_args()
    app = QApplication([])
    person = Person.of(load_avatar(options.head))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    costs = []
    for way in WAYS:
        picture = options.out.with_name(f"{options.out.stem}-{way[0]}-{way[1]}.png")
        costs.append(measure(app, person, way, options.frames, options.seconds, picture))
        print(costs[-1])
    context = QOpenGLContext()
    version = context.format().version() if context.create() else None
    figures = {
        "ways": [asdict(cost) for cost in costs],
        "load": os.getloadavg()[0],
        "opengl": version,
        "order": DRAWINGS,
        "side_px": SIDE,
    }
    options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
