"""What the window remembers: where its docks are (with a version), and which settings were changed in it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import platformdirs
from PyQt6.QtCore import QByteArray, QSettings
from PyQt6.QtWidgets import QMainWindow

from tracker.errors import StillpointError
from tracker.settings import Settings, load_settings, save_settings, settings_tree, with_setting

log = logging.getLogger(__name__)
LAYOUT_VERSION = 2
"""Raise it when docks come, go or change their meaning: older layouts are then left unread."""


def default_store() -> QSettings:
    """Where the layout is kept; STILLPOINT_WINDOW names another file."""
    named = os.environ.get("STILLPOINT_WINDOW")
    path = Path(named) if named else Path(platformdirs.user_config_dir("stillpoint")) / "window.ini"
    return QSettings(str(path), QSettings.Format.IniFormat)


def save_layout(window: QMainWindow, store: QSettings) -> None:
    """Keep size, place and docks."""
    store.setValue("layout/version", LAYOUT_VERSION)
    store.setValue("layout/geometry", window.saveGeometry())
    store.setValue("layout/state", window.saveState(LAYOUT_VERSION))
    store.sync()


def restore_layout(window: QMainWindow, store: QSettings) -> bool:
    """Take them back; False where there are none of this version."""
    version = store.value("layout/version")
    if version is None or str(version) != str(LAYOUT_VERSION):
        return False
    geometry, state = store.value("layout/geometry"), store.value("layout/state")
    if not isinstance(geometry, QByteArray) or not isinstance(state, QByteArray):
        return False
    window.restoreGeometry(geometry)
    return window.restoreState(state, LAYOUT_VERSION)


def keep_changes(first: Settings, now: Settings, path: Path) -> None:
    """Write to the settings file what was changed since the start, and nothing that only the environment or the
    command line said."""
    changes = list(_changes(settings_tree(first), settings_tree(now), ()))
    if not changes:
        return
    try:
        kept = load_settings(path, {})
        for key, value in changes:
            kept = with_setting(kept, key, value)
        save_settings(kept, path)
    except (StillpointError, OSError) as error:
        log.warning("settings were not kept: %s", error)


def _changes(first: Mapping[str, Any], now: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for key, value in now.items():
        if isinstance(value, dict):
            yield from _changes(first[key], value, (*path, key))
        elif value != first[key]:
            yield ".".join((*path, key)), value
