"""How a feature joins the window without the window knowing it: what it may use, and what it may bring.

A feature is one class in a file of its own, made once per window by a factory listed in `features.FEATURES`. Its keys
stand in `keys.KEYS` like all others, so that menus, tooltips and the sheet name them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from PyQt6.QtWidgets import QWidget

from tracker.settings import Settings
from tracker.types import Tracked

from .banner import Kind
from .bridge import Bridge
from .head_view import HeadView
from .live import Live, LiveState
from .overlay import Overlay
from .scene import Scene
from .theme import Colors, Theme
from .video_view import VideoView

Place = Literal["head", "panel", "bottom"]


class Say(Protocol):
    """Shows a sentence in the banner, with buttons; it goes after `for_s` seconds, or stays where that is 0."""

    def __call__(
        self, kind: Kind, text: str, actions: dict[str, Callable[[], None]] | None = None, for_s: float = 0.0
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Host:
    """What a feature may use of its window.

    `window` is for dialogs and as a parent; `recordings`: the folder that new ones go into; `settings()` are those in
    force, `change` one of them by its dotted key (what is refused is said in the banner); `open` tracks a source;
    `go_to` shows a dock by its title.
    """

    window: QWidget
    bridge: Bridge
    live: Live
    video: VideoView
    head: HeadView
    theme: Theme
    recordings: Path
    settings: Callable[[], Settings]
    change: Callable[[str, Any], None]
    say: Say
    open: Callable[[str], None]
    go_to: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Dock:
    """A widget with a title: in tabs with the 3D head, with the panels, or with the signals below the picture. `shown`
    False: hidden until it is asked for in the Window menu."""

    title: str
    widget: QWidget
    place: Place = "panel"
    shown: bool = True


class Feature:
    """Set the attributes in `__init__`, override what is needed; all but `tap` is called in the window's thread."""

    def __init__(self) -> None:
        self.docks: tuple[Dock, ...] = ()
        self.menu = ""
        """The title of the menu that its actions go into, at its end where it exists: "&View"."""
        self.actions: Mapping[str, Callable[[], object]] = {}
        """A name of `keys.KEYS` -> what it does."""
        self.held: Mapping[str, Callable[[bool], object]] = {}
        """A key with `hold=True` -> is called with True when it goes down and with False when it comes up."""
        self.overlays: tuple[Overlay, ...] = ()

    def tap(self, tracked: Tracked) -> None:
        """Every frame, in the bridge's thread, before its scene is composed: figures, well under a millisecond."""

    def show_scene(self, scene: Scene) -> None:
        """A frame is about to be painted."""

    def show_state(self, state: LiveState) -> None:
        """The source, its phase, or the recording changed. With a new source `host.live.pipeline` is new, too: from
        phase "opening" with an engine's name on it takes sinks of a feature (`add_sink`)."""

    def show_settings(self, settings: Settings) -> None:
        """A setting changed."""

    def set_colors(self, colors: Colors) -> None:
        """The theme changed."""

    def refresh(self) -> None:
        """Four times a second: what need not change with every frame."""

    def close(self) -> None:
        """The window closes: let threads, files and sockets go."""


Factory = Callable[[Host], Feature]
