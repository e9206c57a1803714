"""The benchmark and its peers: what they report, and what they say when a peer is not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tracker.bench import bench
from tracker.errors import ModelError
from tracker.peers import MediaPipe


def test_every_contestant_gets_its_times_and_stages() -> None:
    figures = bench(rounds=1, threads=(1,), models=("default",))
    table = figures["1 thread"]
    rows = {name: row for name, row in table.items() if "median_ms" in row}
    assert len(rows) in (3, 4)  # the engine in 32 bits has a row of its own where auto takes eight
    assert all(0 < row["p10_ms"] <= row["median_ms"] <= row["p90_ms"] for row in rows.values())
    assert figures["frame"] == "640x480"
    (stages,) = (row for name, row in table.items() if name.startswith("stages of"))
    assert stages["landmarks"] > 0


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nothing\.task is not there"):
        MediaPipe(tmp_path / "nothing.task")


def test_a_python_without_mediapipe_is_named(tmp_path: Path) -> None:
    model = tmp_path / "face.task"
    model.write_bytes(b"no model")
    with pytest.raises(ModelError, match="did not start"):
        MediaPipe(model, python=Path(sys.executable))
    with pytest.raises(ModelError, match="cannot be started"):
        MediaPipe(model, python=tmp_path / "python")
