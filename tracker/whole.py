"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what shall be `path`: beside it, renamed when all of it is there.

    A reader sees the old file or the new one. Where the block fails the old one stays and nothing of the new; after a
    kill a `.tmp` may lie beside it, which the next try overwrites. Raises what the block raises, and OSError.
    """
    scratch = path.with_name(f"{path.name}.tmp")
    try:
        yield scratch
        scratch.replace(path)
    except BaseException:
        with suppress(OSError):  # what the block raised says more
            scratch.unlink(missing_ok=True)
        raise
