"""Plain values -> TOML: Python reads it (`tomllib`), but does not write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def toml_of(tree: Mapping[str, Any], default: Mapping[str, Any]) -> str:
    """What of a tree of tables, numbers, texts and truths differs from the default, which has the same keys."""
    lines: list[str] = []
    _add(tree, default, (), lines)
    return "\n".join(lines) + "\n"


def _add(tree: Mapping[str, Any], default: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    changed = {k: v for k, v in tree.items() if not isinstance(v, dict) and v != default.get(k)}
    if changed:
        lines.append(f"[{'.'.join(path)}]" if path else "")
        lines.extend(f"{key} = {_value(value)}" for key, value in changed.items())
    for key, value in tree.items():
        if isinstance(value, dict):
            _add(value, default[key], (*path, key), lines)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # the one escape that JSON lacks
    return repr(value)
