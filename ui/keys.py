"""The keyboard, as one table: what each key does, in the menus, the tooltips, the sheet and the window."""

from __future__ import annotations

from collections.abc import Sequence
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
    Key("filter", ("Shift+T",), "Filter", "Tracking"),
    Key("record", ("R", "Ctrl+R"), "Record, or stop recording", "Recording"),
    Key("escape", ("Esc",), "Leave full screen; stop recording (asks after 10 s)", "Recording"),
    Key("export", ("Ctrl+E",), "Export a session", "Recording"),
    Key("recentre", ("Shift+C",), "Recentre what is sent: straight ahead is now", "Outputs"),
    Key("outputs", ("Ctrl+Shift+O",), "Go to the outputs", "Outputs"),
    Key("mark", ("M",), "Drop a marker (1 … 9: of other labels); hold for a span", "Markers", hold=True),
    Key("mark_text", ("Shift+M",), "Write a marker's text", "Markers"),
    Key("undo_mark", ("Ctrl+Z",), "Undo the last marker", "Markers"),
    Key("redo_mark", ("Ctrl+Shift+Z",), "Redo it", "Markers"),
    Key("replay", ("Ctrl+Shift+R",), "Replay a session", "Markers"),
    Key("open", ("Ctrl+O",), "Open a video file", "Source"),
    Key("open_url", ("Ctrl+U",), "Open a stream by its address", "Source"),
    Key("demo", ("Ctrl+D",), "Open the demo", "Source"),
    Key("retry", ("F5",), "Try the source again", "Source"),
    Key("overlay", ("H",), "Overlay", "View"),
    Key("landmarks", ("Alt+1",), "Landmarks", "View"),
    Key("mesh", ("Alt+2",), "Dense mesh", "View"),
    Key("box", ("Alt+3",), "Box", "View"),
    Key("axes", ("Alt+4",), "Pose axes", "View"),
    Key("follow", ("Alt+5",), "3D head follows the pose", "View"),
    Key("zoom_in", ("+", "="), "Zoom in", "View"),
    Key("zoom_out", ("-",), "Zoom out", "View"),
    Key("fit", ("Ctrl+0",), "Fit the picture", "View"),
    Key("full_screen", ("F", "F11"), "Full screen", "View"),
    Key("compare", ("C",), "One picture, raw beside stabilized, or split", "Stability"),
    Key("divider_left", ("[",), "The split's divider to the left", "Stability"),
    Key("divider_right", ("]",), "The split's divider to the right", "Stability"),
    Key("magnifier", ("G",), "Magnify how landmarks shake", "Stability"),
    Key("close_up", ("I",), "Close-up of a landmark", "Stability"),
    Key("next_landmark", ("N",), "Close-up of the next landmark", "Stability"),
    Key("previous_landmark", ("Shift+N",), "Close-up of the one before", "Stability"),
    Key("sit_still", ("Ctrl+M",), "Sit still: measure for 5 seconds", "Stability"),
    Key("measurements", ("Ctrl+Shift+M",), "Earlier measurements", "Stability"),
    Key("stability", ("Ctrl+J",), "Go to the stability panel", "Stability"),
    Key("person_photo", ("Ctrl+Shift+H",), "Build a personal head from this picture", "Person"),
    Key("person_turn", ("Ctrl+H",), "Build one from a turn of the head; again: that is enough", "Person"),
    Key("person_mirror", ("Alt+6",), "3D head beside the video", "Person"),
    Key("person_tint", ("Alt+7",), "Tint what was seen, mirrored, guessed", "Person"),
    Key("person_delete", ("Ctrl+Shift+Del",), "Delete the personal head that is shown", "Person"),
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


def sheet(columns: int = 3, table: Sequence[Key] = ()) -> str:
    """The table of all keys, as HTML: whole groups, in columns of about the same height."""
    groups: dict[str, list[Key]] = {}
    for key in table or KEYS:
        groups.setdefault(key.group, []).append(key)
    most = sum(len(keys) + 1 for keys in groups.values()) / columns
    cells, height = [""], 0
    for group, keys in groups.items():
        if height and height + len(keys) / 2 > most and len(cells) < columns:
            cells.append("")
            height = 0
        cells[-1] += f'<tr><td colspan="2" style="padding-top:10px"><b>{escape(group)}</b></td></tr>'
        cells[-1] += "".join(_row(key) for key in keys)
        height += len(keys) + 1
    tables = "".join(f'<td style="padding-right:22px"><table cellspacing="0">{cell}</table></td>' for cell in cells)
    return f"<table><tr>{tables}</tr></table>"


def _row(key: Key) -> str:
    names = " &nbsp;or&nbsp; ".join(f"<code>{escape(name)}</code>" for name in key.keys)
    held = " (hold)" if key.hold else ""
    name = f'<td valign="middle" style="padding:2px 20px 2px 12px">{names}{held}</td>'
    return f'<tr>{name}<td valign="middle" style="padding:2px 0">{escape(key.text)}</td></tr>'
