"""The status row: rates, latency, drops, engine, faces, recording; and the buttons that start, stop and record."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtGui import QFontMetrics
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from tracker.pipeline import Pipeline

from .keys import hint
from .panels.form import named
from .rec_badge import clock
from .theme import Colors, icon, tabular

RATE_S = 2.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What the row shows; None where there is nothing to show."""

    camera_fps: float | None = None
    tracker_fps: float | None = None
    screen_fps: float | None = None
    latency_ms: tuple[float, float] | None = None
    dropped: int | None = None


class Meter:
    """Figures from the pipeline's counters: rates over the last two seconds."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, int, int, int]] = deque()
        self._of: Pipeline | None = None

    def read(self, pipeline: Pipeline | None, painted: int) -> Figures:
        """Call a few times a second; `painted`: how many frames the screen has shown."""
        if pipeline is not self._of:
            self._past.clear()
            self._of = pipeline
        if pipeline is None:
            return Figures()
        count, now = pipeline.counters, time.monotonic()
        self._past.append((now, count.captured, count.tracked, painted))
        while len(self._past) > 2 and now - self._past[1][0] >= RATE_S:
            self._past.popleft()
        then, *before = self._past[0]
        span = now - then
        camera, tracker, screen = (
            (new - old) / span if span > 0.3 else None
            for new, old in zip((count.captured, count.tracked, painted), before, strict=True)
        )
        return Figures(camera, tracker, screen, latency_ms(pipeline), count.dropped)


def latency_ms(pipeline: Pipeline) -> tuple[float, float] | None:
    """Median and 95th percentile, ms: from capture to result on live sources, else of tracking and filtering."""
    stages = pipeline.latencies.summary()
    if "capture_to_result" in stages:
        whole = stages["capture_to_result"]
        return 1000 * whole.median, 1000 * whole.p95
    if "step" in stages:
        parts = [stages[name] for name in ("step", "filter") if name in stages]
        return 1000 * sum(p.median for p in parts), 1000 * sum(p.p95 for p in parts)
    return None


class _Cell(QWidget):
    """A caption and, below it, a value of a fixed width, so that the row does not move as numbers change."""

    def __init__(self, caption: str, widest: str, tip: str) -> None:
        super().__init__()
        self._name = caption
        small = QLabel(caption)
        small.setProperty("role", "muted")
        font = small.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        small.setFont(font)
        self.value = QLabel("–")
        self.value.setFont(tabular(self.value.font()))
        width = QFontMetrics(self.value.font()).horizontalAdvance(widest) + 4
        self.value.setMinimumWidth(width)
        self.setToolTip(tip)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(small)
        column.addWidget(self.value)

    def show_text(self, text: str) -> None:
        if text != self.value.text():
            self.value.setText(text)
            self.setAccessibleName(f"{self._name}: {text}")


class StatusRow(QWidget):
    """Left to right in the order that the product document gives; the buttons at the right end."""

    def __init__(self, colors: Colors) -> None:
        super().__init__()
        self._colors = colors
        self._running = self._recording = False
        self.cells = {
            "camera": _Cell("Camera", "120.0 fps", "Frames a second that the source delivers"),
            "tracker": _Cell("Tracker", "120.0 fps", "Frames a second that are tracked"),
            "screen": _Cell("Screen", "120.0 fps", "Frames a second that are painted"),
            "latency": _Cell(
                "Latency p50 / p95",
                "100.0 / 100.0 ms",
                "Median and 95th percentile: from capture to result on live sources, else of tracking and filtering",
            ),
            "dropped": _Cell("Dropped", "00000", "Frames that were replaced by a newer one before they were tracked"),
            "engine": _Cell("Engine", "onnx", "What runs the network"),
            "face": _Cell("Face", "Searching …", "Whether a face is tracked; held: not seen for a moment"),
            "record": _Cell("Recording", "00:00", "Whether and where it is recorded"),
        }
        self.toggle = QPushButton("Start")
        self.toggle.setProperty("role", "transport")
        named(self.toggle, "Start or stop tracking", hint("toggle"))
        self.record = QPushButton("Record")
        self.record.setProperty("role", "record")
        self.record.setCheckable(True)
        self.record.setEnabled(False)
        named(self.record, "Record", hint("record"))
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 12, 6)
        row.setSpacing(18)
        for cell in self.cells.values():
            row.addWidget(cell)
        row.addStretch(1)
        row.addWidget(self.toggle)
        row.addWidget(self.record)
        self.set_colors(colors)

    def show_figures(self, figures: Figures) -> None:
        rates = {"camera": figures.camera_fps, "tracker": figures.tracker_fps, "screen": figures.screen_fps}
        for name, fps in rates.items():
            self.cells[name].show_text("–" if fps is None else f"{fps:.1f} fps")
        latency = figures.latency_ms
        self.cells["latency"].show_text("–" if latency is None else f"{latency[0]:.1f} / {latency[1]:.1f} ms")
        self.cells["dropped"].show_text("–" if figures.dropped is None else str(figures.dropped))

    def show_running(self, running: bool, engine: str, recordable: bool = True) -> None:
        """`running`: there is something to stop; `recordable`: and pictures come."""
        self._running = running
        self.toggle.setText("Stop" if running else "Start")
        self.record.setEnabled(running and recordable)
        self.cells["engine"].show_text(engine or "–")
        self._dress()

    def show_face(self, text: str) -> None:
        self.cells["face"].show_text(text)

    def show_recording(self, seconds: float | None, folder: Path | None) -> None:
        """`seconds` since the recording began, or None."""
        recording = seconds is not None
        shown = f"● REC {clock(seconds or 0.0)}" if recording else "Off" if folder is None else "Saved"
        cell = self.cells["record"]
        cell.show_text(shown)
        cell.setToolTip(
            f"{'Recording into' if recording else 'Last recording:'} {folder}" if folder else "Not recording"
        )
        color = self._colors.record if recording else self._colors.text
        cell.value.setStyleSheet(f"color: {color}; font-weight: {'700' if recording else '400'};")
        if recording != self._recording:
            self._recording = recording
            self._dress()

    def set_colors(self, colors: Colors) -> None:
        self._colors = colors
        self._dress()

    def _dress(self) -> None:
        c = self._colors
        self.toggle.setIcon(icon("stop" if self._running else "play", c.text))
        self.record.setChecked(self._recording)
        self.record.setText("Stop REC" if self._recording else "Record")
        ink = c.on_record if self._recording else c.record if self.record.isEnabled() else c.muted
        self.record.setIcon(icon("stop" if self._recording else "record", ink))
