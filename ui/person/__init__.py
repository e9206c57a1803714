"""The personal head in the window: drawing it live, building one, choosing whose it is."""
