"""Markers in the window: the panel that lists them, their keys, and what undoes their edits; live and in replay."""
