"""Training, evaluation and export of the networks: the only part that needs torch."""
