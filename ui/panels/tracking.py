"""The detector: network, engine, number of faces, landmark layout, and how sure it is of each face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QSignalBlocker
from PyQt6.QtWidgets import QLabel, QProgressBar, QSpinBox

from tracker.settings import Settings
from tracker.types import Face

from ..theme import tabular
from .form import Panel, named

ENGINES = (
    ("Automatic", "auto"),
    ("ONNX Runtime (CPU)", "onnx"),
    ("ONNX Runtime (CPU, 8 bits)", "onnx:int8"),
    ("PyTorch (CPU)", "torch"),
    ("PyTorch (NVIDIA GPU)", "torch:cuda"),
)
MODELS = (("Default · most exact", "default"), ("Fast · least work", "fast"))
LAYOUTS = (
    ("478 · MediaPipe's mesh", "mediapipe478"),
    ("68 · iBUG 300-W", "ibug68"),
    ("68 · AFLW2000-3D", "aflw2000_68"),
    ("21 · AFLW", "aflw21"),
    ("1201 · dense", "dense"),
)
FACES_MOST = 8


class TrackingPanel(Panel):
    """Network, engine and faces restart the tracker; the layout changes the drawing only."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("Tracking")
        form = self.form()
        tip = "Which trained network reads the face. Changing it starts the tracker anew."
        self.model = self.choice("detection.model", MODELS, "Network", tip)
        form.row("Network", self.model)
        tip = "What runs the network. Changing it starts the tracker anew."
        self.engine = self.choice("detection.engine", ENGINES, "Engine", tip)
        form.row("Engine", self.engine)
        self.max_faces = QSpinBox()
        self.max_faces.setRange(1, FACES_MOST)
        self.max_faces.setKeyboardTracking(False)
        named(self.max_faces, "Most faces", "How many faces are followed at once. Changing it starts the tracker anew.")
        self.max_faces.valueChanged.connect(lambda n: self.asked.emit("detection.max_faces", n))
        form.row("Most faces", self.max_faces)
        self.layout_name = self.choice("view.layout", LAYOUTS, "Landmark layout", "Which landmarks are drawn")
        form.row("Landmarks", self.layout_name)
        self.running = self.words()
        self.heading("Faces")
        self.none = self.words("No face is tracked.")
        self._bars: list[tuple[QProgressBar, QLabel]] = []
        self.column.addStretch(1)
        self.show_settings(settings)

    def show_settings(self, settings: Settings) -> None:
        """Show what is in force."""
        about = settings.detection
        if self.model.findData(about.model) < 0:  # the folder of a network of one's own
            self.model.addItem(Path(about.model).name, about.model)
        with QSignalBlocker(self.engine), QSignalBlocker(self.max_faces), QSignalBlocker(self.layout_name):
            self.model.setCurrentIndex(self.model.findData(about.model))
            self.engine.setCurrentIndex(self.engine.findData(about.engine))
            self.max_faces.setValue(about.max_faces)
            self.layout_name.setCurrentIndex(self.layout_name.findData(settings.view.layout))

    def show_engine(self, name: str) -> None:
        """The engine that runs, which "automatic" chose."""
        self.running.setText(f"Running on {name}." if name else "")

    def show_faces(self, faces: Sequence[Face]) -> None:
        """Presence, distance and size of each face."""
        self.none.setVisible(not faces)
        for i, face in enumerate(faces[:FACES_MOST]):
            if i == len(self._bars):
                self._bars.append(self._add_bar(i))
            bar, words = self._bars[i]
            percent = round(100 * face.presence)
            if bar.value() != percent:
                bar.setValue(percent)
            pose = face.pose
            seen = f"presence {percent} %" if face.held == 0.0 else f"not seen for {face.held:.1f} s, held"
            words.setText(
                f"Face {face.id} · {seen}\n"
                f"{100 * pose.translation[2]:.0f} cm away · {face.size_px:.0f} px · "
                f"yaw {pose.yaw_deg:+.0f}° pitch {pose.pitch_deg:+.0f}° roll {pose.roll_deg:+.0f}°"
            )
        for i, (bar, words) in enumerate(self._bars):
            bar.setVisible(i < len(faces))
            words.setVisible(i < len(faces))

    def _add_bar(self, i: int) -> tuple[QProgressBar, QLabel]:
        bar = QProgressBar()
        bar.setRange(0, 100)
        bar.setTextVisible(False)
        named(bar, f"Presence of face {i + 1}", "How sure the network is that this is a face")
        words = self.words(role="value")
        words.setFont(tabular(words.font()))
        self.column.removeWidget(words)
        self.column.insertWidget(self.column.count() - 1, words)
        self.column.insertWidget(self.column.count() - 1, bar)
        return bar, words
