"""`stillpoint settings`: every key with what it means, its default and what it is now."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ..settings import Settings, load_settings, settings_path, settings_tree


def settings() -> None:
    """List every setting: its key, its default, its value now, and where the file is."""
    defaults, now = settings_tree(Settings()), settings_tree(load_settings())
    console = Console()
    for name, kind in get_type_hints(Settings).items():
        about = (inspect.getdoc(kind) or "").replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n")
        console.print(f"\n{about}", markup=False, highlight=False)
        table = Table(Column("key", no_wrap=True), Column("default", overflow="fold"), Column("now", overflow="fold"))
        values = dict(flat(now[name], f"{name}."))
        for key, default in flat(defaults[name], f"{name}."):
            style = "" if values[key] == default else "bold"
            table.add_row(key, escape(repr(default)), escape(repr(values[key])), style=style)
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
