"""MediaPipe beside the tracker, for the window: begun with a source, ended with it, its answers given to the watch."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QObject, pyqtSignal

from tracker.peers import Found, LivePeer, PeerFace
from tracker.types import Frame

from .watch import Watch


class PeerRunner(QObject):
    """At most one peer at a time. `told`: what is to be said of it, in the window's thread."""

    told = pyqtSignal(str)

    def __init__(self, watch: Watch, parent: QObject) -> None:
        super().__init__(parent)
        self._watch = watch
        self._peer: LivePeer | None = None
        self._ended: list[LivePeer] = []

    @property
    def running(self) -> bool:
        return self._peer is not None

    def start(self, found: Found) -> None:
        """Anew: its filter must not know the last source."""
        self.stop()
        self.told.emit("MediaPipe starts …")
        self._peer = LivePeer(found, self._ready, self._heard, self.told.emit)

    def offer(self, frame: Frame) -> None:
        """The newest frame, from any thread."""
        peer = self._peer
        if peer is not None:
            peer.offer(frame)

    def stop(self) -> None:
        """Ask it to end; returns at once."""
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.stop()
            self._ended = [old for old in self._ended if old.alive]
            self._ended.append(peer)
        self._watch.end_peer()

    def close(self) -> None:
        """End it and wait for that."""
        self.stop()
        for peer in self._ended:
            peer.join()

    def _ready(self, offline: bool) -> None:
        if offline:
            self.told.emit("Runs on this computer in a process of its own, which has no network.")
        else:
            self.told.emit(
                "Runs on this computer in a process of its own; no picture leaves it, but Google's library may send "
                "statistics of its use."
            )

    def _heard(self, frame: Frame, face: PeerFace) -> None:
        if self._peer is not None:
            points = None if face.points is None else np.ascontiguousarray(face.points[:, :2])
            self._watch.step_peer(frame, points, face.seconds)
