"""No test reads or writes anybody's settings."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's settings file, and a terminal wide enough for whole sentences."""
    path = tmp_path / "settings.toml"
    monkeypatch.setenv("STILLPOINT_SETTINGS", str(path))
    monkeypatch.setenv("COLUMNS", "160")
    return path
