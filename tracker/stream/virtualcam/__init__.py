"""The virtual camera: the picture with its overlay, for every program that takes a webcam (extra `virtualcam`).

`worker.py` is another program: it runs in a process of its own and gets raw pictures through a pipe, because
pyvirtualcam's licence (GPL v2) and those of Stillpoint's library and window cannot share one.
"""

from .sink import VirtualCameraStream, factory

__all__ = ["VirtualCameraStream", "factory"]
