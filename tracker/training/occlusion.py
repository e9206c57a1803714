"""Learning which of the 68 points people call hidden: logistic regression of MERL-RAV's flags on the head's turn."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..detection.follow import FaceTracker
from ..errors import SourceError
from ..head import load_head
from ..head.occlusion import POINTS, save_occlusion
from ..types import Array
from .packs import load_rows

log = logging.getLogger(__name__)
FLAGGED = 30
"""A row needs this many points with a flag."""
RIDGE = 0.1
ROUNDS = 30


@dataclass(frozen=True, slots=True)
class OcclusionConfig:
    """data: the folder of packs; out: the file to write; `pictures` at most are looked at."""

    data: Path
    out: Path
    pictures: int = 4000
    engine: str = "auto"


def learn_occlusion(config: OcclusionConfig) -> tuple[Array, int]:
    """Look at trainable rows with flags, save the table (68, 4), and return it with the number of rows.

    Raises SourceError where no row has flags.
    """
    rows = load_rows(config.data, ("aflw",))
    index = np.flatnonzero(rows.trainable & ((rows.visibility >= 0).sum(1) > FLAGGED))
    index = np.random.default_rng(0).permutation(index)[: config.pictures]
    if not len(index):
        raise SourceError(f"No row of {config.data / 'aflw.parquet'} says which points are hidden (merl68_visibility).")
    tracker = FaceTracker(engine=config.engine)
    towards = np.empty((len(index), 3), np.float64)
    for n, i in enumerate(index):
        x0, y0, x1, y1 = (float(v) for v in rows.box[i])
        towards[n] = -tracker.look(rows.images[i], (x0, y0, x1, y1)).state.rotation[2]
        if n % 500 == 499:
            log.info("%d of %d pictures", n + 1, len(index))
    table = fit_occlusion(towards, rows.visibility[index], load_head().layouts["merl68"].flip)
    about = {"pack": "aflw (MERL-RAV, training rows)", "pictures": len(index), "ridge": RIDGE}
    save_occlusion(table, about, config.out)
    return table, len(index)


def fit_occlusion(towards: npt.NDArray[np.float64], flags: npt.NDArray[np.int8], flip: npt.NDArray[np.intp]) -> Array:
    """(68, 4) threshold and normal of each point, alike on both sides of the face.

    `towards` (n, 3): the camera in the head frame; `flags` (n, 68): 0 hidden by the head, above 0 not, below unknown;
    `flip` (68,) mirror partners. Newton's method on the log-likelihood, normals held to 0 by a ridge.
    """
    both = np.concatenate([towards, towards * (-1, 1, 1)])
    known = np.concatenate([flags, flags[:, flip]])
    inputs = np.concatenate([np.ones((len(both), 1)), both], 1)
    ridge = np.diag([1e-3, RIDGE, RIDGE, RIDGE])
    table = np.zeros((POINTS, 4))
    for point in range(POINTS):
        use = known[:, point] >= 0
        x, seen = inputs[use], (known[use, point] > 0).astype(np.float64)
        for _ in range(ROUNDS):
            share = 1.0 / (1.0 + np.exp(-np.clip(x @ table[point], -30, 30)))
            slope = x.T @ (seen - share) - ridge @ table[point]
            step = np.linalg.solve((x * (share * (1 - share))[:, None]).T @ x + ridge, slope)
            table[point] += step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-9))
    return np.asarray(0.5 * (table + table[flip] * (1, -1, 1, 1)), dtype=np.float32)
