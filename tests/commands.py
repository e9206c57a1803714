"""Commands as a person runs them."""

from __future__ import annotations

import pytest

from tracker.cli import main


def run(*tokens: str) -> int:
    """The exit code of `stillpoint TOKENS`."""
    with pytest.raises(SystemExit) as end:
        main(tokens)
    return int(end.value.code or 0)
