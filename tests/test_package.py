"""The package as a whole: what importing it costs, and what it promises."""

from __future__ import annotations

import pydoc
import subprocess
import sys

import tracker


def test_importing_the_library_loads_neither_torch_nor_qt_nor_opencv() -> None:
    heavy = ("torch", "PyQt6", "pyqtgraph", "cv2", "av")
    code = f"import sys, tracker; tracker.Frame; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_public_names_are_there() -> None:
    for name in tracker.__all__:
        assert getattr(tracker, name) is not None
    assert set(tracker.__all__) <= set(dir(tracker))
    shown = pydoc.render_doc(tracker, renderer=pydoc.plaintext)  # type: ignore[attr-defined]
    assert all(f"class {name}(" in shown for name in ("FaceTracker", "Face", "Pipeline")) and "open_source(" in shown


def test_an_unknown_setting_is_named(tmp_path: object) -> None:
    out = subprocess.run(
        [sys.executable, "-m", "tracker.cli", "settings"],
        capture_output=True, text=True, env={"STILLPOINT_CAPTURE__FSP": "60", "PATH": ""},
    )  # fmt: skip
    assert out.returncode == 2
    assert "fsp" in out.stderr
    assert "Traceback" not in out.stderr
