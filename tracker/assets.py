"""Where the files that ship with Stillpoint are."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent
ROOT = _HERE / "_assets" if (_HERE / "_assets").is_dir() else _HERE.parent / "assets"
"""`tracker/_assets` in an installed wheel, `assets/` beside the package in a checkout."""
