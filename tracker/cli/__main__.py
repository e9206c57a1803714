"""`python -m tracker.cli`."""

from . import main

if __name__ == "__main__":  # worker processes import it too
    main()
