"""Which source: camera, file, folder, stream or demo; what was asked of it and what it gave."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from tracker.capture import SourceInfo, kind_of
from tracker.capture.message import name_of
from tracker.errors import SourceError
from tracker.settings import Capture

from ..keys import hint
from .form import Panel, named

log = logging.getLogger(__name__)

DEMO, FILE, FOLDER, STREAM, CAMERA, LOOK = "demo", "file", "folder", "stream", "camera", "look"
SIZES = (("As the driver likes", 0, 0), ("640 × 480", 640, 480), ("1280 × 720", 1280, 720), ("1920 × 1080", 1920, 1080))
RATES = (("As the driver likes", 0.0), ("15", 15.0), ("30", 30.0), ("60", 60.0), ("120", 120.0))
VIDEO_FILES = "Videos (*.mp4 *.mov *.mkv *.avi *.webm *.m4v *.mpg *.mpeg *.ts);;All files (*)"
Cameras = list[tuple[str, str]]


def find_cameras() -> Cameras:
    """(source, name to show) of every camera. May take seconds: call it off the window's thread."""
    from tracker.capture.camera import list_cameras

    return [(str(camera.index), f"{camera.name} ({camera.index})") for camera in list_cameras()]


class SourcePanel(Panel):
    """Choosing a camera or the demo opens it; a path or an address opens with Enter or Open."""

    opened = pyqtSignal(str)
    _found = pyqtSignal(object)

    def __init__(self, settings: Capture, source: str, find: Callable[[], Cameras] = find_cameras) -> None:
        super().__init__("Source")
        self._find = find
        self._demo = DEMO
        self._source, self._cameras = source, 0
        form = self.form()
        self.kind = QComboBox()
        named(self.kind, "Source", "Where the pictures come from")
        form.row("Source", self.kind)
        self.address = QLineEdit()
        self.address.setClearButtonEnabled(True)
        self.browse = QPushButton("Browse …")
        named(self.browse, "Browse", hint("open", "Choose a file or folder"))
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.address, 1)
        row.addWidget(self.browse)
        self._address_row = QWidget()
        row.setContentsMargins(0, 0, 0, 0)
        self._address_row.setLayout(row)
        self.column.addWidget(self._address_row)
        self.open_button = QPushButton("Open")
        self.open_button.setProperty("role", "primary")
        named(self.open_button, "Open the source", "Start tracking this source")
        self.column.addWidget(self.open_button)
        self._build_asked()
        self._build_got()
        self.column.addStretch(1)
        self._found.connect(self._show_cameras)
        self.kind.activated.connect(lambda _: self._kind_chosen())
        self.address.returnPressed.connect(self._open)
        self.open_button.clicked.connect(self._open)
        self.browse.clicked.connect(self.choose_path)
        self._show_cameras([])
        self.show_source(source)
        self.show_settings(settings)

    def look_for_cameras(self) -> None:
        """List the cameras in a thread of its own."""

        def look() -> None:
            try:
                cameras = self._find()
            except Exception:  # a driver that misbehaves while listing must not take the other sources away
                log.exception("cameras cannot be listed")
                cameras = []
            try:
                self._found.emit(cameras)
            except RuntimeError:
                log.debug("the window closed while cameras were listed")

        threading.Thread(target=look, name="stillpoint-cameras", daemon=True).start()

    def show_settings(self, settings: Capture) -> None:
        """Show what is asked of cameras."""
        with QSignalBlocker(self.picture_size), QSignalBlocker(self.frame_rate):
            self.picture_size.setCurrentIndex(_nearest(self.picture_size, (settings.width, settings.height)))
            self.frame_rate.setCurrentIndex(_nearest(self.frame_rate, settings.fps))

    def show_source(self, source: str) -> None:
        """Show which source is chosen, without opening it."""
        self._source = source
        kind = _kind(source)
        if kind == DEMO:  # with its options
            self._demo = source
        elif kind != CAMERA:
            self.address.setText(source)
        with QSignalBlocker(self.kind):
            self.kind.setCurrentIndex(self._camera(source) if kind == CAMERA else self.kind.findData(kind))
        self._show_address()

    def show_info(self, info: SourceInfo | None) -> None:
        """Asked, got, and what falls short."""
        self.name.setText(info.name if info else "–")
        self.asked_words.setText((info.asked or "nothing in particular") if info else "–")
        self.got.setText(info.got if info else "–")
        notes = "\n".join(info.notes) if info else ""
        self.notes.setText(notes)
        self.notes.setVisible(bool(notes))

    def choose_path(self) -> None:
        """Ask for a file or folder, and open it."""
        if self.kind.currentData() == FOLDER:
            path = QFileDialog.getExistingDirectory(self, "Open a folder of images")
        else:
            path, _ = QFileDialog.getOpenFileName(self, "Open a video", "", VIDEO_FILES)
        if path:
            self.address.setText(path)
            self.opened.emit(path)

    def choose_kind(self, kind: str) -> None:
        """Switch to a kind and put the focus where its address is typed."""
        with QSignalBlocker(self.kind):
            self.kind.setCurrentIndex(self.kind.findData(kind))
        self._show_address()
        self.address.setFocus()
        self.address.selectAll()

    def _build_asked(self) -> None:
        self.heading("Asked of cameras")
        form = self.form()
        self.picture_size = QComboBox()
        for text, width, height in SIZES:
            self.picture_size.addItem(text, (width, height))
        named(self.picture_size, "Picture size", "What is asked of a camera; it may give something else")
        self.picture_size.activated.connect(self._size_chosen)
        form.row("Size", self.picture_size)
        self.frame_rate = QComboBox()
        for text, rate in RATES:
            self.frame_rate.addItem(f"{text} fps" if rate else text, rate)
        named(self.frame_rate, "Frames a second", "What is asked of a camera; it may give something else")
        self.frame_rate.activated.connect(lambda _: self.asked.emit("capture.fps", self.frame_rate.currentData()))
        form.row("Rate", self.frame_rate)

    def _build_got(self) -> None:
        self.heading("This source")
        form = self.form()
        self.name, self.asked_words, self.got = QLabel("–"), QLabel("–"), QLabel("–")
        for caption, label in (("Name", self.name), ("Asked", self.asked_words), ("Got", self.got)):
            label.setWordWrap(True)
            label.setProperty("role", "value")
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            form.row(caption, label, "muted")
        self.notes = self.words(role="warning")
        self.notes.hide()

    def _size_chosen(self) -> None:
        width, height = self.picture_size.currentData()
        self.asked.emit("capture.width", width)
        self.asked.emit("capture.height", height)

    def _show_cameras(self, cameras: Cameras) -> None:
        chosen = self.kind.currentData()
        with QSignalBlocker(self.kind):
            self.kind.clear()
            self.kind.addItem("Demo (needs no camera)", DEMO)
            for source, name in cameras:
                self.kind.addItem(name, source)
            self._cameras = len(cameras)
            self.kind.addItem("Video file", FILE)
            self.kind.addItem("Folder of images", FOLDER)
            self.kind.addItem("Stream address", STREAM)
            self.kind.addItem("Look for cameras again" if cameras else "No camera found: look again", LOOK)
            index = self.kind.findData(chosen)
            if index < 0 or _kind(self._source) == CAMERA == _kind(str(chosen)):
                index = self._camera(self._source) if _kind(self._source) == CAMERA else 0
            self.kind.setCurrentIndex(index)
        self._show_address()

    def _camera(self, source: str) -> int:
        """The entry of a camera by its index, by a part of its name, or of the first one; one that is not there (yet)
        gets an entry of its own."""
        listed = range(1, self._cameras + 1)
        index = self.kind.findData(source)
        if index < 0 and source == CAMERA:
            index = next(iter(listed), -1)
        if index < 0:
            index = next((i for i in listed if source.lower() in self.kind.itemText(i).lower()), -1)
        if index < 0:
            index = self._cameras + 1
            self.kind.insertItem(index, name_of(source), source)
        return index

    def _kind_chosen(self) -> None:
        if self.kind.currentData() == LOOK:
            self.kind.setItemText(self.kind.currentIndex(), "Looking for cameras …")
            self.show_source(self._source)
            self.look_for_cameras()
            return
        self._show_address()
        if self.kind.currentData() not in (FILE, FOLDER, STREAM):
            self._open()
        else:
            self.address.setFocus()

    def _show_address(self) -> None:
        kind = self.kind.currentData()
        self._address_row.setVisible(kind in (FILE, FOLDER, STREAM))
        self.browse.setVisible(kind != STREAM)
        example = {STREAM: "http://phone:8080/video", FOLDER: "Path of a folder"}.get(kind, "Path of a video")
        self.address.setPlaceholderText(example)
        named(self.address, "Path or address", example)

    def _open(self) -> None:
        kind = self.kind.currentData()
        source = self.address.text().strip() if kind in (FILE, FOLDER, STREAM) else self._demo if kind == DEMO else kind
        if source:
            self.opened.emit(source)
        elif kind == STREAM:
            self.address.setFocus()
        else:
            self.choose_path()


def _kind(source: str) -> str:
    """What a source is listed as: demo, camera, file, folder or stream."""
    try:
        kind = kind_of(source)
    except SourceError:  # a path that is not there
        return FILE
    named = {"demo": DEMO, "camera": CAMERA, "stream": STREAM, "images": FOLDER, "video": FILE}
    return named[kind]


def _nearest(box: QComboBox, value: object) -> int:
    """The entry of a value; one is added for a value from the settings file that the list has not."""
    index = box.findData(value)
    if index < 0:
        text = f"{value[0]} × {value[1]}" if isinstance(value, tuple) else f"{value:g} fps"
        box.addItem(text, value)
        index = box.count() - 1
    return index
