"""`stillpoint reprocess`: a session through another filter, or through another model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..errors import SettingsError
from ..settings import Detection, load_settings


def reprocess(
    session: Path,
    *,
    filter: str | None = None,
    model: str | None = None,
    engine: str | None = None,
    name: str | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Run a session again and write frames_NAME.parquet beside the original, of which nothing changes.

    Without --model another filter, or the smoother, runs over what was measured; its parameters are those of the
    settings.

    Parameters
    ----------
    session:
        The folder of a recording.
    filter:
        none, one_euro, kalman or default; rts: the zero-phase smoother, which looks at the whole recording. Else what
        the settings say.
    model:
        Track the session's clean video again with this model ("default", or a folder), and then filter.
    engine:
        onnx, onnx:int8, torch or torch:cuda, for --model; else the one that recorded.
    name:
        Of the pass; else the filter's (and the model's).
    overwrite:
        Replace a pass of that name.
    """
    from ..session.replay import open_session
    from ..session.reprocess import reprocess as run

    loaded = load_settings()
    chosen = msgspec.structs.replace(loaded.filter, method=filter or loaded.filter.method)
    opened = open_session(session)
    tracker = None
    if model is not None or engine is not None:
        from ..detection.follow import FaceTracker

        detection = _detection(opened.about, loaded.detection, model, engine)
        tracker = FaceTracker.configured(detection)
        name = name or f"{chosen.method}-{Path(detection.model).name}"
    console = Console()
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        line = bar.add_task(name or chosen.method, total=1.0)
        target = run(
            opened, chosen, name, tracker=tracker, overwrite=overwrite,
            progress=lambda share: bar.update(line, completed=share),
        )  # fmt: skip
    console.print(f"Written: {target}", markup=False, soft_wrap=True)


def _detection(about: Mapping[str, Any], settings: Detection, model: str | None, engine: str | None) -> Detection:
    """What recorded the session, where it says so, with another model or engine."""
    told = about.get("detection")
    try:
        recorded = msgspec.convert(told, Detection) if told else settings
    except msgspec.ValidationError:
        recorded = settings
    ran = about.get("engine")
    if engine is None and ran in ("onnx", "onnx:int8", "torch", "torch:cuda"):
        engine = ran
    tree = {**msgspec.to_builtins(recorded), "model": model or recorded.model, "engine": engine or recorded.engine}
    try:
        return msgspec.convert(tree, Detection)
    except msgspec.ValidationError as error:
        raise SettingsError(f"--engine {engine}: {error}; choose onnx, onnx:int8, torch or torch:cuda.") from error
