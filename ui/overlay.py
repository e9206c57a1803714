"""What features paint on the picture, and how they hear the mouse there."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QPainter

from .scene import Scene, Wish


@dataclass(frozen=True, slots=True)
class Spot:
    """A place under the mouse: `frame` (x, y) in pixels of the frame, `view` (x, y) in device pixels of the whole view,
    `ratio` of those to a device-independent one; the scene there, and the keys held with it."""

    frame: tuple[float, float]
    view: tuple[float, float]
    ratio: float
    scene: Scene
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier

    @property
    def wish(self) -> Wish:
        return self.scene.wish

    @property
    def index(self) -> int:
        """Of the frame."""
        return self.scene.tracked.raw.frame.index

    @property
    def scale(self) -> float:
        """Device pixels of the view to a pixel of the frame."""
        return float(self.scene.placement.scale.mean())


class Overlay:
    """One layer on the picture, painted over the landmarks. All calls come in the window's thread.

    Work out what to paint elsewhere (`Feature.tap`); painting only strokes, in device pixels of the view, `ratio` of
    them to a device-independent one. The painter's state is restored afterwards. Overrides of the mouse return whether
    they took it: then they also get its moves, until the button is let go, and the picture is not dragged.
    """

    def paint(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        """On the picture, clipped to it: `scene.placement.to_view` takes frame pixels there."""

    def paint_before(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        """The same on the unfiltered picture, where the two are compared."""

    def paint_over(self, painter: QPainter, scene: Scene, ratio: float) -> None:
        """Over the whole view, last: what belongs to the view and not to the picture."""

    def press(self, spot: Spot) -> bool:
        """The left button went down."""
        return False

    def move(self, spot: Spot) -> None:
        """The mouse moved while the button that `press` took is down."""

    def release(self, spot: Spot) -> None:
        """The button came up."""

    def cursor(self, spot: Spot) -> Qt.CursorShape | None:
        """The shape of the mouse here; None: as always."""
        return None
