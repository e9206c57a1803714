"""The dock panels, one file each. A panel shows settings and asks for changes; the window makes them."""
