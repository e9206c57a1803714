"""`stillpoint repair`: finish a session whose recording was cut off."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console


def repair(session: Path) -> None:
    """Finish what a kill or a power cut left: the table, the video's index, and session.json.

    Parameters
    ----------
    session:
        The folder of the recording.
    """
    from ..session.repair import repair as mend

    done = mend(session)
    console = Console()
    parts = [f"{done.frames} frames in {done.rows} rows"]
    parts += [f"{done.pictures} pictures"] if done.pictures else []
    parts += [f"{done.dropped} dropped"] if done.dropped else []
    parts += [f"{done.without_picture} without a picture"] if done.without_picture and done.pictures else []
    parts += [f"{done.unmeasured} with a picture only"] if done.unmeasured else []
    console.print(f"Recovered {session}: {', '.join(parts)}.", markup=False, soft_wrap=True)
    for note in done.notes:
        console.print(note, markup=False, soft_wrap=True)
