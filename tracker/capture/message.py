"""What the capture says of itself: the state that it is in, and a sentence for people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .source import SourceInfo

_PASSWORD = re.compile(r"(?<=://)([^/:@]*):[^/]*@")
State = Literal["opening", "running", "stalled", "retrying", "ended", "failed"]


@dataclass(frozen=True, slots=True)
class Message:
    """How the source does, and a sentence for people."""

    state: State
    text: str


def running_text(info: SourceInfo) -> str:
    """What an open source gives, and what it notes."""
    return " ".join([f"{info.name}: {info.got}.", *info.notes])


def name_of(text: str | int | Path | None) -> str:
    """What a source is called before it is open; `text` as it was asked for. An address goes without its password,
    which is nobody's business in messages and recordings."""
    if text is None:
        return "The source"
    return f"Camera {text}" if str(text).isdigit() else _PASSWORD.sub(r"\1:***@", str(text))
