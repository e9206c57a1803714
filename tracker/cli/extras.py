"""What only an extra brings: a sentence where it is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ModelError


@contextmanager
def wanted(what: str, extra: str = "train") -> Iterator[None]:
    """Around imports of an extra's libraries; `what` begins the sentence: "Training needs torch". Raises ModelError."""
    try:
        yield
    except ImportError as error:
        raise ModelError(f"{what} ({error}); install it with: pip install 'stillpoint[{extra}]'") from error
