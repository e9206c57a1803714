"""No test reads or writes anybody's settings, and none fails because the machine is busy."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from patience import PATIENCE_S

# A property holds or not; how long that takes to find out is the machine's affair. On the profile that is in force:
# where CI=true is set, hypothesis' own has the same examples every time.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's settings file, and a terminal wide enough for whole sentences."""
    path = tmp_path / "settings.toml"
    monkeypatch.setenv("STILLPOINT_SETTINGS", str(path))
    monkeypatch.setenv("COLUMNS", "160")
    return path


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    """Hears datagrams on a port of this computer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.settimeout(PATIENCE_S)
        yield heard
