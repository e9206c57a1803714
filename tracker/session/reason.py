"""Why something could not be written or read, in the system's words."""

from __future__ import annotations

import os

_SYSTEM = 4096
"""Numbers from here on are no errno of the system but FFmpeg's own."""


def reason_of(error: Exception) -> str:
    """One line: "No space left on device", where the library that failed says more than anyone wants to know."""
    number = getattr(error, "errno", None)
    if isinstance(number, int) and 0 < number < _SYSTEM:
        return os.strerror(number)
    return " ".join((getattr(error, "strerror", None) or str(error)).split())
