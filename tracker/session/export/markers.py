"""A session's markers as files of other programs; `session.labels` knows the formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ...whole import whole
from .. import labels
from ..labels import Label
from ..markers import read_markers
from ..replay import Session
from . import Progress


def audacity(session: Session, path: Path, progress: Progress) -> None:
    _write(session, path, progress, labels.to_audacity)


def elan(session: Session, path: Path, progress: Progress) -> None:
    video = session.video
    media = video.name if video is not None else ""
    _write(
        session, path, progress, lambda found: labels.to_eaf(found, media, str(session.about.get("started_utc", "")))
    )


def events(session: Session, path: Path, progress: Progress) -> None:
    _write(session, path, progress, labels.to_events)


def table(session: Session, path: Path, progress: Progress) -> None:
    _write(session, path, progress, labels.to_csv)


def _write(session: Session, path: Path, progress: Progress, encode: Callable[[Sequence[Label]], bytes]) -> None:
    with whole(path) as scratch:
        scratch.write_bytes(encode(read_markers(session.folder)))
    progress(1.0)
