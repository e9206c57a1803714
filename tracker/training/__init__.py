"""Training, evaluation and export of the networks: needs torch."""
