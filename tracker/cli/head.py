"""`stillpoint head ...`: the personal head's commands, and `build`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import Progress

from .asked import stop_signals

if TYPE_CHECKING:
    import threading

    from ..avatar.types import Avatar

_Flag = Parameter(negative="")

app = App(name="head", help="Build and show a personal 360-degree head.")
HERE = "tracker.cli"
for _name, _where, _line in (
    ("build", "head:build", "Build a head from a photograph, or from a clip in which it turns."),
    ("render", "head_show:render", "Draw a head: turntable, contact sheet, or doing what a clip's person does."),
    ("export", "head_show:export", "Write a head as splats (PLY), glTF or OBJ."),
    ("list", "head_show:list_", "List this user's heads."),
    ("delete", "head_show:delete", "Delete a head and every picture in it."),
    ("evaluate", "head_evaluate:evaluate", "Measure heads on held-out views, beside simpler ones."),
    ("train-completion", "head_evaluate:train_completion", "Train the network that completes textures."),
    ("learn-identity", "head_evaluate:learn_identity", "Learn the shape that a person is expected to have."),
    ("learn-occlusion", "head_evaluate:learn_occlusion", "Learn which landmarks people call hidden."),
):
    app.command(f"{HERE}.{_where}", name=_name, help=_line)


def build(
    source: str,
    *,
    out: Path | None = None,
    name: str | None = None,
    splats: bool = True,
    engine: str | None = None,
    overwrite: Annotated[bool, _Flag] = False,
    fresh: Annotated[bool, _Flag] = False,
) -> None:
    """Build a head from SOURCE: a photograph, or a clip, folder of pictures, session or camera in which the head turns.

    Everything stays on this computer. Ctrl-C ends it; a clip's chosen views are kept beside the head's folder until
    it is finished, so that the next try starts from them.

    Parameters
    ----------
    source:
        A picture's path; else what `stillpoint track` takes.
    out:
        The head's folder; else one of this user's heads, called as --name says.
    name:
        Of one of this user's heads; else the source's name.
    splats:
        Optimise Gaussian splats on the mesh too, where torch is installed.
    engine:
        auto, onnx, torch or torch:cuda; else what the settings say.
    overwrite:
        Replace the head that is there.
    fresh:
        Do not go on from an interrupted build's views; they are removed.
    """
    from ..avatar.assemble import Cancelled
    from ..avatar.build import build_head
    from ..avatar.grow import load_ahead
    from ..avatar.store import claim, heads_folder, save_avatar, views_folder
    from ..detection.follow import FaceTracker
    from ..settings import load_settings

    folder = out or heads_folder() / (name or Path(source).stem or "head")
    claim(folder, overwrite)
    resume = views_folder(folder)
    if fresh:
        shutil.rmtree(resume, ignore_errors=True)
    settings = load_settings()
    if splats:
        load_ahead()
    tracker = FaceTracker.configured(settings.detection, engine, max_faces=3)
    console = Console()
    try:
        with stop_signals() as stop, Progress(console=console, transient=True) as bar:
            task = bar.add_task("find", total=1.0)
            avatar = build_head(
                source,
                tracker,
                progress=lambda stage, share: bar.update(task, description=LABELS.get(stage, stage), completed=share),
                cancelled=stop.is_set,
                resume=resume,
                settings=settings,
            )
            if splats:
                avatar = with_splats(
                    avatar, lambda share: bar.update(task, description="splats", completed=share), stop, console
                )
            save_avatar(avatar, folder, overwrite=overwrite)
    except Cancelled as cancelled:
        if not resume.is_dir():
            raise
        raise Cancelled(
            f"The views that were chosen are kept in {resume}: the same command goes on from them, "
            f"`stillpoint head delete {out or folder.name}` removes them."
        ) from cancelled
    shutil.rmtree(resume, ignore_errors=True)
    shares = avatar.facts["shares"]
    console.print(
        f"{folder}: {len(avatar.views)} view(s), {100 * shares['seen']:.0f} % of the head seen, "
        f"{100 * shares['mirrored']:.0f} % mirrored, {100 * shares['guessed']:.0f} % guessed, "
        f"{sum(avatar.facts['seconds'].values()):.1f} s.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if "note" in avatar.facts:
        console.print(str(avatar.facts["note"]), markup=False, highlight=False, soft_wrap=True)


LABELS = {
    "watch": "watching the turn",
    "find": "finding the face",
    "fit": "fitting shape and poses",
    "align": "aligning the views",
    "outline": "cutting out",
    "texture": "reading the skin",
    "complete": "completing",
    "": "done",
}


def with_splats(avatar: Avatar, progress: Callable[[float], None], stop: threading.Event, console: Console) -> Avatar:
    """The avatar with optimised splats, or as it was where torch is not installed, with that said."""
    from ..avatar.assemble import Clock
    from ..avatar.grow import with_splats as grow

    grown = grow(avatar, Clock(lambda _, share: progress(share), stop.is_set))
    if grown.splats is None:
        console.print(str(grown.facts["no_splats"]), markup=False, highlight=False, soft_wrap=True)
    return grown
