"""Sessions on disk: recorded, marked, repaired, replayed, corrected, compared, exported."""
