"""`stillpoint`: one file a command, loaded when it is called."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

# OpenBLAS's helper threads spin between the small products of a frame and burn a core. Before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from cyclopts import App, Group

from .. import __version__
from ..errors import StillpointError

COMMANDS = {
    "demo": ("Track", "demo:demo", "See it work without a camera."),
    "run": ("Track", "run:run", "Open the window."),
    "track": ("Track", "track:track", "Track a source, or a folder of videos: annotated video, tables, summary."),
    "cameras": ("Track", "cameras:cameras", "List the cameras and what they can send."),
    "settings": ("Track", "settings:settings", "List every setting: key, default, and what it is now."),
    "record": ("Sessions", "record:record", "Record a source: the clean video, a row for every captured frame."),
    "replay": ("Sessions", "replay:replay", "Open the window on a recording: timeline, markers, corrections."),
    "repair": ("Sessions", "repair:repair", "Finish a recording that a kill or a power cut left."),
    "reprocess": ("Sessions", "reprocess:reprocess", "Run another filter over a recording's raw values."),
    "export-session": ("Sessions", "export_session:export_session", "Turn a session into files for other programs."),
    "stream": ("Other programs", "stream:stream", "Track a source and send it: VMC, opentrack, Live Link and more."),
    "sniff": ("Other programs", "sniff:sniff", "Listen to such a stream and print what arrives."),
    "head": ("A personal head", "head:app", "Build, measure and show a personal 360-degree head."),
    "stability": ("Measure", "stability:stability", "Measure jitter and lag, beside every filter's and MediaPipe's."),
    "bench": ("Measure", "bench:bench", "Measure the speed."),
    "evaluate": ("Measure", "evaluate:evaluate", "Measure the network's accuracy on labelled data."),
    "train": ("Train", "train:train", "Train the landmark network and its normalizer."),
    "train-locator": ("Train", "train_locator:train_locator", "Train the network that finds faces."),
    "train-gaze": ("Train", "train_gaze:train_gaze", "Train what reads the sideways look from the eyes."),
    "export": ("Train", "export:export", "Turn a checkpoint into the files that ship."),
    "ablate": ("Train", "ablate:ablate", "Train the recipe with one thing changed at a time, and write one table."),
    "lift": ("Train", "lift:lift", "Fit the head model to labelled pictures: 3D to train on from labels in 2D."),
    "render-heads": ("Train", "render_heads:render_heads", "Render heads in every pose with exact labels."),
}
"""Command -> its group in the help, "module:function" in this package, and one line: nothing is loaded for the list."""

EXIT_ERROR, EXIT_INTERRUPTED = 2, 130


def make_app() -> App:
    app = App(name="stillpoint", version=__version__, help="Real-time face tracking that sits still.")
    groups = {
        title: Group(title, sort_key=i) for i, title in enumerate(dict.fromkeys(g for g, *_ in COMMANDS.values()))
    }
    for i, (name, (group, where, line)) in enumerate(COMMANDS.items()):
        app.command(f"{__name__}.{where}", name=name, help=line, group=groups[group], sort_key=i)
    return app


def main(tokens: Sequence[str] | None = None) -> None:
    """Run one command and leave: 0, 2 with one line on stderr for what a person can mend, 130 for Ctrl-C.

    STILLPOINT_LOG=DEBUG (or INFO, WARNING ...) writes the library's log to stderr.
    """
    level = os.environ.get("STILLPOINT_LOG", "").upper()
    if level in logging.getLevelNamesMapping():
        logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    else:
        for library in ("tracker", "ui"):  # what concerns people is told to them, without tracebacks
            logging.getLogger(library).addHandler(logging.NullHandler())
    try:
        make_app()(tokens)
    except StillpointError as error:
        print(f"stillpoint: {error}", file=sys.stderr)
        sys.exit(EXIT_ERROR)
    except OSError as error:
        logging.getLogger(__name__).debug("a file or the disk failed", exc_info=True)
        where = f"{error.filename}: " if error.filename else ""
        print(f"stillpoint: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(EXIT_ERROR)
    except KeyboardInterrupt:
        print("stillpoint: interrupted", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
