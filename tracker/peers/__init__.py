"""Other trackers, run beside ours on the same frames for comparison. None of them is needed to track.

A peer runs in a process of its own, from an environment of its own: MediaPipe's wheel wants another build of OpenCV
than Stillpoint's, and neither program shall slow the other.
"""

from __future__ import annotations

from .live import Found, LivePeer, find
from .mediapipe import MediaPipe, PeerFace

__all__ = ["Found", "LivePeer", "MediaPipe", "PeerFace", "find"]
