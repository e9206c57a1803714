"""Many recordings: each video of a folder, a pattern or a list tracked into a folder of its own.

    videos_of("clips/", out) -> jobs -> `track_one` in worker processes here, or on a Dask cluster -> outcomes

A finished video is never done again, one that was cut off starts clean, and one that fails stops nothing. `track_one`
is the whole of the work and a function of its job alone, so that where it runs makes no difference.
"""

from .cluster import run_on_cluster
from .job import Job, Outcome, summary_of, track_one
from .tables import FAILURES, TABLE, write_tables
from .videos import is_many, videos_of
from .workers import cores, run_here

__all__ = [
    "FAILURES",
    "TABLE",
    "Job",
    "Outcome",
    "cores",
    "is_many",
    "run_here",
    "run_on_cluster",
    "summary_of",
    "track_one",
    "videos_of",
    "write_tables",
]
