"""The replay window's keyboard, as one table."""

from __future__ import annotations

from ..keys import BY_ACTION, Key

SHARED = ("overlay", "landmarks", "mesh", "box", "axes", "follow", "zoom_in", "zoom_out", "fit", "full_screen")
"""What has the same key in the live window."""

KEYS: tuple[Key, ...] = (
    Key("play", ("Space", "K"), "Play or pause", "Replay"),
    Key("play_back", ("J",), "Play backwards", "Replay"),
    Key("play_on", ("L",), "Play forwards", "Replay"),
    Key("back", ("Left",), "One frame back", "Replay"),
    Key("on", ("Right",), "One frame on", "Replay"),
    Key("back_10", ("Shift+Left",), "Ten frames back", "Replay"),
    Key("on_10", ("Shift+Right",), "Ten frames on", "Replay"),
    Key("back_100", ("Ctrl+Left",), "A hundred frames back", "Replay"),
    Key("on_100", ("Ctrl+Right",), "A hundred frames on", "Replay"),
    Key("first", ("Home",), "To the beginning", "Replay"),
    Key("last", ("End",), "To the end", "Replay"),
    Key("slower", (",",), "Slower", "Replay"),
    Key("faster", (".",), "Faster", "Replay"),
    Key("previous", ("Alt+Left",), "To the marker before", "Markers"),
    Key("next", ("Alt+Right",), "To the next marker", "Markers"),
    BY_ACTION["mark"],
    Key("text", ("N", "Shift+M"), "Write a marker's text", "Markers"),
    Key("delete", ("Delete", "Backspace"), "Delete what is selected", "Markers"),
    Key("select_all", ("Ctrl+A",), "Select all markers", "Markers"),
    Key("span_in", ("[",), "Begin the selected marker here", "Markers"),
    Key("span_out", ("]",), "End the selected marker with this frame", "Markers"),
    Key("undo", ("Ctrl+Z",), "Undo", "Markers"),
    Key("redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "Redo", "Markers"),
    Key("automatic", ("Ctrl+G",), "Make automatic markers", "Markers"),
    Key("import", ("Ctrl+I",), "Import labels", "File"),
    Key("export", ("Ctrl+E",), "Export labels", "File"),
    Key("export_session", ("Ctrl+Shift+E",), "Export the session", "File"),
    Key("save", ("Ctrl+S",), "Save now (it is saved by itself, too)", "File"),
    Key("close", ("Ctrl+W", "Ctrl+Q"), "Close", "File"),
    Key("correct", ("C",), "Correct landmarks: drag them", "Landmarks"),
    Key("add", ("A",), "Add a landmark: click on the face", "Landmarks"),
    Key("raw", ("T",), "Show the raw values, unfiltered", "Landmarks", hold=True),
    *(BY_ACTION[name] for name in SHARED),
    Key("closer", ("Ctrl++", "Ctrl+="), "Timeline: show less", "View"),
    Key("wider", ("Ctrl+-",), "Timeline: show more", "View"),
    Key("whole", ("Ctrl+9",), "Timeline: show all", "View"),
    Key("escape", ("Esc",), "Leave full screen", "View"),
    Key("theme", ("Ctrl+Shift+T",), "Light or dark", "View"),
    Key("reset_layout", ("Ctrl+Shift+L",), "Reset the layout", "View"),
    Key("sheet", ("F1", "Ctrl+/"), "This sheet", "Help"),
)
MENUS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("&File", ("import", "export", "export_session", "save", "", "close")),
    (
        "&Replay",
        (
            "play", "play_back", "", "back", "on", "back_10", "on_10", "back_100", "on_100", "first", "last", "",
            "slower", "faster",
        ),
    ),
    (
        "&Markers",
        (
            "text", "span_in", "span_out", "delete", "select_all", "", "undo", "redo", "", "previous", "next", "",
            "automatic",
        ),
    ),
    ("&Landmarks", ("correct", "add")),
    (
        "&View",
        (
            "landmarks", "mesh", "box", "axes", "overlay", "", "follow", "", "zoom_in", "zoom_out", "fit", "",
            "closer", "wider", "whole", "", "full_screen", "theme", "reset_layout", "",
        ),
    ),
    ("&Help", ("sheet",)),
)  # fmt: skip
