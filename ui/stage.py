"""Where the window's fixed parts stand: the picture with the banner above it, and the status row."""

from __future__ import annotations

from PyQt6.QtWidgets import QMainWindow, QStatusBar, QVBoxLayout, QWidget

from .banner import Banner
from .status import StatusRow
from .video_view import VideoView


def set_stage(window: QMainWindow, banner: Banner, video: VideoView, status: StatusRow) -> None:
    """Put them into the window; docks stand around them."""
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
