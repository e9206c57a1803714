"""Sessions on disk: a recording sink, the overlay that it draws, and what it says of itself at the end."""
