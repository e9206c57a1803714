"""The window's size, and where its fixed parts stand: the picture with the banner above it, and the status row."""

from __future__ import annotations

from PyQt6.QtCore import QSize
from PyQt6.QtWidgets import QMainWindow, QStatusBar, QVBoxLayout, QWidget

from .banner import Banner
from .status import StatusRow
from .video_view import VideoView

LEAST_SIZE = (1024, 640)
FIRST_SIZE = QSize(1440, 880)
"""Of the window, where the screen has room for it."""


def set_stage(window: QMainWindow, banner: Banner, video: VideoView, status: StatusRow) -> None:
    """Put them into the window, in its first size; docks stand around them."""
    window.setMinimumSize(*LEAST_SIZE)
    screen = window.screen()
    window.resize(FIRST_SIZE if screen is None else FIRST_SIZE.boundedTo(screen.availableSize()))
    stage = QWidget()
    stage.setObjectName("stage")
    column = QVBoxLayout(stage)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    column.addWidget(banner)
    column.addWidget(video, 1)
    window.setCentralWidget(stage)
    bar = QStatusBar()
    bar.setSizeGripEnabled(False)
    bar.addWidget(status, 1)
    window.setStatusBar(bar)
