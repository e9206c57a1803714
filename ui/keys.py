"""The keyboard, as one table: what each key does, in the menus, the tooltips, the sheet and the window."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Key:
    """One action: its keys in Qt's portable spelling, what it does, its group on the sheet, and whether it is held."""

    action: str
    keys: tuple[str, ...]
    text: str
    group: str
    hold: bool = False


KEYS: tuple[Key, ...] = (
    Key("toggle", ("Space",), "Start or stop tracking", "Tracking"),
    Key("raw", ("T",), "Show the raw values, unfiltered", "Tracking", hold=True),
    Key("filter", ("Shift+T",), "Filter on or off", "Tracking"),
    Key("record", ("R", "Ctrl+R"), "Record, or stop recording", "Recording"),
    Key("escape", ("Esc",), "Leave full screen; stop recording (asks after 10 s)", "Recording"),
    Key("open", ("Ctrl+O",), "Open a video file", "Source"),
    Key("open_url", ("Ctrl+U",), "Open a stream by its address", "Source"),
    Key("demo", ("Ctrl+D",), "Open the demo", "Source"),
    Key("retry", ("F5",), "Try the source again", "Source"),
    Key("overlay", ("H",), "Hide or show the overlay", "View"),
    Key("landmarks", ("Alt+1",), "Landmarks", "View"),
    Key("mesh", ("Alt+2",), "Dense mesh", "View"),
    Key("box", ("Alt+3",), "Box", "View"),
    Key("axes", ("Alt+4",), "Pose axes", "View"),
    Key("follow", ("Alt+5",), "3D head follows the pose", "View"),
    Key("zoom_in", ("+", "="), "Zoom in", "View"),
    Key("zoom_out", ("-",), "Zoom out", "View"),
    Key("fit", ("Ctrl+0",), "Fit the picture", "View"),
    Key("full_screen", ("F", "F11"), "Full screen", "View"),
    Key("theme", ("Ctrl+Shift+T",), "Light or dark", "Window"),
    Key("reset_layout", ("Ctrl+Shift+L",), "Reset the layout", "Window"),
    Key("settings", ("Ctrl+,",), "Settings: go to the panels", "Window"),
    Key("keys", ("F1", "Ctrl+/"), "This sheet", "Window"),
    Key("quit", ("Ctrl+Q",), "Quit", "Window"),
)
BY_ACTION: dict[str, Key] = {key.action: key for key in KEYS}


def hint(action: str, text: str = "") -> str:
    """A tooltip that names the key: "Start or stop tracking (Space)"."""
    key = BY_ACTION[action]
    return f"{text or key.text} ({'hold ' if key.hold else ''}{key.keys[0]})"


def sheet() -> str:
    """The table of all keys, as HTML."""
    rows: list[str] = []
    group = ""
    for key in KEYS:
        if key.group != group:
            group = key.group
            rows.append(f'<tr><td colspan="2" style="padding-top:10px"><b>{escape(group)}</b></td></tr>')
        names = " &nbsp;or&nbsp; ".join(f"<code>{escape(name)}</code>" for name in key.keys)
        held = " (hold)" if key.hold else ""
        rows.append(f'<tr><td style="padding:2px 26px 2px 12px">{names}{held}</td><td>{escape(key.text)}</td></tr>')
    return f'<table cellspacing="0">{"".join(rows)}</table>'
