"""What can go wrong in a way that a person can mend.

StillpointError
├── SourceError     a camera, file, stream or folder cannot be read
├── ModelError      weights are missing, damaged, or of another version
├── SettingsError   an unknown key or a value out of range
└── OutputError     a folder or file cannot be written

Every message is one sentence or two: what was found, what was wanted, what to do.
"""

from __future__ import annotations


class StillpointError(Exception):
    """Base of the errors that are shown to people as they are, without a traceback."""


class SourceError(StillpointError):
    """A source cannot be opened or read."""


class ModelError(StillpointError):
    """Weights or the head model cannot be used."""


class SettingsError(StillpointError):
    """A setting is unknown or out of range."""


class OutputError(StillpointError):
    """Something cannot be written."""
