"""`stillpoint settings`: every key with its default and what it is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..settings import Settings, load_settings, settings_path, settings_tree


def settings() -> None:
    """List every setting: its key, its default, its value now, and where the file is."""
    defaults = dict(flat(settings_tree(Settings())))
    now = dict(flat(settings_tree(load_settings())))
    table = Table("key", "default", "now")
    for key, default in defaults.items():
        value = now[key]
        style = "" if value == default else "bold"
        table.add_row(key, escape(repr(default)), escape(repr(value)), style=style)
    console = Console()
    console.print(table)
    path = settings_path()
    console.print(f"File: {path}" + ("" if path.is_file() else " (there is none yet)"), markup=False, soft_wrap=True)
    console.print("Environment: STILLPOINT_<TABLE>__<KEY>, for example STILLPOINT_CAPTURE__FPS=60", markup=False)


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of every leaf."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
