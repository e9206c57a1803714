"""Jobs on a Dask cluster (the extra `cluster`)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from ..errors import SettingsError, SourceError
from .job import Job, Outcome, track_one


def run_on_cluster(jobs: Sequence[Job], address: str, each: Callable[[Outcome], None]) -> None:
    """Do the jobs on a Dask cluster, whose workers see the same folders and have the same Stillpoint.

    Raises SettingsError where Dask is missing, SourceError where no scheduler answers.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise SettingsError(
            f"A cluster needs Dask ({error}); install it with: pip install 'stillpoint[cluster]'"
        ) from error
    try:
        client = distributed.Client(address)
    except (OSError, ValueError) as error:
        raise SourceError(f"No Dask scheduler answers at {address} ({error}); check its address.") from error
    with client:
        run = uuid.uuid4().hex
        futures = {client.submit(track_one, job, key=f"stillpoint-{run}-{i}", pure=False): job
                   for i, job in enumerate(jobs)}  # fmt: skip
        for future in distributed.as_completed(list(futures)):
            job = futures[future]
            try:
                each(future.result())
            except Exception as error:  # its workers died too often, or it was cancelled
                each(Outcome(job.source, job.out, "failed", kind=type(error).__name__, error=str(error)))
