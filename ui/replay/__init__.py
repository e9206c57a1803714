"""The replay window: a session's video, its timeline, its markers, corrections by hand, and a second pass beside it."""
