"""What a person should know of a session before trusting what is shown of it."""

from __future__ import annotations

from tracker.session.repair import is_recording
from tracker.session.replay import Session


def facts_of(session: Session) -> list[str]:
    """Sentences; none for a session that is whole."""
    said = []
    if session.video is None:
        said.append("The video is missing (video.mkv): the timeline, the curves and the landmarks work without it.")
    if session.about.get("status") == "recording" and is_recording(session.folder):
        said.append(
            "It is still being recorded: what is shown ends where the window was opened; markers of both are kept."
        )
    elif session.about.get("status") == "recording":
        said.append("The recording was cut off; `stillpoint repair` makes it whole.")
    if session.basis is None:
        said.append("The model that recorded it is not installed: only its recorded landmarks are shown.")
    needed = [f"{which}_{name}" for which in ("raw", "stable") for name in ("rotation", "scale", "ibug68")]
    gone = [name for name in needed if name not in session.names]
    if gone:
        said.append(f"Its table has no {', '.join(gone)}: what needs them is not drawn.")
    return said
