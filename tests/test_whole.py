"""Files that are there whole or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE_S

from tracker.whole import whole


def test_the_new_file_takes_the_old_ones_place_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with whole(path) as scratch:
        scratch.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt(), ValueError("no")])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(type(error)), whole(path) as scratch:
        scratch.write_text("ne")
        raise error
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


def test_a_failure_before_the_first_byte_is_the_one_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing written yet"), whole(tmp_path / "a.json"):
        raise ValueError("nothing written yet")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError), whole(tmp_path / "file" / "a.json") as scratch:
        scratch.write_text("new")
    assert (tmp_path / "file").is_file()


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), whole(path):
        pass
    assert path.read_text() == "old"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill of that kind on this system")
def test_a_kill_leaves_the_old_file_and_the_next_try_writes_the_new(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    code = (
        "import os, pathlib, signal, sys\nfrom tracker.whole import whole\n"
        "with whole(pathlib.Path(sys.argv[1])) as scratch:\n"
        "    scratch.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, timeout=PATIENCE_S)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    with whole(path) as scratch:
        scratch.write_text("new")
    assert path.read_text() == "new"
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]
