"""The personal head: a person's own shape and texture on the head model, built from a photograph or from a turn."""

from .types import GUESSED, MIRRORED, NOWHERE, SEEN, Avatar, View

__all__ = ["GUESSED", "MIRRORED", "NOWHERE", "SEEN", "Avatar", "View"]
